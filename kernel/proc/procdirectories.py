"""The directories of procfs."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.cacheddirectories import CachedDirectories
from kernel.fs.dentries import Dentries
from kernel.fs.directorylister import DirectoryLister, ListedName
from kernel.fs.file import File, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.inode import Dentry, FileName, Inode
from kernel.fs.mode import TYPE_MASK, TYPE_SHIFT
from kernel.proc.procentry import NO_MEMBER, ProcEntry, ProcNode
from kernel.proc.procnodes import ProcNodes
from kernel.process.process import ProcessState
from kernel.text.numbers import DECIMAL, NUMBER_SIZE, Numbers
from kernel.text.strings import Strings
from pykasm import *

FIRST_ENTRY = 2
"""The position of the first entry, behind `.` and `..`; numbers follow behind the last one."""


class ProcDirectories(Subsystem):
    """Finds and lists names: entries that are always there, then numbers in their order. Context:
    thread."""

    def __init__(
        self,
        defaults: FileDefaults,
        nodes: ProcNodes,
        dentries: Dentries,
        cached: CachedDirectories,
        strings: Strings,
        numbers: Numbers,
    ) -> None:
        self.nodes = nodes
        self.dentries = dentries
        self.cached = cached
        self.strings = strings
        self.numbers = numbers
        self.operations = rodata(
            FileOperations,
            defaults.table(read=cached.read, list=self.list, seek=cached.seek),
        )

    # Finding

    @function(context="thread", sleeps=True)
    def look_up(self, directory: Keep[Ptr[Inode]], dentry: Keep[Ptr[Dentry]]) -> OrErrno[I32]:
        """Find a name, as `LookUp` says."""
        model, result = local(ProcNode), keep(I32)
        self.nodes.copy(address_of(model), cast(scratch(directory.private), Ptr[ProcNode]))
        mov(result, -Errno.ENOENT)
        with if_(~self._is_gone(address_of(model))):
            mov(result, self._find(address_of(model), dentry.name))
        with if_(result == 0):
            inode = self.nodes.create(directory.superblock, address_of(model))
            with if_(inode != 0):
                self.dentries.set_inode(dentry, inode)
            with else_():
                mov(result, -Errno.ENOMEM)
        self.nodes.leave(address_of(model))
        with if_(result == -Errno.ENOENT):
            ret(0)  # the name stays negative
        ret(result)

    @function
    def _is_gone(self, node: Ptr[ProcNode]) -> Bool:
        """Return whether the process of `node` was waited for: nothing is in its directory then."""
        process = scratch(node.process)
        ret((process != 0) & (process.state == ProcessState.REAPED))

    @function(context="thread", sleeps=True)
    def _find(self, model: Keep[Ptr[ProcNode]], name: Keep[Ptr[FileName]]) -> OrErrno[I32]:
        """Change `model`, which tells of a directory, to what `name` stands for there. Returns 0
        or -ENOENT."""
        directory = scratch(model.entry)
        child, left = keep(directory.children), keep(directory.count)
        with while_(left != 0):
            with if_(self.strings.equal(address_of(name.text), child.name)):
                mov(model.entry, child)
                ret(0)
            add(u64(child), sizeof(ProcEntry))
            dec(left)
        release(child, left)
        number, good = self.numbers.parse(address_of(name.text))
        fail_if(~good, Errno.ENOENT)
        with if_((name.text[0] == ord("0")) & (name.length != 1)):  # one number has one name
            ret(-Errno.ENOENT)
        tail(self._find_member, model, number)

    @function(context="thread", sleeps=True)
    def _find_member(self, model: Keep[Ptr[ProcNode]], number: Keep[U64]) -> OrErrno[I32]:
        """Change `model` to what `number` stands for. Returns what `_find` does."""
        directory = scratch(model.entry)
        members = keep(try_(directory.members, Errno.ENOENT))
        with if_(members.has_hidden == 0):
            fail_if(members.next(model, number) != number, Errno.ENOENT)
        mov(rax, members.entry)
        mov(model.entry, rax)
        ret(members.enter(model, number))

    # Listing

    @function(context="thread", sleeps=True)
    def list(self, file: Keep[Ptr[File]], lister: Keep[Ptr[DirectoryLister]]) -> OrErrno[I32]:
        """Tell names as `ListDirectory` says. Returns 0."""
        name, inode = local(ListedName), scratch(file.inode)
        fail_if(self._is_gone(cast(scratch(inode.private), Ptr[ProcNode])), Errno.ENOENT)
        with loop():
            with if_(file.position < FIRST_ENTRY):
                dentry = scratch(file.path.dentry)
                asserts(dentry != 0)
                break_if(~self.cached.describe(dentry, file.position, address_of(name)))
            with else_():
                break_if(~self._describe(file.inode, file.position, address_of(name)))
            break_if(~lister.take(lister, address_of(name)))
            mov(rax, name.next)
            mov(file.position, rax)
        ret(0)

    @function(context="thread", sleeps=True)
    def _describe(
        self, directory: Ptr[Inode], position: Keep[U64], name: Keep[Ptr[ListedName]]
    ) -> Bool:
        """Set `name` to the first one from `position` on. Returns whether there is one."""
        node = keep(cast(directory.private, Ptr[ProcNode]))
        entry, place = scratch(node.entry), scratch(position)
        sub(place, FIRST_ENTRY)
        with if_(place < entry.count):
            mov(rax, place)
            imul(rax, rax, sizeof(ProcEntry))
            add(rax, u64(entry.children))
            inc(position)
            mov(name.next, position)
            tail(self._describe_entry, cast(rax, Ptr[ProcEntry]), name)
        sub(place, entry.count)
        members = keep(try_(entry.members))
        number = keep(members.next(node, place))
        fail_if(number == NO_MEMBER)
        entry = scratch(node.entry)
        mov(rax, entry.count)
        lea(rax, bare[rax + number + (FIRST_ENTRY + 1)])
        mov(name.next, rax)
        tail(self._describe_member, node, number, name)

    @function
    def _describe_entry(self, entry: Ptr[ProcEntry], name: Ptr[ListedName]) -> Bool:
        """Set `name` to that of `entry`. Returns true."""
        mov(eax, entry.number)
        mov(name.number, rax)
        self._set_type(entry, name)
        source, length = scratch(entry.name), scratch(U64)
        xor(u32(length), u32(length))
        with loop():
            mov(al, source[length])
            break_if(al == 0)
            mov(name.text[length], al)
            inc(length)
        mov(name.length, length)
        ret(True)

    @inline(changes=rax)
    def _set_type(self, entry: Ptr[ProcEntry], name: Ptr[ListedName]) -> None:
        """Give `name` the type of `entry`."""
        mov(eax, entry.mode)
        and_(eax, TYPE_MASK)
        shr(eax, TYPE_SHIFT)
        mov(name.type, rax)

    @function(context="thread", sleeps=True)
    def _describe_member(
        self, node: Ptr[ProcNode], number: Keep[U64], name: Keep[Ptr[ListedName]]
    ) -> Bool:
        """Set `name` to a `number` in the directory `node`. Returns true."""
        model, digits, end = local(ProcNode), local(U8 * NUMBER_SIZE), keep(Ptr[U8])
        self.nodes.copy(address_of(model), node)
        ignore(self._find_member(address_of(model), number), "it is listed as it was a moment ago")
        entry = scratch(model.entry)
        self._set_type(entry, name)
        mov(name.number, self.nodes.number_of(address_of(model)))
        self.nodes.leave(address_of(model))
        lea(end, digits)
        add(end, NUMBER_SIZE)
        start = self.numbers.format_unsigned(number, DECIMAL, end)
        mov(rsi, start)
        mov(rcx, end)
        sub(rcx, rsi)
        mov(name.length, rcx)
        lea(rdi, name.text)
        rep.movsb()
        ret(True)
