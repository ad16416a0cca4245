"""How numbers, addresses and messages become text."""
