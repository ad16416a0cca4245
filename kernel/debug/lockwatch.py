"""Which processor holds which spin locks, in debug builds."""

from __future__ import annotations

from typing import Any, NoReturn

from kernel.console.console import Console
from kernel.cpu.percpu import PerCpu
from kernel.cpu.snapshot import push_frame
from kernel.cpu.trapframe import TrapFrame
from kernel.debug.lockorder import LockOrder, WrongOrder
from kernel.debug.panic import Panic
from kernel.locks.heldlocks import MOST_HELD, HeldLock, HeldLocks
from kernel.processors.processors import Processors
from pykasm import *
from pykasm.lang.locking import lock_name, ranked
from pykasm.source import Source

USED = (rdi, rsi, rdx, rax, r10, r11)
"""Registers that the watch uses and the code of a lock saves: an even number, so that the stack
stays aligned."""

KEPT = (rcx, rdx, rsi, rdi, r8, r9, r10, r11)
"""The other registers that calls may change, with those: again an even number."""


class Complaint(Struct):
    """A misuse of a lock, on the stack of the code that misuses it."""

    message: Ptr[U8]
    lock: Ptr[HeldLock]
    wrong: Ptr[WrongOrder]
    """Null if the order is not what is wrong."""


class LockWatch(Subsystem):
    """Panic if a processor takes a lock that it holds, or out of order, or releases one that it
    does not hold.

    The checker proves the same for the calls that it can follow; this sees all that happen.
    Context: any, from the first lock on, as the notes are the processor's own.
    """

    held = percpu(HeldLocks)
    off = bss(U32)
    """1 once a panic has broken a lock open: `held` means nothing from then on."""

    def __init__(
        self,
        per_cpu: PerCpu,
        processors: Processors,
        order: LockOrder,
        console: Console,
        panic: Panic,
    ) -> None:
        self.per_cpu = per_cpu
        self.processors = processors
        self.order = order
        self.console = console
        self.panic = panic

    # What locks emit

    @inline
    def before_taking(self, lock: Any, rank: str, place: Source) -> None:
        """Call `take` where a lock is about to be taken."""
        self._tell(self.take, lock, rank, place)

    @inline
    def before_releasing(self, lock: Any, rank: str, place: Source) -> None:
        """Call `release` where a lock is about to be released."""
        self._tell(self.release, lock, rank, place)

    @inline
    def before_breaking(self) -> None:
        """Stop watching where a panic is about to break a lock open."""
        mov(self.off, 1)

    @inline
    def _tell(self, function: Any, lock: Any, rank: str, place: Source) -> None:
        """Call `function` with the lock, its class and the place, and change no register."""
        number = self.order.number_of(ranked(lock_name(lock, "lock_watch"), rank))
        # By hand, as the code around does not expect a call where it takes a lock.
        for register in USED:
            push(register)
        lea(rdi, lock)
        mov(esi, number)
        mov(rdx, text(str(place)))
        call(function)
        for register in reversed(USED):
            pop(register)

    # What is held

    @function(clobbers=USED)
    def take(self, lock: U64, number: U64, place: Ptr[U8]) -> None:
        """Note that this processor is about to take `lock`, of class `number`, at `place`."""
        with if_(self.off != 0):
            ret()
        held, entry = self._note(lock, number, place)
        with if_(held.count == MOST_HELD):
            self._complain(text("too many spin locks are held"), entry, 0)
        other = cast(rax, Ptr[HeldLock])
        lea(other, held.locks)
        with while_(other.lock != lock):  # ends at `entry`, which has just been written
            add(other, sizeof(HeldLock))
        with if_(other != entry):
            self._complain(text("a spin lock is taken by who holds it"), entry, 0)
        with if_(self.order.is_new(number, held)):
            self._check_order(entry, held)
        inc(held.count)

    @function(clobbers=USED)
    def release(self, lock: U64, number: U64, place: Ptr[U8]) -> None:
        """Note that this processor is about to release `lock`, of class `number`, at `place`."""
        with if_(self.off != 0):
            ret()
        held, noted = self._note(lock, number, place)
        release(number)
        entry = scratch(noted)
        lea(rax, held.locks)
        with loop():
            with if_(entry == rax):
                self._complain(text("a spin lock is released by who does not hold it"), noted, 0)
            sub(entry, sizeof(HeldLock))
            break_if(entry.lock == lock)
        dec(held.count)
        sub(noted, sizeof(HeldLock))
        with while_(entry != noted):
            self._move_down(entry)

    @inline(changes=rax)
    def _note(self, lock: U64, number: U64, place: Ptr[U8]) -> tuple[Ptr[HeldLocks], Ptr[HeldLock]]:
        """Write the lock after the last one that is held. Return the list, and that entry."""
        held, entry = scratch(Ptr[HeldLocks]), scratch(Ptr[HeldLock])
        self.per_cpu.point_at(u64(held), self.held)
        mov(rax, held.count)
        point_at(entry, held.locks, rax)
        mov(entry.lock, lock)
        mov(entry.number, number)
        mov(entry.place, place)
        return held, entry

    @inline(changes=rax)
    def _check_order(self, entry: Ptr[HeldLock], held: Ptr[HeldLocks]) -> None:
        """Call `_learn`, which happens once for each pair of classes."""
        for register in KEPT:
            push(register)
        self._learn(entry, held)
        for register in reversed(KEPT):
            pop(register)

    @inline(changes=("entry", rax))
    def _move_down(self, entry: Ptr[HeldLock]) -> None:
        """Move the next entry down to `entry`, and advance `entry` to where it was."""
        for offset in range(0, sizeof(HeldLock), sizeof(U64)):
            mov(rax, u64[u64(entry) + sizeof(HeldLock) + offset])
            mov(u64[u64(entry) + offset], rax)
        add(entry, sizeof(HeldLock))

    # What is wrong

    @function
    def _learn(self, entry: Keep[Ptr[HeldLock]], held: Ptr[HeldLocks]) -> None:
        """Add what is about to be taken to the order of locks; panic if that closes a cycle."""
        wrong = local(WrongOrder)
        mov(wrong.taken, entry)
        mov(wrong.held, held)
        with if_(self.order.learn(address_of(wrong))):
            self._complain(text("spin locks are taken in a wrong order"), entry, address_of(wrong))

    @naked
    def _complain(self, message: Ptr[U8], lock: Ptr[HeldLock], wrong: Ptr[WrongOrder]) -> NoReturn:
        """Panic about what is done with `lock`, which is out of order if `wrong` is not null."""
        push_frame()  # first, so that the report has the registers as they are
        mov(self.off, 1)  # the report takes locks, too
        mov(rax, rsp)
        push(rsp)  # keeps the stack aligned
        for register in (wrong, lock, message):
            push(register)
        mov(rdi, address_of(self._say))
        mov(rsi, rsp)
        mov(rdx, rax)
        call(self.panic.enter)
        never()

    @function
    def _say(self, address: U64, frame: Ptr[TrapFrame]) -> None:
        """Report the `Complaint` at `address`."""
        complaint = keep(cast(address, Ptr[Complaint]))
        self.panic.say(u64(complaint.message), frame)
        with if_(complaint.wrong != 0):
            self.order.print(complaint.wrong)
        with else_():
            self.print(complaint.lock)

    @function
    def print(self, lock: Ptr[HeldLock]) -> None:
        """Print the lock, the place of its misuse, and the locks that all processors hold."""
        mov(rax, lock.number)
        name = self.order.names[rax]
        self.console.print("  %s at 0x%x, in %s\n", name, lock.lock, lock.place)
        with if_(self.processors.count == 0):  # the first one has not listed itself yet
            ret()
        with self.processors.each() as processor:
            held = scratch(processor.block)
            self.per_cpu.point_into(held, self.held)
            self._print_held(processor.number, cast(held, Ptr[HeldLocks]))

    @function
    def _print_held(self, processor: Keep[U32], held: Ptr[HeldLocks]) -> None:
        """Print the locks that this processor holds."""
        entry, left = keep(Ptr[HeldLock]), keep(held.count)
        lea(entry, held.locks)
        with while_(left != 0):
            mov(rax, entry.number)
            name = self.order.names[rax]
            self.console.print(
                "  processor %u holds %s at 0x%x since %s\n",
                processor,
                name,
                entry.lock,
                entry.place,
            )
            add(entry, sizeof(HeldLock))
            dec(left)
