"""Programs that run: processes, their threads and what these are told by signals."""
