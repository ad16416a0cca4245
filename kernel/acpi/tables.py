"""The firmware's tables, found from their root and looked at only once they are checked."""

from kernel.acpi.structures import (
    OLD_ROOT_SIZE,
    ROOT_SIGNATURE,
    RSDT_SIGNATURE,
    XSDT_SIGNATURE,
    RootPointer,
    TableHeader,
)
from kernel.boot.record import BootRecord
from kernel.console.colour import Colour
from kernel.console.console import Console
from kernel.mm.paging import Paging
from pykasm import *

PHYSICAL_END = 1 << 36
"""Every processor with long mode has at least 36 bits of physical address; no firmware puts its
tables above that."""

MAX_TABLE = 16 << 20
"""Bytes; far more than any table has, so that a damaged length can't lead far."""

XSDT_REVISION = 2
"""The first revision of the root pointer that names an XSDT (ACPI 6.5, 5.2.5.3)."""


class AcpiTables(Subsystem):
    """The tables by their signatures.

    A table whose checksum or length is wrong counts as missing. Context: threads, after `start`.
    """

    root = bss(Ptr[TableHeader])
    """The RSDT or XSDT; null as long as there is none."""
    entry_size = bss(U64)
    """Bytes of an address in it: 4 or 8."""

    def __init__(self, record: BootRecord, memory: Paging, console: Console) -> None:
        self.record = record
        self.memory = memory
        self.console = console

    @function
    def start(self) -> None:
        """Find the root table; print a warning if there should be one, but it is damaged."""
        with if_(self.record.acpi_root == 0):
            ret()
        self.find_root(self.record.acpi_root)
        with if_(self.root == 0):
            self.console.print(
                "ACPI: the firmware's tables are damaged; going on without them\n",
                colour=Colour.YELLOW,
            )

    @function
    def find_root(self, address: U64) -> None:
        """Set `root` by the root pointer at physical `address`, by its XSDT if that is sound."""
        pointer = keep(cast(self.readable(address, sizeof(RootPointer)), Ptr[RootPointer]))
        with if_(pointer == 0):
            ret()
        mov(rax, ROOT_SIGNATURE)
        with if_(pointer.signature != rax):
            ret()
        with if_(self.sum(cast(pointer, Ptr[U8]), OLD_ROOT_SIZE) != 0):
            ret()
        mov(eax, pointer.rsdt)
        self.use_root(rax, RSDT_SIGNATURE, sizeof(U32))
        with if_(pointer.revision < XSDT_REVISION):
            ret()
        with if_(self.sum(cast(pointer, Ptr[U8]), sizeof(RootPointer)) == 0):
            self.use_root(pointer.xsdt, XSDT_SIGNATURE, sizeof(U64))

    @function
    def use_root(self, address: U64, signature: U32, entry_size: U64) -> None:
        """Let the table at physical `address` be `root` if it is one with this `signature`."""
        signature, entry_size = keep(signature), keep(entry_size)
        table = self.table_at(address)
        with if_((table != 0) & (table.signature == signature)):
            mov(self.root, table)
            mov(self.entry_size, entry_size)

    @function
    def find(self, signature: U32, size: U32) -> Ptr[TableHeader]:
        """The first sound table with this `signature` and at least `size` bytes that the root
        names, or null."""
        signature, size, entry, end = keep(signature), keep(size), keep(U64), keep(U64)
        root = scratch(self.root)
        with if_(root == 0):
            ret(0)
        lea(entry, root[1])
        mov(u32(end), root.length)
        add(end, root)
        sub(end, self.entry_size)
        with while_(entry <= end):
            table = self.table_at(self._entry(entry))
            with if_((table != 0) & (table.signature == signature) & (table.length >= size)):
                ret(table)
            add(entry, self.entry_size)
        ret(0)

    def _entry(self, entry: U64) -> U64:
        """The address that is the entry of `root` at `entry`."""
        address = scratch(U64)
        mov(u32(address), u32[entry])
        with if_(self.entry_size == sizeof(U64)):
            mov(address, u64[entry])
        return address

    @function
    def table_at(self, address: U64) -> Ptr[TableHeader]:
        """The table at physical `address`, or null if it can't be one."""
        address = keep(address)
        header = cast(self.readable(address, sizeof(TableHeader)), Ptr[TableHeader])
        with if_(header == 0):
            ret(0)
        length = keep(header.length)
        with if_((length < sizeof(TableHeader)) | (length > MAX_TABLE)):
            ret(0)
        table = keep(self.readable(address, u64(length)))
        with if_(table == 0):
            ret(0)
        with if_(self.sum(cast(table, Ptr[U8]), u64(length)) != 0):
            ret(0)
        ret(cast(table, Ptr[TableHeader]))

    @function
    def readable(self, address: U64, length: U64) -> U64:
        """Where `length` bytes, at most MAX_TABLE, at physical `address` can be read, or 0."""
        mov(rax, PHYSICAL_END)
        sub(rax, length)
        with if_((address == 0) | (address > rax)):
            ret(0)
        tail(self.memory.expose, address, length)

    @function
    def sum(self, start: Ptr[U8], length: U64) -> U8:
        """The sum of `length` bytes, which is 0 over a table with a right checksum."""
        xor(eax, eax)
        with while_(length != 0):
            add(al, at(start))
            inc(start)
            dec(length)
        ret(al)
