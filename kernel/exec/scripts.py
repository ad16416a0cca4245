"""Scripts, which name the program that runs them."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.exec.argumentlist import ArgumentList
from kernel.exec.argumentlists import ArgumentLists
from kernel.exec.loadrequest import LoadRequest
from kernel.fs.fileio import FileIo
from kernel.fs.files import Files
from kernel.fs.iovector import IoVector
from kernel.fs.openflag import OpenFlag
from kernel.fs.opening import Opening
from pykasm import *

MAGIC = int.from_bytes(b"#!", "little")
"""How a script begins (execve(2))."""

LINE = 256
"""Bytes of its first line that are looked at (Linux: BINPRM_BUF_SIZE)."""


class Scripts(Subsystem):
    """Has the programs run that scripts name. Context: thread."""

    def __init__(self, opening: Opening, files: Files, io: FileIo, lists: ArgumentLists) -> None:
        self.opening = opening
        self.files = files
        self.io = io
        self.lists = lists

    @function(context="thread", sleeps=True)
    def resolve(self, request: Keep[Ptr[LoadRequest]]) -> OrErrno[I32]:
        """If the file of `request` is a script, have `request` be about the program that it names,
        with the script as an argument. Returns 1 then, 0 for another file, or an error."""
        line, vector = local(U8 * (LINE + 1)), local(IoVector)
        lea(rax, line)
        mov(ecx, LINE)
        vector.start(rax, rcx, is_user=False)
        length = self.io.read_at(request.file, address_of(vector), 0)
        with if_(length < 0):
            ret(i32(length))
        lea(rcx, line)
        with if_((length < 2) | (u16[rcx] != MAGIC)):
            ret(0)
        name, option = self._parse(address_of(line), u64(length))
        fail_if(name == 0, Errno.ENOEXEC)
        fail_if(at(name) == 0, Errno.EACCES)  # as if it named a directory (Linux: open_exec)
        result = self._replace(request, name, option)
        ret(result)

    # The line

    @function
    def _parse(
        self, line: Keep[Ptr[U8]], length: Keep[U64]
    ) -> tuple[OrNull[Ptr[U8]], OrNull[Ptr[U8]]]:
        """Return the name of the program and what else `line`, of `length` bytes, has for it, null
        for nothing, each with its end. The name is null if there is none, or if it may go on behind
        the bytes that were read; it is empty where a zero stands in its place."""
        name, place = keep(Ptr[U8]), scratch(Ptr[U8])
        mov(line[length], 0)
        lea(place, line[2])
        self._skip_blanks(place)
        with if_(at(place) == 0):
            lea(rax, line[LINE - 1])
            with if_(place >= rax):
                ret(0, 0)
            ret(place, 0)
        self._cut_at_end(line, length)
        lea(place, line[2])
        self._skip_blanks(place)
        mov(name, place)
        with while_((at(place) != 0) & ~self._is_blank(place)):
            inc(place)
        with if_(place == name):
            ret(0, 0)
        with if_(at(place) == 0):
            sub(u64(place), line)
            with if_(u64(place) == LINE):
                ret(0, 0)
            ret(name, 0)
        mov(at(place), 0)
        inc(place)
        self._skip_blanks(place)
        with if_(at(place) == 0):
            ret(name, 0)
        ret(name, place)

    @function
    def _cut_at_end(self, line: Ptr[U8], length: U64) -> None:
        """Write a zero behind the first line of `length` bytes, and behind its last character that
        is not blank."""
        line, length = scratch(line), scratch(length)
        mov(rdi, line)
        mov(rcx, length)
        mov(al, ord("\n"))
        repne.scasb()
        with if_(ZF):
            sub(rdi, line)
            lea(length, bare[rdi - 1])
        place = scratch(Ptr[U8])
        lea(place, line[length])
        with while_((place != line) & self._is_blank(place, -1)):
            dec(place)
        mov(at(place), 0)

    @inline(changes="place")
    def _skip_blanks(self, place: Ptr[U8]) -> None:
        """Move `place` behind blanks."""
        with while_(self._is_blank(place)):
            inc(place)

    @inline
    def _is_blank(self, place: Ptr[U8], offset: int = 0) -> Condition:
        """Return the condition that there is a space or a tabulator at `place`, or so many bytes
        from there."""
        return (place[offset] == ord(" ")) | (place[offset] == ord("\t"))

    # What is run instead

    @function(context="thread", sleeps=True)
    def _replace(
        self, request: Keep[Ptr[LoadRequest]], name: Keep[Ptr[U8]], option: Keep[OrNull[Ptr[U8]]]
    ) -> OrErrno[I32]:
        """Have `request` be about the program `name`, with `option`, the script and the arguments
        of that. Returns 1 or an error."""
        failed, opened = self.opening.open(
            request.subject, 0, name, OpenFlag.CLOSE_ON_EXEC | OpenFlag.EXECUTE, 0
        )
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is open")
        file = keep(opened)
        xchg(request.file, file)
        self.files.drop(file)
        list = keep(try_(self.lists.create(), Errno.ENOMEM))
        errdefer(self.lists.free, list)
        try_(self.lists.add(list, name))
        with if_(option != 0):
            try_(self.lists.add(list, option))
        try_(self.lists.add(list, request.name))
        try_(self.lists.add_rest(list, request.list))
        self._exchange(request, list)
        ret(1)

    @function
    def _exchange(
        self, request: Keep[Ptr[LoadRequest]], list: Keep[Owned[Ptr[ArgumentList]]]
    ) -> None:
        """Make `list` that of `request`, and its first text the file's name."""
        name, rest = self.lists.at(list, 0)
        ignore(rest)
        mov(request.name, cast(name, Ptr[U8]))
        xchg(request.list, list)
        tail(self.lists.free, list)
