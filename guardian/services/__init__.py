"""Use cases: what a person can ask for. Values in, values out; no HTTP, no SQL, no template."""
