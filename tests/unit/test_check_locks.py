"""Rules E05x: locks."""

from pykasm import *
from pykasm.check.examples.spinlock import SpinLock
from tests.unit.checking import broken, findings, mended


class Counter(Subsystem):
    """A count behind a lock."""

    def __init__(self) -> None:
        self.lock = SpinLock()


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
