"""The DWARF sections of an object."""

from __future__ import annotations

from pykasm.objects.model import ObjectFile, Section


def debug_sections(obj: ObjectFile) -> list[Section]:
    """The debugging sections that describe `obj.debug`."""
    return []
