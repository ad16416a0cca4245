"""ACPI: the firmware's description of the machine."""
