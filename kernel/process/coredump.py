"""What a process leaves behind, while it is written."""

from __future__ import annotations

from kernel.fs.file import File
from kernel.fs.iovector import IoVector
from kernel.fs.path import Path
from kernel.fs.subject import Subject
from kernel.process.corenote import CoreMapping, NoteHeader
from kernel.process.elf import ElfHeader, ProgramHeader
from kernel.process.process import Process
from kernel.process.task import Task
from kernel.text.textbuffer import TextBuffer
from kernel.vm.addressspace import AddressSpace
from kernel.vm.region import Region
from kernel.vm.regionview import RegionView
from pykasm import *


class CoreDump(Struct):
    """A core file that is being written, and all that this needs: the stack has no room for it."""

    task: Ptr[Task]
    """The thread that dumps."""
    process: Ptr[Process]
    space: Ptr[AddressSpace]
    subject: Subject
    file: OrNull[Owned[Ptr[File]]]
    page: Ptr[U8]
    """A page for whatever goes to the file, or comes from elsewhere."""
    position: U64
    """Where in the file the next bytes go."""
    reach: U64
    """Where what was written last ends."""
    left: U64
    """How many bytes there may still be (getrlimit(2), RLIMIT_CORE)."""
    failed: U32
    """1 once something could not be written."""
    regions: U32
    """How many the space has."""
    files: U32
    """How many of them show files with names."""
    contents: U64
    """Where in the file the pages of the next region begin."""
    notes: U64
    """Where the notes begin."""
    region: Region
    """The one that it has come to, with a reference to what backs it."""
    view: RegionView
    size: U64
    """How many bytes of it are dumped, from its first on."""
    vector: IoVector
    header: ElfHeader
    segment: ProgramHeader
    note: NoteHeader
    mapping: CoreMapping
    root: Path
    """Where the names of files begin."""
    text: TextBuffer
    """The name of the file itself."""
