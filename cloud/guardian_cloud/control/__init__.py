"""What relays speak: the gRPC service Control over TLS with certificates on both sides."""
