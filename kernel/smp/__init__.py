"""Several processors: how they start, and how they call each other."""
