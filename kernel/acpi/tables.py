"""Find the firmware's tables from their root, and validate them before use."""

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.acpi.search import FirmwareSearch
from kernel.acpi.structures import (
    MIN_SIZES,
    RSDP_SIGNATURE,
    RSDP_V1_SIZE,
    RSDT_SIGNATURE,
    XSDT_SIGNATURE,
    RootTable,
    Rsdp,
    TableHeader,
)
from kernel.boot.record import BootRecord
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.mm.directmap import DirectMap
from pykasm import *

PHYSICAL_END = 1 << 36
"""The limit of the tables' physical addresses: every processor with long mode has at least 36 bits
of address, and no firmware puts tables above that."""

MAX_TABLE = 16 << 20
"""Bytes: an upper limit of a table's length, far above any real one, to reject damaged lengths."""

ALL_BYTES = (1 << 64) - 1
"""The mask of a signature of 8 bytes."""

XSDT_REVISION = 2
"""The first revision of the root pointer that names an XSDT (ACPI 6.5, 5.2.5.3)."""


class AcpiTables(Subsystem):
    """Find tables by their signatures.

    A table with a wrong checksum or length counts as missing. Context: threads, after `start`.
    """

    root = bss(Ptr[RootTable])
    """The RSDT or XSDT; null if there is none."""
    end = bss(U64)
    """Where it ends."""
    entry_size = bss(U64)
    """Bytes of an address in the root table: 4 or 8."""

    def __init__(
        self, record: BootRecord, memory: DirectMap, search: FirmwareSearch, log: Log
    ) -> None:
        self.record = record
        self.search = search
        self.memory = memory
        self.log = log

    @function(init=True)
    def start(self) -> None:
        """Find the root table; log a warning if it, or a table that it lists, is damaged.

        The loader names its root pointer; if not, or if that leads nowhere, the BIOS areas may have
        it.
        """
        with if_(self.record.acpi_root != 0):
            self._find_root(self.record.acpi_root)
        with if_(self.root == 0):
            self._search_root()
        with if_(self.root != 0):
            tail(self._warn_of_damage)
        with if_(self.record.acpi_root != 0):
            self.log.write(
                LogLevel.WARNING, "ACPI: the firmware's tables are damaged; going on without them"
            )

    @function(init=True)
    def _search_root(self) -> None:
        """Find the root table by a root pointer in the BIOS areas, if there is one."""
        pointer = self.search.find(RSDP_SIGNATURE, ALL_BYTES, RSDP_V1_SIZE)
        with if_(pointer != 0):
            mov(self.record.acpi_root, pointer)
            self.log.write(LogLevel.INFO, "ACPI: root found at 0x%x", pointer)
            tail(self._find_root, self.record.acpi_root)

    @function
    def _warn_of_damage(self) -> None:
        """Log a warning for each listed table that is damaged."""
        with self.each() as address, if_((address != 0) & (lambda: ~self.is_valid(address))):
            self.log.write(
                LogLevel.WARNING,
                "ACPI: the table at 0x%x is damaged; going on without it",
                address,
            )

    @function
    def is_valid(self, address: U64) -> Bool:
        """Return whether there is a table at physical `address` with a right checksum and at least
        the length in MIN_SIZES."""
        table = self.table_at(address)
        with if_(table == 0):
            ret(False)
        for signature, size in MIN_SIZES.items():
            with if_((table.signature == signature) & (table.length < size)):
                ret(False)
        ret(True)

    @inline(changes=rax)
    @contextmanager
    def each(self) -> Iterator[U64]:
        """Run the block for each address that the root table lists, in a kept register."""
        root, address = scratch(self.root), keep(U64)
        with records(address_of(root.entries), self.end, self.entry_size) as entry:
            mov(u32(address), entry[0])  # addresses in an XSDT are not aligned
            with if_(self.entry_size == sizeof(U64)):
                mov(address, u64(at(entry)))
            yield address
        release(address)

    @function
    def _find_root(self, address: U64) -> None:
        """Set `root` by the root pointer at physical `address`: to its XSDT if that is valid, else
        to its RSDT."""
        pointer = keep(cast(self._map(address, sizeof(Rsdp)), Ptr[Rsdp]))
        with if_(pointer == 0):
            ret()
        mov(rax, RSDP_SIGNATURE)
        with if_(pointer.signature != rax):
            ret()
        with if_(self.search.checksum(cast(pointer, Ptr[U8]), RSDP_V1_SIZE) != 0):
            ret()
        rsdt = scratch(U64)
        mov(u32(rsdt), pointer.rsdt)
        self._set_root(rsdt, RSDT_SIGNATURE, sizeof(U32))
        with if_(pointer.revision < XSDT_REVISION):
            ret()
        with if_(self.search.checksum(cast(pointer, Ptr[U8]), sizeof(Rsdp)) == 0):
            self._set_root(pointer.xsdt, XSDT_SIGNATURE, sizeof(U64))

    @function
    def _set_root(self, address: U64, signature: Keep[U32], entry_size: Keep[U64]) -> None:
        """Set `root` to the table at physical `address` if that is valid and has `signature`."""
        table = self.table_at(address)
        with if_((table != 0) & (table.signature == signature)):
            mov(self.root, cast(table, Ptr[RootTable]))
            mov(ecx, table.length)
            add(rcx, table)
            mov(self.end, rcx)
            mov(self.entry_size, entry_size)

    @function
    def find(self, signature: Keep[U32], size: U32) -> OrNull[Ptr[TableHeader]]:
        """Return the first valid table with `signature` and at least `size` bytes that the root
        table lists, or null."""
        least = local(U32)
        mov(least, size)
        with self.each() as address:
            header = self.header_at(address)
            mov(ecx, least)  # only the header is read for tables that are not asked for
            with if_((header != 0) & (header.signature == signature) & (header.length >= ecx)):
                table = self.table_at(address)
                with if_(table != 0):
                    ret(table)
        ret(0)

    @function
    def table_at(self, address: Keep[U64]) -> OrNull[Ptr[TableHeader]]:
        """Return the table at physical `address`, or null if its length or checksum is wrong."""
        header = self.header_at(address)
        with if_(header == 0):
            ret(0)
        length = keep(header.length)
        table = keep(self._map(address, u64(length)))
        with if_(table == 0):
            ret(0)
        with if_(self.search.checksum(cast(table, Ptr[U8]), u64(length)) != 0):
            ret(0)
        ret(cast(table, Ptr[TableHeader]))

    @function
    def header_at(self, address: U64) -> OrNull[Ptr[TableHeader]]:
        """Return the header at physical `address`, or null if its length is wrong.

        The table's checksum is not validated.
        """
        header = cast(self._map(address, sizeof(TableHeader)), Ptr[TableHeader])
        with if_(header == 0):
            ret(0)
        with if_((header.length < sizeof(TableHeader)) | (header.length > MAX_TABLE)):
            ret(0)
        ret(header)

    @function
    def _map(self, address: U64, length: U64) -> U64:
        """Map `length` bytes, at most MAX_TABLE, at physical `address`; return 0 if that fails."""
        mov(rax, PHYSICAL_END)
        sub(rax, length)  # address + length might wrap around
        with if_((address == 0) | (address > rax)):
            ret(0)
        tail(self.memory.map_read_only, address, length)
