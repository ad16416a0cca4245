"""E065: the memory of programs is fetched once."""

from __future__ import annotations

from collections.abc import Iterator

from pykasm.check.build import FunctionAnalysis
from pykasm.check.fetches import FetchFlow, follows_fetches
from pykasm.check.finding import Finding
from pykasm.check.rule import function_check, rule
from pykasm.errors import Note

E065 = rule(
    "E065",
    "the memory of a program is fetched twice",
    """The program may change it in between, from another thread: what was checked in the first copy
    need not be so in the second one.""",
)


@function_check
def memory_of_programs_is_fetched_once(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check calls with pointers whose memory the callee fetches."""
    if not follows_fetches(function):
        return
    for one in FetchFlow(function).second_fetches():
        yield Finding(
            E065,
            "what a program's pointer leads to is fetched again",
            span=function.place(one.at),
            mark="the program may have changed it since",
            notes=[Note(function.place(one.first), "it was fetched here")],
            fix="work on the copy that is there, or say why not: `refetch(…, reason)`",
            symbol=function.routine.symbol,
        )
