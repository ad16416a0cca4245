"""E04x: code runs only where what it does is allowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iced_x86 import Mnemonic

from pykasm.check.build import Build
from pykasm.check.callgraph import CallPaths, call_path, calls_along
from pykasm.check.contexts import Contexts
from pykasm.check.finding import INTERRUPTS, Finding, span_of
from pykasm.check.functionsummary import CallSite
from pykasm.check.gsflow import GsFlow
from pykasm.check.indirectcalls import OF_TYPE, OWN_TYPE
from pykasm.check.lockstate import OFF
from pykasm.check.percpu import AddressTaken, ReadModifyWrite
from pykasm.check.percpuaddress import NOTHING_YET, AddressUse
from pykasm.check.programanalysis import ProgramAnalysis
from pykasm.check.remembered import indirect_target
from pykasm.check.rule import build_check, rule
from pykasm.errors import Note
from pykasm.lang.context import Context
from pykasm.source import line_span

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


@build_check
def handlers_do_not_sleep(build: Build) -> Iterator[Finding]:
    """Check calls in interrupt handlers and in deferred work."""
    contexts = build.analysis.contexts
    for summary in contexts.outside_threads.values():
        for call in summary.calls:
            if (
                call.callee in contexts.sleepers_anywhere
                and call.callee not in contexts.outside_threads
            ):
                yield _sleeps(
                    call,
                    f"`{call.callee}` may sleep, but {_kind(contexts, call)} calls it",
                    contexts,
                    contexts.sleepers_anywhere,
                    "let the handler wake a thread that does the rest",
                )


@build_check
def handlers_are_given_no_sleepers(build: Build) -> Iterator[Finding]:
    """Check calls through pointers in interrupt handlers and in deferred work: functions of the
    pointer's type that sleep state that only threads run them."""
    analysis, contexts = build.analysis, build.analysis.contexts
    for summary in contexts.outside_threads.values():
        for at in summary.local.indirect_calls:
            call = CallSite(summary.routine, summary.symbol, "", at)
            target = indirect_target(summary.routine, at)
            for callee in analysis.indirect_calls.targets(target, summary.routine) or ():
                stated = analysis.summaries[callee].routine.context
                is_known = stated is not None or callee in contexts.outside_threads
                if callee in contexts.sleepers and not is_known:
                    yield _sleeps(
                        call._replace(callee=callee),
                        f"`{callee}` may sleep, and {_kind(contexts, call)} calls functions of "
                        "its type by a pointer",
                        contexts,
                        contexts.sleepers,
                        'let it state `context="thread"` if no handler is given its address',
                    )


def _kind(contexts: Contexts, call: CallSite) -> str:
    """Return what the caller is, of code outside of threads."""
    return "an interrupt handler" if call.caller in contexts.in_interrupts else "deferred work"


@build_check
def code_for_any_context_does_not_sleep(build: Build) -> Iterator[Finding]:
    """Check calls in functions that state that they run in any context."""
    contexts = build.analysis.contexts
    for summary in build.analysis.summaries.values():
        for call in summary.calls if "any" in contexts.stated(summary.symbol) else ():
            if call.callee in contexts.sleepers_anywhere:
                yield _sleeps(
                    call,
                    f"`{call.callee}` may sleep, but `{call.caller}` states that it runs anywhere",
                    contexts,
                    contexts.sleepers_anywhere,
                    'let it state `context="thread"`',
                )


@build_check
def nothing_sleeps_under_locks(build: Build) -> Iterator[Finding]:
    """Check calls while a lock is held or interrupts are off."""
    analysis = build.analysis
    for summary in analysis.lock_flows.tracked():
        by_instruction = {
            call.at: finding
            for call in summary.calls
            for finding in _asleep(analysis, call, f"`{call.callee}`", "")
        }
        yield from by_instruction.values()
        by_pointer = {
            call.at: finding
            for call in analysis.pointer_calls(summary)
            for finding in _asleep(analysis, call, f"{OF_TYPE} `{call.callee}`", OWN_TYPE)
        }
        yield from by_pointer.values()


def _asleep(analysis: ProgramAnalysis, call: CallSite, who: str, way_out: str) -> Iterator[Finding]:
    if call.callee not in analysis.contexts.sleepers:
        return
    before, contexts = analysis.lock_flows.at(call), analysis.contexts
    spinning = sorted(before.may - analysis.locks.sleeping)
    asleep = [lock for lock in spinning if call.callee in contexts.sleepers_under(lock)]
    if asleep:
        lock = asleep[0]
        yield _sleeps(
            call,
            f"{who} may sleep, but `{lock}` has begun"
            if lock in analysis.locks.states
            else f"{who} may sleep, but `{lock}` is held",
            contexts,
            contexts.sleepers_under(lock),
            f"end the state first{way_out}"
            if lock in analysis.locks.states
            else f"release the lock first{way_out}",
            lock,
            [analysis.where_taken(call.caller, lock)],
        )
    elif before.interrupts & OFF and call.callee in contexts.sleepers_as_entered:
        yield _sleeps(
            call,
            f"{who} may sleep, but interrupts are off",
            contexts,
            contexts.sleepers_as_entered,
            f"turn interrupts on first{way_out}",
            INTERRUPTS,
        )


def _sleeps(
    call: CallSite,
    what: str,
    contexts: Contexts,
    sleepers: CallPaths,
    fix: str,
    state: str = "",
    taken: Sequence[Note] = (),
) -> Finding:
    return Finding(
        E040,
        what,
        span=call.place,
        notes=[*call.notes(), *taken, *contexts.path_to_sleep(call.callee, sleepers)],
        fix=fix,
        symbol=call.caller,
        state=state,
        path=[call, *calls_along(call.callee, sleepers)],
        does="may sleep",
    )


@build_check
def swaps_are_balanced(build: Build) -> Iterator[Finding]:
    """Check `swapgs` on all paths from the entry of an interrupt or system call to its return."""
    flow = GsFlow(build.analysis)
    yield from _kernels_swapped(flow)
    for summary, node, states in flow.returns():
        swapped = [state.from_user for state in states if state.swapped]
        if swapped:
            yield Finding(
                E042,
                f"the {_WHO[node.effects.mnemonic]} gets the wrong GS back",
                span=span_of(node.line),
                mark=f"on some path {_ORIGINS[swapped[0]]}, `swapgs` ran an odd number of times",
                fix="swap on the way out exactly where it was swapped on the way in",
                symbol=summary.symbol,
            )


def _kernels_swapped(flow: GsFlow) -> Iterator[Finding]:
    """Find where GS is swapped on paths on which its base is known to be the kernel's."""
    for summary, node, states in flow.swaps():
        if any(state.base_was_users is False and not state.swapped for state in states):
            yield Finding(
                E042,
                "GS is swapped, but its base is the kernel's already",
                span=span_of(node.line),
                mark="on some path to here, the upper half of the base was negative",
                fix="swap where the base is not negative: there it is the user's",
                symbol=summary.symbol,
            )


@build_check
def threads_of_programs_are_entered_from_programs(build: Build) -> Iterator[Finding]:
    """Check what leads to code that states that only interrupts of programs do."""
    of_programs = build.analysis.contexts.of_programs
    flow = GsFlow(build.analysis)
    for symbol in of_programs:
        states = flow.states.get((symbol, 0), set())
        if any(not state.from_user for state in states):
            routine = build.routines[symbol].routine
            yield Finding(
                E043,
                f"`{symbol}` runs in a program's thread, but interrupts of the kernel lead there",
                span=line_span(routine.declared),
                mark="some path to here has not tested that the interrupted CS has privilege 3",
                fix="jump to it behind such a test only",
                symbol=symbol,
            )


_WHO: dict[int, str] = {Mnemonic.IRETQ: "interrupted code", Mnemonic.SYSRETQ: "program"}
_ORIGINS = {None: "to here", True: "from user code", False: "from kernel code"}


@build_check
def uninterruptible_code_is_called_so(build: Build) -> Iterator[Finding]:
    """Check calls of functions that state that interrupts are off."""
    analysis = build.analysis
    for summary in analysis.summaries.values():
        told = set()  # once a call, whatever a pointer may lead to
        for call in summary.calls:
            is_off = not _UNINTERRUPTED.isdisjoint(analysis.contexts.stated(call.callee))
            may_be_on = is_off and analysis.contexts.interrupts_may_be_on(call.caller, call.at)
            if may_be_on and call.at not in told:
                told.add(call.at)
                yield Finding(
                    E043,
                    f"`{call.callee}` states that interrupts are off, but they may be on",
                    span=call.place,
                    notes=analysis.contexts.path_with_interrupts_on(call.caller, call.at),
                    fix="turn interrupts off first",
                    symbol=call.caller,
                    path=[call],
                    does="states that interrupts are off",
                )


_UNINTERRUPTED = {"interrupt", "interrupts off"}

_COVERED: dict[Context, tuple[Context, ...]] = {
    "thread": ("thread", "any"),
    "deferred": ("deferred", "any"),
    "interrupt": ("interrupt", "interrupts off", "any"),
    "interrupts off": ("interrupts off", "any"),
    "any": ("any",),
}
"""What functions may state that run in a context."""


@build_check
def functions_run_where_pointers_to_them_are_called(build: Build) -> Iterator[Finding]:
    """Check what functions state whose addresses are taken for types that have a context."""
    analysis = build.analysis
    for kind, context, symbol in analysis.indirect_calls.called_in_contexts():
        routine = build.routines[symbol].routine
        if routine.context is not None and routine.context not in _COVERED[context]:
            yield Finding(
                E043,
                f"`{symbol}` states that it is {_RUNS[routine.context]}, but `{kind.__name__}` is "
                f"for {_RUNS[context]}",
                span=line_span(routine.declared),
                notes=analysis.where_taken_as(symbol, kind),
                fix="do here what may be done there, and leave the rest to a thread",
                symbol=symbol,
            )


_RUNS: dict[Context, str] = {
    "thread": "code of threads",
    "deferred": "deferred work",
    "interrupt": "code of interrupts",
    "interrupts off": "code with interrupts off",
    "any": "code that runs anywhere",
}


@build_check
def handlers_leave_threads_alone(build: Build) -> Iterator[Finding]:
    """Check calls, outside of threads, of what leads to functions that state that they run in a
    thread."""
    contexts = build.analysis.contexts
    for summary in contexts.outside_threads.values():
        for call in summary.calls:
            leads = call.callee in contexts.thread_code
            if leads and call.callee not in contexts.outside_threads:
                notes, last = call_path(call.callee, contexts.thread_code)
                yield Finding(
                    E043,
                    f"`{last}` is code of threads, but {_kind(contexts, call)} calls it",
                    span=call.place,
                    notes=notes,
                    fix="let the handler wake a thread that does the rest",
                    symbol=call.caller,
                    path=[call, *calls_along(call.callee, contexts.thread_code)],
                    does=f"leads to `{last}`, which is code of threads",
                )


@build_check
def variables_of_processors_are_changed_at_once(build: Build) -> Iterator[Finding]:
    """Check per-CPU variables whose address is used, or that are read and written back, where
    interrupts may be on."""
    analysis = build.analysis
    for symbol, use in build.per_cpu_uses.items():
        for update in use.updates:
            if any(_may_move(analysis, symbol, at) for at in (update.read, update.at)):
                yield _written_back(analysis, symbol, update, update.read)
            elif update.between != NOTHING_YET and _may_move(analysis, symbol, update.between + 1):
                yield _written_back(analysis, symbol, update, update.between)
        for taken in use.addresses:
            if _may_move(analysis, symbol, taken.at):
                yield _address_used(analysis, symbol, taken)
        for one in use.uses:
            if not _may_move(analysis, symbol, one.made):  # else that is where the fault is
                yield from _used_after_move(analysis, symbol, one)


def _may_move(analysis: ProgramAnalysis, symbol: str, at: int) -> bool:
    """Return whether a thread that is interrupted after the instruction at `at` may continue on
    another processor."""
    held = analysis.lock_flows.before(symbol, at).may | analysis.locks.held_before(symbol, at)
    return held <= analysis.locks.movable and analysis.contexts.interrupts_may_be_on(symbol, at)


def _used_after_move(analysis: ProgramAnalysis, symbol: str, use: AddressUse) -> Iterator[Finding]:
    """Find a use of an address after a call that may sleep, or turn to another thread, or after
    interrupts were turned on: the thread may go on elsewhere."""
    contexts = analysis.contexts
    calls = [one for one in analysis.summaries[symbol].calls if one.at == use.between]
    notes = [note for one in calls for note in contexts.path_to_move(one.callee)]
    sleeping = [one for one in calls if one.callee in contexts.sleepers][:1]
    is_open = not calls and _may_move(analysis, symbol, use.between + 1)
    if is_open:
        turned_on = analysis.place(symbol, use.between)
        notes = [Note(turned_on, "an interrupt behind this may move the thread")]
    if notes:
        yield Finding(
            E041,
            f"the address of `{use.variable}` is used, maybe on another processor",
            span=analysis.place(symbol, use.at),
            mark="it was made before this thread may have moved",
            notes=[Note(analysis.place(symbol, use.made), "the address is made here"), *notes],
            fix="make the address again" + ("" if is_open else " after the call"),
            symbol=symbol,
            path=[
                step
                for call in sleeping
                for step in (call, *calls_along(call.callee, contexts.sleepers))
            ],
            does="may sleep",
        )


def _written_back(
    analysis: ProgramAnalysis, symbol: str, one: ReadModifyWrite, moves: int
) -> Finding:
    """Find what is written back where an interrupt after the instruction `moves` may have moved the
    thread."""
    return Finding(
        E041,
        f"`{one.variable}` is written back, maybe on another processor"
        if one.variable == one.source
        else f"`{one.source}` of maybe another processor is stored in this one's `{one.variable}`",
        span=analysis.span(symbol, one.at),
        notes=[Note(analysis.place(symbol, moves), "an interrupt behind this may move the thread")],
        fix="change it in one instruction, or with interrupts off",
        symbol=symbol,
    )


def _address_used(analysis: ProgramAnalysis, symbol: str, one: AddressTaken) -> Finding:
    return Finding(
        E041,
        f"the address of this processor's `{one.variable}` is used, maybe on another processor",
        span=analysis.place(symbol, one.at),
        mark="an interrupt behind this may move the thread",
        fix="turn interrupts off first, or take a lock",
        symbol=symbol,
    )
