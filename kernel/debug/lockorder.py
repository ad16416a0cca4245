"""In which order spin locks are taken, as seen while the kernel runs."""

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
    """A lock that must not be taken now."""

    taken: Ptr[HeldLock]
    held: Ptr[HeldLocks]
    """What this processor has taken before."""
    start: U64
    """The classes of those that its own was not known to come behind."""
    via: Array[U8] = field(count=MOST_CLASSES)
    """For classes that come before those: what comes next on a way there."""


class LockOrder(Subsystem):
    """Classes of locks, and which was ever taken while which was held. Locks of one name and rank
    are one class, as they are for the checker.

    An order that has a circle is wrong as soon as it is seen, though nothing may be locked up yet
    (as with the Linux kernel's lockdep). Context: interrupts off.
    """

    before = bss(U64 * MOST_CLASSES)
    """For each class, those that were held while it was taken: they come before it."""
    places = bss(I32 * (MOST_CLASSES * MOST_CLASSES))
    """The line where class `n` was taken while `h` was held, at `h * MOST_CLASSES + n`: the lower
    half of the address of the text."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.known: list[str] = []  # grows while those who use locks are assembled
        self.names = rodata(Ptr[U8] * MOST_CLASSES, self.known)

    @interns
    def number_of(self, name: str) -> int:
        """The number of the class called `name`, for code that is emitted."""
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
        """The condition that class `number` was never taken under all those of `held`."""
        mov(rax, self.before[number])
        not_(rax)
        return rax & held.classes

    @function
    def learn(self, taken: Ptr[HeldLock], held: Ptr[HeldLocks], wrong: Ptr[WrongOrder]) -> U32:
        """Note that the class of `taken` comes behind all those of `held`. 1 if one of them comes
        behind it: `wrong` says how; else 0."""
        number, new = scratch(taken.number), scratch(U64)
        mov(new, self.before[number])
        not_(new)
        and_(new, held.classes)
        mov(wrong.taken, taken)
        mov(wrong.held, held)
        mov(wrong.start, new)
        lock.or_(self.before[number], new)  # before the search: of two who close a circle, one sees
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
    def search(self, wrong: Ptr[WrongOrder], number: U64) -> U32:
        """1 if class `number` comes before one of `wrong.start`, by the ways that `wrong.via` then
        has; else 0."""
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
        """Print where the lock is taken under what, and what was taken before in another order."""
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
        """Print which lock of this class is held."""
        entry, left = keep(Ptr[HeldLock]), keep(held.count)
        lea(entry, held.locks)
        with while_(left != 0):
            with if_(entry.number == number):
                self.console.print("  which is held since %s\n", entry.place)
            add(entry, sizeof(HeldLock))
            dec(left)
