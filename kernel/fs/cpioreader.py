"""Archives that are unpacked while they come, piece by piece."""

from __future__ import annotations

from enum import IntEnum

from kernel.clock.units import NSEC_PER_SEC
from kernel.errno import Errno
from kernel.fs.characterdevices import MINOR_BITS
from kernel.fs.cpio import ALIGNMENT, DIGITS, MAGICS, TRAILER, CpioField, CpioHeader
from kernel.fs.creation import Creation
from kernel.fs.file import File
from kernel.fs.fileio import FileIo
from kernel.fs.files import Files
from kernel.fs.iovector import IoVector
from kernel.fs.lookup import Lookup
from kernel.fs.mode import PERMISSIONS, TYPE_MASK, FileType
from kernel.fs.openflag import OpenFlag
from kernel.fs.opening import Opening
from kernel.fs.rootfilesystem import RootFileSystem
from kernel.fs.walk import Walk
from kernel.structures.alignment import round_up
from pykasm import *

PATH_MAX = 4096
"""Bytes of a name, with its end (include/uapi/linux/limits.h)."""

MAGIC_START = int.from_bytes(MAGICS[0][:4], "little")
MAGIC_ENDS = [int.from_bytes(one[4:], "little") for one in MAGICS]
"""The first four bytes and the last two of a magic number, as numbers."""


COMPRESSED = 0x1F
"""What no archive begins with, but a compressed one does."""


class CpioStage(IntEnum):
    """What of an archive comes next."""

    START = 0
    """A header, perhaps after zeros."""
    HEADER = 1
    NAME = 2
    TEXT = 3
    """Of a symbolic link."""
    BODY = 4


class CpioReader(Subsystem):
    """Unpacks archives into the root file system, as root. What is damaged ends with one problem;
    what could not be made is counted. Context: one thread."""

    stage = bss(U32)
    target = bss(U64)
    """Where the next bytes go, but for those of files."""
    missing = bss(U64)
    """Bytes before the stage is complete, with those that only fill up."""
    body = bss(U64)
    """How many of them belong to the file."""
    header = bss(CpioHeader)
    values = bss(U32 * len(CpioField))
    name = bss(U8 * (PATH_MAX + ALIGNMENT))
    text = bss(U8 * (PATH_MAX + ALIGNMENT))
    file = bss(OrNull[Owned[Ptr[File]]])
    rest = bss(U64)
    """Bytes after an archive that are none themselves."""
    problem = bss(Ptr[U8])
    """What is wrong with the archive."""
    made = bss(U64)
    failed = bss(U64)
    """How many names were made, and how many could not be."""

    def __init__(
        self,
        root: RootFileSystem,
        walk: Walk,
        creation: Creation,
        opening: Opening,
        files: Files,
        io: FileIo,
    ) -> None:
        self.root = root
        self.walk = walk
        self.creation = creation
        self.opening = opening
        self.files = files
        self.io = io
        self.trailer = rodata(U8 * len(TRAILER), list(TRAILER))

    # Taking bytes

    @function(context="thread", sleeps=True)
    def feed(self, start: Keep[Ptr[U8]], length: Keep[U64]) -> OrErrno[I32]:
        """Take the next bytes, up to what begins like a compressed archive between two; `rest` is
        how many are left there. Returns 0; or -EINVAL, and `problem` says why."""
        chunk = keep(U64)
        with while_(length != 0):
            with if_(self.stage == CpioStage.START):
                with if_(at(start) == 0):
                    inc(start)
                    dec(length)
                    continue_()
                break_if(at(start) == COMPRESSED)
                self._expect(CpioStage.HEADER, self.header, sizeof(CpioHeader))
            mov(chunk, self.missing)
            with if_(chunk > length):
                mov(chunk, length)
            self._take(start, chunk)
            add(start, chunk)
            sub(length, chunk)
            sub(self.missing, chunk)
            with while_(lambda: (self.missing == 0) & (self.stage != CpioStage.START)):
                try_(self._complete())
        mov(self.rest, length)
        ret(0)

    @inline(changes=rax)
    def _expect(self, stage: CpioStage, target: object, size: object) -> None:
        """Expect `size` bytes next."""
        lea(rax, target)
        mov(self.target, rax)
        mov(rax, size)
        mov(self.missing, rax)
        mov(self.stage, stage)

    @function(context="thread", sleeps=True)
    def _take(self, start: Ptr[U8], length: U64) -> None:
        """Put `length` bytes where they belong."""
        with if_(self.stage == CpioStage.BODY):
            tail(self._take_body, start, length)
        mov(rcx, length)
        mov(rsi, start)
        mov(rdi, self.target)
        rep.movsb()
        mov(self.target, rdi)

    @function(context="thread", sleeps=True)
    def _take_body(self, start: Ptr[U8], length: U64) -> None:
        """Write those of `length` bytes to the file that belong to it."""
        vector, file = local(IoVector), scratch(self.file)
        with if_(length > self.body):
            mov(length, self.body)
        sub(self.body, length)
        with if_((file == 0) | (length == 0)):
            ret()
        vector.start(u64(start), length, is_user=False)
        ignore(self.io.write(file, address_of(vector)), "what is left of the vector says it")
        with if_(vector.left != 0):
            inc(self.failed)

    # Stages

    @function(context="thread", sleeps=True)
    def _complete(self) -> OrErrno[I32]:
        """Go on to the next stage. Returns what `feed` does."""
        mov(eax, self.stage)
        with switch(eax):
            with case(CpioStage.HEADER):
                tail(self._read_header)
            with case(CpioStage.NAME):
                tail(self._read_name)
            with case(CpioStage.TEXT):
                self._read_text()
            with case(CpioStage.BODY):
                self.close()
        self._set_attributes()
        mov(self.stage, CpioStage.START)
        ret(0)

    @function
    def _read_header(self) -> OrErrno[I32]:
        """Read the numbers of a header; its name comes next."""
        mov(eax, u32(self.header.magic[0]))
        movzx(ecx, u16(self.header.magic[4]))
        with if_((eax != MAGIC_START) | ((ecx != MAGIC_ENDS[0]) & (ecx != MAGIC_ENDS[1]))):
            tail(self.refuse_header)
        with if_(~self._read_values()):
            tail(self._refuse, text("a number is not hexadecimal"))
        size = scratch(self.values[CpioField.NAME_SIZE])
        with if_((size == 0) | (size > PATH_MAX)):
            tail(self._refuse, text("a name is empty or too long"))
        add(size, sizeof(CpioHeader))
        round_up(u64(size), ALIGNMENT)
        sub(size, sizeof(CpioHeader))
        self._expect(CpioStage.NAME, self.name, u64(size))
        ret(0)

    @function
    def _read_values(self) -> Bool:
        """Set `values` to the numbers of the header. Returns whether they are numbers."""
        digit, index, value = scratch(Ptr[U8]), scratch(U64), scratch(U32)
        lea(digit, self.header.digits)
        with for_(index, 0, len(CpioField)):
            xor(value, value)
            mov(ecx, DIGITS)
            with while_(ecx != 0):
                movzx(eax, at(digit))
                inc(digit)
                sub(eax, ord("0"))
                with if_(eax > 9):
                    add(eax, ord("0"))
                    or_(eax, ord("a") - ord("A"))  # large letters are as good as small ones
                    sub(eax, ord("a"))
                    with if_(eax > 5):
                        ret(False)
                    add(eax, 10)
                shl(value, 4)
                or_(value, eax)
                dec(ecx)
            mov(self.values[index], value)
        ret(True)

    @function
    def refuse_header(self) -> OrErrno[I32]:
        """Note that no archive begins where one should. Returns -EINVAL."""
        tail(self._refuse, text("there is no header where one should be"))

    @function
    def _refuse(self, problem: Ptr[U8]) -> OrErrno[I32]:
        """Note the `problem`. Returns -EINVAL."""
        mov(self.problem, problem)
        ret(-Errno.EINVAL)

    @function(context="thread", sleeps=True)
    def _read_name(self) -> OrErrno[I32]:
        """Begin with what the name is of."""
        size, kind = keep(U64), keep(U32)
        mov(eax, self.values[CpioField.NAME_SIZE])
        lea(rcx, self.name)
        with if_(u8[rcx + rax - 1] != 0):
            tail(self._refuse, text("a name does not end"))
        with if_(self._is_trailer()):
            mov(self.stage, CpioStage.START)
            ret(0)
        mov(u32(size), self.values[CpioField.SIZE])
        mov(self.body, size)
        mov(kind, self.values[CpioField.MODE])
        and_(kind, TYPE_MASK)
        with if_((kind == FileType.SYMLINK) & (size >= PATH_MAX)):
            tail(self._refuse, text("the text of a symbolic link is too long"))
        round_up(size, ALIGNMENT)
        with if_(kind == FileType.SYMLINK):
            self._expect(CpioStage.TEXT, self.text, size)
            ret(0)
        self._expect(CpioStage.BODY, self.text, size)
        self._make(kind)
        ret(0)

    @inline(changes=(rax, rcx, rsi, rdi))
    def _is_trailer(self) -> Condition:
        """Return whether the name is that of the last entry."""
        lea(rsi, self.name)
        lea(rdi, self.trailer)
        mov(ecx, len(TRAILER))
        repe.cmpsb()
        return ZF

    # What is made

    @function(context="thread", sleeps=True)
    def _make(self, kind: U32) -> None:
        """Make the directory, file or special file of the header."""
        subject, name = address_of(self.root.subject), address_of(self.name)
        mode = keep(self.values[CpioField.MODE])
        with if_(kind == FileType.REGULAR):
            flags = OpenFlag.CREATE | OpenFlag.WRITE_ONLY | OpenFlag.TRUNCATE | OpenFlag.NO_FOLLOW
            result, file = self.opening.open(subject, 0, name, flags, mode)
            mov(self.file, file)
            tail(self._count, result)
        with if_(kind == FileType.DIRECTORY):
            tail(self._count, self.creation.mkdir(subject, 0, name, mode))
        mov(eax, self.values[CpioField.DEVICE_MAJOR])
        shl(rax, MINOR_BITS)
        mov(ecx, self.values[CpioField.DEVICE_MINOR])
        or_(rax, rcx)
        tail(self._count, self.creation.mknod(subject, 0, name, mode, rax))

    @function(context="thread", sleeps=True)
    def _read_text(self) -> None:
        """Make a symbolic link."""
        mov(rax, self.body)
        lea(rcx, self.text)
        mov(u8[rcx + rax], 0)
        subject, name = address_of(self.root.subject), address_of(self.name)
        tail(self._count, self.creation.symlink(subject, 0, name, address_of(self.text)))

    @function
    def _count(self, result: OrErrno[I32]) -> None:
        """Count a name that was made, or was there already, or one that could not be."""
        with if_((result == 0) | (result == -Errno.EEXIST)):
            inc(self.made)
        with else_():
            inc(self.failed)

    @function(context="thread")
    def close(self) -> None:
        """Close the file that is being unpacked, if one is."""
        file = scratch(Ptr[File])
        xor(u32(file), u32(file))
        xchg(self.file, file)
        with if_(file != 0):
            self.files.drop(file)

    @function(context="thread", sleeps=True)
    def _set_attributes(self) -> None:
        """Give what the name leads to the mode, owner and time of the header."""
        lookup, name = local(Lookup), address_of(self.name)
        found = self.walk.find(address_of(lookup), address_of(self.root.subject), 0, name, 0)
        with if_(found != 0):
            ret()
        dentry = scratch(lookup.place.dentry)
        asserts(dentry != 0)
        inode = scratch(dentry.inode)
        asserts(inode != 0)
        mov(eax, self.values[CpioField.MODE])
        xor(eax, inode.mode)
        and_(eax, PERMISSIONS)
        xor(inode.mode, eax)
        mov(eax, self.values[CpioField.USER])
        mov(inode.user, eax)
        mov(eax, self.values[CpioField.GROUP])
        mov(inode.group, eax)
        mov(eax, self.values[CpioField.MODIFIED])
        imul(rax, rax, NSEC_PER_SEC)
        mov(u64(inode.modified), rax)
        self.walk.end(address_of(lookup))

    @function(context="thread", sleeps=True)
    def finish(self) -> OrErrno[I32]:
        """End after the last byte. Returns 0, or -EINVAL if the archive does not end there."""
        self.close()
        with if_(self.stage == CpioStage.START):
            ret(0)
        mov(self.stage, CpioStage.START)
        tail(self._refuse, text("it ends in the middle"))
