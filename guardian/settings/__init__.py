"""The configuration as one frozen tree, replaced as a whole. Knows files and pydantic; no process, no database."""
