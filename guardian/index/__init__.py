"""What was recorded and what happened, in SQLite: the only SQL. Imports `platform` and `model`; footage never depends on it."""
