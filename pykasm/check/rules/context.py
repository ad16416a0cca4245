"""E04x: code runs only where what it does is allowed."""

from __future__ import annotations

from collections.abc import Iterator

from iced_x86 import Mnemonic

from pykasm.check.callgraph import way
from pykasm.check.contexts import Contexts
from pykasm.check.facts import Call
from pykasm.check.finding import Finding, span_of
from pykasm.check.percpu import PointedTo, WriteBack
from pykasm.check.rule import applies_to_build, rule
from pykasm.check.situation import OFF
from pykasm.check.subject import Build
from pykasm.check.summary import Summary
from pykasm.check.swaps import Swaps
from pykasm.errors import Note

E040 = rule(
    "E040",
    "a function sleeps where nothing may sleep",
    """While it sleeps, others wait for the lock for as long as it likes, or for ever; an interrupt
    handler that sleeps takes the thread with it that it happened to interrupt; and with interrupts
    off nothing comes that would wake it.""",
)

E041 = rule(
    "E041",
    "a variable of the processor's own is used for that of another one",
    """Between two instructions an interrupt may let the thread go on elsewhere. Then one
    processor's variable gets the value of another's, or a pointer to it leads astray.""",
)
E042 = rule(
    "E042",
    "GS is swapped on the way in or out of an interrupt, but not both",
    """The kernel finds its per-processor variables through GS, and so do programs theirs. Swapped
    once too often, each has the other's.""",
)

E043 = rule(
    "E043",
    "a function is called outside of the context that it states",
    """Its author relied on it: code of interrupts on not being interrupted, code of threads on
    being in one.""",
)


@applies_to_build
def handlers_do_not_sleep(build: Build) -> Iterator[Finding]:
    """Calls in interrupt handlers, and in what these leave for later."""
    contexts = build.summary.contexts
    for facts in contexts.outside_threads.values():
        for call in facts.calls:
            if call.callee in contexts.sleepers and call.callee not in contexts.outside_threads:
                yield _sleeps(
                    call,
                    f"`{call.callee}` may sleep, but {_kind(contexts, call)} calls it",
                    contexts.way_to_sleep(call.callee, contexts.sleepers),
                    "let the handler wake a thread that does the rest",
                )


@applies_to_build
def handlers_are_given_no_sleepers(build: Build) -> Iterator[Finding]:
    """Calls through pointers in interrupt handlers: what they may come to says so if only threads
    run it."""
    summary, contexts = build.summary, build.summary.contexts
    for facts in contexts.outside_threads.values():
        for at in facts.behaviour.pointer_calls:
            call = Call(facts.piece, facts.symbol, "", at)
            for callee in summary.pointers.targets_of(call.line, facts.piece) or ():
                stated = summary.facts[callee].piece.context
                is_known = stated is not None or callee in contexts.outside_threads
                if callee in contexts.sleepers and not is_known:
                    yield _sleeps(
                        call,
                        f"`{callee}` may sleep, and {_kind(contexts, call)} calls functions of "
                        "its type by a pointer",
                        contexts.way_to_sleep(callee, contexts.sleepers),
                        'let it state `context="thread"` if no handler is given its address',
                    )


def _kind(contexts: Contexts, call: Call) -> str:
    """What the caller is, of code outside of threads."""
    return "an interrupt handler" if call.caller in contexts.in_interrupts else "deferred work"


@applies_to_build
def code_for_any_context_does_not_sleep(build: Build) -> Iterator[Finding]:
    """Calls in functions that state that they run in any context."""
    contexts = build.summary.contexts
    for facts in build.summary.facts.values():
        for call in facts.calls if facts.piece.context == "any" else ():
            if call.callee in contexts.sleepers:
                yield _sleeps(
                    call,
                    f"`{call.callee}` may sleep, but `{facts.symbol}` states that it runs anywhere",
                    contexts.way_to_sleep(call.callee, contexts.sleepers),
                    'let it state `context="thread"`',
                )


@applies_to_build
def nothing_sleeps_under_locks(build: Build) -> Iterator[Finding]:
    """Calls while a lock is held or interrupts are off."""
    summary = build.summary
    for facts in summary.paths.followed():
        for call in facts.calls:
            if call.callee in summary.contexts.sleepers:
                yield from _asleep(summary, call)


def _asleep(summary: Summary, call: Call) -> Iterator[Finding]:
    before, contexts = summary.paths.at(call), summary.contexts
    spinning = sorted(before.may - summary.locks.sleeping)
    asleep = [lock for lock in spinning if call.callee in contexts.sleepers_under(lock)]
    if asleep:
        lock = asleep[0]
        taken = summary.where_taken(call.caller, lock)
        yield _sleeps(
            call,
            f"`{call.callee}` may sleep, but `{lock}` is held",
            [taken, *contexts.way_to_sleep(call.callee, contexts.sleepers_under(lock))],
            "release the lock first",
        )
    elif before.interrupts & OFF and call.callee in contexts.sleepers_as_entered:
        yield _sleeps(
            call,
            f"`{call.callee}` may sleep, but interrupts are off",
            contexts.way_to_sleep(call.callee, contexts.sleepers_as_entered),
            "turn interrupts on first",
        )


def _sleeps(call: Call, what: str, notes: list[Note], fix: str) -> Finding:
    return Finding(E040, what, span=span_of(call.line), notes=notes, fix=fix, symbol=call.caller)


@applies_to_build
def swaps_are_balanced(build: Build) -> Iterator[Finding]:
    """`swapgs` on all paths from the entry of an interrupt or system call to its return."""
    swaps = Swaps(build.summary)
    yield from _kernels_swapped(swaps)
    for facts, node, paths in swaps.ends():
        swapped = [path.from_user for path in paths if path.swapped]
        if swapped:
            yield Finding(
                E042,
                f"the {_WHO[node.effects.mnemonic]} gets the wrong GS back",
                span=span_of(node.line),
                mark=f"on some path {_ORIGINS[swapped[0]]}, `swapgs` ran an odd number of times",
                fix="swap on the way out exactly where it was swapped on the way in",
                symbol=facts.symbol,
            )


def _kernels_swapped(swaps: Swaps) -> Iterator[Finding]:
    """Where GS is swapped on paths on which its base is known to be the kernel's."""
    for facts, node, paths in swaps.swaps():
        if any(path.users is False and not path.swapped for path in paths):
            yield Finding(
                E042,
                "GS is swapped, but its base is the kernel's already",
                span=span_of(node.line),
                mark="on some path to here, the upper half of the base was negative",
                fix="swap where the base is not negative: there it is the user's",
                symbol=facts.symbol,
            )


_WHO: dict[int, str] = {Mnemonic.IRETQ: "interrupted code", Mnemonic.SYSRETQ: "program"}
_ORIGINS = {None: "to here", True: "from user code", False: "from kernel code"}


@applies_to_build
def uninterruptible_code_is_called_so(build: Build) -> Iterator[Finding]:
    """Calls of functions that state that interrupts are off."""
    summary = build.summary
    for facts in summary.facts.values():
        for call in facts.calls:
            stated = summary.facts[call.callee].piece.context
            is_off = stated in ("interrupt", "interrupts off")
            if is_off and summary.contexts.may_be_on(call.caller, call.at):
                yield Finding(
                    E043,
                    f"`{call.callee}` states that interrupts are off, but they may be on",
                    span=span_of(call.line),
                    notes=summary.contexts.turned_on_before(call.caller, call.at),
                    fix="turn interrupts off first",
                    symbol=call.caller,
                )


@applies_to_build
def handlers_leave_threads_alone(build: Build) -> Iterator[Finding]:
    """Calls, outside of threads, of what leads to functions that state that they run in a
    thread."""
    contexts = build.summary.contexts
    for facts in contexts.outside_threads.values():
        for call in facts.calls:
            leads = call.callee in contexts.thread_code
            if leads and call.callee not in contexts.outside_threads:
                notes, last = way(call.callee, contexts.thread_code)
                yield Finding(
                    E043,
                    f"`{last}` is code of threads, but {_kind(contexts, call)} calls it",
                    span=span_of(call.line),
                    notes=notes,
                    fix="let the handler wake a thread that does the rest",
                    symbol=call.caller,
                )


@applies_to_build
def variables_of_processors_are_changed_at_once(build: Build) -> Iterator[Finding]:
    """Per-processor variables that are pointed to, or read and written back, where interrupts
    may be on."""
    summary = build.summary
    for symbol, use in build.processor_uses.items():
        for written in use.write_backs:
            if any(_may_move(summary, symbol, at) for at in (written.read, written.at)):
                yield _written_back(summary, symbol, written)
        for pointed in use.addresses:
            if _may_move(summary, symbol, pointed.at):
                yield _pointed_to(summary, symbol, pointed)


def _may_move(summary: Summary, symbol: str, at: int) -> bool:
    """Whether a thread, interrupted behind the `at`th instruction, may go on on another
    processor."""
    held = summary.paths.before(symbol, at).may | summary.locks.held_before(symbol, at)
    return not held and summary.contexts.may_be_on(symbol, at)


def _written_back(summary: Summary, symbol: str, one: WriteBack) -> Finding:
    read = span_of(summary.line(symbol, one.read))
    return Finding(
        E041,
        f"`{one.variable}` is written back, maybe on another processor",
        span=span_of(summary.line(symbol, one.at)),
        notes=[Note(read, "an interrupt behind this may move the thread")],
        fix="change it in one instruction, or with interrupts off",
        symbol=symbol,
    )


def _pointed_to(summary: Summary, symbol: str, one: PointedTo) -> Finding:
    return Finding(
        E041,
        f"the address of this processor's `{one.variable}` is used, maybe on another processor",
        span=summary.place(symbol, one.at),
        mark="an interrupt behind this may move the thread",
        fix="turn interrupts off first, or take a lock",
        symbol=symbol,
    )
