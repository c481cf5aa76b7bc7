"""Pages for people. They know services only; scripts on them talk to the API below /api/v1."""
