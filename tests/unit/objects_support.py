"""Objects for tests, made from assembly text by GNU as; the n-th statement is line n of demo.py."""

from __future__ import annotations

import io
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from iced_x86 import Decoder

from pykasm.objects.debug import (
    ArrayType,
    BaseType,
    DebugFunction,
    DebugUnit,
    DebugVariable,
    EntryFrame,
    EnumType,
    FunctionType,
    InFrame,
    InRegister,
    Member,
    PointerType,
    StructType,
    Variable,
)
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


COMMON = [
    "rax",
    "rcx",
    "rdx",
    "rbx",
    "rbp",
    "rsi",
    "rdi",
    "r8",
    "r9",
    "r10",
    "r11",
    "r12",
    "r13",
    "r14",
    "r15",
]
"""The registers that the sample's interrupt stub saves, in order."""

U32 = BaseType("U32", 4)
U64 = BaseType("U64", 8)


def node_type() -> StructType:
    """A struct with one member of each kind."""
    state = EnumType("State", 1, (("FREE", 0), ("USED", 1), ("BROKEN", -1)))
    flags = ((1, "PRESENT"), (2, "WRITE"), (1 << 63, "NO_EXECUTE"))
    names = EnumType("PageFlags", 8, tuple((name, bit) for bit, name in flags), flags=True)
    node = StructType("Node", 48)
    pointer = PointerType(node)
    both = StructType("Both", 4, [Member("word", U32, 0)], union=True)
    node.members += [
        Member("next", pointer, 0),
        Member("value", U32, 8),
        Member("state", state, 12),
        Member("flags", names, 16),
        Member("call", PointerType(FunctionType((U32, pointer), U32)), 24),
        Member("both", both, 32),
        Member("any", PointerType(None), 40),
    ]
    return node


def sample(folder: Path) -> tuple[Sample, Section]:
    """A program for Linux: nested calls, an interrupt made by hand, typed globals."""
    made = Sample(folder)
    made.function(
        "_start",
        """xor ebp, ebp
        mov edi, 7
        mov esi, 9
        call Demo.outer
        call Demo.interrupted
        mov eax, 60
        syscall""",
        EntryFrame.NONE,
    )
    outer = made.function(
        "Demo.outer",
        """push rbp
        mov rbp, rsp
        sub rsp, 16
        push rbx
        push r12
        mov ebx, edi
        mov r12d, esi
        mov dword ptr [rbp-4], 5
        call Demo.leaf
        add eax, ebx
        add eax, [Demo.counter]
        pop r12
        pop rbx
        leave
        ret""",
    )
    leaf = made.function(
        "Demo.leaf",
        """lea eax, [rdi+1]
        mov edi, 0
        ret""",
    )
    made.function(
        "Demo.interrupted",
        """push rbp
        mov rbp, rsp
        push rbx
        mov ebx, 33
        mov ecx, 77
        mov rdx, rsp
        mov eax, ss
        push rax
        push rdx
        pushfq
        mov eax, cs
        push rax
        lea rax, [rip+resumed]
        push rax
        jmp Demo.vector
        resumed:
        mov edi, ebx
        pop rbx
        leave
        ret""",
    )
    made.function("Demo.vector", "push 0\npush 14\njmp Demo.common", EntryFrame.INTERRUPT)
    pushes = [f"push {name}" for name in COMMON]
    pops = [f"pop {name}" for name in reversed(COMMON)]
    common = [*pushes, "mov rdi, rsp", "call Demo.handler", *pops, "add rsp, 16", "iretq"]
    made.function("Demo.common", "\n".join(common), EntryFrame.INTERRUPT_WITH_ERROR, 8)
    made.function(
        "Demo.handler",
        """push rbp
        mov rbp, rsp
        push rbx
        mov ebx, 99
        mov ecx, 98
        pop rbx
        leave
        ret""",
    )
    _describe(made, outer, leaf)
    return made, _globals(made)


def _describe(made: Sample, outer: DebugFunction, leaf: DebugFunction) -> None:
    at = [offset for offset, _ in outer.rows]
    outer.prologue_end, outer.result = at[5], U32
    outer.variables = [
        Variable("block", U32, InRegister("rdi"), 0, at[8], True),
        Variable("order", U32, InRegister("rsi"), 0, at[8], True),
        Variable("block", U32, InRegister("rbx"), at[6], at[12]),
        Variable("order", U32, InRegister("r12"), at[7], at[11]),
        Variable("slot", U32, InFrame(-4), at[3], at[13]),
    ]
    leaf.variables = [Variable("x", U32, InRegister("rdi"), 0, leaf.rows[1][0], True)]


def _globals(made: Sample) -> Section:
    data = Section(".data", DATA, 8, bytearray(128))
    data.data[0] = 5
    data.data[32 + 8] = 8
    data.data[32 + 12] = 1
    data.data[32 + 16] = 3
    data.relocations.append(Relocation(32, RelocationKind.R_X86_64_64, "Demo.nodes", 48))
    made.symbols += [
        Symbol("Demo.counter", ".data", 0, 4, SymbolKind.OBJECT),
        Symbol("Demo.nodes", ".data", 32, 96, SymbolKind.OBJECT, Binding.LOCAL),
    ]
    made.unit.variables = [
        DebugVariable("Demo.counter", "Demo.counter", U32, Source(made.file, 1)),
        DebugVariable("Demo.nodes", "Demo.nodes", ArrayType(node_type(), 2), Source(made.file, 2)),
    ]
    return data


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The linked sample; its object lies beside it."""
    made, data = sample(tmp_path_factory.mktemp("demo"))
    return made.link(data)


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """The output of `command`, which must succeed and have nothing to complain about."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout
