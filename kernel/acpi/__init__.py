"""The firmware's description of the machine (ACPI)."""
