"""Programs for Linux: their system calls, what the checker sees of them, and their files."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pykasm import *
from pykasm.build.pipeline import build
from pykasm.build.project import Project
from pykasm.build.settings import SettingMistake
from pykasm.build.stages import Stages
from pykasm.encode.encoder import Encoder
from pykasm.errors import BuildFailed, Mistake, PykasmError
from pykasm.lang.objects import assemble_program
from pykasm.link.symbols import read_symbols
from pykasm.machine.executable import Executable
from tests.unit.checking import findings_in

ROOT = Path(__file__).parents[2]


class Calls(Subsystem):
    """Has all system calls that these tests do."""

    @system_call(9)
    def mmap(
        self, address: U64, size: U64, rights: U32, flags: U32, file: U32, offset: U64
    ) -> OrErrno[I64]:
        """Has six parameters."""

    @system_call(39)
    def getpid(self) -> U32:
        """Has none."""

    @system_call(231)
    def exit_group(self, status: U32) -> NoReturn:
        """Does not return."""


def found(kind: type[Any]) -> str:
    """What the checker finds in a program of the class `kind`, whose entry is `start`."""
    one = kind()
    program = LinuxProgram(entry=one.start, subsystems=[one], complete=False)
    return "\n".join(findings_in(program))


class Good(Calls):
    @program_entry()
    def start(self) -> None:
        """Keep what system calls leave alone."""
        number = scratch(U64)
        mov(number, 5)
        release(number)
        mov(rsi, 7)
        process = self.getpid()
        add(eax, process)
        mov(edi, eax)
        add(rdi, rsi)
        self.exit_group(edi)
        never()


def test_what_system_calls_leave_alone_may_be_read_after_them() -> None:
    assert found(Good) == ""


class Clobbered(Calls):
    @program_entry()
    def start(self) -> None:
        """Rely on rcx."""
        mov(ecx, 1)
        ignore(self.getpid())
        mov(edi, ecx)
        self.exit_group(edi)
        never()


def test_what_system_calls_change_is_not_read_after_them() -> None:
    assert "E01" in found(Clobbered)
    assert "ecx" in found(Clobbered)


class Unaligned(Calls):
    @program_entry()
    def start(self) -> None:
        """Push an odd number of words."""
        push(0)
        self.exit_group(0)
        never()


def test_calls_of_the_entry_find_the_stack_aligned() -> None:
    assert "E022" in found(Unaligned)


class Careless(Calls):
    @program_entry()
    def start(self) -> None:
        """Leave everything to a function."""
        self.map()
        self.exit_group(0)
        never()

    @function
    def map(self) -> None:
        """Map something, whatever comes of it."""
        ignore(self.mmap(0, 4096, 3, 0x22, 0xFFFF_FFFF, 0))


def test_errors_of_system_calls_are_looked_at() -> None:
    assert "E082" in found(Careless)


class Small(Calls):
    @program_entry(stack=64)
    def start(self) -> None:
        """Need more stack than there is."""
        self.deep()
        self.exit_group(0)
        never()

    @function
    def deep(self) -> None:
        """Have a large frame."""
        room = local(U8 * 256)
        mov(room[0], 0)


def test_a_stack_that_is_too_small_is_found() -> None:
    assert "E024" in found(Small)


def test_the_fourth_argument_is_in_r10() -> None:
    calls = Good()
    program = LinuxProgram(entry=calls.start, subsystems=[calls], complete=False).assemble()
    (unit,) = assemble_program(program, Encoder(), ".")
    code = {one.routine.symbol: one.code.code for one in unit.routines}
    assert code["Good.mmap"] == bytes.fromhex("55 4889e5 4989ca b809000000 0f05 c9 c3")
    assert code["Good.exit_group"] == bytes.fromhex("55 4889e5 b8e7000000 0f05 0f0b")


def test_a_system_call_takes_what_it_states() -> None:
    class Wrong(Calls):
        @program_entry()
        def start(self) -> None:
            """Forget the status."""
            self.exit_group()
            never()

    wrong = Wrong()
    with pytest.raises(BuildFailed) as caught:
        LinuxProgram(entry=wrong.start, subsystems=[wrong], complete=False).assemble()
    assert "exit_group" in str(caught.value)


def test_the_entry_has_parentheses() -> None:
    with pytest.raises(Mistake) as caught:

        class Wrong(Subsystem):
            @program_entry
            def start(self) -> None:
                """Be declared the wrong way."""

    assert "`@program_entry()`" in str(caught.value)


def test_there_is_no_program_of_another_name(tmp_path: Path) -> None:
    with pytest.raises(SettingMistake) as caught:
        Project.load(ROOT).with_program("helo")
    assert "did you mean `hello`?" in str(caught.value)


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of the kernel, built; its file for debuggers lies beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYKASM_BUILD", str(tmp_path_factory.mktemp("build")))
        project = Project.load(ROOT).with_program("hello")
    build(project, Stages())
    return project.executable


def test_hello_runs_on_this_machine(hello: Path) -> None:
    ended = subprocess.run([hello], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, b"hello from pykasm\n")


def test_hello_tells_that_nothing_was_written(hello: Path) -> None:
    with open("/dev/full", "wb") as full:
        assert subprocess.run([hello], stdout=full, check=False).returncode == 1


def test_hello_is_small(hello: Path) -> None:
    assert hello.stat().st_size < 1024


def test_debuggers_know_the_lines_of_programs(hello: Path) -> None:
    elf = hello.with_suffix(".elf")
    start = next(one.address for one in read_symbols(elf) if one.name == "Hello.start")
    line = subprocess.run(
        ["addr2line", "-e", elf, f"{start:#x}"], capture_output=True, text=True, check=True
    ).stdout
    assert "kernel/programs/hello.py:" in line


def test_debuggers_read_what_lies_beside_a_program(hello: Path) -> None:
    found = Executable.of(hello)
    start = next(
        one for one in read_symbols(hello.with_suffix(".elf")) if one.name == "Hello.start"
    )
    assert found == (hello.with_suffix(".elf"), start.address)


def test_other_programs_bring_it_themselves(hello: Path, tmp_path: Path) -> None:
    copy = tmp_path / "other"
    copy.write_bytes(hello.read_bytes())
    assert Executable.of(copy).symbols == copy


ET_DYN = 3
TYPE = 16
"""Where the type of an ELF file stands in it (System V ABI, chapter 4, `e_type`)."""


def test_what_has_no_fixed_addresses_is_not_debugged(hello: Path, tmp_path: Path) -> None:
    moving = tmp_path / "moving"
    contents = bytearray(hello.read_bytes())
    contents[TYPE] = ET_DYN
    moving.write_bytes(contents)
    with pytest.raises(PykasmError, match="-static -no-pie"):
        Executable.of(moving)


@pytest.mark.parametrize("contents", [b"", b"#!/bin/sh\n", b"x" * 100])
def test_only_programs_are_debugged(contents: bytes, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(contents)
    with pytest.raises(PykasmError, match="is no ELF file"):
        Executable.of(text)
