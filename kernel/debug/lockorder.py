"""The order in which spin locks are taken, observed while the kernel runs."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.locks.heldlocks import HeldLock, HeldLocks
from pykasm import *
from pykasm.errors import DeclarationMistake

MOST_CLASSES = 64
"""As many as a word has bits."""

NUMBER_BITS = 6
"""Of a class's number."""


class WrongOrder(Struct):
    """A lock that must not be taken under those that are held."""

    taken: Ptr[HeldLock]
    held: Ptr[HeldLocks]
    """The locks that this processor holds."""
    start: U64
    """The classes of those under which its own was never taken before."""
    via: Array[U8] = field(count=MOST_CLASSES)
    """For classes from which a path leads to those: the next class on it."""


class LockOrder(Subsystem):
    """The graph of which class of locks was ever taken while which was held. Locks of one name and
    rank are one class, as they are for the checker.

    A cycle is reported as soon as it closes, whether or not it deadlocks this time (as by Linux's
    lockdep). Context: interrupts off.
    """

    before = bss(U64 * MOST_CLASSES)
    """For each class, a bit for each class that was held while it was taken."""
    places = bss(I32 * (MOST_CLASSES * MOST_CLASSES))
    """The line where class `n` was taken while `h` was held, at `h * MOST_CLASSES + n`: the lower
    half of the address of the text."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.known: list[str] = []  # grows while those who use locks are assembled
        self.names = rodata(Ptr[U8] * MOST_CLASSES, self.known)

    @interns
    def number_of(self, name: str) -> int:
        """Return the number of the class called `name`, for code that is emitted."""
        if name in self.known:
            return self.known.index(name)
        if len(self.known) == MOST_CLASSES:
            raise DeclarationMistake(
                "there are too many classes of locks to watch",
                expected=f"at most {MOST_CLASSES}, a bit of a word for each",
                got=f"one more: {name}",
                fix="let `LockOrder` have a bit map for each class",
            )
        self.known.append(name)
        return len(self.known) - 1

    @inline(changes=rax)
    def is_new(self, number: U64, held: Ptr[HeldLocks]) -> Condition:
        """Return the condition that class `number` was never taken under some class of `held`."""
        mov(rax, self.before[number])
        not_(rax)
        return rax & held.classes

    @function
    def learn(self, taken: Ptr[HeldLock], held: Ptr[HeldLocks], wrong: Ptr[WrongOrder]) -> Bool:
        """Add edges from all classes of `held` to that of `taken`. Return whether that closes a
        cycle, which `wrong` then describes."""
        number, new = scratch(taken.number), scratch(U64)
        mov(new, self.before[number])
        not_(new)
        and_(new, held.classes)
        mov(wrong.taken, taken)
        mov(wrong.held, held)
        mov(wrong.start, new)
        # Atomic, and before the search: of two processors that close a cycle together, one sees it.
        lock.or_(self.before[number], new)
        first = scratch(U64)
        with while_(new != 0):
            xor(first, first)  # `bsf` may leave it as it was
            bsf(first, new)
            btr(new, first)
            shl(first, NUMBER_BITS)
            or_(first, number)
            mov(rax, taken.place)
            mov(self.places[first], eax)
        tail(self.search, wrong, number)

    @function
    def search(self, wrong: Ptr[WrongOrder], number: U64) -> Bool:
        """Return whether a path leads from class `number` to one of `wrong.start`; `wrong.via` then
        has it. The search goes backwards, from `wrong.start` on."""
        seen, waiting = scratch(wrong.start), scratch(wrong.start)
        one, earlier = scratch(U64), scratch(U64)
        with while_(waiting != 0):
            xor(one, one)
            bsf(one, waiting)
            btr(waiting, one)
            mov(rcx, self.before[one])
            mov(rax, seen)
            not_(rax)
            and_(rcx, rax)
            or_(seen, rcx)
            or_(waiting, rcx)
            with while_(rcx != 0):
                xor(earlier, earlier)
                bsf(earlier, rcx)
                btr(rcx, earlier)
                mov(wrong.via[earlier], u8(one))
        xor(eax, eax)
        bt(seen, number)
        setc(al)
        ret(eax)

    @function
    def print(self, wrong: Keep[Ptr[WrongOrder]]) -> None:
        """Print where the lock is taken, and the path of locks taken before in the other order."""
        number, next = keep(U64), keep(U64)
        taken, start = keep(wrong.taken), keep(wrong.start)
        mov(number, taken.number)
        self.console.print("  %s is taken in %s\n", self.names[number], taken.place)
        with loop():
            bt(start, number)
            break_if(CF)
            movzx(u32(next), wrong.via[number])
            mov(rcx, number)
            shl(rcx, NUMBER_BITS)
            or_(rcx, next)
            movsxd(rax, self.places[rcx])
            self.console.print("  while that was held, %s was taken in %s\n", self.names[next], rax)
            mov(number, next)
        tail(self._print_held, number, wrong.held)

    @function
    def _print_held(self, number: Keep[U64], held: Ptr[HeldLocks]) -> None:
        """Print the lock of class `number` that is held."""
        entry, left = keep(Ptr[HeldLock]), keep(held.count)
        lea(entry, held.locks)
        with while_(left != 0):
            with if_(entry.number == number):
                self.console.print("  which is held since %s\n", entry.place)
            add(entry, sizeof(HeldLock))
            dec(left)
