"""Debugging information: what pyelftools decodes and what gdb shows."""

from __future__ import annotations

import io
import json
import re
import sysconfig
from pathlib import Path

from elftools.dwarf.lineprogram import LineState
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from pykasm import U32, Struct, bits
from pykasm.lang.debuginfo import DebugTypes
from pykasm.objects.debug import BaseType, DebugFunction, DebugUnit, DebugVariable
from pykasm.objects.elf import write_object
from pykasm.objects.files import recorded_path
from pykasm.objects.model import ObjectFile, Section, Symbol
from pykasm.source import Source
from tests.unit.objects_support import CODE, DATA, run, sample
from tests.unit.objects_support import demo as demo  # a fixture


def gdb(program: Path, *commands: str, folder: Path | None = None) -> str:
    """What gdb, started in the project's root, answers to `commands`."""
    options = [word for command in commands for word in ("-ex", command)]
    return run("gdb", "-batch", "-nx", *options, program, cwd=folder or program.parent)


def line_rows(*functions: DebugFunction, directory: str = "/project") -> list[LineState]:
    """The rows that pyelftools decodes for an object of `functions`, laid out in `.text`."""
    text = Section(".text", CODE, data=bytearray().join(function.code for function in functions))
    unit = DebugUnit("demo.py", directory, list(functions))
    elf = ELFFile(io.BytesIO(write_object(ObjectFile("demo", [text], [], unit))))
    info = elf.get_dwarf_info()
    program = info.line_program_for_CU(next(info.iter_CUs()))
    return [entry.state for entry in program.get_entries() if entry.state]


def function(
    rows: list[tuple[int, Source]], size: int, offset: int = 0, prologue_end: int = 0
) -> DebugFunction:
    code = b"\x90" * size
    return DebugFunction("f", ".text", offset, code, rows[0][1], rows, prologue_end)


A, B = "/project/a.py", "/project/sub/b.py"

rows = st.lists(
    st.tuples(st.integers(1, 400), st.sampled_from([A, B]), st.integers(1, 70000)),
    min_size=1,
    max_size=12,
)


@given(rows)
def test_line_rows_come_back_as_given(steps: list[tuple[int, str, int]]) -> None:
    given_rows, offset = [], 0
    for size, file, line in steps:
        if not given_rows or given_rows[-1][1] != Source(file, line):
            given_rows.append((offset, Source(file, line)))
        offset += size
    decoded = line_rows(function(given_rows, offset))
    numbers = {file: n for n, file in enumerate(dict.fromkeys(row[1].file for row in given_rows))}
    assert [(row.address, row.file, row.line) for row in decoded[:-1]] == [
        (start, numbers[source.file], source.line) for start, source in given_rows
    ]
    assert (decoded[-1].address, decoded[-1].end_sequence) == (offset, True)


def test_equal_lines_in_a_row_make_one_row() -> None:
    decoded = line_rows(function([(0, Source(A, 1)), (2, Source(A, 1)), (4, Source(A, 2))], 6))
    assert [row.address for row in decoded] == [0, 4, 6]


def test_the_prologue_ends_at_a_row_of_its_own() -> None:
    decoded = line_rows(function([(0, Source(A, 1)), (4, Source(A, 2))], 6, prologue_end=2))
    assert [(row.address, row.line, row.prologue_end) for row in decoded[:-1]] == [
        (0, 1, False),
        (2, 1, True),
        (4, 2, False),
    ]


def test_every_function_is_a_sequence_of_its_own() -> None:
    one = function([(0, Source(A, 9))], 4)
    two = function([(0, Source(A, 1))], 4, offset=4)
    decoded = line_rows(one, two)
    assert [(row.address, row.line, row.end_sequence) for row in decoded] == [
        (0, 9, False),
        (4, 9, True),
        (4, 1, False),
        (8, 1, True),
    ]


def test_paths_are_relative_to_the_root_or_to_where_python_imports_from() -> None:
    assert str(recorded_path("/project/kernel/mm.py", "/project")) == "kernel/mm.py"
    assert str(recorded_path(json.__file__, "/project")) == "json/__init__.py"
    assert str(recorded_path("/elsewhere/macros.py", "/project")) == "macros.py"


def test_paths_of_installed_packages_do_not_name_a_virtual_environment_in_the_project() -> None:
    installed = sysconfig.get_path("purelib")
    project = str(Path(installed).parent)
    assert str(recorded_path(f"{installed}/pykasm/x.py", project)) == "pykasm/x.py"


def test_objects_are_the_same_in_every_folder(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        made, data = sample(folder)
        written.append(write_object(made.object(data)))
    assert written[0] == written[1]
    assert str(tmp_path).encode() not in written[0]


def test_an_object_of_data_alone_is_described(tmp_path: Path) -> None:
    source = Source(str(tmp_path / "data.py"), 3)
    described = DebugVariable("Demo.x", "Demo.x", BaseType("I16", 2, "signed"), source)
    unit = DebugUnit("Demo", str(tmp_path), [], [described])
    data = Section(".data", DATA, 2, bytearray(b"\xfe\xff"))
    path = tmp_path / "data.o"
    path.write_bytes(
        write_object(ObjectFile("Demo", [data], [Symbol("Demo.x", ".data", 0, 2)], unit))
    )
    assert run("readelf", "--debug-dump", path)
    assert "data.py" in run("readelf", "--debug-dump=decodedline", path)
    assert gdb(path, "print 'Demo.x'") == "$1 = -2\n"


def test_gdb_prints_numbers_whose_bytes_are_in_the_opposite_order(tmp_path: Path) -> None:
    source = Source(str(tmp_path / "data.py"), 3)
    described = DebugVariable("Demo.x", "Demo.x", BaseType("U32BE", 4, big_endian=True), source)
    unit = DebugUnit("Demo", str(tmp_path), [], [described])
    data = Section(".data", DATA, 4, bytearray(b"\x00\x00\x05\xdc"))
    path = tmp_path / "data.o"
    path.write_bytes(
        write_object(ObjectFile("Demo", [data], [Symbol("Demo.x", ".data", 0, 4)], unit))
    )
    assert gdb(path, "print 'Demo.x'") == "$1 = 1500\n"


def test_gdb_gives_the_address_of_a_line(demo: Path) -> None:
    answer = gdb(demo, "info line demo.py:2")
    assert (
        answer == 'Line 2 of "./demo.py" starts at address 0x401000 <_start> and ends at '
        "0x401002 <_start+2>.\n"
    )


def test_gdb_finds_the_source_from_the_root(demo: Path) -> None:
    assert "Demo.outer" in gdb(demo, "list Demo.outer")


def test_gdb_finds_sources_in_folders_from_the_root(tmp_path: Path) -> None:
    folder = tmp_path / "kernel" / "mm"
    folder.mkdir(parents=True)
    (folder / "pages.py").write_text("first\nsecond\n")
    source = Source(str(folder / "pages.py"), 2)
    made = DebugFunction("f", ".text", 0, b"\xc3", source, [(0, source)])
    text = Section(".text", CODE, data=bytearray(b"\xc3"))
    unit = DebugUnit("Pages", str(tmp_path), [made])
    path = tmp_path / "build" / "pages.o"
    path.parent.mkdir()
    path.write_bytes(write_object(ObjectFile("Pages", [text], [Symbol("f", ".text")], unit)))
    assert "2\tsecond" in gdb(path, "list kernel/mm/pages.py:2", folder=tmp_path)


def test_gdb_knows_structs(demo: Path) -> None:
    assert gdb(demo, "ptype struct Node") == (
        "type = struct Node {\n"
        "    struct Node *next;\n"
        "    U32 value;\n"
        "    enum State state;\n"
        "    enum PageFlags flags;\n"
        "    U32 (*call)(U32, struct Node *);\n"
        "    union Both both;\n"
        "    void *any;\n"
        "}\n"
    )


def test_gdb_knows_enumerations(demo: Path) -> None:
    assert gdb(demo, "ptype enum State") == "type = enum State {FREE, USED, BROKEN = -1}\n"


def test_gdb_prints_globals_by_their_types(demo: Path) -> None:
    shown = gdb(demo, "print 'Demo.counter'", "print 'Demo.nodes'[0]")
    assert shown.startswith("$1 = 5\n$2 = {next = 0x")
    assert "value = 8, state = USED, flags = (PRESENT | WRITE), call = 0x0" in shown


def test_gdb_prints_a_flag_set_with_the_topmost_bit(demo: Path) -> None:
    shown = gdb(demo, "print (enum PageFlags) 0x8000000000000001")
    assert shown == "$1 = (PRESENT | unknown: 0x8000000000000000)\n"


def test_gdb_knows_where_roles_are_from_where_to_where(demo: Path) -> None:
    shown = gdb(demo, "info scope Demo.outer")
    assert "Symbol block is multi-location:\n" in shown
    assert "a variable in $rbx" in shown
    assert "a variable in $rdi" in shown
    assert "DW_OP_breg6 -4 [$rbp]" in shown


def test_gdb_stops_behind_the_prologue_and_steps_by_lines(demo: Path) -> None:
    shown = gdb(demo, "break Demo.outer", "run", "next", "next", "kill")
    lines = [line for line in shown.splitlines() if "\t" in line]
    assert [line.split("\t")[1].strip() for line in lines] == [
        "mov ebx, edi",
        "mov r12d, esi",
        "mov dword ptr [rbp-4], 5",
    ]


def test_gdb_shows_parameters_wherever_they_are_in_the_moment(demo: Path) -> None:
    shown = gdb(demo, "break Demo.outer", "break Demo.leaf", "run", "bt", "continue", "bt", "kill")
    frames = [line for line in shown.splitlines() if line.startswith("#")]
    assert [re.sub("0x[0-9a-f]+ in ", "", frame) for frame in frames] == [
        "#0  Demo.outer (block=7, order=9) at ./demo.py:15",
        "#1  _start () at ./demo.py:5",
        "#0  Demo.leaf (x=7) at ./demo.py:26",
        "#1  Demo.outer (block=7, order=9) at ./demo.py:18",
        "#2  _start () at ./demo.py:5",
    ]


def test_gdb_does_not_make_up_values_of_changed_registers(demo: Path) -> None:
    shown = gdb(demo, "break Demo.leaf", "run", "up", "print $rdi", "next", "print x", "kill")
    assert "$1 = <not saved>" in shown


def test_gdb_unwinds_through_an_interrupt(demo: Path) -> None:
    text = (demo.parent / "demo.py").read_text().splitlines()
    resumed = 1 + next(n for n, line in enumerate(text) if line.strip() == "mov edi, ebx")
    shown = gdb(
        demo, "break Demo.handler", "run", "next 4", "bt", "frame 2",
        "print $rcx", "print $rbx", "print/x $rip", "up", "kill",
    )  # fmt: skip
    frames = [line for line in shown.splitlines() if line.startswith("#")]
    assert frames[1:3] == [
        "#1  <signal handler called>",
        f"#2  Demo.interrupted () at ./demo.py:{resumed}",
    ]
    assert frames[3].endswith("in _start () at ./demo.py:6")
    assert "$1 = 77\n$2 = 33\n$3 = 0x" in shown


def test_gdb_unwinds_from_a_stub_that_has_saved_nothing_yet(demo: Path) -> None:
    shown = gdb(demo, "break Demo.vector", "run", "bt", "kill")
    assert "#0  <signal handler called>\n#1  Demo.interrupted ()" in shown


def test_gdb_unwinds_from_a_stub_in_the_midst_of_restoring(demo: Path) -> None:
    shown = gdb(demo, "break Demo.handler", "run", "finish", "stepi 4", "bt", "kill")
    assert "#0  <signal handler called>\n#1  Demo.interrupted ()" in shown


class Registers(Struct):
    """A number whose bits have names."""

    control: U32 = bits(enable=1, mode=3, _free=12, count=16)


def test_gdb_prints_bits_by_their_names(tmp_path: Path) -> None:
    source = Source(str(tmp_path / "data.py"), 3)
    described = DebugVariable("Demo.x", "Demo.x", DebugTypes().of(Registers), source)
    unit = DebugUnit("Demo", str(tmp_path), [], [described])
    data = Section(".data", DATA, 4, bytearray((1 | 5 << 1 | 1234 << 16).to_bytes(4, "little")))
    path = tmp_path / "data.o"
    path.write_bytes(
        write_object(ObjectFile("Demo", [data], [Symbol("Demo.x", ".data", 0, 4)], unit))
    )
    assert gdb(path, "print 'Demo.x'") == "$1 = {control = {enable = 1, mode = 5, count = 1234}}\n"
