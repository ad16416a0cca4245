"""From a project's sources to its kernel and ISO."""
