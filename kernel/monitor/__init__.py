"""The monitor: a prompt for looking into the running kernel."""
