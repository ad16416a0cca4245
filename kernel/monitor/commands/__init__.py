"""The commands of the monitor, one file a family."""
