"""Which device registers are whose."""

from __future__ import annotations

from pykasm import *

MAX_CLAIMS = 64
"""Claims that are noted, far more than tables tell of; those beyond are granted unseen."""


class RegisterClaim(Struct):
    """Physical addresses from `start` up to `last`, inclusive, of one device's registers."""

    start: U64
    last: U64


class RegisterClaims(Subsystem):
    """The registers that devices have by what tables tell of them: no two of them can be at one
    place, so a table that says so is wrong. Context: the first processor, while starting; later any
    may ask."""

    claims = bss(RegisterClaim * MAX_CLAIMS)
    count = bss(U32)

    @function(init=True)
    def claim(self, start: U64, length: U64) -> Bool:
        """Note `length` bytes at physical `start`, which end before the end of all addresses, as
        those of one device. Return whether no other has any of them."""
        lea(length, bare[start + length - 1])
        claim = scratch(Ptr[RegisterClaim])
        lea(claim, self.claims)
        with for_(scratch(U32), 0, self.count):
            with if_((start <= claim.last) & (length >= claim.start)):
                ret(False)
            add(claim, sizeof(RegisterClaim))
        with if_(self.count < MAX_CLAIMS):
            mov(claim.start, start)
            mov(claim.last, length)
            inc(self.count)
        ret(True)

    @function
    def has(self, start: U64, length: U64) -> Bool:
        """Return whether just these `length` bytes at physical `start` were claimed."""
        lea(length, bare[start + length - 1])
        claim = scratch(Ptr[RegisterClaim])
        lea(claim, self.claims)
        with for_(scratch(U32), 0, self.count):
            with if_((claim.start == start) & (claim.last == length)):
                ret(True)
            add(claim, sizeof(RegisterClaim))
        ret(False)
