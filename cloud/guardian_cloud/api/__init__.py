"""JSON for programs, below /api/v1; its OpenAPI document and its event stream."""
