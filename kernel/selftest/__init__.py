"""Tests and benchmarks that run inside the kernel."""
