"""Processors in sysfs."""

from __future__ import annotations

from kernel.fs.inode import Inode
from kernel.fs.textwriter import TextWriter
from kernel.processors.processors import Processors
from kernel.sysfs.syssource import SysSource
from kernel.sysfs.systree import NAME_ROOM, SysTree
from pykasm import *

MOST = 255
"""The greatest number that a processor may have, with local APICs of 8 bits."""

WORD_BITS = 32
"""Of the groups of a set, as it is written (Documentation/admin-guide/cputopology.rst)."""


class SysProcessors(SysSource):
    """Which processors there are, each shown as a core of its own in one package
    (Documentation/ABI/testing/sysfs-devices-system-cpu). Context: thread."""

    def __init__(self, tree: SysTree, writer: TextWriter, processors: Processors) -> None:
        self.tree = tree
        self.writer = writer
        self.processors = processors
        self.files = {
            "online": self.show_all,
            "possible": self.show_all,
            "present": self.show_all,
            "offline": self.show_none,
            "kernel_max": self.show_most,
        }
        self.topology = {
            "core_id": self.show_number,
            "physical_package_id": self.show_package,
            "thread_siblings": self.show_set_of_one,
            "thread_siblings_list": self.show_number,
            "core_cpus": self.show_set_of_one,
            "core_cpus_list": self.show_number,
            "core_siblings": self.show_set_of_all,
            "core_siblings_list": self.show_all,
            "package_cpus": self.show_set_of_all,
            "package_cpus_list": self.show_all,
        }

    @function
    def fill(self) -> None:
        """Add what there is of processors, as `SysSource` says."""
        name = local(U8 * NAME_ROOM)
        devices = self.tree.directory_at(address_of(self.tree.root), text("devices"))
        system = self.tree.directory_at(devices, text("system"))
        place = keep(self.tree.add_directory(system, text("cpu")))
        self.tree.add_files(place, self.files)
        with self.processors.each() as processor:
            self.tree.write_name(name, "cpu%u", processor.number)
            directory = keep(self.tree.add_directory(place, address_of(name)))
            mov(eax, processor.number)
            mov(directory.subject, rax)
            topology = keep(self.tree.add_directory(directory, text("topology")))
            self.tree.add_files(topology, self.topology)
            release(directory, topology)

    @function
    def show_all(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the numbers of all processors, as a range."""
        with if_(self.processors.count == 1):
            self.writer.print("0\n")
            ret(0)
        mov(eax, self.processors.count)
        dec(eax)
        self.writer.print("0-%u\n", rax)
        ret(0)

    @function
    def show_none(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write that no processor is switched off."""
        self.writer.print("\n")
        ret(0)

    @function
    def show_most(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the greatest number that a processor may have."""
        self.writer.print(f"{MOST}\n")
        ret(0)

    @function
    def show_package(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the number of the package."""
        self.writer.print("0\n")
        ret(0)

    @function
    def show_number(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the number of the processor."""
        number = self.tree.subject_of(inode)
        self.writer.print("%u\n", number)
        ret(0)

    @function
    def show_set_of_one(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the set that has the processor alone."""
        number = self.tree.subject_of(inode)
        mov(rax, number)
        inc(rax)
        tail(self._show_set, number, rax)

    @function
    def show_set_of_all(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the set of all."""
        mov(eax, self.processors.count)
        tail(self._show_set, 0, rax)

    @function
    def _show_set(self, first: Keep[U64], end: Keep[U64]) -> OrErrno[I32]:
        """Write the set of processors from `first` up to `end` in groups of `WORD_BITS`, the
        highest numbers first. Returns 0."""
        number, word = keep(U64), keep(U32)
        mov(u32(number), self.processors.count)
        xor(word, word)
        with while_(number != 0):
            dec(number)
            add(word, word)
            with if_((number >= first) & (number < end)):
                inc(word)
            with if_(number & (WORD_BITS - 1) == 0):
                self._show_word(word, number)
                xor(word, word)
        self.writer.print("\n")
        ret(0)

    @function
    def _show_word(self, word: U32, last: U64) -> None:
        """Write a group of a set, and whether others follow: it ends with the processor `last`."""
        last = keep(last)
        mov(eax, self.processors.count)
        dec(eax)
        xor(rax, last)
        with if_(rax < WORD_BITS):  # the first group: no zeros in front
            self.writer.print("%x", word)
        with else_():
            self.writer.print("%08x", word)
        with if_(last != 0):
            self.writer.print(",")
