"""System calls with arguments by chance, from several threads: the kernel stays whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from kernel.entry.parameterkind import ParameterForm
from kernel.entry.systemcalldescriptions import CallDescription, CallParameter, descriptions
from pykasm.campaign.campaign import Campaign, Outcome
from tests.campaigns.guest import Guest

TOGETHER = 50
"""Cases that a machine has at a time."""

CALLS = 1000
"""System calls of a case."""

SOURCE = "fuzz.c"


def calls_header() -> str:
    """What `fuzz.c` knows of system calls, from the kernel's own table."""
    forms = ", ".join(f"FORM_{one.name} = {one.value}" for one in ParameterForm)
    rows = [_row(one) for one in descriptions()]
    return "\n".join([f"enum {{ {forms} }};", "static const struct call calls[] = {", *rows, "};"])


def _row(call: CallDescription) -> str:
    parameters = ", ".join(map(_parameter, call.parameters))
    return f"    {{{call.number}, {len(call.parameters)}, {{{parameters}}}}},  // {call.name}"


def _parameter(parameter: CallParameter) -> str:
    kind, values = parameter.kind, [*parameter.kind.names.values()]
    listed = ", ".join(f"{value & (1 << 64) - 1:#x}" for value in values)
    array = f"(const unsigned long[]){{{listed}}}" if values else "0"
    return f"{{{kind.form.value}, {parameter.size}, {len(values)}, {array}}}"


def judged(seed: int, end: str) -> Outcome:
    """What came of a case that ended so: however it did, that it ended is enough."""
    return Outcome(seed, end)


def looked_at(guest: Guest, seeds: Sequence[int]) -> Iterator[Outcome]:
    """Make the calls of the cases `seeds`."""
    yield from guest.outcomes(seeds, {}, judged)


def campaign() -> Campaign:
    """Calls of all numbers, a thousand a case."""
    guest = Guest.made(SOURCE, {"calls.h": calls_header()})
    return Campaign(partial(looked_at, guest), TOGETHER, guest.subject)
