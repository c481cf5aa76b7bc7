"""One frozen tree of settings, from a TOML file and the environment. Imports model only."""
