"""HTML for people: login, and a small console."""
