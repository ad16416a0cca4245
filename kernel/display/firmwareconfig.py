"""QEMU's firmware configuration device (QEMU, docs/specs/fw_cfg.rst)."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Any

from kernel.cpu.features import BasicMore, Features
from kernel.paging.addresses import PhysicalAddress
from kernel.text.strings import Strings
from pykasm import *

SIGNATURE = int.from_bytes(b"QEMU", "little")
NAME_SIZE = 56
"""Bytes of the name of a file, with its end."""
MAX_FILES = 1024
"""More than there are: a count beyond is damage."""


class ConfigPort(IntEnum):
    """The device's ports on a PC."""

    SELECTOR = 0x510
    DATA = 0x511
    DMA_HIGH = 0x514
    DMA_LOW = 0x518


class ConfigItem(IntEnum):
    """Numbers of items that are always there."""

    SIGNATURE = 0x0000
    FEATURES = 0x0001
    DIRECTORY = 0x0019


class ConfigFeature(IntFlag):
    """What `ConfigItem.FEATURES` says."""

    DMA = 1 << 1


class DmaControl(IntFlag):
    """`DmaAccess.control`; the number of the item is in the upper half."""

    ERROR = 1 << 0
    SELECT = 1 << 3
    WRITE = 1 << 4


ITEM_SHIFT = 16


class DmaAccess(Struct, packed=True):
    """What the device is asked to do."""

    control: U32BE
    length: U32BE
    address: U64BE


class ConfigFile(Struct, packed=True):
    """An entry of the directory."""

    size: U32BE
    item: U16BE
    reserved: U16
    name: Array[U8] = field(count=NAME_SIZE)


class FirmwareConfig(Subsystem):
    """Finds and writes files of the firmware configuration. Context: the first processor, while
    starting."""

    file = bss(ConfigFile)
    """The entry of the directory that was read last."""
    access = bss(DmaAccess, align=sizeof(U64))

    number = bss(U32)

    def __init__(self, features: Features, strings: Strings) -> None:
        self.features = features
        self.strings = strings

    @function(init=True)
    def is_there(self) -> Bool:
        """Return whether this is a machine of QEMU's whose device can write. The ports are touched
        in virtual machines only."""
        with if_((self.features.basic_more & BasicMore.HYPERVISOR) == 0):
            ret(False)
        self._select(ConfigItem.SIGNATURE)
        with if_(self._read_number() != SIGNATURE):
            ret(False)
        self._select(ConfigItem.FEATURES)
        features = self._read_number()
        ret((features & ConfigFeature.DMA) != 0)

    @function(init=True)
    def find(self, name: Keep[Ptr[U8]]) -> U32:
        """Return the number of the item that is the file `name`; 0 if there is none."""
        left = keep(U32)
        self._select(ConfigItem.DIRECTORY)
        self._read(self.number, sizeof(U32))
        mov(left, self.number)
        bswap(left)
        with if_(left > MAX_FILES):
            ret(0)
        with while_(left != 0):
            self._read(self.file, sizeof(ConfigFile))
            mov(self.file.name[NAME_SIZE - 1], 0)
            with if_(self.strings.equal(address_of(self.file.name), name)):
                mov(ax, self.file.item)
                movzx(eax, ax)
                ret(eax)
            dec(left)
        ret(0)

    @function(init=True)
    def write(self, item: U32, data: PhysicalAddress, length: U32) -> Bool:
        """Write `length` bytes of memory from physical `data` on to the file that `item` is. Return
        whether the device has taken them."""
        shl(item, ITEM_SHIFT)
        or_(item, DmaControl.SELECT | DmaControl.WRITE)
        mov(self.access.control, item)
        mov(self.access.length, length)
        mov(self.access.address, data)
        xor(eax, eax)
        mov(edx, ConfigPort.DMA_HIGH)
        out(dx, eax)
        mov(eax, physical(self.access))
        bswap(eax)
        mov(edx, ConfigPort.DMA_LOW)
        out(dx, eax)  # which starts and, in QEMU, ends it
        ret(self.access.control == 0)

    @inline(changes=(rax, rdx))
    def _select(self, item: ConfigItem) -> None:
        """Select `item`, to be read from its start."""
        mov(eax, item)
        mov(edx, ConfigPort.SELECTOR)
        out(dx, ax)

    @inline(changes=(rcx, rdx, rdi))
    def _read(self, place: Any, size: int) -> None:
        """Fill `place` with the next `size` bytes of the item."""
        lea(rdi, place)
        mov(ecx, size)
        mov(edx, ConfigPort.DATA)
        rep.insb()

    @inline(changes=(rax, rcx, rdx, rdi))
    def _read_number(self) -> U32:
        """Return the next 4 bytes of the item."""
        self._read(self.number, sizeof(U32))
        mov(eax, self.number)
        return eax
