"""Rules E05x: locks."""

from typing import NoReturn

import pytest

from pykasm import *
from pykasm.check.examples.spinlock import SpinLock
from pykasm.errors import DeclarationMistake
from tests.unit.checking import broken, findings, mended


class Counter(Subsystem):
    """A count behind a lock."""

    def __init__(self) -> None:
        self.lock = bss(SpinLock)


def test_lock_not_released_on_some_path() -> None:
    assert broken("E050") == [
        """\
error[E050]: `Broken.lock` is not released on some path to here
  FILE:LINE
  LINE |             ret()
        |             ^^^^^ the function is left here
  LINE |         self.lock.take()
        |         ^^^^^^^^^^^^^^^^ `Broken.run` takes `Broken.lock`
help: release it on every path"""
    ]
    assert mended("E050") == []


class TakenTwice(Counter):
    """Takes its lock in a loop, and releases it behind the loop."""

    @function
    def run(self, count: U32) -> None:
        with while_(count != 0):
            self.lock.take()
            dec(count)
        self.lock.drop()


def test_lock_taken_while_held() -> None:
    assert findings(TakenTwice()) == [
        """\
error[E050]: `TakenTwice.lock` is taken while it is held
  FILE:LINE
  LINE |             self.lock.take()
        |             ^^^^^^^^^^^^^^^^ some path to here holds it: this waits for ever
help: release it first""",
        """\
error[E050]: `TakenTwice.lock` is released, but some path to here does not hold it
  FILE:LINE
  LINE |         self.lock.drop()
        |         ^^^^^^^^^^^^^^^^
help: take it on every path, and release it once""",
    ]


class TakenByCallee(Counter):
    """Calls under its lock what takes it."""

    @function
    def run(self) -> None:
        self.lock.take()
        self.middle()
        self.lock.drop()

    @function
    def middle(self) -> None:
        self.inner()

    @function
    def inner(self) -> None:
        self.lock.take()
        self.lock.drop()


def test_callee_takes_a_lock_that_is_held() -> None:
    assert findings(TakenByCallee()) == [
        """\
error[E050]: `TakenByCallee.lock` is held, and `TakenByCallee.middle` takes it
  FILE:LINE
  LINE |         self.middle()
        |         ^^^^^^^^^^^^^ this waits for ever
  LINE |         self.lock.take()
        |         ^^^^^^^^^^^^^^^^ `TakenByCallee.run` takes `TakenByCallee.lock`
  LINE |         self.inner()
        |         ^^^^^^^^^^^^ `TakenByCallee.middle` calls `TakenByCallee.inner`
  LINE |         self.lock.take()
        |         ^^^^^^^^^^^^^^^^ `TakenByCallee.inner` takes `TakenByCallee.lock`
help: release it first, or call code that expects it to be held"""
    ]


class BrokenOpen(TakenByCallee):
    """As `TakenByCallee`, but what is called breaks the lock open first."""

    @function
    def middle(self) -> None:
        breaking_open(self.lock)
        mov(self.lock.taken, 0)
        self.inner()


def test_code_that_breaks_a_lock_open_may_take_it() -> None:
    assert findings(BrokenOpen()) == []


class MayFail(TakenByCallee):
    """As `TakenByCallee`, but what is called may end in code that breaks the lock open."""

    @function
    def middle(self) -> None:
        self.inner()
        with if_(ZF):
            self.fail()

    @function
    def fail(self) -> NoReturn:
        self.break_open()
        self.inner()
        with loop():
            hlt()
        never()

    @function
    def break_open(self) -> None:
        breaking_open(self.lock)
        mov(self.lock.taken, 0)


class Fails(MayFail):
    """Takes the lock again only where it is broken open before."""

    @function
    def middle(self) -> None:
        self.fail()


def test_code_that_may_fail_takes_locks_like_any_other() -> None:
    assert [one.partition(":")[0] for one in findings(MayFail())][:1] == ["error[E050]"]
    assert findings(Fails()) == []


def test_locks_in_an_order_that_goes_round() -> None:
    assert broken("E052") == [
        """\
error[E052]: the order of locks goes round: `Broken.books`, `Broken.readers`, `Broken.books`
  FILE:LINE
  LINE |         self.count()
        |         ^^^^^^^^^^^^
  LINE |         self.readers.take()
        |         ^^^^^^^^^^^^^^^^^^^ `Broken.count` takes `Broken.readers`
  LINE |         self.books.take()
        |         ^^^^^^^^^^^^^^^^^ under `Broken.readers`, `Broken.give_back` takes `Broken.books`
help: take them in the same order everywhere"""
    ]
    assert mended("E052") == []


class Guarded(Subsystem):
    """Takes two locks in either order, but always under a third."""

    def __init__(self) -> None:
        self.outer, self.left, self.right = bss(SpinLock), bss(SpinLock), bss(SpinLock)

    @function
    def run(self) -> None:
        self._both(self.left, self.right)
        self._both(self.right, self.left)

    def _both(self, first: SpinLock, second: SpinLock) -> None:
        for one in (self.outer, first, second):
            one.take()
        for one in (second, first, self.outer):
            one.drop()


def test_a_third_lock_makes_any_order_safe() -> None:
    assert findings(Guarded()) == []


def test_lock_of_interrupts_taken_with_interrupts_on() -> None:
    assert broken("E053") == [
        """\
error[E053]: `Broken.lock` is taken with interrupts on, but an interrupt handler takes it too
  FILE:LINE
  LINE |         self.lock.take()
        |         ^^^^^^^^^^^^^^^^ a handler that interrupts what follows waits for ever
  LINE |         self.add_one()
        |         ^^^^^^^^^^^^^^ `Broken.run` calls `Broken.add_one`
  LINE |         self.add_one()
        |         ^^^^^^^^^^^^^^ `Broken.tick` calls `Broken.add_one`
  LINE |         self.lock.take()
        |         ^^^^^^^^^^^^^^^^ `Broken.add_one` takes `Broken.lock`
help: turn interrupts off first, and back on when it is released"""
    ]
    assert mended("E053") == []


class TakenByHandlersOnly(Counter):
    """A lock that only a handler takes."""

    handler = bss(U64)

    @function
    def run(self) -> None:
        lea(rax, self.tick)
        mov(self.handler, rax)
        sti()

    @interrupt
    def tick(self) -> None:
        self.lock.take()
        self.lock.drop()


def test_handlers_take_locks_with_interrupts_off() -> None:
    assert findings(TakenByHandlersOnly()) == []


def test_datum_touched_without_its_lock() -> None:
    assert broken("E051") == [
        """\
error[E051]: `Broken.count` is touched without `Broken.lock`
  FILE:LINE
  LINE |         with if_(self.count < number):
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ some path to here does not hold it
help: take the lock, or state that callers hold it: `@function(holds=…)`"""
    ]
    assert mended("E051") == []


class Held(Counter):
    """Touches a datum in a helper that is called with and without the lock."""

    count = bss(U64, guarded_by="lock")

    @function
    def run(self) -> None:
        self.lock.take()
        self.add_one()
        self.lock.drop()

    @function
    def add_one(self) -> None:
        inc(self.count)


def test_callers_may_hold_the_lock() -> None:
    assert findings(Held()) == []


class HeldBySome(Held):
    """One of two callers holds no lock."""

    @function
    def run(self) -> None:
        self.lock.take()
        self.add_one()
        self.lock.drop()
        self.add_one()


def test_every_caller_has_to_hold_the_lock() -> None:
    assert findings(HeldBySome()) == [
        """\
error[E051]: `HeldBySome.count` is touched without `HeldBySome.lock`
  FILE:LINE
  LINE |         inc(self.count)
        |         ^^^^^^^^^^^^^^^ some path to here does not hold it
  LINE |         self.add_one()
        |         ^^^^^^^^^^^^^^ `HeldBySome.run` does not hold it here
help: take the lock, or state that callers hold it: `@function(holds=…)`"""
    ]


class HeldByContract(Held):
    """Calls without the lock what states that it is held."""

    @function
    def run(self) -> None:
        self.add_one()

    @function(holds="lock")
    def add_one(self) -> None:
        inc(self.count)


def test_contracts_of_locks_are_verified() -> None:
    assert findings(HeldByContract()) == [
        """\
error[E051]: `HeldByContract.add_one` is called without `HeldByContract.lock`
  FILE:LINE
  LINE |         self.add_one()
        |         ^^^^^^^^^^^^^^ it says that its callers hold it
help: take the lock first"""
    ]


class HeldByPointer(HeldByContract):
    """Is called by a pointer, so that only the contract tells what is held."""

    def __init__(self) -> None:
        super().__init__()
        self.adders = rodata(Fn[[], Void] * 1, [self.add_one])

    @function
    def run(self) -> None:
        self.lock.take()
        call(self.adders[0])
        self.lock.drop()


def test_contracts_tell_what_pointers_hide() -> None:
    assert findings(HeldByPointer()) == []


class OwnLock(SpinLock):
    """A lock whose instructions are the author's own."""

    def take(self, rank: str = "") -> None:
        """Wait for the lock."""
        SpinLock.take(self, rank)


class Allowed(Subsystem):
    """Takes its lock twice, and says why."""

    def __init__(self) -> None:
        self.lock = bss(OwnLock)

    @function
    def run(self) -> None:
        self.lock.take()
        with allowed("E050", "it never gets here"):
            self.lock.take()
        self.lock.drop()


def test_what_a_lock_writes_is_allowed_at_the_line_that_uses_it() -> None:
    assert findings(Allowed()) == []


class Inode(Struct):
    """An object with a lock of its own."""

    lock: SpinLock
    size: U64 = field(guarded_by="lock")
    parent: Ptr["Inode"]


class Inodes(Subsystem):
    """Uses objects with locks of their own as it should."""

    @function
    def run(self, inode: Ptr[Inode], other: Ptr[Inode]) -> None:
        with unshared(other):
            mov(other.size, 0)
        inode = keep(inode)
        inode.lock.take()
        self.grow(inode)
        inode.lock.drop()

    @function(holds="inode.lock")
    def grow(self, inode: Ptr[Inode]) -> None:
        inc(inode.size)


def test_fields_are_touched_under_the_lock_of_their_struct() -> None:
    assert findings(Inodes()) == []


class UnlockedInodes(Inodes):
    """Touches a field, and calls what does, without the lock."""

    @function
    def run(self, inode: Ptr[Inode], other: Ptr[Inode]) -> None:
        mov(other.size, 0)
        self.grow(inode)


def test_a_field_is_touched_without_the_lock_of_its_struct() -> None:
    assert findings(UnlockedInodes()) == [
        """\
error[E051]: `Inode.size` is touched without `Inode.lock`
  FILE:LINE
  LINE |         mov(other.size, 0)
        |         ^^^^^^^^^^^^^^^^^^ some path to here does not hold it
help: take the lock, or state that callers hold it: `@function(holds=…)`""",
        """\
error[E051]: `UnlockedInodes.grow` is called without `Inode.lock`
  FILE:LINE
  LINE |         self.grow(inode)
        |         ^^^^^^^^^^^^^^^^ it says that its callers hold it
help: take the lock first""",
    ]


class UnlockedAddress(Inodes):
    """Touches a field by its address: under the lock, and after that."""

    @function
    def run(self, inode: Ptr[Inode]) -> None:
        lea(rcx, inode.size)
        inode.lock.take()
        mov(u64[rcx], 0)
        inode.lock.drop()
        inc(u64[rcx])


class UnsharedAddress(Inodes):
    """Touches a field of a new object by its address, and another address with the register."""

    other = bss(U64)

    @function
    def run(self, inode: Ptr[Inode]) -> None:
        with unshared(inode):
            lea(rcx, inode.size)
        mov(u64[rcx], 0)
        self.look(inode)

    @function
    def look(self, inode: Ptr[Inode]) -> None:
        inode.lock.take()
        lea(rcx, inode.size)
        mov(u64[rcx], 1)
        inode.lock.drop()
        lea(rcx, self.other)
        mov(u64[rcx], 1)


def test_a_field_is_touched_by_its_address() -> None:
    assert findings(UnlockedAddress()) == [
        """\
error[E051]: `Inode.size` is touched without `Inode.lock`
  FILE:LINE
  LINE |         inc(u64[rcx])
        |         ^^^^^^^^^^^^^ some path to here does not hold it
help: take the lock, or state that callers hold it: `@function(holds=…)`"""
    ]
    assert findings(UnsharedAddress()) == []


class Queue(Struct):
    """How much waits is read by anybody, as a hint."""

    lock: SpinLock
    waiting: U32 = field(guarded_by="lock", unlocked_reads=True)
    items: U64 = field(guarded_by="lock")


class Hints(Subsystem):
    """Reads without the lock, by name and by address."""

    @function
    def run(self, queue: Ptr[Queue]) -> U32:
        lea(rcx, queue.waiting)
        with if_(queue.waiting & 1):
            mov(eax, u32[rcx])
            ret(eax)
        mov(eax, queue.waiting)
        ret(eax)


class Changed(Subsystem):
    """Writes without the lock what may be read so, and reads what may not."""

    @function
    def run(self, queue: Ptr[Queue]) -> U64:
        lock.inc(queue.waiting)
        ret(queue.items)


class DataHints(Subsystem):
    """Reads a datum without its lock."""

    lock = bss(SpinLock)
    waiting = bss(U32, guarded_by="lock", unlocked_reads=True)

    @function
    def run(self) -> U32:
        mov(eax, self.waiting)
        ret(eax)


class ChangedDatum(DataHints):
    """Writes it without its lock."""

    @function
    def run(self) -> U32:
        lock.inc(self.waiting)
        ret(0)


def test_data_that_are_read_without_their_lock() -> None:
    assert findings(DataHints()) == []
    [only] = findings(ChangedDatum())
    assert only.startswith(
        "error[E051]: `ChangedDatum.waiting` is touched without `ChangedDatum.lock`"
    )


def test_only_what_has_a_lock_is_read_without_it() -> None:
    with pytest.raises(DeclarationMistake, match="and the datum has none"):
        bss(U32, unlocked_reads=True)


def test_fields_that_are_read_without_their_lock() -> None:
    assert findings(Hints()) == []
    first, second = findings(Changed())
    assert first.startswith("error[E051]: `Queue.waiting` is touched without `Queue.lock`")
    assert second.startswith("error[E051]: `Queue.items` is touched without `Queue.lock`")


class AddressPassedOn(Inodes):
    """Has callees change a field by its address, under the lock and after that."""

    total = bss(U64)

    @function
    def run(self, inode: Ptr[Inode]) -> None:
        inode = keep(inode)
        inode.lock.take()
        self.clear(address_of(inode.size))
        inode.lock.drop()
        self.clear(address_of(inode.size))

    @function
    def clear(self, place: Ptr[U64]) -> None:
        mov(place[0], 0)


class AddressPassedToItsLock(Inodes):
    """Has a callee that takes the lock change a field; none gets what is left in a register."""

    total = bss(U64)

    @function
    def run(self, inode: Ptr[Inode]) -> None:
        inode = keep(inode)
        self.clear(inode, address_of(inode.size))
        inode.lock.take()
        lea(rdi, inode.size)
        mov(u64[rdi], 0)
        inode.lock.drop()
        self.count()

    @function
    def clear(self, inode: Ptr[Inode], place: Ptr[U64]) -> None:
        inode.lock.take()
        mov(place[0], 0)
        inode.lock.drop()

    @function
    def count(self) -> None:
        inc(self.total)


def test_the_address_of_a_field_is_passed_on_with_its_lock() -> None:
    assert findings(AddressPassedOn()) == [
        """\
error[E051]: the address of `Inode.size` is passed on without `Inode.lock`
  FILE:LINE
  LINE |         self.clear(address_of(inode.size))
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ some path to here does not hold it
help: take the lock, or state that callers hold it: `@function(holds=…)`"""
    ]
    assert findings(AddressPassedToItsLock()) == []


class Renamer(Subsystem):
    """Holds the locks of a parent and of its child, in this order."""

    @function
    def run(self, parent: Ptr[Inode], child: Ptr[Inode]) -> None:
        parent.lock.take()
        child.lock.take(rank="child")
        mov(child.size, 0)
        child.lock.drop(rank="child")
        inc(parent.size)
        parent.lock.drop()


def test_locks_of_one_kind_have_ranks() -> None:
    assert findings(Renamer()) == []


class UnrankedRenamer(Renamer):
    """Forgets to say which lock is which."""

    @function
    def run(self, parent: Ptr[Inode], child: Ptr[Inode]) -> None:
        parent.lock.take()
        child.lock.take()
        child.lock.drop()


def test_two_locks_of_one_kind_are_held() -> None:
    assert findings(UnrankedRenamer()) == [
        """\
error[E050]: `Inode.lock` is taken while one of its kind is held
  FILE:LINE
  LINE |         child.lock.take()
        |         ^^^^^^^^^^^^^^^^^ unless all take the two in one order, this waits for ever
help: release it first, or tell which is which by a `rank=`""",
    ]


class Rounder(Renamer):
    """Takes the parent's lock under the child's too."""

    @function(exported=True)
    def back(self, parent: Ptr[Inode], child: Ptr[Inode]) -> None:
        child.lock.take(rank="child")
        parent.lock.take()
        parent.lock.drop()
        child.lock.drop(rank="child")


def test_ranks_have_an_order() -> None:
    assert findings(Rounder()) == [
        """\
error[E052]: the order of locks goes round: `Inode.lock`, `Inode.lock:child`, `Inode.lock`
  FILE:LINE
  LINE |         child.lock.take(rank="child")
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  LINE |         parent.lock.take()
        |         ^^^^^^^^^^^^^^^^^^ under `Inode.lock:child`, `Rounder.back` takes `Inode.lock`
help: take them in the same order everywhere""",
    ]


class Handed(Subsystem):
    """Takes a lock in one function and releases it in another."""

    count = bss(U64, guarded_by="lock")

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function
    def run(self) -> None:
        self.begin()
        inc(self.count)
        self.end()

    @function(acquires="lock")
    def begin(self) -> None:
        self.lock.take()

    @function(releases="lock")
    def end(self) -> None:
        inc(self.count)
        tail(self.drop_it)

    @function(releases="lock")
    def drop_it(self) -> None:
        self.lock.drop()


def test_functions_take_and_release_locks_for_their_callers() -> None:
    assert findings(Handed()) == []


class Mishanded(Handed):
    """Breaks each of the promises."""

    @function
    def run(self) -> None:
        self.begin()
        self.begin()

    @function(acquires="lock")
    def begin(self) -> None:
        with if_(self.count != 0):
            ret()
        self.lock.take()

    @function(exported=True)
    def twice(self) -> None:
        self.end()

    @function(releases="lock")
    def end(self) -> None:
        inc(self.count)


def test_promises_about_locks_are_kept() -> None:
    assert findings(Mishanded()) == [
        """\
error[E050]: `Mishanded.lock` is not released on some path to here
  FILE:LINE
  LINE |         self.begin()
        |         ^^^^^^^^^^^^ the function is left here
  LINE |         self.begin()
        |         ^^^^^^^^^^^^ `Mishanded.begin` takes `Mishanded.lock`
help: release it on every path""",
        """\
error[E050]: `Mishanded.lock` is held, and `Mishanded.begin` takes it
  FILE:LINE
  LINE |         self.begin()
        |         ^^^^^^^^^^^^ this waits for ever
  LINE |         self.begin()
        |         ^^^^^^^^^^^^ `Mishanded.begin` takes `Mishanded.lock`
  LINE |         self.lock.take()
        |         ^^^^^^^^^^^^^^^^ `Mishanded.begin` takes `Mishanded.lock`
help: release it first, or call code that expects it to be held""",
        """\
error[E050]: `Mishanded.lock` is not held on some path to here
  FILE:LINE
  LINE |             ret()
        |             ^^^^^ the function is left here, and states `acquires=`
help: take it on every path""",
        """\
error[E051]: `Mishanded.count` is touched without `Mishanded.lock`
  FILE:LINE
  LINE |         with if_(self.count != 0):
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^ some path to here does not hold it
  LINE |         self.begin()
        |         ^^^^^^^^^^^^ `Mishanded.run` does not hold it here
help: take the lock, or state that callers hold it: `@function(holds=…)`""",
        """\
error[E050]: `Mishanded.lock` is not released on some path to here
  FILE:LINE
  LINE |         inc(self.count)
        |         ^^^^^^^^^^^^^^^ the function is left here
  LINE |     def end(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^ `Mishanded.end` is entered with `Mishanded.lock`
help: release it on every path""",
        """\
error[E051]: `Mishanded.end` is called without `Mishanded.lock`
  FILE:LINE
  LINE |         self.end()
        |         ^^^^^^^^^^ it says that its callers hold it
help: take the lock first""",
    ]


class Waiter(Subsystem):
    """Releases its lock while it sleeps."""

    ready = bss(U8, guarded_by="lock")

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function
    def run(self) -> None:
        self.lock.take()
        self.await_it()
        mov(self.ready, 0)
        self.lock.drop()

    @function(holds="lock")
    def await_it(self) -> None:
        with while_(self.ready == 0):
            self.wait_once()

    @function(holds="lock")
    def wait_once(self) -> None:
        self.lock.drop()
        self.sleep()
        self.lock.take()

    @function(sleeps=True)
    def sleep(self) -> None:
        hlt()


def test_a_lock_may_be_released_to_sleep() -> None:
    assert findings(Waiter()) == []


class StubbornWaiter(Waiter):
    """Does not take its lock again, and holds another one."""

    def __init__(self) -> None:
        super().__init__()
        self.other = bss(SpinLock)

    @function
    def run(self) -> None:
        self.other.take()
        self.lock.take()
        self.await_it()
        self.lock.drop()
        self.other.drop()

    @function(holds="lock")
    def wait_once(self) -> None:
        self.lock.drop()
        self.sleep()


def test_a_lock_is_taken_again_and_others_are_not_held_asleep() -> None:
    assert findings(StubbornWaiter()) == [
        """\
error[E040]: `StubbornWaiter.await_it` may sleep, but `StubbornWaiter.other` is held
  FILE:LINE
  LINE |         self.await_it()
        |         ^^^^^^^^^^^^^^^
  LINE |         self.other.take()
        |         ^^^^^^^^^^^^^^^^^ `StubbornWaiter.run` takes `StubbornWaiter.other`
  LINE |             self.wait_once()
        |             ^^^^^^^^^^^^^^^^ `StubbornWaiter.await_it` calls `StubbornWaiter.wait_once`
  LINE |         self.sleep()
        |         ^^^^^^^^^^^^ `StubbornWaiter.wait_once` calls `StubbornWaiter.sleep`
  LINE |     def sleep(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^^^ `StubbornWaiter.sleep` sleeps
help: release the lock first""",
        """\
error[E050]: `StubbornWaiter.lock` is not held on some path to here
  FILE:LINE
  LINE |         self.sleep()
        |         ^^^^^^^^^^^^ the function is left here, and states `holds=`
help: take it again on every path that releases it""",
    ]


class Misnamed(Subsystem):
    """Names locks that there are not."""

    count = bss(U64, guarded_by="lokc")
    sum = bss(U64, guarded_by="Inode.lokc")

    @function(holds="Inode.lokc")
    def run(self, inode: Ptr[Inode]) -> None:
        inc(self.sum)
        inode.lock.take()
        inode.lock.drop()


def test_names_of_locks_are_known() -> None:
    assert findings(Misnamed()) == [
        """\
error[E051]: `Misnamed.run` names the lock `Inode.lokc`, which nothing takes
  FILE:LINE
  LINE |     def run(self, inode: Ptr[Inode]) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
help: did you mean `Inode.lock`?""",
        """\
error[E051]: `Misnamed.count` names no lock: `lokc`
  FILE:LINE
  LINE |     count = bss(U64, guarded_by="lokc")
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^
help: name an attribute beside it""",
    ]


class Uninterrupted(Subsystem):
    """Takes a lock as if interrupts were off."""

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function(context="thread")
    def run(self) -> None:
        self.add()
        cli()
        self.add()
        sti()

    @function
    def add(self) -> None:
        taking(self.lock, interrupts_off=True)
        inc(self.lock.taken)
        self.lock.drop()


def test_a_lock_relies_on_interrupts_being_off() -> None:
    assert findings(Uninterrupted()) == [
        """\
error[E053]: `Uninterrupted.lock` is taken as if interrupts were off, but they may be on
  FILE:LINE
  LINE |         inc(self.lock.taken)
        |         ^^^^^^^^^^^^^^^^^^^^
  LINE |         self.add()
        |         ^^^^^^^^^^ `Uninterrupted.run` calls `Uninterrupted.add`
help: turn them off as it is taken, as `held` does""",
    ]


class SleepingLock(Subsystem):
    """Sleeps under a lock that is waited for asleep."""

    def __init__(self) -> None:
        self.mutex = bss(SpinLock)

    @function
    def run(self) -> None:
        self.acquire()
        self.sleep()
        self.mutex.drop()

    @function(acquires="mutex")
    def acquire(self) -> None:
        taking(self.mutex, sleeps=True)
        inc(self.mutex.taken)

    @function(sleeps=True)
    def sleep(self) -> None:
        hlt()


def test_locks_that_are_waited_for_asleep_are_held_asleep() -> None:
    assert findings(SleepingLock()) == []


class Watched(Struct):
    """Something whose lock is held while somebody is told of it."""

    lock: SpinLock
    told: Fn[[Ptr[Void]], None]


class CallsBack(Subsystem):
    """Tells under the lock, by a pointer."""

    chosen = bss(Fn[[Ptr[Void]], None])

    @function
    def run(self, watched: Ptr[Watched]) -> None:
        watched = keep(watched)
        lea(rax, self.look)
        mov(self.chosen, rax)
        watched.lock.take()
        watched.told(cast(watched, Ptr[Void]))
        watched.lock.drop()

    @function
    def look(self, watched: Ptr[Void]) -> None:
        nop()


class CallsBackTheSame(CallsBack):
    """What may be told takes the lock again."""

    @function
    def look(self, watched: Ptr[Void]) -> None:
        mov(rcx, watched)
        one = cast(rcx, Ptr[Watched])
        one.lock.take()
        one.lock.drop()


class CallsBackSleepers(CallsBack):
    """What may be told sleeps."""

    @function(sleeps=True)
    def look(self, watched: Ptr[Void]) -> None:
        hlt()


class CallsBackInOtherOrder(CallsBack):
    """What may be told takes a lock under which the first is taken elsewhere."""

    def __init__(self) -> None:
        self.other = bss(SpinLock)

    @function
    def look(self, watched: Ptr[Void]) -> None:
        self.other.take()
        self.other.drop()

    @function(exported=True)
    def round(self, watched: Ptr[Watched]) -> None:
        self.other.take()
        watched.lock.take()
        watched.lock.drop()
        self.other.drop()


class CallsBackAfterwards(CallsBackSleepers):
    """Tells when the lock is free again."""

    @function
    def run(self, watched: Ptr[Watched]) -> None:
        watched = keep(watched)
        lea(rax, self.look)
        mov(self.chosen, rax)
        watched.lock.take()
        watched.lock.drop()
        watched.told(cast(watched, Ptr[Void]))


def test_what_a_pointer_may_lead_to_is_looked_at_under_a_lock() -> None:
    assert findings(CallsBack()) == []
    assert findings(CallsBackAfterwards()) == []
    assert first_lines(CallsBackSleepers()) == [
        "error[E040]: a function of this pointer's type, `CallsBackSleepers.look` may sleep, "
        "but `Watched.lock` is held"
    ]
    assert first_lines(CallsBackTheSame()) == [
        "error[E050]: `Watched.lock` is held, and a function of this pointer's type, "
        "`CallsBackTheSame.look` takes it"
    ]
    assert first_lines(CallsBackInOtherOrder()) == [
        "error[E052]: the order of locks goes round: `CallsBackInOtherOrder.other`, "
        "`Watched.lock`, `CallsBackInOtherOrder.other`"
    ]


def first_lines(subsystem: Subsystem) -> list[str]:
    return [one.splitlines()[0] for one in findings(subsystem)]
