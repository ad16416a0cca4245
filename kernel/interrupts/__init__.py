"""Interrupts: who is called when a device, a timer or another processor wants something."""
