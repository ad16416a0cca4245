"""Campaigns of the kernel: cases by chance, each made from its seed."""
