"""ELF64 relocatable objects and their DWARF debugging information."""
