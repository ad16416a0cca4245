"""The lives of threads, from creation to the end."""
