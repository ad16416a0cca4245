"""Rules E04x: contexts."""

from pykasm import *
from tests.unit.checking import broken, findings, mended


def test_sleep_under_a_lock() -> None:
    assert broken("E040") == [
        """\
error[E040]: `Broken.add_one` may sleep, but `Broken.lock` is held
  FILE:LINE
  LINE |         self.add_one()
        |         ^^^^^^^^^^^^^^
  LINE |         self.lock.take()
        |         ^^^^^^^^^^^^^^^^ `Broken.run` takes `Broken.lock`
  LINE |         self.wait()
        |         ^^^^^^^^^^^ `Broken.add_one` calls `Broken.wait`
  LINE |     def wait(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^^ `Broken.wait` sleeps
help: release the lock first"""
    ]
    assert mended("E040") == []


class Sleeper(Subsystem):
    """Something that sleeps."""

    handler = bss(U64)

    @function(sleeps=True)
    def wait(self) -> None:
        hlt()


class SleepingHandler(Sleeper):
    """An interrupt handler that sleeps."""

    @function
    def run(self) -> None:
        lea(rax, self.tick)
        mov(self.handler, rax)

    @interrupt
    def tick(self) -> None:
        self.wait()


def test_sleep_in_an_interrupt_handler() -> None:
    assert findings(SleepingHandler()) == [
        """\
error[E040]: `SleepingHandler.wait` may sleep, but an interrupt handler calls it
  FILE:LINE
  LINE |         self.wait()
        |         ^^^^^^^^^^^
  LINE |     def wait(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^^ `SleepingHandler.wait` sleeps
help: let the handler wake a thread that does the rest"""
    ]


class SleepingUninterrupted(Sleeper):
    """Sleeps between turning interrupts off and on, in a helper's care."""

    @function
    def run(self) -> None:
        self.begin()
        self.wait()
        sti()

    @function
    def begin(self) -> None:
        cli()


def test_sleep_with_interrupts_off() -> None:
    assert findings(SleepingUninterrupted()) == [
        """\
error[E040]: `SleepingUninterrupted.wait` may sleep, but interrupts are off
  FILE:LINE
  LINE |         self.wait()
        |         ^^^^^^^^^^^
  LINE |     def wait(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^^ `SleepingUninterrupted.wait` sleeps
help: turn interrupts on first"""
    ]


class SleepingInterruptible(SleepingUninterrupted):
    """Calls with interrupts off what turns them on to sleep."""

    @function
    def run(self) -> None:
        cli()
        self.rest()
        sti()

    @function
    def rest(self) -> None:
        sti()
        self.wait()
        cli()


def test_code_that_turns_interrupts_on_may_sleep() -> None:
    assert findings(SleepingInterruptible()) == []


class Restoring(Sleeper):
    """Restores how interrupts were before it sleeps."""

    @function
    def run(self) -> None:
        pushfq()
        cli()
        pushfq()
        cli()
        popfq()
        popfq()
        self.wait()


def test_restored_flags_let_code_sleep() -> None:
    assert findings(Restoring()) == []
