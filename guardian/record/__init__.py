"""Recording: samples to fragments to sealed segment files. Knows a `Sealer`, and nothing of keys."""
