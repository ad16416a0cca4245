"""Devices without any hardware: null, zero, full, random, urandom (null(4), full(4), random(4))."""

from __future__ import annotations

from typing import Any

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.cachedfiles import CachedFiles
from kernel.fs.chacha import KEY_WORDS
from kernel.fs.characterdevices import CharacterDriver, device
from kernel.fs.file import File, FileKindFlag, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.fs.randomness import Randomness
from kernel.vm.region import Region
from pykasm import *

MAJOR = 1
NULL, ZERO, FULL, RANDOM, URANDOM = 3, 5, 7, 8, 9
"""Their numbers."""
NAMES = {NULL: "null", ZERO: "zero", FULL: "full", RANDOM: "random", URANDOM: "urandom"}

PIECE = KEY_WORDS * sizeof(U32)
"""Random bytes that come at once."""


class MemoryDevices(CharacterDriver):
    """What is done with them. Context: thread."""

    def __init__(
        self,
        defaults: FileDefaults,
        files: CachedFiles,
        vectors: IoVectors,
        randomness: Randomness,
    ) -> None:
        self.files = files
        self.vectors = vectors
        self.randomness = randomness
        kinds: dict[int, dict[str, Any]] = {
            NULL: {"read": self.read_nothing, "write": self.write_nowhere},
            ZERO: {"read": self.read_zeros, "write": self.write_nowhere, "map": self.map_zeros},
            FULL: {"read": self.read_zeros, "write": self.write_in_vain},
            RANDOM: {"read": self.read_random, "write": self.write_nowhere},
            URANDOM: {"read": self.read_random, "write": self.write_nowhere},
        }
        self.tables = [
            rodata(
                FileOperations,
                defaults.table(flags=FileKindFlag.UNPLACED, seek=self.seek, **functions),
            )
            for functions in kinds.values()
        ]
        self.devices = [
            device(MAJOR, minor, address_of(table), NAMES[minor])
            for minor, table in zip(kinds, self.tables, strict=True)
        ]

    @function
    def read_nothing(
        self, file: Ptr[File], vector: Ptr[IoVector], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Return 0, as it is always at its end."""
        ret(0)

    @function
    def write_nowhere(
        self, file: Ptr[File], vector: Ptr[IoVector], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Take all, and forget it. Returns how many bytes."""
        mov(rax, vector.left)
        mov(vector.left, 0)
        ret(i64(rax))

    @function
    def write_in_vain(
        self, file: Ptr[File], vector: Ptr[IoVector], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Refuse: there is never room, -ENOSPC."""
        ret(-Errno.ENOSPC)

    @function
    def seek(self, file: Ptr[File], offset: I64, whence: U32) -> OrErrno[I64]:
        """Go to the start wherever it is to go. Returns 0."""
        mov(file.position, 0)
        ret(0)

    @function
    def map_zeros(self, file: Ptr[File], region: Ptr[Region]) -> OrErrno[I32]:
        """Leave `region` without a backing, as anonymous memory. Returns 0."""
        ret(0)

    @function(context="thread", sleeps=True)
    def read_zeros(
        self, file: Ptr[File], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Give zeros without end. Returns how many, or -EFAULT."""
        with if_(vector.left <= PAGE):
            copied = self.vectors.copy_to(vector, address_of(self.files.hole), vector.left)
            fail_if((copied == 0) & (vector.left != 0), Errno.EFAULT)
            ret(i64(copied))
        tail(self._read_pages, vector)

    @function(context="thread", sleeps=True)
    def _read_pages(self, vector: Keep[Ptr[IoVector]]) -> OrErrno[I64]:
        """Do what `read_zeros` does, page by page."""
        total, chunk = keep(U64), keep(U64)
        xor(u32(total), u32(total))
        with while_(vector.left != 0):
            mov(chunk, vector.left)
            with if_(chunk > PAGE):
                mov(chunk, PAGE)
            copied = self.vectors.copy_to(vector, address_of(self.files.hole), chunk)
            add(total, copied)
            with if_(copied != chunk):
                fail_if(total == 0, Errno.EFAULT)
                break_()
        ret(i64(total))

    @function(context="thread", sleeps=True)
    def read_random(
        self, file: Ptr[File], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Give random bytes without end. Returns how many, or -EFAULT."""
        total, chunk, bytes = keep(U64), keep(U64), local(U8 * PIECE)
        xor(u32(total), u32(total))
        with while_(vector.left != 0):
            self.randomness.next_block(address_of(bytes))
            mov(chunk, vector.left)
            with if_(chunk > PIECE):
                mov(chunk, PIECE)
            copied = self.vectors.copy_to(vector, address_of(bytes), chunk)
            add(total, copied)
            with if_(copied != chunk):
                fail_if(total == 0, Errno.EFAULT)
                break_()
        ret(i64(total))
