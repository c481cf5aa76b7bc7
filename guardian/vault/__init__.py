"""Keys and sealing. `docs/format.md` is its specification, in the same order. Imports model and platform only."""
