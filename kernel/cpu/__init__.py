"""The processor: its registers and flags, descriptor tables, page-table format, per-CPU blocks."""
