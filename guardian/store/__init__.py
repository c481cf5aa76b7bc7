"""Where sealed bytes are kept and for how long. Sees sealed files only; imports `platform` and `model`."""
