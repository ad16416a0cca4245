"""GNU as as the measure: what it makes of many statements in one run."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

needs_gnu_as = pytest.mark.skipif(shutil.which("as") is None, reason="GNU as is not installed")


def assemble(texts: Sequence[str], bits: int, folder: Path) -> list[bytes | None]:
    """The bytes that GNU as makes of each text; None for those that it refuses."""
    refused: set[int] = set()
    while more := _errors(texts, bits, folder, refused):
        refused |= more
    with (folder / "out.o").open("rb") as file:
        elf = ELFFile(file)
        code = elf.get_section_by_name(".text").data()
        symbols = elf.get_section_by_name(".symtab").iter_symbols()
        ends = {symbol.name: symbol["st_value"] for symbol in symbols}
    starts = [0, *(ends[f"L{index}"] for index in range(len(texts)))]
    return [
        None if index in refused else code[starts[index] : starts[index + 1]]
        for index in range(len(texts))
    ]


def _errors(texts: Sequence[str], bits: int, folder: Path, skipped: set[int]) -> set[int]:
    """Run GNU as without the texts `skipped`; the texts that it has errors for."""
    lines = ["" if index in skipped else text for index, text in enumerate(texts)]
    source = folder / "in.s"
    body = "\n".join(f"{line}\nL{index}:" for index, line in enumerate(lines))
    source.write_text(f".intel_syntax noprefix; .code{bits}\n{body}\n")
    command = ["as", "-o", str(folder / "out.o"), str(source)]
    messages = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    return {(int(number) - 2) // 2 for number in re.findall(r":(\d+): Error:", messages)}
