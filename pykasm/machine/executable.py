"""Programs that a debugger looks at."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pykasm.errors import PykasmError
from pykasm.objects.elf import HEADER, MAGIC

ET_EXEC = 2
"""A program that lies at the addresses which its file tells (System V ABI, chapter 4)."""


class Executable(NamedTuple):
    """A program: the file that debuggers read, and the address where it begins."""

    symbols: Path
    entry: int

    @classmethod
    def of(cls, file: Path) -> Executable:
        """That of `file`; what debuggers read is in a file beside it that has `.elf` behind its
        name, if there is one.

        Raises `PykasmError` for a file that is no static program with addresses of its own.
        """
        with open(file, "rb") as opened:
            header = opened.read(HEADER.size)
        if len(header) < HEADER.size or not header.startswith(MAGIC):
            raise PykasmError(f"{file} is no ELF file")
        _, _, _, _, _, _, kind, _, _, entry, *_ = HEADER.unpack(header)
        if kind != ET_EXEC:
            raise PykasmError(
                f"{file} lies at other addresses each time that it runs\n"
                "help: link it statically, at fixed addresses: `-static -no-pie`"
            )
        beside = file.with_name(f"{file.name}.elf")
        return cls(beside if beside.exists() else file, entry)
