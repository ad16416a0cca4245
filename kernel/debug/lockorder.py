"""The order in which spin locks are taken, observed while the kernel runs."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.locks.heldlocks import HeldLock, HeldLocks
from pykasm import *


class WrongOrder(Struct):
    """A lock that must not be taken under those that are held."""

    taken: Ptr[HeldLock]
    held: Ptr[HeldLocks]
    """The locks that this processor holds."""


class LockOrder(Subsystem):
    """The graph of which class of locks was ever taken while which was held. Locks of one name and
    rank are one class, as they are for the checker.

    A cycle is reported as soon as it closes, whether or not it deadlocks this time (as by Linux's
    lockdep). Context: interrupts off.
    """

    searching = bss(U32)
    """1 while a processor searches the graph: `via` and `waiting` are its own then. No lock, as
    locks are what is watched."""

    def __init__(self, console: Console) -> None:
        self.console = console
        # These grow while those who use locks are assembled.
        self.known: list[str] = []
        self.size = [0]
        self.cells: list[int] = []
        self.zeros: list[int] = []
        self.names = rodata(Array[Ptr[U8]], self.known)
        self.count = rodata(Array[U64], self.size)
        """How many classes there are."""
        self.places = data(Array[I32], self.cells)
        """The line where class `n` was taken while `h` was held, at `h * count + n`: the lower half
        of the address of the text; 0 where that never happened."""
        self.via = data(Array[U32], self.zeros)
        """For classes from which a path leads to those that are held: 1 more than the next class on
        it; for these, than their own number."""
        self.waiting = data(Array[U32], self.zeros)
        """The classes of `via` in the order in which they were found."""

    @interns
    def number_of(self, name: str) -> int:
        """Return the number of the class called `name`, for code that is emitted."""
        if name not in self.known:
            self.known.append(name)
            count = len(self.known)
            self.size[:] = [count]
            self.cells[:] = [0] * count**2
            self.zeros[:] = [0] * count
        return self.known.index(name)

    @inline(changes=rax)
    def _load_place(self, held: U64, number: U64) -> Ptr[U8]:
        """Return where class `number` was taken while `held` was held, 0 if never."""
        self._find(held, number)
        movsxd(rax, self.places[rax])
        return cast(rax, Ptr[U8])

    @inline(changes=rax)
    def _find(self, held: U64, number: U64) -> None:
        """Put into rax which of `places` is that of class `number` under class `held`."""
        mov(rax, held)
        imul(rax, self.count[0])
        add(rax, number)

    # Learning

    @function(clobbers=(rax, rdx, rdi, rsi))
    def is_new(self, number: U64, held: Ptr[HeldLocks]) -> Bool:
        """Return whether class `number` was never taken under some class of `held`."""
        left, other = cast(rdx, U64), cast(rsi, Ptr[HeldLock])
        mov(left, held.count)
        lea(other, held.locks)
        with while_(left != 0):
            self._find(other.number, number)
            with if_(self.places[rax] == 0):
                ret(True)
            add(other, sizeof(HeldLock))
            dec(left)
        ret(False)

    @function
    def learn(self, wrong: Ptr[WrongOrder]) -> Bool:
        """Add edges from all classes that are held to that of the lock which is taken. Return
        whether that closes a cycle, which `via` then has: nobody else searches any more."""
        number, held = scratch(wrong.taken), scratch(wrong.held)
        place = scratch(number.place)
        left, other = scratch(held.count), scratch(Ptr[HeldLock])
        lea(other, held.locks)
        with while_(left != 0):
            self._find(other.number, number.number)
            with if_(self.places[rax] == 0):
                # Atomic, and before the search: of two processors that close a cycle together, one
                # sees it.
                xchg(self.places[rax], u32(place))
            add(other, sizeof(HeldLock))
            dec(left)
        tail(self._search, wrong)

    # Searching

    @function
    def _search(self, wrong: Keep[Ptr[WrongOrder]]) -> Bool:
        """Return whether a path leads from the class that is taken to one that is held."""
        self._begin()
        end, held = keep(U64), scratch(wrong.held)
        left, other = scratch(held.count), scratch(Ptr[HeldLock])
        xor(end, end)
        lea(other, held.locks)
        with while_(left != 0):
            mov(rcx, other.number)
            self._enter(rcx, rcx, end)
            add(other, sizeof(HeldLock))
            dec(left)
        self._follow(end)
        taken = scratch(wrong.taken)
        mov(rax, taken.number)
        with if_(self.via[rax] != 0):
            ret(True)
        self._end()
        ret(False)

    @function
    def is_before_itself(self, number: Keep[U64]) -> Bool:
        """Return whether a path leads from class `number` back to it."""
        self._begin()
        end, other = keep(U64), scratch(U64)
        xor(end, end)
        with for_(other, 0, self.count[0]), if_(self._load_place(other, number) != 0):
            self._enter(other, number, end)
        self._follow(end)
        cmp(self.via[number], 0)
        setne(al)
        movzx(eax, al)
        self._end()
        ret(eax)

    @inline(changes=(rax, rcx, rdi))
    def _begin(self) -> None:
        """Wait until nobody else searches, and forget what the last search found."""
        with loop():
            mov(eax, 1)
            xchg(self.searching, eax)
            break_if(eax == 0)
            pause()
        lea(rdi, self.via)
        mov(rcx, self.count[0])
        xor(eax, eax)
        rep.stosd()

    @inline
    def _end(self) -> None:
        """Release the search to others."""
        mov(self.searching, 0)

    @inline(changes=(rax, "end"))
    def _enter(self, number: U64, next: U64, end: U64) -> None:
        """Note that a path leads from class `number` to `next`, unless one is known: it is the
        `end`th that is found."""
        with if_(self.via[number] == 0):
            lea(eax, u64[next + 1])
            mov(self.via[number], eax)
            mov(self.waiting[end], u32(number))
            inc(end)

    @function
    def _follow(self, end: U64) -> None:
        """Find all classes from which paths lead to the first `end` of `waiting`: a breadth-first
        search against the edges."""
        at, one, other = scratch(U64), scratch(U64), scratch(U64)
        xor(at, at)
        with while_(at != end):
            mov(u32(one), self.waiting[at])
            inc(at)
            with for_(other, 0, self.count[0]), if_(self._load_place(other, one) != 0):
                self._enter(other, one, end)

    # Printing

    @function
    def print(self, wrong: Keep[Ptr[WrongOrder]]) -> None:
        """Print where the lock is taken, and the path of locks taken before in the other order."""
        number, next = keep(U64), keep(U64)
        taken = scratch(wrong.taken)
        mov(number, taken.number)
        self.console.print("  %s is taken in %s\n", self.names[number], taken.place)
        with loop():
            mov(u32(next), self.via[number])
            dec(next)
            break_if(next == number)  # it is held
            place = self._load_place(number, next)
            self.console.print(
                "  while that was held, %s was taken in %s\n", self.names[next], place
            )
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
