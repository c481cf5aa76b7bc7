"""The store, and the only SQL: PostgreSQL with row-level security, or SQLite. Imports settings and model."""
