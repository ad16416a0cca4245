"""What loaders and code before paging need: headers, notes, physical addresses, far jumps."""

import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile  # type: ignore[import-untyped]

from pykasm import *
from pykasm.encode.encoder import Encoder
from pykasm.lang.codemodel import VIRTUAL_BASE
from pykasm.lang.objects import assemble_program
from pykasm.link.layout import LOAD_ADDRESS, kernel_layout
from pykasm.link.linker import link
from pykasm.link.script import render_script
from pykasm.link.symbols import read_symbols
from pykasm.objects.elf import write_object

SELECTOR = 8
OWNER = b"Xen\0"
NOTE_TYPE = 18


class ElfNote(Struct):
    name_size: U32
    description_size: U32
    type: U32
    name: Array[U8] = field(count=4)
    entry: U32


class Boot(Subsystem):
    """A kernel of little more than its way in."""

    magic = header(U32, 0x12345678)
    table = bss(U64 * 4)
    entries = boot(U64 * 2, [])
    counter = percpu(U64 * 3)

    def __init__(self) -> None:
        self.note = note(
            ElfNote,
            ElfNote(name_size=4, description_size=4, type=NOTE_TYPE, name=OWNER, entry=self.start),
        )
        self.flagged = boot(U64, address_of(self.entries) + 3)

    @entry(bits=32)
    def start(self) -> None:
        """Enter."""
        mov(eax, physical(self.table))
        mov(ecx, u32[physical(self.table) + 8])
        mov(edx, u32[physical(self.table) + ecx * 8])
        ljmp(far(SELECTOR, self.on))

    @naked(boot=True)
    def on(self) -> None:
        """Go on."""
        hlt()
        jmp(self.on)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`Boot`, linked."""
    folder = tmp_path_factory.mktemp("boot")
    boot_code = Boot()
    program = Image(entry=boot_code.start, subsystems=[boot_code]).assemble()
    [unit] = assemble_program(program, Encoder(), str(folder))
    (folder / "boot.o").write_bytes(write_object(unit.object))
    script = folder / "kernel.ld"
    script.write_text(render_script(kernel_layout("Boot.start")))
    link([folder / "boot.o"], script, folder / "kernel.elf")
    return folder / "kernel.elf"


def address(kernel: Path, name: str) -> int:
    return next(one.address for one in read_symbols(kernel) if one.name == name)


def contents(kernel: Path, name: str, size: int) -> bytes:
    """The first bytes of the symbol `name`, from the file."""
    start = address(kernel, name)
    with kernel.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            offset = start - segment["p_vaddr"]
            if 0 <= offset < segment["p_filesz"]:
                return bytes(segment.data()[offset : offset + size])
    raise AssertionError(f"{name} is not in the file")


def test_a_header_is_the_first_thing_of_the_image(kernel: Path) -> None:
    assert address(kernel, "Boot.magic") == LOAD_ADDRESS
    assert contents(kernel, "Boot.magic", 4) == (0x12345678).to_bytes(4, "little")


def test_a_note_is_in_a_note_segment(kernel: Path) -> None:
    with kernel.open("rb") as file:
        [segment] = ELFFile(file).iter_segments("PT_NOTE")
        [found] = segment.iter_notes()
    entry = address(kernel, "Boot.start").to_bytes(4, "little")
    assert (found["n_name"], found["n_type"]) == ("Xen", NOTE_TYPE)
    assert found["n_descdata"] == entry


def test_32_bit_code_reaches_data_at_its_physical_address(kernel: Path) -> None:
    table = address(kernel, "Boot.table") - VIRTUAL_BASE
    code = contents(kernel, "Boot.start", 25)
    assert code[:5] == b"\xb8" + struct.pack("<I", table)
    assert code[5:11] == b"\x8b\x0d" + struct.pack("<I", table + 8)
    assert code[11:18] == b"\x8b\x14\xcd" + struct.pack("<I", table)


def test_a_far_jump_has_offset_and_selector(kernel: Path) -> None:
    target = struct.pack("<IH", address(kernel, "Boot.on"), SELECTOR)
    assert contents(kernel, "Boot.start", 25)[18:25] == b"\xea" + target


def test_an_address_in_data_takes_an_offset(kernel: Path) -> None:
    expected = address(kernel, "Boot.entries") + 3
    assert contents(kernel, "Boot.flagged", 8) == expected.to_bytes(8, "little")


def test_the_first_percpu_block_has_room_for_the_template(kernel: Path) -> None:
    room = address(kernel, "first_percpu_end") - address(kernel, "first_percpu_start")
    assert room == address(kernel, "percpu_size") == 3 * 8
