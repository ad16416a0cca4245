"""Rules E04x: contexts."""

from typing import Any

import pytest

from pykasm import *
from pykasm.check.examples.spinlock import SpinLock
from pykasm.errors import DeclarationMistake
from pykasm.objects.debug import EntryFrame
from tests.unit.checking import broken, findings, mended, rules


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


class GivenSleeper(Sleeper):
    """Gives a handler something to call that sleeps."""

    hook = bss(Fn[[], Void])

    @function
    def run(self) -> None:
        lea(rax, self.tick)
        mov(self.handler, rax)
        lea(rax, self.rest)
        mov(self.hook, rax)

    @interrupt
    def tick(self) -> None:
        self.hook()

    @function
    def rest(self) -> None:
        self.wait()


class GivenToThreads(GivenSleeper):
    """Has an address of that type for threads alone, which the sleeper states."""

    @function(context="thread")
    def rest(self) -> None:
        self.wait()


class GivenAnotherType(GivenSleeper):
    """Has an address of another type than the handler calls."""

    @function
    def rest(self, times: U64) -> U64:
        times = keep(times)
        self.wait()
        ret(times)


class GivenByJump(GivenSleeper):
    """Calls what jumps to the sleeper."""

    @interrupt
    def tick(self) -> None:
        self.jump()

    @function(context="interrupt")
    def jump(self) -> None:
        tail(self.hook)


def test_sleep_behind_a_jump_through_a_pointer() -> None:
    assert [one.partition(",")[0] for one in findings(GivenByJump())] == [
        "error[E040]: `GivenByJump.rest` may sleep"
    ]


def test_sleep_behind_a_pointer_of_an_interrupt_handler() -> None:
    assert findings(GivenSleeper()) == [
        """\
error[E040]: `GivenSleeper.rest` may sleep, and an interrupt handler calls functions of its type by a pointer
  FILE:LINE
  LINE |         self.hook()
        |         ^^^^^^^^^^^
  LINE |         self.wait()
        |         ^^^^^^^^^^^ `GivenSleeper.rest` calls `GivenSleeper.wait`
  LINE |     def wait(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^^ `GivenSleeper.wait` sleeps
help: let it state `context="thread"` if no handler is given its address"""  # noqa: E501
    ]
    assert findings(GivenToThreads()) == []
    assert findings(GivenAnotherType()) == []


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


def test_variable_of_a_processor_written_back() -> None:
    assert broken("E041") == [
        """\
error[E041]: `Broken.switches` is written back, maybe on another processor
  FILE:LINE
  LINE |         mov(self.switches, rax)
        |         ^^^^^^^^^^^^^^^^^^^^^^^
  LINE |         mov(rax, self.switches)
        |         ^^^^^^^^^^^^^^^^^^^^^^^ an interrupt behind this may move the thread
help: change it in one instruction, or with interrupts off"""
    ]
    assert mended("E041") == []


class Uninterrupted(Subsystem):
    """Reads and writes a variable of the processor with interrupts off in between."""

    switches = percpu(U64)

    @function(context="thread")
    def run(self) -> None:
        cli()
        mov(rax, self.switches)
        inc(rax)
        mov(self.switches, rax)
        sti()


class TurnedOnBetween(Uninterrupted):
    """Turns interrupts on before it writes back."""

    @function(context="thread")
    def run(self) -> None:
        cli()
        mov(rax, self.switches)
        sti()
        inc(rax)
        mov(self.switches, rax)


class TurnedOnMeanwhile(Uninterrupted):
    """Has interrupts off where it reads and where it writes back, but not all the while."""

    @function(context="thread")
    def run(self) -> None:
        cli()
        mov(rax, self.switches)
        sti()
        inc(rax)
        cli()
        mov(self.switches, rax)
        sti()


class ReleasedMeanwhile(Uninterrupted):
    """Holds a lock where it reads and where it writes back, but not all the while."""

    lock = bss(SpinLock)

    @function(context="thread")
    def run(self) -> None:
        self.lock.take()
        mov(rcx, self.switches)
        self.lock.drop()
        self.lock.take()
        inc(rcx)
        mov(self.switches, rcx)
        self.lock.drop()


class ReadAgain(ReleasedMeanwhile):
    """Reads it again with the lock."""

    @function(context="thread")
    def run(self) -> None:
        self.lock.take()
        mov(rcx, self.switches)
        self.lock.drop()
        self.lock.take()
        mov(rcx, self.switches)
        inc(rcx)
        mov(self.switches, rcx)
        self.lock.drop()


def test_variable_of_a_processor_is_written_back_after_interrupts_were_on_meanwhile() -> None:
    assert findings(TurnedOnMeanwhile()) == [
        """\
error[E041]: `TurnedOnMeanwhile.switches` is written back, maybe on another processor
  FILE:LINE
  LINE |         mov(self.switches, rax)
        |         ^^^^^^^^^^^^^^^^^^^^^^^
  LINE |         sti()
        |         ^^^^^ an interrupt behind this may move the thread
help: change it in one instruction, or with interrupts off"""
    ]
    assert rules(ReleasedMeanwhile()) == ["E041"]
    assert findings(ReadAgain()) == []


def test_variable_of_a_processor_is_written_back_when_interrupts_are_on_again() -> None:
    assert findings(TurnedOnBetween()) == [
        """\
error[E041]: `TurnedOnBetween.switches` is written back, maybe on another processor
  FILE:LINE
  LINE |         mov(self.switches, rax)
        |         ^^^^^^^^^^^^^^^^^^^^^^^
  LINE |         mov(rax, self.switches)
        |         ^^^^^^^^^^^^^^^^^^^^^^^ an interrupt behind this may move the thread
help: change it in one instruction, or with interrupts off"""
    ]


def test_variable_of_a_processor_may_be_written_back_with_interrupts_off() -> None:
    assert findings(Uninterrupted()) == []


class Replaced(Subsystem):
    """Compares a variable of the processor with what was read from it, and writes another value."""

    switches = percpu(U64)

    @function(context="thread")
    def run(self) -> None:
        mov(rax, self.switches)
        xor(ecx, ecx)
        with if_(self.switches == rax):
            inc(rcx)
        mov(self.switches, rcx)


def test_variable_of_a_processor_may_get_another_value() -> None:
    assert findings(Replaced()) == []


def test_swapgs_on_the_way_in_only() -> None:
    assert broken("E042") == [
        """\
error[E042]: the interrupted code gets the wrong GS back
  FILE:LINE
  LINE |         iretq()
        |         ^^^^^^^ on some path from user code, `swapgs` ran an odd number of times
help: swap on the way out exactly where it was swapped on the way in"""
    ]
    assert mended("E042") == []


class SwappingStub(Subsystem):
    """A stub that swaps and jumps to code that several stubs share."""

    handler = bss(U64)

    @function
    def run(self) -> None:
        lea(rax, self.stub)
        mov(self.handler, rax)

    @naked(entered=EntryFrame.INTERRUPT)
    def stub(self) -> None:
        swapgs()
        push(0)
        jmp(self.common)

    @naked(entered=EntryFrame.INTERRUPT, pushed=8)
    def common(self) -> None:
        add(rsp, 8)
        iretq()


def test_swapgs_is_followed_into_shared_code() -> None:
    assert findings(SwappingStub()) == [
        """\
error[E042]: the interrupted code gets the wrong GS back
  FILE:LINE
  LINE |         iretq()
        |         ^^^^^^^ on some path to here, `swapgs` ran an odd number of times
help: swap on the way out exactly where it was swapped on the way in"""
    ]


class SwappingBack(SwappingStub):
    """Shared code that swaps back what its stubs swapped."""

    @naked(entered=EntryFrame.INTERRUPT, pushed=8)
    def common(self) -> None:
        add(rsp, 8)
        swapgs()
        iretq()


def test_shared_code_may_swap_back() -> None:
    assert findings(SwappingBack()) == []


def test_code_of_interrupts_called_with_interrupts_on() -> None:
    assert broken("E043") == [
        """\
error[E043]: `Broken.count` states that interrupts are off, but they may be on
  FILE:LINE
  LINE |         self.count()
        |         ^^^^^^^^^^^^
help: turn interrupts off first"""
    ]
    assert mended("E043") == []


class ThreadInHandler(Subsystem):
    """A handler that calls, over one more function, code of threads."""

    handler = bss(U64)

    @function
    def run(self) -> None:
        lea(rax, self.tick)
        mov(self.handler, rax)

    @interrupt
    def tick(self) -> None:
        self.middle()

    @function
    def middle(self) -> None:
        self.work()

    @function(context="thread")
    def work(self) -> None:
        hlt()


def test_code_of_threads_called_by_a_handler() -> None:
    assert findings(ThreadInHandler()) == [
        """\
error[E043]: `ThreadInHandler.work` is code of threads, but an interrupt handler calls it
  FILE:LINE
  LINE |         self.middle()
        |         ^^^^^^^^^^^^^
  LINE |         self.work()
        |         ^^^^^^^^^^^ `ThreadInHandler.middle` calls `ThreadInHandler.work`
help: let the handler wake a thread that does the rest"""
    ]


class Anywhere(Sleeper):
    """States that it runs in any context, but sleeps."""

    @function(context="any")
    def run(self) -> None:
        self.wait()


def test_code_for_any_context_does_not_sleep() -> None:
    assert findings(Anywhere()) == [
        """\
error[E040]: `Anywhere.wait` may sleep, but `Anywhere.run` states that it runs anywhere
  FILE:LINE
  LINE |         self.wait()
        |         ^^^^^^^^^^^
  LINE |     def wait(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^^ `Anywhere.wait` sleeps
help: let it state `context="thread"`"""
    ]


class Circle(Subsystem):
    """Six functions, each of which calls the next; two change interrupts first."""

    @function
    def run(self) -> None:
        self.second()

    @function
    def second(self) -> None:
        self.third()

    @function
    def third(self) -> None:
        self.fourth()

    @function
    def fourth(self) -> None:
        self.off()

    @function
    def off(self) -> None:
        cli()
        self.on()

    @function
    def on(self) -> None:
        sti()
        self.run()


def test_functions_that_call_each_other_in_a_circle_come_to_an_end() -> None:
    assert not [one for one in findings(Circle()) if one.startswith("error[E04")]


class Quiet(Sleeper):
    """Runs with interrupts off, as it says, and is called so."""

    @function(context="thread")
    def run(self) -> None:
        cli()
        self.quick()
        sti()

    @function(context="interrupts off")
    def quick(self) -> None:
        self.quicker()

    @function(context="interrupt")
    def quicker(self) -> None:
        nop()


def test_code_that_needs_interrupts_off_is_called_so() -> None:
    assert findings(Quiet()) == []


class QuietSleeper(Quiet):
    """Is called with interrupts on, and sleeps."""

    @function(context="thread")
    def run(self) -> None:
        self.quick()

    @function(context="interrupts off")
    def quick(self) -> None:
        self.wait()


def test_code_that_needs_interrupts_off_is_called_with_interrupts_on_and_sleeps() -> None:
    assert findings(QuietSleeper()) == [
        """\
error[E043]: `QuietSleeper.quick` states that interrupts are off, but they may be on
  FILE:LINE
  LINE |         self.quick()
        |         ^^^^^^^^^^^^
help: turn interrupts off first""",
        """\
error[E040]: `QuietSleeper.wait` may sleep, but interrupts are off
  FILE:LINE
  LINE |         self.wait()
        |         ^^^^^^^^^^^
  LINE |     def wait(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^^ `QuietSleeper.wait` sleeps
help: turn interrupts on first""",
    ]


class Scheduling(Sleeper):
    """Sleeps with interrupts off, as it says: others turn them on again."""

    @function(context="thread")
    def run(self) -> None:
        cli()
        self.rest()
        sti()

    @function(context="interrupts off", sleeps=True)
    def rest(self) -> None:
        pause()


class SchedulingElsewhere(Scheduling):
    """Does so with a lock held that others wait for."""

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function(context="thread")
    def run(self) -> None:
        cli()
        self.lock.take()
        self.rest()
        self.lock.drop()
        sti()


def test_code_that_sleeps_and_states_that_interrupts_are_off_is_called_so() -> None:
    assert findings(Scheduling()) == []
    (error,) = findings(SchedulingElsewhere())
    assert error.startswith(
        "error[E040]: `SchedulingElsewhere.rest` may sleep, but `SchedulingElsewhere.lock` is held"
    )


class Pointing(Subsystem):
    """Points at a variable of the processor with interrupts on, off, and under a lock."""

    block = percpu(U64)
    count = percpu(U64)

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function(context="thread")
    def run(self) -> None:
        self.count_once()
        cli()
        self.count_safely()
        sti()
        self.lock.take()
        self.count_under_lock()
        self.lock.drop()

    @function
    def count_once(self) -> None:
        self.point_at_count()

    @function(context="interrupts off")
    def count_safely(self) -> None:
        self.point_at_count()

    @function(holds="lock")
    def count_under_lock(self) -> None:
        self.point_at_count()

    def point_at_count(self) -> None:
        mov(rax, self.block)
        add(rax, address_of(self.count))
        inc(u64[rax])


def test_address_of_a_variable_of_a_processor() -> None:
    assert findings(Pointing()) == [
        """\
error[E041]: the address of this processor's `Pointing.count` is used, maybe on another processor
  FILE:LINE
  LINE |         self.point_at_count()
        |         ^^^^^^^^^^^^^^^^^^^^^ an interrupt behind this may move the thread
help: turn interrupts off first, or take a lock""",
    ]


class SystemCall(Subsystem):
    """Swaps GS where programs enter, and where they go on."""

    handler = bss(U64)

    @function
    def run(self) -> None:
        lea(rax, self.enter)
        mov(self.handler, rax)

    @naked(entered=EntryFrame.SYSCALL)
    def enter(self) -> None:
        swapgs()
        jmp(self.leave)

    @naked
    def leave(self) -> None:
        swapgs()
        sysretq()


def test_system_calls_swap_gs_twice() -> None:
    assert findings(SystemCall()) == []


class UnbalancedCall(SystemCall):
    """Goes back to the program with the kernel's GS."""

    @naked(entered=EntryFrame.SYSCALL)
    def enter(self) -> None:
        swapgs()
        sysretq()


def test_gs_is_the_programs_after_a_system_call() -> None:
    assert findings(UnbalancedCall()) == [
        """\
error[E042]: the program gets the wrong GS back
  FILE:LINE
  LINE |         sysretq()
        |         ^^^^^^^^^ on some path from user code, `swapgs` ran an odd number of times
help: swap on the way out exactly where it was swapped on the way in""",
    ]


class NonMaskable(Subsystem):
    """Looks at the GS base itself, and notes in rbx whether to swap it back."""

    handler = bss(U64)

    @function
    def run(self) -> None:
        lea(rax, self.enter)
        mov(self.handler, rax)

    @naked(entered=EntryFrame.INTERRUPT)
    def enter(self) -> None:
        self.save()
        mov(ebx, 1)
        mov(ecx, 0xC000_0101)
        rdmsr()
        test(edx, edx)
        with if_(~SF):
            swapgs()
            xor(ebx, ebx)
        call(self.work)
        test(ebx, ebx)
        with if_(ZF):
            swapgs()
        self.restore()
        iretq()

    def save(self) -> None:
        cld()
        for register in (rbx, rax, rcx, rdx, rsi):
            push(register)

    def restore(self) -> None:
        for register in (rsi, rdx, rcx, rax, rbx):
            pop(register)

    @naked
    def work(self) -> None:
        ret()


def test_entries_look_at_the_gs_base() -> None:
    assert findings(NonMaskable()) == []


class NonMaskableSwapped(NonMaskable):
    """Swaps the kernel's base, and does not look at its note on the way out."""

    @naked(entered=EntryFrame.INTERRUPT)
    def enter(self) -> None:
        self.save()
        mov(ecx, 0xC000_0101)
        rdmsr()
        test(edx, edx)
        with if_(SF):
            swapgs()
        call(self.work)
        self.restore()
        iretq()


def test_entries_swap_the_users_base_and_swap_it_back() -> None:
    assert findings(NonMaskableSwapped()) == [
        """\
error[E042]: GS is swapped, but its base is the kernel's already
  FILE:LINE
  LINE |             swapgs()
        |             ^^^^^^^^ on some path to here, the upper half of the base was negative
help: swap where the base is not negative: there it is the user's""",
        """\
error[E042]: the interrupted code gets the wrong GS back
  FILE:LINE
  LINE |         iretq()
        |         ^^^^^^^ on some path to here, `swapgs` ran an odd number of times
help: swap on the way out exactly where it was swapped on the way in""",
    ]


class KeptOverCall(Subsystem):
    """Keeps what it read in a register that a call leaves alone."""

    switches = percpu(U64)

    @function(context="thread")
    def run(self) -> None:
        mov(rcx, self.switches)
        self.step()
        inc(rcx)
        mov(self.switches, rcx)

    @function(clobbers=())
    def step(self) -> None:
        nop()


def test_variable_of_a_processor_kept_over_a_call() -> None:
    assert findings(KeptOverCall()) == [
        """\
error[E041]: `KeptOverCall.switches` is written back, maybe on another processor
  FILE:LINE
  LINE |         mov(self.switches, rcx)
        |         ^^^^^^^^^^^^^^^^^^^^^^^
  LINE |         mov(rcx, self.switches)
        |         ^^^^^^^^^^^^^^^^^^^^^^^ an interrupt behind this may move the thread
help: change it in one instruction, or with interrupts off""",
    ]


class DeferredSleep(Sleeper):
    """Work that interrupts leave for later, and that sleeps."""

    later = bss(Fn[[U32], Void])

    @function
    def run(self) -> None:
        lea(rax, self.work)
        mov(self.later, rax)
        self.perform()

    @function(context="deferred")
    def perform(self) -> None:
        self.later(1)

    @function
    def work(self, number: U32) -> None:
        self.wait()


def test_what_deferred_work_comes_to_by_pointers_does_not_sleep() -> None:
    assert findings(DeferredSleep()) == [
        """\
error[E040]: `DeferredSleep.wait` may sleep, but deferred work calls it
  FILE:LINE
  LINE |         self.wait()
        |         ^^^^^^^^^^^
  LINE |     def wait(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^^ `DeferredSleep.wait` sleeps
help: let the handler wake a thread that does the rest"""
    ]


class DeferredInterrupt(Subsystem):
    """Work that interrupts leave for later, and that takes itself for one of them."""

    ticks = bss(U64)

    @function(context="deferred")
    def run(self) -> None:
        self.count()

    @function(context="interrupt")
    def count(self) -> None:
        inc(self.ticks)


def test_deferred_work_runs_with_interrupts_on() -> None:
    (found,) = findings(DeferredInterrupt())
    assert found.startswith(
        "error[E043]: `DeferredInterrupt.count` states that interrupts are off, but they may be on"
    )


class AddressOverSleep(Subsystem):
    """Uses the address of its processor's variable before and after it sleeps."""

    block = percpu(U64)
    switches = percpu(U64)

    @function(context="thread")
    def run(self) -> None:
        place = keep(Ptr[U64])
        cli()
        self.find(place)
        mov(place[0], 1)
        self.turn()
        self.find_again(place)
        mov(place[0], 2)
        sti()

    def find(self, place: Ptr[U64]) -> None:
        mov(u64(place), self.block)
        add(u64(place), address_of(self.switches))

    def find_again(self, place: Ptr[U64]) -> None:
        """Nothing: it is taken to be the same."""

    @function(sleeps=True, context="interrupts off")
    def turn(self) -> None:
        nop()


class AddressMadeAgain(AddressOverSleep):
    """Makes the address again when it wakes up."""

    def find_again(self, place: Ptr[U64]) -> None:
        self.find(place)


class AddressOverCall(AddressOverSleep):
    """Does not sleep in between."""

    @function(context="interrupts off")
    def turn(self) -> None:
        nop()


def test_the_address_of_a_processors_variable_is_of_no_use_after_a_sleep() -> None:
    assert findings(AddressOverSleep()) == [
        """\
error[E041]: the address of `AddressOverSleep.switches` is used, maybe on another processor
  FILE:LINE
  LINE |         mov(place[0], 2)
        |         ^^^^^^^^^^^^^^^^ it was made before this thread may have moved
  LINE |         self.find(place)
        |         ^^^^^^^^^^^^^^^^ the address is made here
  LINE |     def turn(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^^ `AddressOverSleep.turn` sleeps
help: make the address again after the call"""
    ]
    assert findings(AddressMadeAgain()) == []
    assert findings(AddressOverCall()) == []


class AddressOverSwitch(AddressOverSleep):
    """Turns to another thread in between."""

    @function(moves=True, context="interrupts off")
    def turn(self) -> None:
        nop()


class AddressOverWayToSwitch(AddressOverSleep):
    """Calls what does, with interrupts off as it found them."""

    @function(context="interrupts off")
    def turn(self) -> None:
        self.switch()

    @function(moves=True, context="interrupts off")
    def switch(self) -> None:
        nop()


class AddressOverSwitchItself(AddressOverSleep):
    """Calls code without a frame that leaves this thread for another one."""

    @naked(moves=True, context="interrupts off")
    def turn(self) -> None:
        ret()


class AddressOverSwitchIfOn(AddressOverSleep):
    """Calls what turns to another thread if it may: not where interrupts were off."""

    @function
    def turn(self) -> None:
        pushfq()
        pop(rax)
        with if_(rax & 1 << 9):
            cli()
            self.switch()
            sti()

    @function(moves=True, context="interrupts off")
    def switch(self) -> None:
        nop()


def test_the_address_of_a_processors_variable_is_of_no_use_after_a_switch() -> None:
    [found] = findings(AddressOverSwitch())
    assert "`AddressOverSwitch.turn` turns to another thread" in found
    assert rules(AddressOverWayToSwitch()) == ["E041"]
    assert rules(AddressOverSwitchItself()) == ["E041"]
    assert rules(AddressOverSwitchIfOn()) == []


class AddressOverInterrupts(AddressOverSleep):
    """Has interrupts on for a moment."""

    @inline(changes=CALLER_SAVED)
    def turn(self) -> None:
        self.rest()
        sti()
        cli()

    @function
    def rest(self) -> None:
        nop()


class AddressOverFlags(AddressOverInterrupts):
    """Restores flags that have interrupts off."""

    @inline(changes=CALLER_SAVED)
    def turn(self) -> None:
        self.rest()
        pushfq()
        popfq()


def test_the_address_of_a_processors_variable_is_of_no_use_once_interrupts_were_on() -> None:
    [found] = findings(AddressOverInterrupts())
    assert "an interrupt behind this may move the thread" in found
    assert rules(AddressOverFlags()) == []


@inline(changes=CALLER_SAVED)
def wait_in_place(sleeper: Any) -> None:
    """Wait."""
    sleeper.wait()


class SleepsInPlace(Subsystem):
    """Sleeps by code of another place, while it holds a lock."""

    lock = bss(SpinLock)

    @function(sleeps=True)
    def wait(self) -> None:
        nop()

    @function
    def run(self) -> None:
        self.lock.take()
        wait_in_place(self)
        self.lock.drop()


def test_sleep_in_place_is_told_where_the_lock_is_held() -> None:
    (found,) = findings(SleepsInPlace())
    lines = [one for one in found.splitlines() if " | " in one]
    assert "wait_in_place(self)" in lines[0]
    assert any("sleeper.wait()" in one for one in lines[1:])


class StoresNumber(Subsystem):
    """Stores in one variable of its processor what it has read from another one before."""

    number = percpu(U64)
    last = percpu(U64)

    @function(context="thread")
    def run(self) -> None:
        mov(rcx, self.number)
        cli()
        mov(self.last, rcx)
        sti()


class StoresNumberAtOnce(StoresNumber):
    """Reads it with interrupts off."""

    @function(context="thread")
    def run(self) -> None:
        cli()
        mov(rcx, self.number)
        mov(self.last, rcx)
        sti()


def test_what_belongs_to_one_processor_is_stored_for_another() -> None:
    (found,) = findings(StoresNumber())
    number, last = "`StoresNumber.number`", "`StoresNumber.last`"
    assert f"{number} of maybe another processor is stored in this one's {last}" in found
    assert findings(StoresNumberAtOnce()) == []


class Ring(Fn[[], Void], context="thread", sleeps=True):
    """What may sleep, as its type says."""


class Listener(Fn[[], Void]):
    """What says nothing of sleeping."""


class SleepingType(Subsystem):
    """Calls, with a lock held, what sleeps by the type of the pointer alone."""

    lock = bss(SpinLock)
    ring = bss(Ring)

    @function
    def run(self) -> None:
        mov(self.ring, address_of(self.rings))
        self.lock.take()
        self.ring()
        self.lock.drop()

    @function
    def rings(self) -> None:
        nop()


def test_a_type_of_pointers_says_that_what_is_behind_them_sleeps() -> None:
    found = findings(SleepingType())
    assert [one.splitlines()[0] for one in found] == [
        "error[E040]: `SleepingType.rings` may sleep, but `SleepingType.lock` is held"
    ]
    assert "`SleepingType.rings` sleeps, as `Ring` states" in found[0]


def test_nothing_that_interrupts_call_sleeps_by_its_type() -> None:
    with pytest.raises(DeclarationMistake, match="means that nothing sleeps"):

        class _Tick(Fn[[], Void], context="interrupt", sleeps=True):
            """Can't be."""


class MaybeListener(Sleeper):
    """Calls, with a lock held, what is there or not."""

    lock = bss(SpinLock)
    listener = bss(OrNull[Listener])
    other = bss(Fn[[], Void])

    @function
    def run(self) -> None:
        mov(self.listener, address_of(self.hear))
        mov(self.other, address_of(self.nap))
        self.lock.take()
        self.tell()
        self.lock.drop()
        self.other()

    @function
    def tell(self) -> None:
        with if_(self.listener != 0):
            self.listener()

    @function
    def hear(self) -> None:
        nop()

    @function
    def nap(self) -> None:
        self.wait()


class SleepingListener(MaybeListener):
    """Hears and sleeps."""

    @function
    def hear(self) -> None:
        self.wait()


def test_what_may_be_null_points_to_functions_of_its_type_alone() -> None:
    assert findings(MaybeListener()) == []
    assert [one.splitlines()[0] for one in findings(SleepingListener())] == [
        "error[E040]: `SleepingListener.tell` may sleep, but `SleepingListener.lock` is held"
    ]


class UnnamedFarther(GivenSleeper):
    """Calls the sleeper by a pointer of no name, one call farther."""

    @interrupt
    def tick(self) -> None:
        self.tell()

    @function
    def tell(self) -> None:
        self.hook()


class UnnamedOfThreads(UnnamedFarther):
    """Gives no handler the sleeper."""

    @function(context="thread")
    def rest(self) -> None:
        self.wait()


class UnnamedUnderLock(UnnamedOfThreads):
    """Holds a lock where it calls what does."""

    lock = bss(SpinLock)

    @function
    def run(self) -> None:
        lea(rax, self.rest)
        mov(self.hook, rax)
        self.lock.take()
        self.tell()
        self.lock.drop()


def test_sleep_behind_a_pointer_of_no_name_is_found_over_calls() -> None:
    assert [one.splitlines()[0] for one in findings(UnnamedFarther())] == [
        "error[E040]: `UnnamedFarther.tell` may sleep, but an interrupt handler calls it"
    ]
    assert findings(UnnamedOfThreads()) == []
    assert [one.splitlines()[0] for one in findings(UnnamedUnderLock())] == [
        "error[E040]: `UnnamedUnderLock.tell` may sleep, but `UnnamedUnderLock.lock` is held"
    ]
