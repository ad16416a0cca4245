"""Symbols and lines of a linked file, and their use on a running text."""

import subprocess
from pathlib import Path

import pytest

from pykasm.errors import PykasmError
from pykasm.machine.annotate import Annotator
from pykasm.machine.symbols import SymbolTable, UnknownSymbol

BASE = 0xFFFFFFFF80000000
SOURCE = """\
        .globl start, datum, bound
        .type start, @function
start:  nop
        ret
        .size start, . - start
bound:
        .data
        .type datum, @object
datum:  .quad 1
        .size datum, 8
"""


@pytest.fixture(scope="module")
def symbols(tmp_path_factory: pytest.TempPathFactory) -> SymbolTable:
    """A function of two bytes at BASE and a datum of eight bytes 4 KiB on."""
    folder = tmp_path_factory.mktemp("symbols")
    (folder / "code.S").write_text(SOURCE)
    subprocess.run(["as", "--64", "--gdwarf-5", "-o", "code.o", "code.S"], cwd=folder, check=True)
    places = [f"-Ttext={BASE:#x}", f"-Tdata={BASE + 0x1000:#x}"]
    link = ["ld", "-m", "elf_x86_64", "-e", "start", *places, "-o", "code.elf", "code.o"]
    subprocess.run(link, cwd=folder, check=True)
    return SymbolTable.from_elf(folder / "code.elf", folder)


def test_code_has_a_symbol_an_offset_and_a_line(symbols: SymbolTable) -> None:
    location = symbols.lookup(BASE + 1)
    assert (location.symbol.name, location.offset) == ("start", 1)
    assert location.source is not None
    assert Path(location.source.file).name == "code.S"
    assert location.source.line == 4


def test_data_has_a_symbol_and_no_line(symbols: SymbolTable) -> None:
    assert str(symbols.lookup(BASE + 0x1003)) == "datum+0x3"


def test_an_address_behind_a_symbol_is_unknown(symbols: SymbolTable) -> None:
    with pytest.raises(UnknownSymbol, match="0xffffffff80000002 is in no function or datum"):
        symbols.lookup(BASE + 2)


def test_an_address_before_all_symbols_is_unknown(symbols: SymbolTable) -> None:
    with pytest.raises(UnknownSymbol):
        symbols.lookup(0)


def test_a_name_has_an_address(symbols: SymbolTable) -> None:
    assert symbols.address("datum") == BASE + 0x1000
    assert symbols.address("bound") == BASE + 2


def test_an_unknown_name_is_answered_with_a_close_one(symbols: SymbolTable) -> None:
    with pytest.raises(UnknownSymbol) as refusal:
        symbols.address("strat")
    assert str(refusal.value) == "there is no symbol `strat`; did you mean `start`?"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PykasmError, match="does not exist: build the kernel first"):
        SymbolTable.from_elf(tmp_path / "none.elf")


ADDRESS = "0xffffffff80000001"


def annotated(symbols: SymbolTable, *pieces: str) -> list[str]:
    """What is shown after each of `pieces`, and at the end."""
    annotator = Annotator(symbols)
    return [*(annotator.feed(piece) for piece in pieces), annotator.flush()]


def code_line(symbols: SymbolTable) -> str:
    return f"<start+0x1 {symbols.lookup(BASE + 1).source}>"


def test_an_address_in_a_text_gets_its_symbol(symbols: SymbolTable) -> None:
    shown = annotated(symbols, f"rip {ADDRESS}\r\n")
    assert shown == [f"rip {ADDRESS} {code_line(symbols)}\r\n", ""]


def test_an_address_without_prefix_gets_its_symbol(symbols: SymbolTable) -> None:
    shown = annotated(symbols, "ffffffff80000001,")
    assert shown == [f"ffffffff80000001 {code_line(symbols)},", ""]


def test_addresses_of_data_stay_bare(symbols: SymbolTable) -> None:
    assert annotated(symbols, "rbx ffffffff80001000\n") == ["rbx ffffffff80001000\n", ""]


def test_an_address_in_pieces_gets_its_symbol_once_it_is_whole(symbols: SymbolTable) -> None:
    shown = annotated(symbols, "at 0xffff", "ffff80000001", "\n")
    assert shown == ["at ", "", f"{ADDRESS} {code_line(symbols)}\n", ""]


def test_every_way_of_cutting_a_text_shows_the_same(symbols: SymbolTable) -> None:
    text = f"a {ADDRESS} {ADDRESS} <start+0x1> f0 0x 0xffffffff8 b\n"
    whole = "".join(annotated(symbols, text))
    assert "".join(annotated(symbols, *text)) == whole
    for cut in range(len(text)):
        assert "".join(annotated(symbols, text[:cut], text[cut:])) == whole


def test_a_symbol_that_the_kernel_gave_is_not_repeated(symbols: SymbolTable) -> None:
    for text in (f"{ADDRESS} <start+0x1>\n", f"{ADDRESS}<start+0x1>\n"):
        assert "".join(annotated(symbols, text)) == text


def test_an_address_of_nothing_stays_alone(symbols: SymbolTable) -> None:
    assert annotated(symbols, "0xffffffff90000000\n") == ["0xffffffff90000000\n", ""]


def test_what_is_held_back_is_shown_when_nothing_follows(symbols: SymbolTable) -> None:
    assert annotated(symbols, "type: f") == ["type: ", "f"]
