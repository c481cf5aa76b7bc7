"""Frozen values that every room speaks. Imports the standard library's pure parts only, and no other room."""
