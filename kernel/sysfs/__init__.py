"""Devices and settings as files: `/sys`."""
