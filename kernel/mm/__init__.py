"""Memory: where things lie, and who may do what with them."""
