"""Links to the namespaces of processes."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.inode import Inode, Place
from kernel.fs.mount import MountNamespace
from kernel.fs.mountnamespaces import MountNamespaces
from kernel.fs.namespacefiles import NamespaceFiles
from kernel.fs.path import Path
from kernel.proc.procentry import ProcNode
from kernel.proc.proclinks import ProcLinks
from kernel.proc.procsource import PROCESS, ProcLink, ProcSource
from kernel.process.inspection import Inspection
from kernel.process.task import Task
from pykasm import *


class NamespaceLinks(ProcSource):
    """Who may look into a thread finds its mount namespace by this link (namespaces(7)). Context:
    thread."""

    def __init__(
        self,
        links: ProcLinks,
        inspection: Inspection,
        namespaces: MountNamespaces,
        files: NamespaceFiles,
    ) -> None:
        self.links = links
        self.inspection = inspection
        self.namespaces = namespaces
        self.files = files
        self.proc_files = [ProcLink(f"{PROCESS}/ns/mnt", self.read_name, self.follow)]

    @function(context="thread")
    def _find(
        self, node: Keep[Ptr[ProcNode]]
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[MountNamespace]]]]:
        """Return 0 and a reference to the namespace of the thread of `node`; or an error and
        null."""
        process, result, found = keep(node.process), keep(I64), local(U64)
        asserts(process != 0)  # it is in the directory of one
        mov(found, 0)

        def take(task: Ptr[Task]) -> None:
            context = scratch(task.context)
            with if_(context != 0):
                namespace = scratch(context.namespace)
                namespace.references.gain()
                disown(namespace, "it is returned below")
                mov(found, u64(namespace))

        self.inspection.look_into(process, node.thread, result, take)
        with if_((result == 0) & (found == 0)):
            ret(-Errno.ESRCH, 0)
        ret(result, cast(found, Ptr[MountNamespace]))

    @function(context="thread", sleeps=True)
    def read_name(self, inode: Ptr[Inode], page: Keep[Ptr[U8]]) -> OrErrno[I64]:
        """Write what the namespace is called."""
        failed, found = self._find(cast(scratch(inode.private), Ptr[ProcNode]))
        namespace = keep(found)
        with if_(namespace == 0):
            ret(failed)
        ignore(failed, "there is one")
        number = keep(namespace.number)
        self.namespaces.drop(namespace)
        ret(self.links.print(page, "mnt:[%u]", number))

    @function(context="thread", sleeps=True)
    def follow(self, inode: Ptr[Inode], place: Keep[Ptr[Place]]) -> OrErrno[I32]:
        """Lead to a file that stands for the namespace."""
        failed, found = self._find(cast(scratch(inode.private), Ptr[ProcNode]))
        with if_(found == 0):
            tail(self.links.convert, failed)
        ignore(failed, "there is one")
        tail(self.files.lead_to, cast(place, Ptr[Path]), found)
