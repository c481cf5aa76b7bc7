"""Finds, checks, loads and calls plugins. Knows the contract and the settings' values; no service, no database."""
