"""Rules E05x: locks."""

from pykasm import *
from pykasm.check.examples.spinlock import SpinLock
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

    def take(self) -> None:
        """Wait for the lock."""
        SpinLock.take(self)


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
