"""What boot loaders leave, and the code that runs at physical addresses."""
