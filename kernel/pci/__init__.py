"""The PCI bus and what is on it."""
