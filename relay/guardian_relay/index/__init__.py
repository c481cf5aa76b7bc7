"""The only SQL: events on their way, what the home has stated, invitations, clips. SQLite or PostgreSQL, the same statements."""
