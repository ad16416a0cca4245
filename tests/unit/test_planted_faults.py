"""Faults of a kind that people make, planted in the kernel: each is found, at its line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("kernel", "grub", "pyproject.toml")


class Fault(NamedTuple):
    """What is written instead of something in a `file`, and the `rule`, or the kind of mistake,
    that finds it at the line `at`."""

    what: str
    rule: str
    file: str
    at: str
    edits: tuple[tuple[str, str], ...]


FAULTS = (
    Fault(
        "something freed that a function has only shown",
        "E085",
        "ipc/sharedsegments.py",
        "self._free(gone)  # planted",
        (
            (
                "            mov(segment.last, self._process())\n"
                "            mov(gone, self._leave(segment))\n"
                "        with if_(gone != 0):\n"
                '            take_over(gone, "nobody has it")\n'
                "            self._free(gone)\n",
                "            mov(segment.last, self._process())\n"
                "            mov(gone, self._leave(segment))\n"
                "        with if_(gone != 0):\n"
                "            self._free(gone)  # planted\n",
            ),
        ),
    ),
    Fault(
        "a reference to a part of something returned that nobody has gained",
        "E085",
        "pty/pseudoterminals.py",
        "ret(job)",
        (
            (
                "                job.references.gain()\n",
                "",
            ),
        ),
    ),
    Fault(
        "a file's number from a program that is no longer bounded",
        "E084",
        "fs/filetables.py",
        "mov(file, cast(files[number], Ptr[File]))",
        (
            (
                "            with if_(u64(number) < table.arrays.capacity):\n"
                "                files = scratch(table.arrays.files)\n"
                "                mov(file,",
                "            with if_(table.arrays.capacity != 0):\n"
                "                files = scratch(table.arrays.files)\n"
                "                mov(file,",
            ),
        ),
    ),
    Fault(
        "as many bytes copied to a program as it wants, from a local",
        "E084",
        "process/signalcalls.py",
        "ret(self._store(target, address_of(pending), size))",
        (("        fail_if(size > SET_SIZE, Errno.EINVAL)\n", ""),),
    ),
    Fault(
        "an error that loses its sign",
        "E091",
        "process/memorycalls.py",
        "mov(eax, result)  # planted",
        (
            (
                "        result = self.spaces.unmap(self.spaces.of_task(), address, length)\n"
                "        movsxd(rax, result)\n",
                "        result = self.spaces.unmap(self.spaces.of_task(), address, length)\n"
                "        mov(eax, result)  # planted\n",
            ),
        ),
    ),
    Fault(
        "a field that a program is shown without a value",
        "E092",
        "process/filecalls.py",
        "address_of(made), sizeof(PipeNumbers))",
        (
            (
                "        mov(made.writer, writer)\n        result, left",
                "        result, left",
            ),
        ),
    ),
    Fault(
        "an error that is added to a length",
        "E093",
        "tty/terminalreading.py",
        "add(total, result)",
        (
            (
                "            break_if(result <= 0)\n            add(total, result)\n",
                "            add(total, result)\n            break_if(result <= 0)\n",
            ),
        ),
    ),
    Fault(
        "a reference given away that nobody has gained",
        "E085",
        "process/filecalls.py",
        "tail(self.add, file, least, flags)",
        (
            (
                "        file.references.gain()\n        tail(self.add",
                "        tail(self.add",
            ),
        ),
    ),
    Fault(
        "a parameter used after `rep movsb` has moved its register",
        "E012",
        "clock/clock.py",
        "mov(self.page, page)",
        (
            (
                "            rep.movsb()\n            mov(self.page, rdx)",
                "            rep.movsb()\n            mov(self.page, page)",
            ),
        ),
    ),
    Fault(
        "a field that is emptied, and what it owned is lost",
        "E089",
        "sched/xstate.py",
        "mov(thread.extended, 0)  # planted",
        (
            (
                "            mov(thread.extended, 0)\n",
                "            with if_(area != 0):\n"
                "                mov(thread.extended, 0)  # planted\n",
            ),
            ("        ret(cast(area, Ptr[SaveArea]))\n", "        ret(0)\n"),
        ),
    ),
    Fault(
        "one end of a pipe that is lost where the other one has no number",
        "E080",
        "process/filecalls.py",
        "ret(first)  # planted",
        (
            (
                "            self.files.drop(writer)\n            ret(first)\n",
                "            ret(first)  # planted\n",
            ),
        ),
    ),
    Fault(
        "a list of segments that is lost where something else is wrong",
        "E080",
        "process/processmemorycalls.py",
        "fail_if(number == 0, Errno.EBADF)",
        (
            (
                "        mov(result, self._find_and_advise(",
                "        fail_if(number == 0, Errno.EBADF)\n"
                "        mov(result, self._find_and_advise(",
            ),
        ),
    ),
    Fault(
        "a bit that is lost before it is read",
        "W001",
        "fs/filetables.py",
        "# planted 41",
        (
            (
                "            xor(result, result)\n"
                "            words = scratch(table.arrays.close_on_exec)\n"
                "            bt(at(words), number)\n",
                "            words = scratch(table.arrays.close_on_exec)\n"
                "            bt(at(words), number)  # planted 41\n"
                "            xor(result, result)\n",
            ),
        ),
    ),
    Fault(
        "memory that was not there, and is stored for others",
        "E083",
        "fs/filetables.py",
        "mov(arrays.files",
        (
            (
                "        fail_if(files == 0)\n        errdefer",
                "        errdefer",
            ),
        ),
    ),
    Fault(
        "a page of a pipe by the address that devices know",
        "E094",
        "fs/pipes.py",
        "mov(cl, u8[rax])",
        (
            (
                "        with if_(rax != 0):\n            direct(rax)\n"
                "            and_(position, PAGE - 1)",
                "        with if_(rax != 0):\n            mov(cl, u8[rax])\n"
                "            and_(position, PAGE - 1)",
            ),
        ),
    ),
    Fault(
        "an error that is not negated",
        "E088",
        "vm/demandpaging.py",
        "mov(result, Errno.EFAULT)",
        (("ret(-Errno.EFAULT)", "mov(result, Errno.EFAULT)"),),
    ),
    Fault(
        "a function that fails and does not say that it may",
        "E087",
        "vm/demandpaging.py",
        "memory = keep(try_(self.pages.allocate_page(), Errno.ENOMEM))",
        (
            (
                "entry: Keep[U64]\n    ) -> OrErrno[I32]:",
                "entry: Keep[U64]\n    ) -> I32:",
            ),
        ),
    ),
    Fault(
        "a reference that is dropped without a look whether it was the last",
        "E086",
        "vm/userpages.py",
        "frame.uses.references.drop()",
        (
            (
                "        with if_(frame.uses.references.drop()):\n"
                "            tail(self.pages.free_page, page_of(frame))\n",
                "        frame.uses.references.drop()\n",
            ),
        ),
    ),
    Fault(
        "a reference that nobody has",
        "E080",
        "vm/userranges.py",
        "mov(source, self._next(space, walk))",
        (('        disown(frame, "the other\'s entry leads to it")\n', ""),),
    ),
    Fault(
        "an action of an interrupt that says it runs in a thread",
        "E043",
        "terminal/serial.py",
        "def _interrupt(",
        (
            (
                '@function(context="interrupt")\n    def _interrupt',
                '@function(context="thread")\n    def _interrupt',
            ),
        ),
    ),
    Fault(
        "an action of an interrupt that sleeps",
        "E040",
        "terminal/serial.py",
        "ignore(self.input.read(0))",
        (("self.input.notify()\n", "ignore(self.input.read(0))\n"),),
    ),
    Fault(
        "a handler called under the lock that it takes",
        "E050",
        "clock/timers.py",
        "timer.handler(timer)  # planted",
        (
            (
                "                    self._dequeue(queue, timer)\n",
                "                    self._dequeue(queue, timer)\n"
                "                    timer.handler(timer)  # planted\n",
            ),
        ),
    ),
    Fault(
        "an action that sleeps called under a lock",
        "E040",
        "sync/once.py",
        "action()  # planted",
        (
            (
                "                mov(once.progress, Progress.BEGUN)\n",
                "                mov(once.progress, Progress.BEGUN)\n"
                "                action()  # planted\n",
            ),
        ),
    ),
    Fault(
        "a record read after it was freed",
        "E081",
        "vm/regions.py",
        "mov(rcx, upper.end)  # planted",
        (
            ("            mov(rcx, upper.end)\n", "            lower = keep(lower)\n"),
            (
                "            self.remove(space, upper)\n",
                "            self.remove(space, upper)\n"
                "            mov(rcx, upper.end)  # planted\n"
                "            mov(lower.end, rcx)\n",
            ),
        ),
    ),
    Fault(
        "a space returned after it was freed",
        "E081",
        "vm/addressspaces.py",
        "ret(made)",
        (
            ("        errdefer(self.destroy, made)\n", ""),
            (
                "        fail_if(result != 0)\n        ret(made)",
                "        with if_(result != 0):\n            self.destroy(made)\n        ret(made)",
            ),
        ),
    ),
    Fault(
        "a record lost where something else failed",
        "E080",
        "vm/addressspaces.py",
        "root = keep(try_(self.pages.allocate_page()))",
        (("        errdefer(self.spaces.free, space)\n", ""),),
    ),
    Fault(
        "an error dropped, and success returned",
        "E082",
        "vm/addressspaces.py",
        "ignore(self.mapped.replace(space, like))",
        (
            (
                "mov(result, self.mapped.replace(space, like))",
                "ignore(self.mapped.replace(space, like))\n            xor(result, result)",
            ),
        ),
    ),
    Fault(
        "a region read where there may be none",
        "E083",
        "vm/addressspaces.py",
        "with if_(region.node.key >= end):",
        (
            (
                "with if_((region == 0) | (region.node.key >= end)):",
                "with if_(region.node.key >= end):",
            ),
        ),
    ),
    Fault(
        "an entry of a tree followed without a test",
        "E083",
        "mm/arena.py",
        "with if_(range.pages == pages):",
        (
            (
                "try_(self.trees.at_least(address_of(self.free_ranges), pages))",
                "self.trees.at_least(address_of(self.free_ranges), pages)",
            ),
        ),
    ),
    Fault(
        "a length of the boot loader's that is not looked at",
        "E084",
        "boot/information.py",
        "div(size)",
        (("(size < least) | (size & sizeof(U64) - 1)", "size & sizeof(U64) - 1"),),
    ),
    Fault(
        "source and destination of a move swapped",
        "W001",
        "threads/threads.py",
        "mov(u64(saved), thread.stack_pointer)",
        (
            (
                "mov(thread.stack_pointer, saved)",
                "mov(u64(saved), thread.stack_pointer)",
            ),
        ),
    ),
    Fault(
        "a read-write lock kept on an early return",
        "E050",
        "vm/demandpaging.py",
        "# planted 2",
        (
            (
                "            break_if(result != NEEDS_LOCK)\n",
                "            with if_(result != NEEDS_LOCK):\n"
                "                ret(result)  # planted 2\n",
            ),
        ),
    ),
    Fault(
        "a per-CPU pointer used behind the stretch with interrupts off",
        "E041",
        "clock/timers.py",
        "with if_(queue.timers.first == rax)",
        (
            (
                "        with self.queue.lock.held():\n"
                "            self.per_cpu.point_at(u64(queue), self.queue)\n"
                "            self._enqueue(queue, timer, deadline)",
                "        pushfq()\n"
                "        cli()\n"
                "        self.per_cpu.point_at(u64(queue), self.queue)\n"
                "        popfq()\n"
                "        with self.queue.lock.held():\n"
                "            self._enqueue(queue, timer, deadline)",
            ),
        ),
    ),
    Fault(
        "a per-CPU pointer kept over a switch to another thread",
        "E041",
        "sched/scheduler.py",
        "# planted 4",
        (
            (
                "        cli()\n"
                "        mov(self.queue.used, UNLIMITED)  # `_requeue` puts it "
                "after the others then\n"
                "        self.schedule()\n"
                "        sti()",
                "        queue = keep(Ptr[RunQueue])\n"
                "        cli()\n"
                "        self.per_cpu.point_at(u64(queue), self.queue)\n"
                "        mov(queue.used, UNLIMITED)\n"
                "        self.schedule()\n"
                "        mov(queue.used, 0)  # planted 4\n"
                "        sti()",
            ),
        ),
    ),
    Fault(
        "a loop over an array that goes one too far",
        "E090",
        "entry/interrupts.py",
        "mov(rax, self.stubs[vector])",
        (
            (
                "for_(scratch(U32), 0, VECTORS) as vector",
                "for_(scratch(U32), 0, VECTORS + 1) as vector",
            ),
        ),
    ),
    Fault(
        "a program's pointer followed after it was rounded down",
        "E060",
        "vm/usercopy.py",
        "# planted 6",
        (
            (
                "        xor(u32(length), u32(length))\n        with while_",
                "        xor(u32(length), u32(length))\n"
                "        mov(rax, u64(source))\n"
                "        and_(rax, -8)\n"
                "        with if_(u64[rax] == 0):  # planted 6\n"
                "            ret(0)\n"
                "        with while_",
            ),
        ),
    ),
    Fault(
        "an interrupt that returns with its error code on the stack",
        "E028",
        "entry/interrupts.py",
        "iretq()  # planted",
        (
            (
                "add(rsp, 2 * sizeof(U64))  # the vector and the error code\n        iretq()\n",
                "add(rsp, sizeof(U64))\n        iretq()  # planted\n",
            ),
        ),
    ),
    Fault(
        "a program's pointer in a field, seen as a number and followed",
        "E060",
        "vm/usercopy.py",
        "# planted 8",
        (
            (
                "class UserCopy(Subsystem):",
                "class Request(Struct):\n"
                '    """What a program asks for."""\n'
                "\n"
                "    text: User[U8]\n"
                "    size: U64\n"
                "\n"
                "\n"
                "class UserCopy(Subsystem):",
            ),
            (
                '    @inline(changes="chunk")\n    def _chunk(self',
                "    @function\n"
                "    def begins_with(self, request: Ptr[Request]) -> U64:\n"
                '        """Its first byte."""\n'
                "        mov(rax, u64(request.text))\n"
                "        movzx(eax, u8[rax])  # planted 8\n"
                "        ret(rax)\n"
                "\n"
                '    @inline(changes="chunk")\n'
                "    def _chunk(self",
            ),
            (
                "        xor(u32(length), u32(length))\n",
                "        xor(u32(length), u32(length))\n"
                "        request = local(Request)\n"
                "        mov(request.text, source)\n"
                "        lea(rdi, request)\n"
                "        ignore(self.begins_with(rdi))\n",
            ),
        ),
    ),
    Fault(
        "a stub that pushes an error code where the processor does",
        "E028",
        "entry/interrupts.py",
        "jmp(self.on_own_stack if own_stack else self.exception)",
        (
            (
                "                if not pushes:\n                    push(0)\n",
                "                push(0)\n",
            ),
        ),
    ),
    Fault(
        "an interrupt that is not ended on an early return",
        "E054",
        "interrupts/dispatcher.py",
        "# planted 10",
        (
            (
                "        with while_(action != 0):\n            action.handler(action.argument)",
                "        with if_(action == 0):\n"
                "            lock.dec(slot.running)\n"
                "            dec(self.serving)\n"
                "            ret()  # planted 10\n"
                "        with while_(action != 0):\n"
                "            action.handler(action.argument)",
            ),
        ),
    ),
    Fault(
        "a count that a lock guards changed before the lock is taken",
        "E051",
        "sync/rwlock.py",
        "# planted 11",
        (
            (
                "        with rwlock.queue.lock.held():\n"
                "            asserts(rwlock.readers != 0)\n"
                "            dec(rwlock.readers)\n"
                "            self._admit(rwlock)",
                "        dec(rwlock.readers)  # planted 11\n"
                "        with rwlock.queue.lock.held():\n"
                "            self._admit(rwlock)",
            ),
        ),
    ),
    Fault(
        "a sleeping lock released twice",
        "E050",
        "vm/demandpaging.py",
        "# planted 12",
        (
            (
                "        with if_(fault.replaced != 0):",
                "        locked = scratch(fault.space)\n"
                "        self.locks.end_reading(address_of(locked.regions_lock))  # planted 12\n"
                "        with if_(fault.replaced != 0):",
            ),
        ),
    ),
    Fault(
        "a lock released before the code that wants it",
        "E051",
        "mm/slabs.py",
        "# planted 13",
        (
            (
                "        with cache.lock.held():\n            self.layer.free_empty(cache)",
                "        with cache.lock.held():\n"
                "            nop()\n"
                "        self.layer.free_empty(cache)  # planted 13",
            ),
        ),
    ),
    Fault(
        "interrupts turned on where flags should be restored",
        "E055",
        "sched/waiting.py",
        "# planted 14",
        (
            (
                "        with interrupts_disabled():\n"
                "            self._interrupt(thread, reasons)\n",
                "        cli()\n"
                "        self._interrupt(thread, reasons)\n"
                "        sti()  # planted 14\n",
            ),
        ),
    ),
    Fault(
        "a block lost on an early return",
        "E080",
        "mm/slablayer.py",
        "# planted 15",
        (
            (
                "        slab = keep(cast(try_(self.pages.allocate(order)), Ptr[Slab]))\n",
                "        slab = keep(cast(try_(self.pages.allocate(order)), Ptr[Slab]))\n"
                "        with if_(cache.slabs == 1000):\n"
                "            ret(False)  # planted 15\n",
            ),
        ),
    ),
    Fault(
        "a thread written to after its stack was freed",
        "E081",
        "threads/threads.py",
        "# planted 16",
        (
            (
                "        tail(self.stacks.free, thread)\n"
                "\n"
                "    @inline(changes=rax)\n"
                "    def _clear",
                "        thread = keep(thread)\n"
                "        self.stacks.free(thread)\n"
                "        mov(thread.state, 0)  # planted 16\n"
                "\n"
                "    @inline(changes=rax)\n"
                "    def _clear",
            ),
        ),
    ),
    Fault(
        "a table in read-only data written to",
        "E061",
        "vm/userpages.py",
        "# planted 17",
        (
            (
                "        mov(flags, self.flags[flags])\n",
                "        mov(self.flags[flags], flags)  # planted 17\n",
            ),
        ),
    ),
    Fault(
        "a test for null turned round",
        "E083",
        "vm/regions.py",
        "with if_((lower == 0) & (lower != upper)), if_(",
        (
            (
                "        with if_((lower != 0) & (lower != upper)), if_(",
                "        with if_((lower == 0) & (lower != upper)), if_(",
            ),
        ),
    ),
    Fault(
        "a space that may be null passed on",
        "E083",
        "vm/usercopy.py",
        "result = self.paging.resolve_fault(space, fault, wanted)",
        (
            (
                "space = try_(self.spaces.current(), Errno.EFAULT)",
                "space = self.spaces.current()  # planted 19",
            ),
        ),
    ),
    Fault(
        "a thread followed that nobody may have waited as",
        "E083",
        "sync/semaphore.py",
        "# planted 20",
        (
            (
                "                ignore(self.waiting.wake_one(address_of(semaphore.queue)))\n"
                "        self.scheduler.preempt_if_due()",
                "                woken = self.waiting.wake_one(address_of(semaphore.queue))\n"
                "                mov(eax, woken.priority)  # planted 20\n"
                "        self.scheduler.preempt_if_due()",
            ),
        ),
    ),
    Fault(
        "memory cleared that may not be there",
        "E083",
        "pci/bus.py",
        "self._clear(device)  # planted 21",
        (
            (
                "        with if_(device == 0):\n"
                "            inc(self.lost)\n"
                "            ret()\n"
                "        self._clear(device)",
                "        self._clear(device)  # planted 21",
            ),
        ),
    ),
    Fault(
        "a bound for an index one too large",
        "E090",
        "pci/msi.py",
        "point_at(resource, device.resources, rax)",
        (
            (
                "fail_if(eax >= BARS, Errno.ENODEV)",
                "fail_if(eax > BARS, Errno.ENODEV)",
            ),
        ),
    ),
    Fault(
        "a division by what is left in edx",
        "E010",
        "mm/slablayer.py",
        "div(size)",
        (
            (
                "            sub(eax, sizeof(Slab) + ALIGNMENT)\n            xor(edx, edx)\n",
                "            sub(eax, sizeof(Slab) + ALIGNMENT)\n",
            ),
        ),
    ),
    Fault(
        "a whole register read of which a part was loaded",
        "E010",
        "pci/bus.py",
        "with if_(self.reached[rax] != 0):",
        (
            (
                "        movzx(eax, u8(bus))\n        with if_(self.reached[rax] != 0):",
                "        mov(al, u8(bus))\n        with if_(self.reached[rax] != 0):",
            ),
        ),
    ),
    Fault(
        "strings that go downwards from here on",
        "E015",
        "pci/bus.py",
        "self._read_header(device)",
        (
            (
                "        mov(rdi, device)\n"
                "        xor(eax, eax)\n"
                "        mov(ecx, sizeof(PciDevice))\n"
                "        rep.stosb()",
                "        mov(rdi, device)\n"
                "        xor(eax, eax)\n"
                "        mov(ecx, sizeof(PciDevice))\n"
                "        std()\n"
                "        rep.stosb()",
            ),
        ),
    ),
    Fault(
        "a local read that was not written",
        "E026",
        "acpi/tables.py",
        "mov(ecx, least)",
        (
            (
                "        mov(least, size)\n",
                "",
            ),
        ),
    ),
    Fault(
        "a program's pointer followed by way of the stack",
        "E060",
        "vm/usercopy.py",
        "# planted 27",
        (
            (
                "        xor(u32(length), u32(length))\n",
                "        push(source)\n"
                "        pop(rax)\n"
                "        cmp(u8[rax], 0)  # planted 27\n"
                "        xor(u32(length), u32(length))\n",
            ),
        ),
    ),
    Fault(
        "a program's pointer followed by way of a local",
        "E060",
        "vm/usercopy.py",
        "# planted 28",
        (
            (
                "        with if_(self.is_outside(u64(destination), length)):\n",
                "        place = local(U64)\n"
                "        mov(place, u64(destination))\n"
                "        mov(rax, place)\n"
                "        mov(u8[rax], 0)  # planted 28\n"
                "        with if_(self.is_outside(u64(destination), length)):\n",
            ),
        ),
    ),
    Fault(
        "a program's pointer passed for one of the kernel's",
        "E060",
        "vm/usercopy.py",
        "# planted 29",
        (
            (
                '    @inline(changes="chunk")\n    def _chunk(self',
                "    @function\n"
                "    def _first(self, text: Ptr[U8]) -> U64:\n"
                '        """x"""\n'
                "        movzx(eax, text[0])\n"
                "        ret(rax)\n"
                "\n"
                '    @inline(changes="chunk")\n'
                "    def _chunk(self",
            ),
            (
                "        left, chunk = keep(size), keep(U64)\n",
                "        left, chunk = keep(size), keep(U64)\n"
                "        ignore(self._first(cast(u64(source), Ptr[U8])))  # planted 29\n",
            ),
        ),
    ),
    Fault(
        "deferred work that sleeps",
        "E040",
        "irq/deferred.py",
        "# planted 30",
        (
            (
                "        work.handler(work)\n",
                "        work.handler(work)\n        self.scheduler.yield_now()  # planted 30\n",
            ),
        ),
    ),
    Fault(
        "a page lost where its entry has changed",
        "E080",
        "vm/demandpaging.py",
        "# planted 31",
        (
            (
                "        memory = keep(try_(self.pages.allocate_page(), Errno.ENOMEM))\n"
                "        original",
                "        memory = keep(try_(self.pages.allocate_page(), Errno.ENOMEM))\n"
                "        try_(self.stacks.grow(fault.space, fault.page))  # planted 31\n"
                "        original",
            ),
        ),
    ),
    Fault(
        "a function left by iretq",
        "E033",
        "entry/exceptions.py",
        "# planted 32",
        (
            (
                '        """Go on: without a debugger, int3 means nothing."""',
                '        """Go on: without a debugger, int3 means nothing."""\n'
                "        iretq()  # planted 32",
            ),
        ),
    ),
)


REFUSED = (
    Fault(
        "addresses compared as if they had a sign",
        "type",
        "vm/regions.py",
        "i64(start) < i64(end)",
        (
            (
                "        with while_(start < end):\n            region = self.find(space, start)\n"
                "            asserts",
                "        with while_(i64(start) < i64(end)):\n"
                "            region = self.find(space, start)\n            asserts",
            ),
        ),
    ),
    Fault(
        "an assertion between an instruction and the test of its flags",
        "condition",
        "vm/userranges.py",
        "# planted 33",
        (
            (
                "            with if_(ZF & (walk.takes_tables != 0)):\n"
                "                request, entries",
                "            asserts(walk.count <= BATCH)\n"
                "            with if_(ZF):  # planted 33\n"
                "                request, entries",
            ),
        ),
    ),
    Fault(
        "an unsigned number compared with less than 0",
        "condition",
        "mm/pagetables.py",
        "(request.address < 0)",
        (
            (
                "(i64(request.address) < 0)",
                "(request.address < 0)",
            ),
        ),
    ),
    Fault(
        "a shift by the width of the register",
        "value-range",
        "entry/machinechecks.py",
        "shl(edx, 32)",
        (
            (
                "shl(rdx, 32)",
                "shl(edx, 32)",
            ),
        ),
    ),
    Fault(
        "an address cut to 32 bits",
        "type",
        "threads/threads.py",
        "lea(u32(saved)",
        (
            (
                "lea(saved, bare[u64(thread) - sizeof(TrapFrame) - sizeof(SavedRegisters)])",
                "lea(u32(saved), bare[u64(thread) - sizeof(TrapFrame) - sizeof(SavedRegisters)])",
            ),
        ),
    ),
    Fault(
        "a loop while an unsigned number is 0 or more",
        "condition",
        "vm/userranges.py",
        "# planted 37",
        (
            (
                "            with while_(left != 0):\n                dec(left)",
                "            with while_(left >= 0):  # planted 37\n                dec(left)",
            ),
        ),
    ),
    Fault(
        "a byte compared with what it can't be",
        "value-range",
        "pci/bus.py",
        "# planted 38",
        (
            (
                "        with if_(device.header_type == HeaderType.NORMAL):",
                "        with if_(device.header_type == 0x100):  # planted 38",
            ),
        ),
    ),
    Fault(
        "an element behind the end of an array",
        "type",
        "mm/pagetables.py",
        "# planted 39",
        (
            (
                "        lea(rax, walk.entries[1])",
                "        lea(rax, walk.entries[6])  # planted 39",
            ),
        ),
    ),
    Fault(
        "a program's pointer passed for a number of the kernel's",
        "call",
        "vm/usercopy.py",
        "# planted 40",
        (
            (
                "self._copy_at_once(destination, u64(source), length, Rights.READ)",
                "tail(self._copy, destination, source, length, Rights.READ)  # planted 40",
            ),
        ),
    ),
    Fault(
        "a result that nobody looks at",
        "unused-result",
        "vm/regions.py",
        "self._split(space, end)",
        (
            (
                "        try_(self._split(space, end))\n",
                "        self._split(space, end)\n",
            ),
        ),
    ),
)
"""Those that the language refuses, so that no rule is asked."""


class Found(NamedTuple):
    """Where a rule is broken."""

    rule: str
    file: str
    line: int


def planted(folder: Path, faults: Sequence[Fault]) -> Path:
    """Make a copy of the kernel in `folder` with all `faults`."""
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    for fault in faults:
        file = folder / "kernel" / fault.file
        text = file.read_text(encoding="utf-8")
        for old, new in fault.edits:
            assert text.count(old) == 1, (fault.what, old)
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
    return folder


def checked(place: Path, *options: str) -> str:
    """What `check` prints there."""
    command = [sys.executable, "-m", "pykasm", "check", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    return run.stdout + run.stderr


def expected(fault: Fault, place: Path) -> Found:
    """Where a fault has to be found."""
    lines = (place / "kernel" / fault.file).read_text(encoding="utf-8").splitlines()
    (line,) = [number for number, text in enumerate(lines, 1) if fault.at in text]
    return Found(fault.rule, fault.file, line)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the kernel with all faults that rules find."""
    return planted(tmp_path_factory.mktemp("planted"), FAULTS)


@pytest.fixture(scope="module")
def found(place: Path) -> set[Found]:
    """What the checker finds there."""
    return {
        Found(one["rule"], str(Path(one["file"]).relative_to(place / "kernel")), one["line"])
        for one in json.loads(checked(place, "--json"))
    }


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_planted_fault_is_found(fault: Fault, place: Path, found: set[Found]) -> None:
    assert expected(fault, place) in found


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the kernel with all faults that the language refuses."""
    return planted(tmp_path_factory.mktemp("refused"), REFUSED)


@pytest.fixture(scope="module")
def refused(refusing: Path) -> set[Found]:
    """The mistakes that it tells of there."""
    places = re.findall(r"error\[(.*?)\]: .*\n  kernel/(\S+):(\d+)", checked(refusing))
    return {Found(kind, file, int(line)) for kind, file, line in places}


@pytest.mark.parametrize("fault", REFUSED, ids=lambda fault: fault.what)
def test_a_planted_fault_is_refused(fault: Fault, refusing: Path, refused: set[Found]) -> None:
    assert expected(fault, refusing) in refused
