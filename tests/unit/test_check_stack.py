"""The checker's rules on the stack: each with its broken and its mended example."""

from typing import Any

from pykasm import *
from pykasm.check.build import Build
from pykasm.check.stacks import Stacks
from pykasm.encode.encoder import Encoder
from pykasm.lang.objects import assemble_program
from pykasm.objects.debug import EntryFrame
from tests.unit.checking import broken, findings, mended


def test_depths_differ_where_paths_meet() -> None:
    assert broken("E020") == [
        """\
error[E020]: the stack has different depths on the paths to here
  FILE:LINE
  LINE |         pop(rax)
        |         ^^^^^^^^
help: push and pop the same on every path""",
    ]
    assert mended("E020") == []


def test_a_function_is_left_with_its_frame_on_the_stack() -> None:
    assert broken("E021") == [
        """\
error[E014]: `rbp` is not what the caller had in it
  FILE:LINE
  LINE |         jmp(self.tick)
        |         ^^^^^^^^^^^^^^ some path to here changed rbp and did not restore it
help: leave rbp to the prologue""",
        """\
error[E021]: the function returns with another stack depth than it was entered with
  FILE:LINE
  LINE |         jmp(self.tick)
        |         ^^^^^^^^^^^^^^ 8 bytes more are on it
help: pop what was pushed on every path""",
    ]
    assert mended("E021") == []


def test_a_call_finds_the_stack_misaligned() -> None:
    assert broken("E022") == [
        """\
error[E022]: the stack is not aligned to 16 bytes at this call
  FILE:LINE
  LINE |         self.tick()
        |         ^^^^^^^^^^^ 8 bytes too low
help: push in pairs, or `sub(rsp, 8)` before the call""",
    ]
    assert mended("E022") == []


def test_memory_below_the_stack_is_used() -> None:
    assert broken("E023") == [
        """\
error[E023]: memory below rsp is used
  FILE:LINE
  LINE |         mov(u64[rsp - 8], value)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^ an interrupt may overwrite it at any time
help: make room first: a `local`, or `sub(rsp, …)`""",
        """\
error[E023]: memory below rsp is used
  FILE:LINE
  LINE |         ret(u64[rsp - 8])
        |         ^^^^^^^^^^^^^^^^^ an interrupt may overwrite it at any time
help: make room first: a `local`, or `sub(rsp, …)`""",
    ]
    assert mended("E023") == []


def test_a_stack_is_too_small() -> None:
    assert broken("E024") == [
        """\
error[E024]: the stack of `Broken.run` can overflow
  FILE:LINE
  LINE |     def run(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^ it has 16 bytes, and 48 may be needed
  LINE |     def sum(self) -> U64:
        |     ^^^^^^^^^^^^^^^^^^^^^ 40 of them here
  LINE |     def run(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^ 8 of them here
help: make it larger, or frames smaller: `pykasm check --stacks` shows all"""
    ]
    assert mended("E024") == []


def test_nothing_bounds_recursion() -> None:
    assert broken("E025") == [
        """\
error[E025]: nothing bounds how often this call comes back to itself
  FILE:LINE
  LINE |         mov(below, self.count(node.left))
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ what it calls, it has not returned from yet
help: say how often at most: `@function(recursion=…)`""",
        """\
error[E025]: nothing bounds how often this call comes back to itself
  FILE:LINE
  LINE |         add(below, self.count(node.right))
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ what it calls, it has not returned from yet
help: say how often at most: `@function(recursion=…)`""",
    ]
    assert mended("E025") == []


class Program(Subsystem):
    """Calls `work` on a stack of its own."""

    @naked(stack=256)
    def run(self) -> None:
        call(self.work)
        hlt()
        jmp(self.run)

    @function
    def work(self) -> None:
        nop()


def bounds(program: Any) -> dict[str, int]:
    """The most bytes that each stack of a program needs."""
    made = Image(entry=program.run, subsystems=[program]).assemble()
    stacks = Stacks(Build.of(made, assemble_program(made, Encoder(), ".")))
    return {one.root.symbol: one.bound for one in stacks.all}


def test_nothing_says_where_a_call_goes() -> None:
    class Calls(Program):
        handler = bss(U64)

        @function
        def work(self) -> None:
            call(self.handler)

    assert findings(Calls()) == [
        """\
error[E025]: nothing says where this call goes
  FILE:LINE
  LINE |             call(self.handler)
        |             ^^^^^^^^^^^^^^^^^^ it may need any amount of stack
help: call through a pointer of a type `Fn[[…], …]`"""
    ]


def test_nothing_says_how_much_stack_is_taken() -> None:
    class Takes(Program):
        @naked
        def work(self) -> None:
            push(rbp)
            mov(rbp, rsp)
            mov(eax, 64)
            sub(rsp, rax)
            leave()
            ret()

    assert findings(Takes()) == [
        """\
error[E025]: nothing says how much stack this takes
  FILE:LINE
  LINE |             sub(rsp, rax)
        |             ^^^^^^^^^^^^^ any amount
help: take a `local` of the largest size, or memory from elsewhere"""
    ]


def test_an_interrupt_lets_in_the_next() -> None:
    class Handler(Program):
        @naked(entered=EntryFrame.INTERRUPT, exported=True)
        def tick(self) -> None:
            call(self.turn_on)
            iretq()

        @naked
        def turn_on(self) -> None:
            sti()
            ret()

    (found,) = [one for one in findings(Handler()) if "E025" in one]
    assert (
        found
        == """\
error[E025]: nothing bounds how many interrupts come on top of each other
  FILE:LINE
  LINE |             sti()
        |             ^^^^^ interrupts lead here, and this lets in the next
help: leave them off until the handler returns, or say how often: `@function(interruptible=…)`"""
    )


def test_interrupts_that_a_handler_lets_in_lie_on_top_of_it() -> None:
    class Handler(Program):
        @naked(entered=EntryFrame.INTERRUPT, exported=True)
        def tick(self) -> None:
            push(rax)
            call(self.turn_on)
            pop(rax)
            iretq()

        @function(context="interrupt", interruptible=1)
        def turn_on(self) -> None:
            sti()
            cli()

    assert [one for one in findings(Handler()) if "E025" in one] == []
    aligned, pushed, own, call_, frame = 8, 40, 8, 8, 8
    over = aligned + pushed + own + call_ + frame
    assert bounds(Handler())["Handler.run"] == 16 + 3 * over


class OnStackOfInterrupts(Program):
    """Its handler has work done on another stack, where it lets in the next interrupt."""

    @emits
    def handlers(self) -> None:
        for name, maskable, handler in (
            ("tick", True, self.interrupted),
            ("fault", False, self.failed),
        ):
            with stub(name, entered=EntryFrame.INTERRUPT, maskable=maskable):
                jmp(handler)

    @naked(entered=EntryFrame.INTERRUPT)
    def interrupted(self) -> None:
        push(rax)
        call(self.serve)
        pop(rax)
        iretq()

    @naked(entered=EntryFrame.INTERRUPT)
    def failed(self) -> None:
        iretq()

    @naked(context="interrupt", stack=512)
    def serve(self) -> None:
        call(self.turn_on)
        ret()

    @function(context="interrupt", interruptible=1)
    def turn_on(self) -> None:
        sti()
        cli()


def test_what_handlers_do_on_another_stack_is_not_on_that_of_threads() -> None:
    aligned, pushed, own, call_, frame = 8, 40, 8, 8, 8
    interrupt, exception = aligned + pushed + own + call_, aligned + pushed
    served = call_ + frame
    assert bounds(OnStackOfInterrupts()) == {
        "OnStackOfInterrupts.run": 16 + interrupt + exception,
        "OnStackOfInterrupts.serve": 2 * served + interrupt + exception,
    }


def test_an_overflow_tells_of_interrupts_on_top() -> None:
    class Small(OnStackOfInterrupts):
        @naked(stack=64)
        def run(self) -> None:
            call(self.work)
            hlt()
            jmp(self.run)

    (found,) = [one for one in findings(Small()) if "E024" in one]
    assert "it has 64 bytes, and 128 may be needed" in found
    assert "64 of them on top from here on" in found
    assert "48 of them on top from here on" in found


def test_nothing_says_how_large_a_stack_is() -> None:
    class Second(Program):
        def __init__(self) -> None:
            self.entries = rodata(Ptr[Void] * 1, [self.other])

        @function
        def work(self) -> None:
            mov(rax, self.entries[0])

        @naked(entered=EntryFrame.NONE)
        def other(self) -> None:
            call(self.work)
            hlt()
            jmp(self.other)

    assert findings(Second()) == [
        """\
error[E025]: nothing says how large the stack of `Second.other` is
  FILE:LINE
  LINE |         def other(self) -> None:
        |         ^^^^^^^^^^^^^^^^^^^^^^^^ 16 bytes may be needed
help: say so where code begins on it: `stack=` and its bytes"""
    ]


def test_what_others_call_is_on_the_stacks_of_these() -> None:
    class Third(Program):
        @function(exported=True)
        def answer(self) -> U64:
            ret(42)

    assert findings(Third()) == []


class Handlers(Program):
    """Has functions of one type, of which each needs more stack than the one before."""

    chosen = bss(Fn[[U64], Void])

    def __init__(self) -> None:
        self.some = rodata(Fn[[U64], Void] * 2, [self.small, self.large])
        self.others = rodata(U64 * 2, [self.largest, self.of_another_type])

    @function
    def work(self) -> None:
        self.chosen(rdi)
        lea(rax, self.others)

    @function
    def small(self, value: U64) -> None:
        nop()

    @function
    def large(self, value: U64) -> None:
        room = local(U64 * 4)
        mov(room[0], value)

    @function
    def largest(self, value: U64) -> None:
        room = local(U64 * 8)
        mov(room[0], value)

    @function
    def of_another_type(self, value: U64) -> U64:
        room = local(U64 * 64)
        mov(room[0], value)
        ret(value)


def test_a_pointer_leads_to_all_functions_of_its_type() -> None:
    call_, frame = 8, 8
    assert bounds(Handlers())["Handlers.run"] == 2 * (call_ + frame) + 64


def test_a_jump_through_a_pointer_leads_to_all_functions_of_its_type() -> None:
    class Last(Handlers):
        @function
        def work(self) -> None:
            lea(rax, self.others)
            tail(self.chosen, 1)

    call_, frame = 8, 8
    last = Last()
    assert bounds(last)["Last.run"] == call_ + frame + 64
    assert not any("E032" in one for one in findings(last))


def test_a_pointer_does_not_lead_to_another_context() -> None:
    class InThreads(Handlers):
        @function(context="thread")
        def work(self) -> None:
            self.chosen(rdi)
            lea(rax, self.others)

        @function(context="interrupt")
        def largest(self, value: U64) -> None:
            room = local(U64 * 8)
            mov(room[0], value)

    call_, frame = 8, 8
    assert bounds(InThreads())["InThreads.run"] == 2 * (call_ + frame) + 32


def test_a_table_that_never_changes_leads_to_what_is_in_it() -> None:
    class ByTable(Handlers):
        @function
        def work(self) -> None:
            number = keep(U64)
            xor(u32(number), u32(number))
            self.some[number](rdi)
            lea(rax, self.others)

    call_, frame, kept = 8, 8, 16
    assert bounds(ByTable())["ByTable.run"] == 2 * (call_ + frame) + kept + 32


def test_interrupts_lie_on_top_and_an_exception_on_those() -> None:
    class Interrupted(Program):
        @emits
        def handlers(self) -> None:
            for name, own in (("tick", 0), ("nmi", 512)):
                with stub(name, entered=EntryFrame.INTERRUPT, stack=own):
                    push(rax)
                    pop(rax)
                    iretq()

    aligned, pushed, own = 8, 40, 8
    over = aligned + pushed + own
    assert bounds(Interrupted()) == {
        "Interrupted.run": 16 + 2 * over,
        "Interrupted.nmi": pushed + own + over,
    }


def test_a_path_ends_where_another_stack_begins() -> None:
    class Changes(Program):
        @function
        def work(self) -> None:
            push(rbx)
            call(self.run_elsewhere)
            pop(rbx)

        @naked(stack=128)
        def run_elsewhere(self) -> None:
            push(rax)
            pop(rax)
            ret()

    assert bounds(Changes()) == {"Changes.run": 32, "Changes.run_elsewhere": 8}


def test_what_follows_a_change_of_stacks_lies_as_deep() -> None:
    class Switches(Program):
        other = bss(U64)

        @naked
        def work(self) -> None:
            push(rbx)
            push(rbp)
            mov(rsp, self.other)
            call(self.finish)
            pop(rbp)
            pop(rbx)
            ret()

        @function
        def finish(self) -> None:
            nop()

    call_, frame = 8, 8
    assert bounds(Switches())["Switches.run"] == call_ + 16 + call_ + frame
