"""JSON for programs: /api/v1 and the probes at the root. Calls services; knows no page, no SQL, no file."""
