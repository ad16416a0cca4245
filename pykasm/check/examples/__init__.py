"""A broken and a mended example of each rule."""
