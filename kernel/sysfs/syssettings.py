"""Settings of the kernel in sysfs."""

from __future__ import annotations

from kernel.fs.inode import Inode
from kernel.fs.textwriter import TextWriter
from kernel.sysfs.syssource import SysSource
from kernel.sysfs.systree import SysTree
from kernel.vm.largepages import LARGE_PAGE
from pykasm import *


class SysSettings(SysSource):
    """How the kernel is set, as far as programs look for it. Context: thread."""

    def __init__(self, tree: SysTree, writer: TextWriter) -> None:
        self.tree = tree
        self.writer = writer
        self.files = {"enabled": self.show_use, "hpage_pmd_size": self.show_size}

    @function
    def fill(self) -> None:
        """Add them, as `SysSource` says."""
        kernel = self.tree.directory_at(address_of(self.tree.root), text("kernel"))
        memory = self.tree.directory_at(kernel, text("mm"))
        place = keep(self.tree.add_directory(memory, text("transparent_hugepage")))
        self.tree.add_files(place, self.files)

    @function
    def show_use(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write that anonymous memory gets large pages wherever it can
        (Documentation/admin-guide/mm/transhuge.rst)."""
        self.writer.print("[always] madvise never\n")
        ret(0)

    @function
    def show_size(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the bytes of a large page."""
        self.writer.print(f"{LARGE_PAGE}\n")
        ret(0)
