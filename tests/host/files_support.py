"""A host with a root file system, and memory of which every piece is accounted for."""

from __future__ import annotations

from typing import Any

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.creation import Creation
from kernel.fs.credentials import Credentials
from kernel.fs.credentialstore import CredentialStore
from kernel.fs.dentrytable import SEGMENT_ORDER, DentryTable
from kernel.fs.directorylister import DirectoryLister, ListedName
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.fileio import FileIo
from kernel.fs.files import Files
from kernel.fs.inode import Inode
from kernel.fs.iovector import IoVector
from kernel.fs.logdevice import LogDevice
from kernel.fs.lookup import Lookup, LookupFlag
from kernel.fs.memorydevices import MemoryDevices
from kernel.fs.openflag import OpenFlag
from kernel.fs.opening import Opening
from kernel.fs.removal import Removal
from kernel.fs.renaming import Renaming
from kernel.fs.rootfilesystem import RootFileSystem
from kernel.fs.subject import Subject
from kernel.fs.walk import Walk
from kernel.mm.heap import Heap
from kernel.mm.objectcache import ObjectCache
from kernel.mm.pages import Pages
from kernel.mm.slabs import Slabs
from kernel.paging.addresses import Area
from kernel.pty.ptymasters import PtyMasters
from kernel.time.wallclock import WallClock
from kernel.tty.consoleterminal import ConsoleTerminal
from kernel.vm.overcommit import Overcommit
from kernel.vt.virtualconsoles import VirtualConsoles
from pykasm import *
from tests.host.memory_support import frame_address
from tests.host.threads_support import Kernel

ALWAYS = (
    RootFileSystem,
    Opening,
    FileIo,
    FileDefaults,
    Removal,
    Renaming,
    MemoryDevices,
    LogDevice,
    ConsoleTerminal,
    PtyMasters,
    VirtualConsoles,
)
"""What there is in each machine."""

ROOM = 512
"""Pages of physical memory."""

NO_LIMIT = 1 << 32
"""Pages that the kernel believes to have: so many that it is memory which ends, not what is allowed
of it."""

SEGMENTS_END = 16 * PAGE
"""Where the memory ends in which names are looked for."""

OBJECTS = 0xFFFF_9000_0000_0000
OBJECTS_SIZE = 1 << 20
GARBAGE, FREED = b"\xa5", b"\xdd"
"""What new memory and freed memory is full of."""


class FileMachine:
    """Calls of the file system, with errors as negative numbers."""

    def __init__(self, *subsystems: type[Subsystem]) -> None:
        kernel = Kernel(Pages, WallClock)
        self.parts = kernel.parts
        asked = dict.fromkeys((*ALWAYS, *subsystems))
        self.host = kernel.host(*(self.parts[one] for one in asked), limit=50_000_000)
        self.host.map(Area.DIRECT_MAP, ROOM * PAGE)
        self.host.map(frame_address(0), PAGE * 4)
        self.host.map(OBJECTS, OBJECTS_SIZE)
        self.host.checkpoint()
        self.start()

    def start(self) -> None:
        """Begin with an empty root."""
        self.host.reset()
        self.left: int | None = None
        """How many more pieces of memory there are; None for any number."""
        self.blocks = iter(range(PAGE << SEGMENT_ORDER, SEGMENTS_END, PAGE << SEGMENT_ORDER))
        self.pages = list(range(SEGMENTS_END, ROOM * PAGE, PAGE))
        self.objects: dict[int, int] = {}
        self.free: dict[int, list[int]] = {}
        self.end = OBJECTS
        self.now = 0
        self._stub()
        self.host[self.parts[Overcommit].most_pages] = NO_LIMIT
        starting: tuple[type[Any], ...] = (CredentialStore, DentryTable, RootFileSystem)
        for part in starting:
            self.host.call(self.parts[part].start)
        self.root = self.host.address(self.parts[RootFileSystem].subject)
        self.at_rest = self.used()

    def _stub(self) -> None:
        stub, parts = self.host.stub, self.parts
        pages, slabs, heap = parts[Pages], parts[Slabs], parts[Heap]
        stub(pages.allocate, lambda order: next(self.blocks, 0))  # for the table of names alone
        stub(pages.allocate_page, self._take_page)
        stub(pages.allocate_zeroed, self._take_page)
        stub(pages.free_page, self._free_page)
        stub(slabs.allocate, lambda cache: self._take(self._size_of(cache)))
        stub(slabs.free, lambda cache, place: self._give(place, self._size_of(cache)))
        stub(heap.allocate, self._take)
        stub(heap.free, self._give)
        stub(parts[WallClock].now, self._time)

    # Memory

    def _size_of(self, cache: Any) -> int:
        return int(self.host.at(ObjectCache, int(cache)).object_size)

    def _allowed(self) -> bool:
        if self.left is None:
            return True
        self.left -= 1
        return self.left >= 0

    def _take_page(self) -> int:
        if not self._allowed():
            return 0
        page = self.pages.pop()
        self.host.write(Area.DIRECT_MAP + page, bytes(PAGE))
        return page

    def _free_page(self, page: int) -> None:
        assert page not in self.pages
        self.host.write(Area.DIRECT_MAP + page, FREED * PAGE)
        self.pages.append(page)

    def _take(self, size: int) -> int:
        if not self._allowed():
            return 0
        size = int(size)
        places = self.free.setdefault(size, [])
        if places:
            place = places.pop(0)
        else:
            place, self.end = self.end, self.end + (size + 31) // 16 * 16
            assert self.end <= OBJECTS + OBJECTS_SIZE
        self.objects[place] = size
        self.host.write(place, GARBAGE * size)
        return place

    def _give(self, place: int, size: int | None = None) -> None:
        place = int(place)
        if not place:
            return
        assert place in self.objects, "freed twice"
        known = self.objects.pop(place)
        assert size in (None, known)
        self.host.write(place, FREED * known)
        self.free.setdefault(known, []).append(place)

    def used(self) -> tuple[int, int]:
        """Objects and pages in use."""
        return len(self.objects), ROOM - len(self.pages)

    def _time(self) -> int:
        self.now += 1
        return self.now

    def remove_all(self, folder: str = "/") -> None:
        """Remove all names."""
        for name in self.names(folder):
            path = f"{folder}{name}"
            if self.unlink(path) == -Errno.EISDIR:
                self.remove_all(f"{path}/")
                assert self.rmdir(path) == 0

    # Calls

    def call(self, function: Any, *arguments: object) -> Any:
        """Call a function of the kernel."""
        return self.host.call(function, *arguments)

    def text(self, text: str | bytes) -> int:
        """The address of a text."""
        data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        return int(self.host.bytes(data + b"\0"))

    def subject(self, user: int, group: int, capabilities: int = 0) -> int:
        """Somebody else, at the root."""
        root = self.host.at(Subject, self.root)
        credentials = self.host.new(
            Credentials,
            fs_user=user,
            fs_group=group,
            effective=capabilities,
            references={"count": 1},
        )
        return int(self.host.new(Subject, credentials=credentials, context=root.context))

    def open(self, name: str, flags: int = 0, mode: int = 0o644, subject: int = 0) -> int:
        """The address of an open file, or a negative error."""
        result, file = self.call(
            self.parts[Opening].open, subject or self.root, 0, self.text(name), flags, mode
        )
        assert (int(result) == 0) == bool(int(file))
        return int(file) or int(result)

    def close(self, file: int) -> None:
        """Drop a reference."""
        self.call(self.parts[Files].drop, file)

    def read(self, file: int, size: int) -> bytes | int:
        """Read at the position."""
        buffer = self.host.new(U8 * size) if size else 0
        vector = self.host.new(IoVector, address=int(buffer), length=size, left=size)
        done = int(self.call(self.parts[FileIo].read, file, vector))
        return self.host.read(int(buffer), done) if done > 0 else (done or b"")

    def write(self, file: int, data: bytes) -> int:
        """Write at the position."""
        place = int(self.host.bytes(data))
        vector = self.host.new(IoVector, address=place, length=len(data), left=len(data))
        return int(self.call(self.parts[FileIo].write, file, vector))

    def seek(self, file: int, offset: int, whence: int = 0) -> int:
        """Move the position."""
        return int(self.call(self.parts[FileIo].seek, file, offset, whence))

    def mkdir(self, name: str, mode: int = 0o755, subject: int = 0) -> int:
        """Make a directory."""
        return int(
            self.call(self.parts[Creation].mkdir, subject or self.root, 0, self.text(name), mode)
        )

    def mknod(self, name: str, mode: int, device: int) -> None:
        """Make a special file with just these permissions, whatever the umask is."""
        arguments = (self.root, 0, self.text(name), mode, device)
        assert self.call(self.parts[Creation].mknod, *arguments) == 0
        self.find(name).mode = mode

    def symlink(self, text: str, name: str) -> int:
        """Make a symbolic link."""
        arguments = (self.root, 0, self.text(name), self.text(text))
        return int(self.call(self.parts[Creation].symlink, *arguments))

    def unlink(self, name: str, subject: int = 0) -> int:
        """Remove a name."""
        function = self.parts[Removal].unlink
        return int(self.call(function, subject or self.root, 0, self.text(name)))

    def rmdir(self, name: str) -> int:
        """Remove a directory."""
        return int(self.call(self.parts[Removal].rmdir, self.root, 0, self.text(name)))

    def rename(self, name: str, new_name: str, flags: int = 0) -> int:
        """Change a name."""
        arguments = (self.root, 0, self.text(name), 0, self.text(new_name), flags)
        return int(self.call(self.parts[Renaming].rename, *arguments))

    def find(self, name: str, flags: int = int(LookupFlag.FOLLOW)) -> Any:
        """The inode that a name leads to, or a negative error."""
        lookup = self.host.new(Lookup)
        walk = self.parts[Walk]
        result = int(self.call(walk.find, lookup, self.root, 0, self.text(name), flags))
        if result:
            return result
        dentry = self.host.at(Lookup, int(lookup)).place.dentry
        inode = self.host.at(Inode, int(dentry.inode))
        self.call(walk.end, lookup)
        return inode

    def link(self, name: str, new_name: str) -> int:
        """Make another name."""
        lookup = self.host.new(Lookup)
        walk = self.parts[Walk]
        result = int(self.call(walk.find, lookup, self.root, 0, self.text(name), 0))
        if result:
            return result
        path = self.host.at(Lookup, int(lookup)).place
        arguments = (self.root, path, 0, self.text(new_name))
        result = int(self.call(self.parts[Creation].link, *arguments))
        self.call(walk.end, lookup)
        return result

    def names(self, name: str) -> list[str]:
        """The names in a directory, without its own and its parent's."""
        file = self.open(name, OpenFlag.DIRECTORY)
        found: list[str] = []

        def take(lister: object, place: Any) -> int:
            listed = self.host.at(ListedName, int(place))
            found.append(
                self.host.read(listed.text, int(listed.length)).decode(errors="surrogateescape")
            )
            return 1

        assert (
            self.call(self.parts[FileIo].list, file, self.host.new(DirectoryLister, take=take)) == 0
        )
        self.close(file)
        assert found[:2] == [".", ".."]
        return found[2:]
