"""The memory of programs: address spaces, their regions, page faults, user copies."""
