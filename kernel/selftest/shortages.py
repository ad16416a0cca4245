"""Operations with each of their allocations failing in turn."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from kernel.console.console import Console
from kernel.errno import Errno
from kernel.mm.faultinjection import FaultInjection
from kernel.mm.pages import Pages
from kernel.mm.reclaim import Reclaim
from pykasm import *

MOST = 1000
"""Allocations of an operation; none has as many."""


class Effect(IntEnum):
    """Effects of an operation."""

    NOTHING = 0
    """It reported that memory is out, and left everything as it was."""
    DONE = 1
    """It worked, and was undone."""
    WRONG = 2
    """It did something else."""


class Operation(Struct):
    """Something that allocates memory."""

    name: Ptr[U8]
    run: Fn[[], U8]
    """Does it, undoes it, and gives an `Effect`."""


@inline
def nothing_if(condition: Any) -> None:
    """Leave an operation with `Effect.NOTHING` if the condition holds."""
    with if_(condition):
        ret(Effect.NOTHING)


class Shortages(Subsystem):
    """Runs operations with their first allocation failing, then their second one, and so on until
    none fails any more. Context: a thread, one at a time."""

    def __init__(
        self,
        console: Console,
        fault_injection: FaultInjection,
        pages: Pages,
        reclaim: Reclaim,
    ) -> None:
        self.console = console
        self.fault_injection = fault_injection
        self.pages = pages
        self.reclaim = reclaim

    @function(sleeps=True)
    def survive(self, operation: Keep[Ptr[Operation]], count: Keep[U32]) -> U32:
        """Return 1 if each of `count` operations, from `operation` on, survives the failure of any
        of its allocations, else 0; print which does not."""
        good = keep(U32)
        mov(good, 1)
        with while_(count != 0):
            and_(good, self._survives(operation))
            add(operation, sizeof(Operation))
            dec(count)
        ret(good)

    @function(sleeps=True)
    def _survives(self, operation: Keep[Ptr[Operation]]) -> Bool:
        """Return whether `operation` survives the failure of each of its allocations."""
        number, before, effect = keep(U64), keep(U64), keep(U8)
        failed = keep(U32)
        xor(u32(number), u32(number))
        with loop():
            inc(number)
            mov(before, self._free_pages())
            self.fault_injection.arm(number)
            mov(effect, operation.run())
            mov(failed, self.fault_injection.disarm())
            sub(before, self._free_pages())
            with if_((before != 0) | (effect == Effect.WRONG) | (number > MOST)):
                self.console.print(
                    "%s, allocation %u: effect %u, %d pages lost: ",
                    operation.name,
                    number,
                    effect,
                    before,
                )
                ret(False)
            break_if(failed == 0)
        least = 2 if debugging() else 1  # what allocates at all has failed before
        with if_((effect != Effect.DONE) | (number < least)):
            self.console.print("%s: effect %u at %u: ", operation.name, effect, number)
            ret(False)
        ret(True)

    @function(sleeps=True)
    def _free_pages(self) -> U64:
        """Return the number of free pages, once caches are empty."""
        self.reclaim.run()
        tail(self.pages.free_count)

    @function
    def effect_of(self, result: I32) -> U8:
        """Return the effect that `result`, 0 or an error, means."""
        with if_(result == 0):
            ret(Effect.DONE)
        nothing_if(result == -Errno.ENOMEM)
        ret(Effect.WRONG)
