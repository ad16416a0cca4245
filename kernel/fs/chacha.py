"""ChaCha20 (Bernstein, ChaCha, a variant of Salsa20, 2008)."""

from __future__ import annotations

from pykasm import *

WORDS = 16
KEY_WORDS = 8
BLOCK = WORDS * 4
"""Bytes."""

CONSTANTS = (0x6170_7865, 0x3320_646E, 0x7962_2D32, 0x6B20_6574)
"""`expand 32-byte k`."""

COLUMNS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
DIAGONALS = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
"""Words of each quarter round, in the two kinds of rounds."""

DOUBLE_ROUNDS = 10


class ChaCha(Subsystem):
    """Computes blocks of the key stream. Context: any; no state is kept."""

    @function
    def block(self, key: Ptr[U32], counter: U64, output: Ptr[U32]) -> None:
        """Compute the 64 bytes number `counter` of the stream of a `key` of 32 bytes, with a nonce
        of zeros."""
        state, start = local(U32 * WORDS), local(U32 * WORDS)
        key, output = scratch(key), scratch(output)
        for index, constant in enumerate(CONSTANTS):
            mov(start[index], constant)
        for index in range(KEY_WORDS):
            mov(eax, key[index])
            mov(start[4 + index], eax)
        mov(start[12], u32(counter))
        shr(counter, 32)
        mov(start[13], u32(counter))
        mov(start[14], 0)
        mov(start[15], 0)
        for index in range(WORDS):
            mov(eax, start[index])
            mov(state[index], eax)
        with for_(scratch(U32), 0, DOUBLE_ROUNDS):
            for words in (*COLUMNS, *DIAGONALS):
                self._quarter_round(*(state[one] for one in words))
        for index in range(WORDS):
            mov(eax, state[index])
            add(eax, start[index])
            mov(output[index], eax)

    @inline(changes=(rax, rcx, rdx))
    def _quarter_round(self, a: U32, b: U32, c: U32, d: U32) -> None:
        """Mix four words in memory."""
        fourth = scratch(d)
        for register, word in ((eax, a), (ecx, b), (edx, c)):
            mov(register, word)
        for first, second in ((16, 12), (8, 7)):
            add(eax, ecx)
            xor(fourth, eax)
            rol(fourth, first)
            add(edx, fourth)
            xor(ecx, edx)
            rol(ecx, second)
        for word, register in ((a, eax), (b, ecx), (c, edx), (d, fourth)):
            mov(word, register)
        release(fourth)
