"""Version 1. Fields are added, never changed; another meaning is another version."""
