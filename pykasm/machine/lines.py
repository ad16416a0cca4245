"""Source lines for the addresses of a linked kernel, from its `.debug_line`."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from pykasm.source import Source


class LineTable:
    """The line table of the ELF file `file`; relative source paths start at the folder `root`.

    Reading a unit takes a while, so that happens when an address in it is first asked for.
    """

    def __init__(self, file: Path, root: Path) -> None:
        self._elf = ELFFile(io.BytesIO(file.read_bytes()))
        self._root = root
        self._units: dict[int, tuple[list[int], list[Source | None]]] = {}

    def source(self, address: int) -> Source | None:
        """The line that the code at `address` comes from; None for what has none."""
        offset = self._ranges.cu_offset_at_addr(address) if self._ranges else None
        if offset is None:
            return None
        if offset not in self._units:
            rows = sorted(self._rows(offset), key=lambda row: row[0])
            self._units[offset] = [row[0] for row in rows], [row[1] for row in rows]
        addresses, sources = self._units[offset]
        index = bisect_right(addresses, address) - 1
        return sources[index] if index >= 0 else None

    @cached_property
    def _dwarf(self) -> Any:
        return self._elf.get_dwarf_info()

    @cached_property
    def _ranges(self) -> Any:
        return self._dwarf.get_aranges() if self._elf.has_dwarf_info() else None

    def _rows(self, unit: int) -> Iterator[tuple[int, Source | None]]:
        """(address from which on, line) for the unit at the offset `unit` of `.debug_info`."""
        program = self._dwarf.line_program_for_CU(self._dwarf.get_CU_at(unit))
        files = _files(program.header, self._root)
        for entry in program.get_entries():
            state = entry.state
            if state is not None:
                source = None if state.end_sequence else Source(files[state.file], state.line)
                yield state.address, source


def _files(header: Any, root: Path) -> list[str]:
    """The absolute names of the files of a line program (DWARF 5, 6.2.4: numbered from 0)."""
    folders = [root / path.decode() for path in header.include_directory]
    return [
        str((folders[0] / folders[entry.dir_index] / entry.name.decode()).resolve())
        for entry in header.file_entry
    ]
