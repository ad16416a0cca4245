"""Reports of faults: what, where, registers, who called; the order of locks."""
