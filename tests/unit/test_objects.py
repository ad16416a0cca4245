"""Relocatable objects: what the binutils and pyelftools read, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from pykasm.errors import Mistake
from pykasm.objects.debug import BaseType, DebugFunction, DebugUnit, DebugVariable
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
from tests.unit.objects_support import CODE, DATA, run
from tests.unit.objects_support import demo as demo  # a fixture

CALL = bytes.fromhex("e800000000c3")


def an_object(**changes: object) -> ObjectFile:
    """A function that calls another object's, a global, a bss section, a note."""
    text = Section(".text", CODE, 16, bytearray(CALL))
    text.relocations.append(Relocation(1, RelocationKind.R_X86_64_PLT32, "Other.run", -4))
    data = Section(".data", DATA, 8, bytearray(16))
    data.relocations.append(Relocation(8, RelocationKind.R_X86_64_64, "Demo.count", 4))
    bss = Section(".bss", DATA, 64, zeros=4096)
    note = Section(".note.demo", SectionFlags.ALLOC, 4, bytearray(bytes(12)), note=True)
    symbols = [
        Symbol("Demo.run", ".text", 0, 6, SymbolKind.FUNC),
        Symbol("Demo.count", ".data", 0, 8, SymbolKind.OBJECT, Binding.LOCAL),
        Symbol("Demo.pages", ".bss", 0, 4096, SymbolKind.OBJECT),
    ]
    obj = ObjectFile("Demo", [text, data, bss, note], symbols)
    for name, value in changes.items():
        setattr(obj, name, value)
    return obj


def read(obj: ObjectFile) -> ELFFile:
    return ELFFile(io.BytesIO(write_object(obj)))


def written(obj: ObjectFile, folder: Path) -> Path:
    path = folder / "demo.o"
    path.write_bytes(write_object(obj))
    return path


def test_binutils_read_an_object_without_a_complaint(tmp_path: Path) -> None:
    path = written(an_object(), tmp_path)
    run("readelf", "-a", "-W", path)
    assert "R_X86_64_PLT32\tOther.run-0x4" in run("objdump", "-dlr", path)
    run("ld", "--fatal-warnings", "-r", "-o", tmp_path / "whole.o", path)


def test_binutils_read_debugging_information_without_a_complaint(demo: Path) -> None:
    for path in (demo, demo.with_suffix(".o")):
        run("readelf", "-a", path)
        assert "demo.py" in run("readelf", "--debug-dump", path)
        assert "demo.py:5" in run("objdump", "-dl", path)
        run("objdump", "--dwarf", path)


def test_addr2line_finds_the_line(demo: Path) -> None:
    assert run("addr2line", "-fe", demo, "0x401000").split("\n")[0] == "_start"
    assert run("addr2line", "-e", demo, "0x401000").strip().endswith("demo.py:2")


def test_the_linker_takes_a_program_without_a_warning(tmp_path: Path) -> None:
    path = written(an_object(), tmp_path)
    program = tmp_path / "demo"
    run("ld", "--fatal-warnings", "-e", "Demo.run", "--defsym", "Other.run=0", "-o", program, path)
    assert ELFFile(io.BytesIO(program.read_bytes())).header["e_type"] == "ET_EXEC"


def test_sections_keep_their_kind_flags_alignment_and_size() -> None:
    elf = read(an_object())
    kinds = {
        section.name: (section["sh_type"], section["sh_flags"], section["sh_addralign"])
        for section in elf.iter_sections()
    }
    assert kinds[".text"] == ("SHT_PROGBITS", CODE, 16)
    assert kinds[".bss"] == ("SHT_NOBITS", DATA, 64)
    assert kinds[".note.demo"] == ("SHT_NOTE", SectionFlags.ALLOC, 4)
    assert kinds[".note.GNU-stack"] == ("SHT_PROGBITS", SectionFlags.NONE, 1)
    assert elf.get_section_by_name(".bss")["sh_size"] == 4096


def test_local_symbols_stand_before_global_ones() -> None:
    table = read(an_object()).get_section_by_name(".symtab")
    bindings = [symbol["st_info"]["bind"] for symbol in table.iter_symbols()]
    first = table["sh_info"]
    assert set(bindings[:first]) == {"STB_LOCAL"}
    assert set(bindings[first:]) == {"STB_GLOBAL"}


def test_symbols_are_typed_and_sized() -> None:
    table = read(an_object()).get_section_by_name(".symtab")
    symbol = table.get_symbol_by_name("Demo.pages")[0]
    assert (symbol["st_info"]["type"], symbol["st_size"]) == ("STT_OBJECT", 4096)


def test_a_symbol_that_only_a_relocation_names_is_undefined() -> None:
    table = read(an_object()).get_section_by_name(".symtab")
    symbol = table.get_symbol_by_name("Other.run")[0]
    assert (symbol["st_shndx"], symbol["st_info"]["bind"]) == ("SHN_UNDEF", "STB_GLOBAL")


def test_the_name_of_a_section_stands_for_its_start(tmp_path: Path) -> None:
    obj = an_object()
    obj.sections[1].relocations[0] = Relocation(8, RelocationKind.R_X86_64_64, ".bss", 16)
    assert "R_X86_64_64       .bss+0x0000000000000010" in run(
        "objdump", "-r", written(obj, tmp_path)
    )


def test_the_same_object_gives_the_same_bytes() -> None:
    assert write_object(an_object()) == write_object(an_object())


SOURCE = Source("demo.py", 3)


def described_function(section: str) -> DebugUnit:
    function = DebugFunction("Demo.run", section, 0, CALL, SOURCE, [(0, SOURCE)])
    return DebugUnit("Demo", ".", [function])


OUTSIDE = Symbol("late", ".text", 4, 4)
ADDRESS = RelocationKind.R_X86_64_64


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (
            an_object(symbols=[Symbol("one", ".text"), Symbol("one", ".data")]),
            "error[symbol]: symbol `one` is defined twice in Demo\n"
            "help: give one of the two another name",
        ),
        (
            an_object(symbols=[Symbol(".text", ".text")]),
            "error[symbol]: symbol `.text` has the name of a section of Demo\n"
            "help: give the symbol another name",
        ),
        (
            an_object(symbols=[OUTSIDE]),
            "error[symbol]: symbol `late` lies outside of its section `.text`\n"
            "expected: offsets 0 to 0x6\n"
            "got: 0x4 to 0x8\n"
            "help: give the symbol the offset and size that its contents have",
        ),
        (
            an_object(symbols=[Symbol("one", ".texd")]),
            "error[declaration]: symbol `one` lies in section `.texd`, which Demo does not have\n"
            "expected: one of .text, .data, .bss, .note.demo\n"
            "got: .texd\n"
            "help: add a section `.texd` to the object, or name one that it has",
        ),
        (
            an_object(sections=[Section(".text", CODE), Section(".text", CODE)]),
            "error[declaration]: section `.text` is given twice\n"
            "expected: one section a name\n"
            "help: put all contents of that name into one section",
        ),
        (
            an_object(
                sections=[
                    Section(".bss", DATA, zeros=8, relocations=[Relocation(0, ADDRESS, "one", 0)])
                ]
            ),
            "error[symbol]: a reference to `one` lies outside of the contents of `.bss`\n"
            "expected: 8 bytes within offsets 0 to 0x0\n"
            "got: offset 0x0\n"
            "help: references need contents; a section of zeros has none",
        ),
        (
            an_object(debug=described_function(".init")),
            "error[declaration]: function `Demo.run` lies in section `.init`, "
            "which Demo does not have\n"
            "  demo.py:3\n"
            "      3 | \n"
            "        | ^\n"
            "expected: one of .text, .data, .bss, .note.demo\n"
            "got: .init\n"
            "help: add a section `.init` to the object, or name one that it has",
        ),
        (
            an_object(
                debug=DebugUnit(
                    "Demo", ".", [], [DebugVariable("x", "Demo.x", BaseType("U8", 1), SOURCE)]
                )
            ),
            "error[symbol]: `x` is described, but has no symbol `Demo.x`\n"
            "  demo.py:3\n"
            "      3 | \n"
            "        | ^\n"
            "help: add the symbol to Demo, or leave out the description",
        ),
    ],
)
def test_an_inconsistent_object_is_refused(obj: ObjectFile, message: str) -> None:
    with pytest.raises(Mistake) as refused:
        write_object(obj)
    lines = str(refused.value).split("\n")
    if not message.startswith("  ", message.index("\n") + 1):  # without a place of its own
        lines = [line for line in lines if not line.startswith("  ")]
    assert "\n".join(lines) == message


def test_a_symbol_defined_twice_is_shown_at_both_places(tmp_path: Path) -> None:
    file = tmp_path / "twice.py"
    file.write_text("def one(): ...\n\n    def one(): ...\n")
    first, second = Source(str(file), 1), Source(str(file), 3)
    functions = [
        DebugFunction("one", ".text", 0, CALL, source, [(0, source)]) for source in (first, second)
    ]
    symbols = [Symbol("one", ".text"), Symbol("one", ".text")]
    with pytest.raises(Mistake) as refused:
        write_object(an_object(symbols=symbols, debug=DebugUnit("Demo", ".", functions)))
    assert str(refused.value) == (
        "error[symbol]: symbol `one` is defined twice in Demo\n"
        f"  {file}:1\n"
        "      1 | def one(): ...\n"
        "        | ^^^^^^^^^^^^^^ first here\n"
        "      3 |     def one(): ...\n"
        "        |     ^^^^^^^^^^^^^^ and again here\n"
        "help: give one of the two another name"
    )
