"""Objects for tests, made from assembly text by GNU as; the n-th statement is line n of demo.py."""

from __future__ import annotations

import io
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from elftools.elf.elffile import ELFFile
from iced_x86 import Decoder

from pykasm.objects.debug import DebugFunction, DebugUnit, EntryFrame
from pykasm.objects.elf import write_object
from pykasm.objects.model import (
    Binding,
    ObjectFile,
    Relocation,
    RelocationKind,
    Section,
    SectionFlags,
    Symbol,
    SymbolKind,
)
from pykasm.source import Source

CODE = SectionFlags.ALLOC | SectionFlags.EXECUTE
DATA = SectionFlags.ALLOC | SectionFlags.WRITE


def assemble(text: str, folder: Path) -> tuple[bytes, list[Relocation]]:
    """The machine code of `text` (Intel syntax) and its relocations."""
    source, output = folder / "text.s", folder / "text.o"
    source.write_text(f".intel_syntax noprefix\n{text}\n")
    subprocess.run(["as", "-o", output, source], check=True)
    elf = ELFFile(io.BytesIO(output.read_bytes()))
    symbols = elf.get_section_by_name(".symtab")
    table = elf.get_section_by_name(".rela.text")
    relocations = [
        Relocation(
            entry["r_offset"],
            RelocationKind(entry["r_info_type"]),
            symbols.get_symbol(entry["r_info_sym"]).name,
            entry["r_addend"],
        )
        for entry in (table.iter_relocations() if table else ())
    ]
    return elf.get_section_by_name(".text").data(), relocations


def instruction_offsets(code: bytes) -> list[int]:
    """Where the instructions of `code` begin."""
    return [instruction.ip for instruction in Decoder(64, code)]


@dataclass
class Sample:
    """An object that grows function by function, with its source file demo.py in `folder`."""

    folder: Path
    text: Section = field(default_factory=lambda: Section(".text", CODE, 16))
    symbols: list[Symbol] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    unit: DebugUnit = field(init=False)

    def __post_init__(self) -> None:
        self.file = str(self.folder / "demo.py")
        self.unit = DebugUnit("demo.py", str(self.folder))

    def function(
        self, name: str, text: str, entry: EntryFrame = EntryFrame.CALL, pushed: int = 0
    ) -> DebugFunction:
        """Add a function; its lines follow a line `def`, labels take no line of their own."""
        self.text.data += b"\x90" * (-len(self.text.data) % 16)
        offset = len(self.text.data)
        code, relocations = assemble(text, self.folder)
        self.lines.append(f"def {name}")
        first = len(self.lines)
        statements = [line for line in text.splitlines() if line.strip() and ":" not in line]
        self.lines += statements
        rows = [
            (start, Source(self.file, first + 1 + n))
            for n, start in enumerate(instruction_offsets(code))
        ]
        assert len(rows) == len(statements)
        function = DebugFunction(
            name,
            ".text",
            offset,
            code,
            Source(self.file, first),
            rows,
            entry_frame=entry,
            pushed=pushed,
        )
        self.unit.functions.append(function)
        self.text.data += code
        self.text.relocations += [r._replace(offset=r.offset + offset) for r in relocations]
        self.symbols.append(
            Symbol(name, ".text", offset, len(code), SymbolKind.FUNC, Binding.GLOBAL)
        )
        return function

    def object(self, *sections: Section) -> ObjectFile:
        """All of it as an object."""
        Path(self.file).write_text("\n".join(self.lines) + "\n")
        return ObjectFile("demo", [self.text, *sections], self.symbols, self.unit)

    def link(self, *sections: Section, entry: str = "_start") -> Path:
        """A program for Linux linked from the object alone."""
        path = self.folder / "demo.o"
        path.write_bytes(write_object(self.object(*sections)))
        program = self.folder / "demo"
        run("ld", "--fatal-warnings", "-e", entry, "-o", program, path)
        return program


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """The output of `command`, which must succeed and have nothing to complain about."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout
