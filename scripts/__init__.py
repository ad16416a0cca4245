"""What runs beside the product: set-up, benchmarks, generated files."""
