"""Interrupt vectors and who is called for each; the local APIC."""
