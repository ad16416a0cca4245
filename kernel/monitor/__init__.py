"""The monitor: a prompt on the serial line for looking into the running kernel."""
