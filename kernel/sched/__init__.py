"""The scheduler: which thread runs on which processor, and how it waits."""
