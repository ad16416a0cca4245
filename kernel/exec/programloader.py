"""Loading programs."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.exec.addresslayouts import AddressLayouts
from kernel.exec.executioncredentials import ExecutionCredentials
from kernel.exec.initialstack import InitialStack
from kernel.exec.loader import ElfImage, ElfLoader
from kernel.exec.loadrequest import LoadRequest
from kernel.exec.scripts import Scripts
from kernel.exec.vdsomapping import VdsoMapping
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.fs.opening import Opening
from kernel.mm.pages import Pages
from kernel.paging.addresses import Area, direct
from kernel.process.elf import ElfType
from kernel.structures.alignment import round_down
from pykasm import *

MOST_SCRIPTS = 5
"""How many scripts may name each other (Linux: exec_binprm)."""

MOST_NAME = PAGE
"""Bytes of the name of an interpreter, with its end (Linux: PATH_MAX)."""


class ProgramLoader(Subsystem):
    """Fills the memory of a program: its segments, those of its interpreter if it has one, and its
    stack. Context: a thread in the space."""

    def __init__(
        self,
        layouts: AddressLayouts,
        scripts: Scripts,
        credentials: ExecutionCredentials,
        elf: ElfLoader,
        stack: InitialStack,
        vdso: VdsoMapping,
        pages: Pages,
        opening: Opening,
        files: Files,
    ) -> None:
        self.layouts = layouts
        self.scripts = scripts
        self.credentials = credentials
        self.elf = elf
        self.stack = stack
        self.vdso = vdso
        self.pages = pages
        self.opening = opening
        self.files = files

    @function(context="thread", sleeps=True)
    def load(self, request: Keep[Ptr[LoadRequest]]) -> OrErrno[I32]:
        """Load the program of `request`, or the one that it names if it is a script, and note where
        it starts. Returns 0 or an error, with a part of it loaded."""
        left, found = keep(U32), keep(I32)
        mov(left, MOST_SCRIPTS + 1)
        with loop():
            mov(found, try_(self.scripts.resolve(request)))
            break_if(found == 0)
            dec(left)
            fail_if(ZF, Errno.ELOOP)
        tail(self._load_elf, request)

    @function(context="thread", sleeps=True)
    def _load_elf(self, request: Keep[Ptr[LoadRequest]]) -> OrErrno[I32]:
        """Load the ELF file of `request`. Returns what `load` does."""
        image, interpreter = local(ElfImage), local(ElfImage)
        mov(rax, request.file)
        mov(image.file, rax)
        mov(interpreter.end, 0)
        failed = self.elf.examine(address_of(image))
        fail_if(failed == -Errno.EIO, Errno.ENOEXEC)
        try_(failed)
        with if_(image.header.type == ElfType.SHARED):
            mov(image.bias, self.layouts.program_base())
        try_(self.credentials.derive(request))
        try_(self.stack.map(request.space))
        try_(self.elf.map(request.space, address_of(image)))
        self._begin_heap(request, address_of(image))
        mov(rax, image.header.entry)
        add(rax, image.bias)
        mov(request.rip, rax)
        with if_(image.has_interpreter != 0):
            try_(self._load_interpreter(request, address_of(image), address_of(interpreter)))
        try_(self.vdso.map(request))
        result = self.stack.fill(request, address_of(image), address_of(interpreter))
        ret(result)

    @function
    def _begin_heap(self, request: Ptr[LoadRequest], image: Ptr[ElfImage]) -> None:
        """Place the beginning of the heap behind `image`."""
        space = scratch(request.space)
        mov(rax, image.end)
        add(rax, image.bias)
        tail(self.layouts.place_heap, space, rax)

    # The interpreter

    @function(context="thread", sleeps=True)
    def _load_interpreter(
        self,
        request: Keep[Ptr[LoadRequest]],
        image: Keep[Ptr[ElfImage]],
        interpreter: Keep[Ptr[ElfImage]],
    ) -> OrErrno[I32]:
        """Load the `interpreter` of `image`, with which the program starts. Returns 0 or an
        error."""
        result, file = keep(I32), local(Ptr[File])
        failed, opened = self._open_interpreter(request, image)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is open")
        mov(file, opened)
        mov(interpreter.file, opened)
        mov(result, self._map_interpreter(request, interpreter))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _open_interpreter(
        self, request: Keep[Ptr[LoadRequest]], image: Keep[Ptr[ElfImage]]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[File]]]]:
        """Return 0 and the file whose name `image` has; or an error and null."""
        file, result = keep(OrNull[Ptr[File]]), keep(I32)
        page = keep(self.pages.allocate_page())
        with if_(page == 0):
            ret(-Errno.ENOMEM, 0)
        direct(page)
        mov(result, self._read_name(image, cast(page, Ptr[U8])))
        xor(u32(file), u32(file))
        with if_(result == 0):
            flags = OpenFlag.CLOSE_ON_EXEC | OpenFlag.EXECUTE
            failed, opened = self.opening.open(request.subject, 0, cast(page, Ptr[U8]), flags, 0)
            mov(result, failed)
            mov(file, opened)
        base = scratch(U64)
        mov(base, Area.DIRECT_MAP)
        sub(page, base)
        self.pages.free_page(page)
        ret(result, file)

    @function(context="thread", sleeps=True)
    def _read_name(self, image: Ptr[ElfImage], name: Keep[Ptr[U8]]) -> OrErrno[I32]:
        """Read the name of the interpreter of `image` into a page at `name`. Returns 0 or an
        error."""
        size = keep(image.interpreter_size)
        fail_if((size < 2) | (size > MOST_NAME), Errno.ENOEXEC)
        try_(self.elf.read(image, u64(name), size, image.interpreter))
        fail_if(u8[u64(name) + size - 1] != 0, Errno.ENOEXEC)
        fail_if(at(name) == 0, Errno.EACCES)  # as if it named a directory (Linux: open_exec)
        ret(0)

    @function(context="thread", sleeps=True)
    def _map_interpreter(
        self, request: Keep[Ptr[LoadRequest]], interpreter: Keep[Ptr[ElfImage]]
    ) -> OrErrno[I32]:
        """Map `interpreter` as high as it can be, and start with it. Returns 0 or an error."""
        failed = self.elf.examine(interpreter)
        fail_if(failed == -Errno.ENOEXEC, Errno.ELIBBAD)
        try_(failed)
        space = scratch(request.space)
        with if_(interpreter.header.type == ElfType.SHARED):
            mov(rax, space.mapping_top)
            sub(rax, interpreter.end)  # below 2^47, as `mapping_top` is: never below 0 by much
            round_down(rax, PAGE)
            mov(interpreter.bias, rax)
        mov(rax, interpreter.header.entry)
        add(rax, interpreter.bias)
        mov(request.rip, rax)
        result = self.elf.map(space, interpreter)
        ret(result)
