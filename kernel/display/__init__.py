"""Displays that the firmware has left without a picture, as emulators have them."""
