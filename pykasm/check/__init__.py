"""The checker: proves a build free of faults that assemblers let through."""
