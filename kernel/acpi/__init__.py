"""The firmware's description of the machine (ACPI), and switching it off."""
