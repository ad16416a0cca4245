"""From the boot loader to 64-bit code."""

from pykasm import *
from small.main import Main

MAGIC = 0xE85250D6
HEADER = [MAGIC, 0, 24, -(MAGIC + 24) % (1 << 32), 0, 8]
PRESENT_WRITABLE = 0b11
LARGE_PAGE = 1 << 7
PAGE = 4096
CODE, DATA = 8, 16
STACK_SIZE = 16384


class EntryNote(Struct):
    """An ELF note with an address."""

    name_size: U32
    description_size: U32
    type: U32
    name: Array[U8] = field(count=4)
    entry: U32


def entry_note(entry: object) -> EntryNote:
    """The note that tells a loader to enter at `entry`."""
    return EntryNote(name_size=4, description_size=4, type=18, name=b"Xen\0", entry=entry)


class TablePointer(Struct, packed=True):
    """What `lgdt` reads."""

    limit: U16
    base: U32


class Boot(Subsystem):
    """Maps memory and calls the program."""

    multiboot2 = header(U32 * 6, HEADER, align=8)
    top = boot(U64 * 512, align=PAGE)
    directory = boot(
        U64 * 512, [n << 21 | LARGE_PAGE | PRESENT_WRITABLE for n in range(512)], align=PAGE
    )
    segments = boot(U64 * 3, [0, 0x20980000000000, 0x920000000000], align=8)
    stack = bss(U8 * STACK_SIZE, align=16)

    def __init__(self, main: Main) -> None:
        self.main = main
        self.pvh = note(EntryNote, entry_note(self.start))
        base = address_of(self.segments)
        self.pointer = boot(TablePointer, TablePointer(limit=sizeof(U64 * 3) - 1, base=base))

    @entry(bits=32)
    def start(self) -> None:
        """Go to 64-bit mode."""
        cli()
        self._link(self.top[0], self.directory)
        mov(eax, address_of(self.top))
        mov(cr3, eax)
        mov(ecx, physical(self.stack))
        lgdt(self.pointer)
        ljmp(far(CODE, self.enter))

    @naked(boot=True, stack=STACK_SIZE)
    def enter(self) -> None:
        """Take the stack and go on."""
        mov(eax, DATA)
        mov(ds, eax)
        mov(rsp, address_of(self.stack) + STACK_SIZE)
        xor(ebp, ebp)
        mov(rax, address_of(self.main.run))
        jmp(rax)

    def _link(self, slot: U64, table: object) -> None:
        mov(eax, address_of(table))
        or_(eax, PRESENT_WRITABLE)
        mov(cast(slot, U32), eax)
