"""The firmware's tables, found from their root and looked at only once they are checked."""

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.acpi.structures import (
    LEAST_SIZES,
    OLD_ROOT_SIZE,
    ROOT_SIGNATURE,
    RSDT_SIGNATURE,
    XSDT_SIGNATURE,
    RootPointer,
    TableHeader,
)
from kernel.boot.record import BootRecord
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.mm.directmap import DirectMap
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

    def __init__(self, record: BootRecord, memory: DirectMap, log: Log) -> None:
        self.record = record
        self.memory = memory
        self.log = log

    @function
    def start(self) -> None:
        """Find the root table; print a warning if there should be one, but it is damaged."""
        with if_(self.record.acpi_root == 0):
            ret()
        self.find_root(self.record.acpi_root)
        with if_(self.root != 0):
            tail(self.warn_of_damage)
        self.log.write(
            LogLevel.WARNING, "ACPI: the firmware's tables are damaged; going on without them"
        )

    @function
    def warn_of_damage(self) -> None:
        """Print a line for each table that is named, but is of no use."""
        with self.each() as address:
            good = self.is_good(address)
            with if_((good == 0) & (address != 0)):
                self.log.write(
                    LogLevel.WARNING,
                    "ACPI: the table at 0x%x is damaged; going on without it",
                    address,
                )

    @function
    def is_good(self, address: U64) -> U32:
        """Whether there is a sound table at physical `address`, not shorter than one of its kind
        has to be: 1 or 0."""
        table = self.table_at(address)
        with if_(table == 0):
            ret(0)
        for signature, size in LEAST_SIZES.items():
            with if_((table.signature == signature) & (table.length < size)):
                ret(0)
        ret(1)

    @contextmanager
    def each(self) -> Iterator[U64]:
        """The block runs for each address that the root names, in a kept register."""
        entry, end, address = keep(U64), keep(U64), keep(U64)
        mov(entry, self.root)
        mov(end, entry)
        with if_(entry != 0):
            mov(ecx, cast(entry, Ptr[TableHeader]).length)
            add(end, rcx)
            sub(end, self.entry_size)
            add(entry, sizeof(TableHeader))
        with while_((entry != 0) & (entry <= end)):
            mov(u32(address), u32[entry])
            with if_(self.entry_size == sizeof(U64)):
                mov(address, u64[entry])
            add(entry, self.entry_size)
            yield address
        release(entry, end, address)

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
        signature, least = keep(signature), local(U32)
        mov(least, size)
        with self.each() as address:
            header = self.header_at(address)
            mov(ecx, least)
            with if_((header != 0) & (header.signature == signature) & (header.length >= ecx)):
                table = self.table_at(address)
                with if_(table != 0):
                    ret(table)
        ret(0)

    @function
    def table_at(self, address: U64) -> Ptr[TableHeader]:
        """The table at physical `address`, or null if it can't be one."""
        address = keep(address)
        header = self.header_at(address)
        with if_(header == 0):
            ret(0)
        length = keep(header.length)
        table = keep(self.readable(address, u64(length)))
        with if_(table == 0):
            ret(0)
        with if_(self.sum(cast(table, Ptr[U8]), u64(length)) != 0):
            ret(0)
        ret(cast(table, Ptr[TableHeader]))

    @function
    def header_at(self, address: U64) -> Ptr[TableHeader]:
        """The header at physical `address`, of which only the length is known to make sense, or
        null."""
        header = cast(self.readable(address, sizeof(TableHeader)), Ptr[TableHeader])
        with if_(header == 0):
            ret(0)
        with if_((header.length < sizeof(TableHeader)) | (header.length > MAX_TABLE)):
            ret(0)
        ret(header)

    @function
    def readable(self, address: U64, length: U64) -> U64:
        """Where `length` bytes, at most MAX_TABLE, at physical `address` can be read, or 0."""
        mov(rax, PHYSICAL_END)
        sub(rax, length)
        with if_((address == 0) | (address > rax)):
            ret(0)
        tail(self.memory.map_read_only, address, length)

    @function
    def sum(self, start: Ptr[U8], length: U64) -> U8:
        """The sum of `length` bytes, which is 0 over a table with a right checksum."""
        xor(eax, eax)
        with while_(length != 0):
            add(al, at(start))
            inc(start)
            dec(length)
        ret(al)
