"""16-, 32- and 64-bit code in one image, run in QEMU."""

from pathlib import Path

import pytest

from pykasm import *
from pykasm.encode.encoder import Encoder
from pykasm.lang.objects import assemble_program
from pykasm.link.layout import kernel_layout
from pykasm.link.linker import link
from pykasm.link.script import render_script
from pykasm.machine.qemu import (
    DEBUG_EXIT_PORT,
    POWEROFF_STATUS,
    POWEROFF_VALUE,
    MachineOptions,
)
from pykasm.machine.session import Machine
from pykasm.objects.elf import write_object

COM1 = 0x3F8
PHYS32_ENTRY = 18
CODE_32, CODE_16, CODE_64 = 8, 16, 24
PRESENT_CODE = 1 << 47 | 1 << 44 | 1 << 43 | 1 << 41
FLAT = 0xF << 48 | 0xFFFF | 1 << 55
SEGMENTS = [
    0,
    PRESENT_CODE | FLAT | 1 << 54,
    PRESENT_CODE | 0xFFFF,  # its base is filled in
    PRESENT_CODE | 1 << 53,
]
PAGE = 4096
PRESENT_WRITABLE = 0b11
LARGE_PAGE = 1 << 7
CR4_PAE = 1 << 5
EFER = 0xC0000080
EFER_LME = 1 << 8
CR0_PG = 1 << 31


class EntryNote(Struct):
    name_size: U32
    description_size: U32
    type: U32
    name: Array[U8] = field(count=4)
    entry: U32


class TablePointer(Struct, packed=True):
    limit: U16
    base: U32


def say(letter: str) -> None:
    """The same Python in code of every width."""
    mov(dx, COM1)
    mov(al, ord(letter))
    out(dx, al)


class Modes(Subsystem):
    """Says a letter in each mode."""

    segments = boot(U64 * len(SEGMENTS), SEGMENTS, align=8)
    top = boot(U64 * 512, align=PAGE)
    middle = boot(U64 * 512, align=PAGE)
    low = boot(U64 * 512, [PRESENT_WRITABLE | LARGE_PAGE], align=PAGE)
    stack = boot(U32 * 64, align=16)

    def __init__(self) -> None:
        name = b"Xen\0"
        self.note = note(
            EntryNote,
            EntryNote(
                name_size=4, description_size=4, type=PHYS32_ENTRY, name=name, entry=self.start
            ),
        )
        base = address_of(self.segments)
        self.pointer = boot(
            TablePointer, TablePointer(limit=sizeof(U64 * len(SEGMENTS)) - 1, base=base)
        )

    @entry(bits=32)
    def start(self) -> None:
        """Begin the 16-bit segment at its code, and jump there."""
        cli()
        mov(esp, address_of(self.stack) + sizeof(U32 * 64))
        lgdt(self.pointer)
        mov(ecx, address_of(self.segments))
        mov(eax, address_of(self.sixteen))
        mov(u16[ecx + CODE_16 + 2], ax)
        shr(eax, 16)
        mov(u8[ecx + CODE_16 + 4], al)
        say("a")
        push(CODE_16)
        push(0)
        retf()

    @naked(bits=16, boot=True)
    def sixteen(self) -> None:
        """Say a letter for each round of a loop."""
        count = cx
        mov(count, 2)
        with loop():
            say("b")
            dec(count)
            break_if(ZF)
        ljmp(far(CODE_32, self.thirty_two, size=4))

    @naked(bits=32, boot=True)
    def thirty_two(self) -> None:
        """Go on to long mode (AMD64 APM vol. 2, 14.6)."""
        say("c")
        for table, next_table in ((self.top, self.middle), (self.middle, self.low)):
            mov(eax, address_of(next_table))
            or_(eax, PRESENT_WRITABLE)
            mov(cast(table[0], U32), eax)
        mov(eax, address_of(self.top))
        mov(cr3, eax)
        mov(eax, cr4)
        or_(eax, CR4_PAE)
        mov(cr4, eax)
        mov(ecx, EFER)
        rdmsr()
        or_(eax, EFER_LME)
        wrmsr()
        mov(eax, cr0)
        or_(eax, CR0_PG)
        mov(cr0, eax)
        ljmp(far(CODE_64, self.sixty_four))

    @naked(boot=True)
    def sixty_four(self) -> None:
        """Use a register that only this mode has, and leave."""
        mov(r15, ord("d"))
        mov(dx, COM1)
        mov(rax, r15)
        out(dx, al)
        mov(al, POWEROFF_VALUE)
        out(DEBUG_EXIT_PORT, al)
        with loop():
            hlt()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`Modes`, linked."""
    folder = tmp_path_factory.mktemp("modes")
    modes = Modes()
    program = Image(entry=modes.start, subsystems=[modes]).assemble()
    [unit] = assemble_program(program, Encoder(), str(folder))
    (folder / "modes.o").write_bytes(write_object(unit.object))
    script = folder / "kernel.ld"
    layout = kernel_layout("Modes.start")
    names = {section.name for section in unit.object.sections}
    script.write_text(render_script(layout.without_empty(names)))
    link([folder / "modes.o"], script, folder / "kernel.elf")
    return folder / "kernel.elf"


def test_code_of_every_width_runs_in_one_image(kernel: Path) -> None:
    with Machine(MachineOptions(kernel=kernel)) as machine:
        assert machine.wait_exit() == POWEROFF_STATUS
        assert "abbcd" in machine.output
