"""Container and bitstream rules as pure functions: no clock, no file, no socket."""
