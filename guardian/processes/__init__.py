"""Composition roots: read one to see what runs where. Each assembles and wires; nobody imports them but the command line."""
