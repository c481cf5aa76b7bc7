"""What can be asked of the cloud; no HTTP, no gRPC, no SQL, no template."""
