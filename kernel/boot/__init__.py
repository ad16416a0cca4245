"""Boot: what loaders leave, checks, and code that runs at physical addresses."""
