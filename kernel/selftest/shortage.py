"""What the kernel does when memory is out, at every place where it asks for some for itself."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.errno import Errno
from kernel.mm.directmap import DirectMap
from kernel.mm.heap import Heap
from kernel.mm.pages import Pages
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sched.scheduler import Scheduler
from kernel.selftest.case import TestSuite, check
from kernel.selftest.shortages import Effect, Operation, Shortages, nothing_if
from kernel.threads.areas import SaveAreas
from kernel.threads.threads import Threads
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.region import Region
from kernel.vm.remapping import RemapFlag, Remapping, RemapRequest
from kernel.vm.rights import Rights
from kernel.vm.usercopy import UserCopy
from pykasm import *

OBJECT = 100
LARGE = 5 * PAGE
LOW_ORDER = 2
MAPPED = 5
"""Bytes and pages that operations ask for."""

REGISTERS = 0xFEE0_0000
"""Where a device may be; nothing touches it."""

FLASH = 0xFF00_0000
"""Where the firmware may be, but no memory; nothing touches it."""

REGISTER_BYTES = 2 << PageShift.LARGE
"""More than one table maps."""

BASE = 1 << PageShift.TOP
OVER_BOUND = BASE + PAGE - sizeof(U64) // 2
"""Where a word lies in two pages."""
FAR = 3 << PageShift.TOP
LENGTH = 16 * PAGE
READ_WRITE = Rights.READ | Rights.WRITE


class ShortageTests(TestSuite):
    """Operations of the kernel's own memory, threads and address spaces, without memory."""

    space = bss(Owned[Ptr[AddressSpace]])
    """What an operation is about, and its clone."""
    clone = bss(Owned[Ptr[AddressSpace]])

    def __init__(
        self,
        shortages: Shortages,
        pages: Pages,
        heap: Heap,
        runtime: RuntimeMappings,
        scheduler: Scheduler,
        threads: Threads,
        areas: SaveAreas,
        spaces: AddressSpaces,
        copy: UserCopy,
        direct_map: DirectMap,
        remapping: Remapping,
    ) -> None:
        self.shortages = shortages
        self.pages = pages
        self.heap = heap
        self.runtime = runtime
        self.scheduler = scheduler
        self.threads = threads
        self.areas = areas
        self.spaces = spaces
        self.copy = copy
        self.direct_map = direct_map
        self.remapping = remapping
        self.operations = [
            Operation(name="an object", run=self.object),
            Operation(name="a large object", run=self.large_object),
            Operation(name="low memory", run=self.low_memory),
            Operation(name="mapped memory", run=self.mapped_memory),
            Operation(name="a mapped device", run=self.mapped_device),
            Operation(name="registers in the direct map", run=self.found_device),
            Operation(name="a thread", run=self.thread),
            Operation(name="extended registers", run=self.registers),
            Operation(name="an address space", run=self.regions),
            Operation(name="a page fault", run=self.fault),
            Operation(name="a clone", run=self.clone_space),
            Operation(name="a copy on write", run=self.copy_on_write),
            Operation(name="moved pages", run=self.move_pages),
        ]
        self.table = rodata(Operation * len(self.operations), self.operations)
        self.tests = [check("shortage.every_allocation", self.every_allocation)]

    @function(sleeps=True)
    def every_allocation(self) -> U32:
        """Whichever allocation fails, nothing is lost, and the error is told."""
        ret(self.shortages.survive(address_of(self.table), len(self.operations)))

    # Memory of the kernel

    @function
    def object(self) -> U8:
        """An object of the heap."""
        object = self.heap.allocate(OBJECT)
        nothing_if(object == 0)
        self.heap.free(object)
        ret(Effect.DONE)

    @function
    def large_object(self) -> U8:
        """One of whole pages."""
        object = self.heap.allocate(LARGE)
        nothing_if(object == 0)
        self.heap.free(object)
        ret(Effect.DONE)

    @function
    def low_memory(self) -> U8:
        """A block for a device."""
        block = self.pages.allocate_low(LOW_ORDER)
        nothing_if(block == 0)
        self.pages.free(block, LOW_ORDER)
        ret(Effect.DONE)

    @function(sleeps=True)
    def mapped_memory(self) -> U8:
        """Pages at addresses of their own."""
        memory = self.runtime.allocate(MAPPED)
        nothing_if(memory == 0)
        self.runtime.free(memory)
        ret(Effect.DONE)

    @function(sleeps=True)
    def mapped_device(self) -> U8:
        """Registers at addresses of their own."""
        place = self.runtime.map_device(REGISTERS, REGISTER_BYTES)
        nothing_if(place == 0)
        self.runtime.unmap_device(place)
        ret(Effect.DONE)

    @function(sleeps=True)
    def found_device(self) -> U8:
        """Registers where the direct map has no table."""
        place = self.direct_map.map_registers(FLASH, PAGE)
        nothing_if(place == 0)
        kernel = address_of(self.direct_map.kernel.space)
        ignore(
            self.direct_map.mapper.unmap(kernel, place, PAGE),
            "all its pages are small",
        )
        ret(Effect.DONE)

    # Threads

    @function(sleeps=True)
    def thread(self) -> U8:
        """A thread that does nothing."""
        thread = self.threads.create(text("short"), self._do_nothing, 0, BOOT_PRIORITY)
        nothing_if(thread == 0)
        self.threads.join(thread)
        ret(Effect.DONE)

    @function
    def _do_nothing(self, argument: U64) -> None:
        """Return."""

    @function(context="thread")
    def registers(self) -> U8:
        """Memory for this thread's extended registers."""
        result = self.areas.use(self.scheduler.current)
        tail(self._effect_of_registers, result)

    @function(context="thread")
    def _effect_of_registers(self, result: I32) -> U8:
        """Return the effect that `result` means, and free the memory."""
        with if_(result == -Errno.ENOMEM):
            ret(Effect.NOTHING)
        with if_(result != 0):
            ret(Effect.WRONG)
        self.areas.drop(self.scheduler.current)
        ret(Effect.DONE)

    # Address spaces

    @function(sleeps=True)
    def regions(self) -> U8:
        """A space whose regions are cut, joined and cut again."""
        mov(self.space, self.spaces.create())
        nothing_if(self.space == 0)
        effect = keep(self.shortages.effect_of(self._change_regions()))
        self.spaces.destroy(self.space)
        ret(effect)

    @function(sleeps=True)
    def _change_regions(self) -> OrErrno[I32]:
        """Change the regions. Return 0, or the first error."""
        self._stop_at_error(self.spaces.map(self.space, BASE, LENGTH, READ_WRITE))
        self._stop_at_error(self.spaces.map(self.space, FAR, LENGTH, Rights.READ))
        self._stop_at_error(self.spaces.protect(self.space, BASE + PAGE, LENGTH // 2, Rights.READ))
        self._stop_at_error(self.spaces.unmap(self.space, BASE + 2 * PAGE, PAGE))
        tail(self._replace_region)

    @function(sleeps=True)
    def _replace_region(self) -> OrErrno[I32]:
        """Map memory in the middle of a region. Return 0, or an error."""
        region = local(Region)
        mov(rax, FAR + PAGE)
        mov(region.node.key, rax)
        mov(region.offset, rax)
        add(rax, PAGE)
        mov(region.end, rax)
        mov(region.rights, READ_WRITE)
        mov(region.flags, 0)
        mov(region.backing, 0)
        result = self.spaces.replace_region(self.space, address_of(region))
        ret(result)

    @inline
    def _stop_at_error(self, result: I32) -> None:
        """Return `result` from the function if it is an error."""
        with if_(result != 0):
            ret(result)

    @function(sleeps=True)
    def begin(self) -> OrErrno[I32]:
        """Be in a space with a region, in which a page is written to; 0, or -ENOMEM if there is
        none."""
        mov(self.space, self.spaces.create())
        with if_(self.space == 0):
            ret(-Errno.ENOMEM)
        self.spaces.enter(self.space)
        self._stop_at_error(self.spaces.map(self.space, BASE, LENGTH, READ_WRITE))
        tail(self._write, 1)

    @function(sleeps=True)
    def end(self) -> None:
        """Leave and destroy it, and its clone."""
        with if_(self.space != 0):
            ignore(self.spaces.leave(), "the test destroys it")
            self.spaces.destroy(self.space)
            mov(self.space, 0)
        with if_(self.clone != 0):
            self.spaces.destroy(self.clone)
            mov(self.clone, 0)

    @function(sleeps=True)
    def _write(self, value: U64) -> OrErrno[I32]:
        """Write to the region, across the bound of two pages. Return 0 or an error."""
        word = local(U64)
        mov(word, value)
        result, left = self.copy.copy_out(OVER_BOUND, address_of(word), sizeof(U64))
        ignore(left)
        ret(result)

    @function(sleeps=True)
    def _reads(self, value: Keep[U64]) -> Bool:
        """Return whether the region has `value` there."""
        word = local(U64)
        result, left = self.copy.copy_in(address_of(word), OVER_BOUND, sizeof(U64))
        ignore(left)
        with if_((result == 0) & (word == value)):
            ret(True)
        ret(False)

    @inline(changes=("effect", *CALLER_SAVED))
    def _expect_to_write(self, effect: U8) -> None:
        """Set `effect` to WRONG unless the region can be written to."""
        with if_(self._write(2) != 0):
            mov(effect, Effect.WRONG)
        with if_(~self._reads(2)):
            mov(effect, Effect.WRONG)

    @function(sleeps=True)
    def fault(self) -> U8:
        """A space with two pages that were written to."""
        effect = keep(self.shortages.effect_of(self.begin()))
        self.end()
        ret(effect)

    @function(sleeps=True)
    def clone_space(self) -> U8:
        """A clone of a space with two pages; without memory, the space can be written to as
        before."""
        effect = keep(self.shortages.effect_of(self.begin()))
        with if_(effect == Effect.DONE):
            mov(self.clone, self.spaces.copy(self.space))
            with if_(self.clone == 0):
                mov(effect, Effect.NOTHING)
                self._expect_to_write(effect)
        self.end()
        ret(effect)

    @function(sleeps=True)
    def copy_on_write(self) -> U8:
        """A write to a space that has a clone; without memory, what was there stays, in one page at
        least, and it can be written later."""
        effect, result = keep(self.shortages.effect_of(self.begin())), keep(I32)
        with if_(effect == Effect.DONE):
            mov(self.clone, self.spaces.copy(self.space))
            mov(result, self._write(2))
            with if_(result != 0):
                mov(effect, self.shortages.effect_of(result))
                self._expect_to_write(effect)
        self.end()
        ret(effect)

    @function(sleeps=True)
    def move_pages(self) -> U8:
        """Two pages that are moved and moved back; without memory, they are where they were."""
        effect, result = keep(self.shortages.effect_of(self.begin())), keep(I32)
        with if_(effect == Effect.DONE):
            mov(result, self._remap(BASE, FAR))
            with if_(result == 0):
                mov(result, self._remap(FAR, BASE))
                with if_(result == 0), if_(~self._reads(1)):
                    mov(effect, Effect.WRONG)
            with else_():
                mov(effect, self.shortages.effect_of(result))
                self._expect_to_write(effect)
        self.end()
        with if_((effect == Effect.DONE) & (result != 0)):
            mov(effect, self.shortages.effect_of(result))
        ret(effect)

    @function(sleeps=True)
    def _remap(self, address: U64, target: U64) -> OrErrno[I32]:
        """Move the region at `address` to `target`. Return 0 or an error."""
        request = local(RemapRequest)
        mov(request.address, address)
        mov(request.target, target)
        mov(request.length, LENGTH)
        mov(request.new_length, LENGTH)
        mov(request.flags, RemapFlag.MAY_MOVE | RemapFlag.FIXED)
        result = self.remapping.remap(self.space, address_of(request))
        ret(result)
