"""Layouts, linker scripts, and what GNU ld makes of them."""

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from pykasm.errors import PykasmError
from pykasm.lang.types import sizeof
from pykasm.link.embedded import EmbeddedSymbols, EmbeddedTable
from pykasm.link.layout import Layout, OutputSection, Place, kernel_layout
from pykasm.link.linker import LinkError, link, strip
from pykasm.link.script import render_script
from pykasm.link.symbols import read_symbols
from pykasm.objects.elf import write_object
from pykasm.objects.model import ObjectFile, Section, SectionFlags, Symbol

Assembler = Callable[[str, str], Path]

KERNEL = """
    .section .multiboot2, "a"
    .long 0xe85250d6
    .section .note.pvh, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long start
    .section .boot.text.start, "ax"
    .globl start
    start: hlt
    .section .text.a, "ax"
    .globl f
    f: mov %gs:counter, %rax
    mov $percpu_start, %rdi
    ret
    .section .rodata.a, "a"
    .quad 1
    .section .init.text.a, "ax"
    call f
    .section .init.data.a, "aw"
    .quad f
    .section .data.a, "aw"
    .quad 5
    .section .percpu.a, "aw"
    .quad 1
    .globl counter
    counter: .quad 7
    .section .bss.a, "aw", @nobits
    .globl block
    block: .skip 9000
"""


@pytest.fixture
def assemble(tmp_path: Path) -> Assembler:
    """A function from a name and a text for GNU as to the object `<name>.o`."""

    def run(name: str, text: str) -> Path:
        output = tmp_path / f"{name}.o"
        subprocess.run(["as", "--64", "-g", "-o", output], input=text, text=True, check=True)
        return output

    return run


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The linker script of the kernel's layout."""
    path = tmp_path / "kernel.ld"
    path.write_text(render_script(kernel_layout("start")))
    return path


@pytest.fixture
def kernel(assemble: Assembler, script: Path, tmp_path: Path) -> Path:
    """A kernel with something in each section."""
    output = tmp_path / "kernel.elf"
    link([assemble("kernel", KERNEL)], script, output)
    return output


def addresses(image: Path) -> dict[str, int]:
    return {symbol.name: symbol.address for symbol in read_symbols(image)}


def segments(image: Path) -> list[tuple[str, int, int, int, int]]:
    with image.open("rb") as file:
        return [
            (one["p_type"], one["p_flags"], one["p_vaddr"], one["p_paddr"], one["p_memsz"])
            for one in ELFFile(file).iter_segments()
        ]


def test_each_set_of_permissions_is_a_segment_of_its_own(kernel: Path) -> None:
    high = 0xFFFFFFFF80000000
    assert segments(kernel) == [
        ("PT_LOAD", 5, 0x100000, 0x100000, 0x1C),
        ("PT_LOAD", 6, 0, 0, 0),
        ("PT_LOAD", 5, high + 0x101000, 0x101000, 0x11),
        ("PT_LOAD", 4, high + 0x102000, 0x102000, 8),
        ("PT_LOAD", 5, high + 0x103000, 0x103000, 5),
        ("PT_LOAD", 6, high + 0x104000, 0x104000, 0x1008),
        ("PT_LOAD", 4, 0, 0x106000, 16),
        ("PT_LOAD", 6, high + 0x107000, 0x107000, 12288 + 16),
        ("PT_LOAD", 4, 0, 0, 0),
        ("PT_NOTE", 4, 0x100008, 0x100008, 0x14),
    ]


def test_no_segment_is_both_writable_and_executable(kernel: Path) -> None:
    assert [flags for _, flags, *_ in segments(kernel) if flags & 3 == 3] == []


def test_the_multiboot_header_comes_first_in_the_file(kernel: Path) -> None:
    assert 0 <= kernel.read_bytes().index(bytes.fromhex("d65052e8")) < 32768


def test_the_image_starts_at_its_entry(kernel: Path) -> None:
    with kernel.open("rb") as file:
        assert ELFFile(file)["e_entry"] == addresses(kernel)["start"]


def test_a_per_cpu_symbol_is_the_offset_from_the_block(kernel: Path) -> None:
    assert addresses(kernel)["counter"] == 8


def test_the_per_cpu_template_has_bounds_in_the_kernel_range(kernel: Path) -> None:
    found = addresses(kernel)
    assert found["percpu_start"] == 0xFFFFFFFF80106000
    assert found["percpu_end"] == 0xFFFFFFFF80106010
    assert found["percpu_load"] == 0x106000
    assert found["percpu_size"] == 16


def test_the_image_bounds_cover_all_that_is_loaded(kernel: Path) -> None:
    found = addresses(kernel)
    assert found["image_load_start"] == 0x100000
    assert found["image_start"] == 0xFFFFFFFF80100000
    assert found["image_end"] >= found["block"] + 9000
    assert found["image_end"] - found["image_load_end"] == 0xFFFFFFFF80000000


def test_the_layout_names_all_symbols_of_its_script(kernel: Path) -> None:
    own = {"start", "f", "counter", "block", "VIRTUAL_BASE"}
    assert kernel_layout("start").bounds == addresses(kernel).keys() - own


def test_debugging_information_is_kept(kernel: Path) -> None:
    with kernel.open("rb") as file:
        assert ELFFile(file).has_dwarf_info()


def test_a_stripped_image_loads_the_same(kernel: Path, tmp_path: Path) -> None:
    stripped = tmp_path / "stripped"
    strip(kernel, stripped)
    assert segments(stripped) == segments(kernel)
    assert read_symbols(stripped) == []
    assert stripped.stat().st_size < kernel.stat().st_size


def test_a_file_without_an_elf_header_has_no_symbols_to_read(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no image\n")
    with pytest.raises(PykasmError, match="text is no ELF file"):
        read_symbols(tmp_path / "text")


def test_a_layout_without_virtual_sections_links(tmp_path: Path) -> None:
    layout = Layout("start", [OutputSection(".boot", "r-x", place=Place.PHYSICAL)])
    script, flat = tmp_path / "flat.ld", tmp_path / "flat.o"
    script.write_text(render_script(layout))
    code = Section(".boot.flat", SectionFlags.ALLOC | SectionFlags.EXECUTE, data=bytearray(b"\xf4"))
    flat.write_bytes(write_object(ObjectFile("flat", [code], [Symbol("start", code.name)])))
    link([flat], script, tmp_path / "flat.elf")
    assert addresses(tmp_path / "flat.elf")["image_load_end"] == 0x100001


def test_a_section_with_permissions_that_nothing_has() -> None:
    permissions: Any = "rwx"
    with pytest.raises(PykasmError) as caught:
        OutputSection(".all", permissions)
    assert str(caught.value) == (
        ".all can't have the permissions 'rwx'\n"
        "help: one of r-x, r--, rw-, --x; nothing is both written and run"
    )


def test_physical_sections_come_first() -> None:
    with pytest.raises(PykasmError) as mistake:
        Layout("f", [OutputSection(".a", "r-x"), OutputSection(".b", "r--", (), Place.PHYSICAL)])
    assert str(mistake.value) == (
        ".b is linked at its physical address but comes after .a, which is not\n"
        "help: put all sections with Place.PHYSICAL first in the layout"
    )


def test_a_note_that_nothing_goes_into_is_left_out() -> None:
    layout = kernel_layout("start")
    assert not any(one.note for one in layout.without_empty({".text.a"}).sections)
    assert layout.without_empty({".note.pvh.a"}).bounds == layout.bounds


def test_an_undefined_symbol_is_named_with_its_users_and_a_guess(
    assemble: Assembler, script: Path, tmp_path: Path
) -> None:
    objects = [
        assemble("kernel", KERNEL + "call Console_write\n"),
        assemble("console", ".section .text.b\n.globl Console_write8\nConsole_write8: ret\n"),
        assemble("mm", ".section .text.c\ncall zero\nmov $percpu_strat, %rax\n"),
    ]
    with pytest.raises(LinkError) as failure:
        link(objects, script, tmp_path / "kernel.elf")
    assert str(failure.value) == (
        "undefined symbol Console_write, which kernel refers to\n"
        "help: did you mean Console_write8?\n"
        "undefined symbol percpu_strat, which mm refers to\n"
        "help: did you mean percpu_start?\n"
        "undefined symbol zero, which mm refers to"
    )


def test_a_symbol_defined_twice_is_named_with_both_places(
    assemble: Assembler, script: Path, tmp_path: Path
) -> None:
    again = assemble("again", ".section .text.b\n.globl f\nf: ret\n")
    with pytest.raises(LinkError) as failure:
        link([assemble("kernel", KERNEL), again], script, tmp_path / "kernel.elf")
    assert str(failure.value) == "f is defined more than once: in kernel, again"


def test_a_section_without_a_place_is_an_error(
    assemble: Assembler, script: Path, tmp_path: Path
) -> None:
    stray = assemble("stray", '.section .stray,"a"\n.quad 1\n')
    with pytest.raises(LinkError, match=r"unplaced orphan section `\.stray' from .*stray\.o"):
        link([assemble("kernel", KERNEL), stray], script, tmp_path / "kernel.elf")


def test_a_failed_link_leaves_the_last_image(
    assemble: Assembler, script: Path, kernel: Path
) -> None:
    before = kernel.read_bytes()
    with pytest.raises(LinkError):
        link([assemble("broken", ".section .text.b\ncall nothing\n")], script, kernel)
    assert kernel.read_bytes() == before
    assert not list(kernel.parent.glob("*.part"))


def test_a_table_of_the_image_is_filled_in(
    assemble: Assembler, script: Path, tmp_path: Path, kernel: Path
) -> None:
    table, room = EmbeddedTable({"f": None, "block": None}, "/"), tmp_path / "symbols.o"
    room.write_bytes(write_object(table.room))
    objects = [assemble("kernel", KERNEL), room]
    link(objects, script, kernel, complete=table.complete)
    found = addresses(kernel)
    with kernel.open("rb") as file:
        section = ELFFile(file).get_section_by_name(".symbols")
        address, data = section["sh_addr"], section.data()
    first, *_, count, _ = struct.unpack_from("<10Q", data)
    assert sum(struct.unpack(f"<{len(data) // 8}Q", data)) % (1 << 64) == 0
    assert (address, address + sizeof(EmbeddedSymbols), 2) == (found["symbols_start"], first, count)
    low = [found[name] & 0xFFFFFFFF for name in ("f", "block")]
    assert list(struct.unpack_from("<2I", data, first - address)) == low


def test_an_image_that_was_not_completed_leaves_the_last_one(
    assemble: Assembler, script: Path, kernel: Path
) -> None:
    def fail(linked: Path) -> None:
        raise PykasmError(f"{linked.name} is incomplete")

    before = kernel.read_bytes()
    with pytest.raises(PykasmError, match=r"kernel\.elf\.part is incomplete"):
        link([assemble("other", KERNEL + "nop")], script, kernel, complete=fail)
    assert kernel.read_bytes() == before


def test_the_same_objects_make_the_same_image(
    assemble: Assembler, script: Path, tmp_path: Path, kernel: Path
) -> None:
    again = tmp_path / "elsewhere"
    again.mkdir()
    link([assemble("kernel", KERNEL)], script, again / "other.elf")
    assert (again / "other.elf").read_bytes() == kernel.read_bytes()
