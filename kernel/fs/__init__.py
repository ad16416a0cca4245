"""Files: names, what they stand for, and what is kept of it in memory."""
