"""Composition roots: what runs where."""
