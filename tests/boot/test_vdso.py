"""The vDSO, as programs find it in their memory."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from kernel.cpu.pagetable import PAGE
from kernel.exec.vdso import Vdso
from kernel.exec.vdsoimage import FUNCTIONS, OBJECT_NAME, PREFIX, VERSION
from pykasm.encode.encoder import Encoder
from pykasm.lang.image import Image
from pykasm.lang.objects import assemble_program
from pykasm.machine.images import Images
from pykasm.machine.symbols import SymbolTable


@pytest.fixture(scope="module")
def contents(kernel_images: Images) -> bytes:
    """What is linked of it."""
    with kernel_images.project.kernel.open("rb") as file:
        data: bytes = section(ELFFile(file), ".vdso").data()
    return data


@pytest.fixture(scope="module")
def image(contents: bytes) -> ELFFile:
    """The page that programs have."""
    return ELFFile(BytesIO(contents.ljust(PAGE, b"\0")))


def section(image: ELFFile, name: str) -> Any:
    """The section `name` of the image."""
    return image.get_section_by_name(name)


def test_it_fits_in_its_page(contents: bytes) -> None:
    assert len(contents) <= PAGE


def test_its_functions_are_those_of_linux(image: ELFFile, kernel_images: Images) -> None:
    linked = SymbolTable.from_elf(kernel_images.project.kernel)
    symbols = list(section(image, ".dynsym").iter_symbols())
    found = {one.name: one["st_value"] for one in symbols[1:]}
    places = {name: linked.address(f"Vdso.{name}") for name in FUNCTIONS}
    assert found == places | {PREFIX + name: place for name, place in places.items()}
    bindings = {one.name: one["st_info"]["bind"] for one in symbols[1:]}
    assert {one for one in bindings if bindings[one] == "STB_WEAK"} == {*FUNCTIONS}


def test_they_are_found_by_their_hashes(image: ELFFile) -> None:
    table = section(image, ".hash")
    for name in FUNCTIONS:
        assert table.get_symbol(PREFIX + name).name == PREFIX + name
    assert table.get_symbol("main") is None


def test_all_have_the_version_of_linux(image: ELFFile) -> None:
    versions = section(image, ".gnu.version_d")
    names = {one["vd_ndx"]: next(texts).name for one, texts in versions.iter_versions()}
    assert names == {1: OBJECT_NAME, 2: VERSION}
    numbers = [one["ndx"] for one in section(image, ".gnu.version").iter_symbols()]
    assert numbers == ["VER_NDX_LOCAL"] + [2] * 2 * len(FUNCTIONS)


def test_its_dynamic_section_agrees_with_its_sections(image: ELFFile) -> None:
    rows = {one.entry.d_tag: one.entry.d_val for one in section(image, ".dynamic").iter_tags()}
    places = {one.name: one["sh_addr"] for one in image.iter_sections()}
    assert rows["DT_SYMTAB"] == places[".dynsym"]
    assert rows["DT_STRTAB"] == places[".dynstr"]
    assert rows["DT_HASH"] == places[".hash"]
    assert rows["DT_VERSYM"] == places[".gnu.version"]
    assert rows["DT_VERDEF"] == places[".gnu.version_d"]


def test_its_code_refers_to_nothing_but_itself() -> None:
    vdso = Vdso()
    program = Image(vdso.time, [vdso], complete=False).assemble()
    [unit] = assemble_program(program, Encoder(), "/")
    [code] = [one for one in unit.object.sections if one.name.startswith(".text")]
    functions = {symbol.name for symbol in unit.object.symbols if symbol.section == code.name}
    for _, kind, target, _ in code.relocations:
        allowed = {"Vdso.image"} if kind.name == "R_X86_64_PC32" else functions
        assert kind.name in ("R_X86_64_PC32", "R_X86_64_PLT32")
        assert target in allowed
