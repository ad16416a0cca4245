"""The kernel's memory: pages, slabs, heap, and mappings made while running."""
