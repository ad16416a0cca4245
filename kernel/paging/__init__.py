"""The plan of the address space, and what page tables may say."""
