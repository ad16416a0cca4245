"""The kernel's log: messages kept in a ring in memory."""
