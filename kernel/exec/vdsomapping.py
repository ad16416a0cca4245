"""The pages that all programs have in common."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.clockpage import ClockPage
from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.exec.loadrequest import LoadRequest
from kernel.exec.vdso import Vdso
from kernel.mm.frames import frame_of
from kernel.mm.pages import Pages
from kernel.paging.addresses import PhysicalAddress, direct
from kernel.structures.list import ListHead
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.backing import Backing, BackingOperations
from kernel.vm.region import Region
from kernel.vm.rights import Rights
from pykasm import *


class VdsoMapping(Subsystem):
    """Gives programs the clock's page, and behind it `Vdso`, which reads it. Context: thread."""

    def __init__(self, clock: Clock, vdso: Vdso, spaces: AddressSpaces, memory: Pages) -> None:
        self.clock = clock
        self.vdso = vdso
        self.spaces = spaces
        self.memory = memory
        self.operations = rodata(
            BackingOperations,
            BackingOperations(
                get_page=self.get_page,
                find_page=self.find_page,
                gain=self.keep_backing,
                drop=self.keep_backing,
                removals=self.count_removals,
                attach=self.note_region,
                detach=self.note_region,
            ),
        )
        self.backing = rodata(Backing, Backing(operations=address_of(self.operations)))
        self.pages = bss(PhysicalAddress * 2)
        """Where the pages are: the clock's, the image."""

    @function(init=True)
    def start(self) -> None:
        """Prepare the pages."""
        page = self._add_page(0)
        direct(page)
        self.clock.move(cast(page, Ptr[ClockPage]))
        image = self._add_page(1)
        mov(rdi, image)
        direct(rdi)
        mov(rsi, address_of(symbol("vdso_start")))
        mov(rcx, address_of(symbol("vdso_size")))
        rep.movsb()

    @function(init=True)
    def _add_page(self, number: Keep[U64]) -> PhysicalAddress:
        """Allocate the page `number`. The kernel's own reference keeps it for good."""
        page = self.memory.allocate_zeroed()
        asserts(page != 0)  # the kernel does not start with so little memory
        disown(page, "it is there for good")
        mov(self.pages[number], page)
        frame_of(page).uses.references.start()
        ret(self.pages[number])

    @function(context="thread", sleeps=True)
    def map(self, request: Keep[Ptr[LoadRequest]]) -> OrErrno[I32]:
        """Map both pages where there is room, and note in `request` where the image is. Returns 0
        or -ENOMEM, with a part of it mapped."""
        region, space = local(Region), keep(request.space)
        mov(region.flags, 0)
        mov(region.backing, address_of(self.backing))
        mov(region.node.key, 0)
        mov(region.offset, 0)
        mov(region.end, 2 * PAGE)
        mov(region.rights, Rights.READ)
        try_(self.spaces.place_region(space, address_of(region), 0))
        mov(rax, region.node.key)
        add(rax, PAGE)
        mov(request.vdso, rax)
        mov(region.node.key, rax)
        mov(region.offset, PAGE)
        mov(region.rights, Rights.READ | Rights.EXECUTE)
        result = self.spaces.replace_region(space, address_of(region))
        ret(result)

    # What all regions ask of what backs them

    @function(context="thread")
    def get_page(
        self, backing: Ptr[Backing], number: U64
    ) -> tuple[OrErrno[I32], Owned[OrNull[PhysicalAddress]]]:
        """Return the page `number`, as `GetPage` says."""
        with if_(number > 1):
            ret(-Errno.ENXIO, 0)
        page = self.find_page(backing, number)
        ret(0, page)

    @function(context="thread")
    def find_page(self, backing: Ptr[Backing], number: U64) -> Owned[OrNull[PhysicalAddress]]:
        """Return the page `number`, as `FindPage` says."""
        with if_(number > 1):
            ret(0)
        page = scratch(self.pages[number])
        mov(rcx, page)
        frame_of(rcx).uses.references.gain()
        ret(page)

    @function(context="thread")
    def keep_backing(self, backing: Ptr[Backing]) -> None:
        """Do nothing: the pages stay."""

    @function(context="thread")
    def count_removals(self, backing: Ptr[Backing]) -> U64:
        """Return how often pages were removed, which is never."""
        ret(0)

    @function(context="thread")
    def note_region(self, backing: Ptr[Backing], mapped: Ptr[ListHead]) -> None:
        """Leave `mapped`, where nothing is ever unmapped, in no list."""
