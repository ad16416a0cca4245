"""The commands, one a module; `main` finds them by name."""
