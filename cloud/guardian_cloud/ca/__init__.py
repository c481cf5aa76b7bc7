"""The authority that signs certificates of relays and edges, and the one-time words that let them ask. Imports settings and model."""
