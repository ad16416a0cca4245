"""Whether this processor may turn to another thread, and whether it should."""

from __future__ import annotations

from pykasm import *

NOT_REQUESTED = 1 << 31
"""Set in `Preemption.word` while no other thread should run: the word is 0 exactly if one should,
and may."""


PREEMPTION_DISABLED = PairedState("preemption disabled", pins=True)


class Preemption(Subsystem):
    """Each processor's word: how many reasons there are to stay with the thread that runs, and
    whether a more urgent one is ready. All methods emit code in place.
    """

    word = percpu(U32, NOT_REQUESTED)

    @inline
    def disable(self) -> None:
        """Keep this thread on its processor until `enable`; the pairs nest."""
        begins(PREEMPTION_DISABLED)
        inc(self.word)

    @inline
    def enable(self) -> None:
        """End what `disable` began. ZF tells whether the processor should choose again now."""
        ends(PREEMPTION_DISABLED)
        dec(self.word)

    @inline
    def request(self) -> None:
        """Ask this processor to choose again as soon as it may. Interrupts are off."""
        and_(self.word, ~NOT_REQUESTED & 0xFFFF_FFFF)

    @inline
    def clear(self) -> None:
        """Note that the processor has chosen. Interrupts are off, nothing is disabled."""
        mov(self.word, NOT_REQUESTED)

    @inline(changes=rax)
    def is_allowed(self) -> Condition:
        """Return the condition that the processor may choose again."""
        mov(eax, self.word)
        and_(eax, ~NOT_REQUESTED & 0xFFFF_FFFF)
        return eax == 0

    @inline
    def is_due(self) -> Condition:
        """Return the condition that the processor should choose again, and may."""
        return self.word == 0
