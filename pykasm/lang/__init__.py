"""The language: what authors of subsystems write."""
