"""Numbers that nobody can guess."""

from __future__ import annotations

from kernel.clock.tsc import read_tsc
from kernel.cpu.features import BasicMore, Features
from kernel.fs.chacha import BLOCK, KEY_WORDS, ChaCha
from kernel.locks.spinlock import SpinLock
from pykasm import *

SEEDINGS = 64
"""How often the time is mixed in at the start: its low bits differ by what the caches, the memory
and other processors do meanwhile."""

TRIES = 10
"""After so many in a row, RDRAND has failed for good (Intel SDM vol. 1, 7.3.17.1)."""


class Randomness(Subsystem):
    """A generator of random bytes: ChaCha20 with a key that is replaced at each use, so that what
    was given out can't be computed from memory later (Bernstein, Fast-key-erasure random-number
    generators, 2017). Context: any."""

    def __init__(self, chacha: ChaCha, features: Features) -> None:
        self.chacha = chacha
        self.features = features
        self.lock = bss(SpinLock)
        self.key = bss(U32 * KEY_WORDS, guarded_by="lock")

    @function(init=True)
    def start(self) -> None:
        """Gather a first key."""
        left, block = keep(U32), local(U8 * BLOCK)
        with for_(left, 0, SEEDINGS):
            self.next_block(address_of(block))

    @function
    def next_block(self, output: Keep[Ptr[U8]]) -> None:
        """Fill the 32 bytes at `output`."""
        stream, mixed = local(U32 * (BLOCK // 4)), keep(U64)
        mov(mixed, self._hardware())
        with self.lock.held():
            read_tsc()
            xor(u64(self.key[0]), rax)
            xor(u64(self.key[2]), mixed)
            self.chacha.block(address_of(self.key), 0, address_of(stream))
            self._copy(address_of(self.key), address_of(stream))
        self._copy(cast(output, Ptr[U32]), address_of(stream[KEY_WORDS]))

    @function
    def _copy(self, destination: Ptr[U32], source: Ptr[U32]) -> None:
        """Copy the words of a key."""
        mov(ecx, KEY_WORDS)
        rep.movsd()

    @function
    def _hardware(self) -> U64:
        """Return a number of the processor's own generator, or whatever it left."""
        mov(ecx, TRIES)
        xor(eax, eax)
        with if_(self.features.basic_more & BasicMore.RDRAND), while_(ecx != 0):
            rdrand(rax)
            break_if(CF)
            dec(ecx)
        ret(rax)
