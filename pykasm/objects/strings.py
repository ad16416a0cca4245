"""String tables of ELF and DWARF."""

from __future__ import annotations


class StringTable:
    """Zero-terminated strings one after the other, each stored once and known by its offset.

    It starts with the empty string, as ELF asks for (System V ABI, "String Table").
    """

    def __init__(self) -> None:
        self.data = bytearray(b"\0")
        self._offsets = {"": 0}

    def add(self, text: str) -> int:
        """The offset of `text`, which is appended if it is new."""
        offset = self._offsets.get(text)
        if offset is None:
            offset = self._offsets[text] = len(self.data)
            self.data += text.encode() + b"\0"
        return offset
