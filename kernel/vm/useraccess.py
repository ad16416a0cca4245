"""The instructions of the kernel that touch the memory of programs."""

from __future__ import annotations

from kernel.cpu.protection import Protection
from pykasm import *

OF_COPIES = (rax, rcx, rdx, rsi, rdi)
"""The registers that a copy needs."""


class Fixup(Struct):
    """An instruction that may fault on a program's address, and where to continue after it did,
    with that address in rax. Linux calls it an entry of the exception table."""

    instruction: U64
    target: U64


class UserAccess(Subsystem):
    """Copies bytes to or from a program, and changes words of its memory by one instruction, as far
    as that goes without a page fault.

    The instructions that may fault are the first ones of their functions, by whose addresses
    `PageFaults` finds their fixups. Callers have seen to it that the addresses are a program's.
    Context: thread.
    """

    def __init__(self, protection: Protection) -> None:
        self.protection = protection
        fixups = [
            Fixup(instruction=self._copy_words, target=self._words_fixup),
            Fixup(instruction=self._copy_bytes, target=self._bytes_fixup),
            Fixup(instruction=self._load_word, target=self._word_fixup),
            Fixup(instruction=self._exchange_word, target=self._word_fixup),
            Fixup(instruction=self._store_first, target=self._word_fixup),
            Fixup(instruction=self._store_second, target=self._word_fixup),
            Fixup(instruction=self._store_half, target=self._half_fixup),
        ]
        self.count = len(fixups)
        self.fixups = rodata(Fixup * self.count, fixups)

    @function(copies_user=True)
    def copy(self, destination: U64, source: U64, length: U64) -> tuple[U64, U64]:
        """Copy `length` bytes by words of 8. Returns how many are left after a fault, up to 7 of
        which could have been copied, else 0; and the address that faulted."""
        ret(self.copy_here(), rdx)

    @inline(changes=OF_COPIES)
    def copy_here(self) -> U64:
        """Do what `copy` does with rdx bytes from rsi to rdi, where other registers are of use,
        too. Returns in rax how many are left."""
        mov(rcx, rdx)
        shr(rcx, 3)
        and_(rdx, sizeof(U64) - 1)
        self.protection.open_user_memory()  # for as few instructions as can be
        call(self._copy_words)
        self.protection.close_user_memory()
        return rax

    @function(copies_user=True)
    def copy_bytewise(self, destination: U64, source: U64, length: U64) -> tuple[U64, U64]:
        """Copy `length` bytes one by one. Returns how many are left, from the very one that
        faulted, else 0; and its address."""
        mov(rcx, length)
        self.protection.open_user_memory()
        call(self._copy_bytes)
        self.protection.close_user_memory()
        ret(rax, rdx)

    @naked(clobbers=OF_COPIES)
    def _copy_words(self) -> tuple[U64, U64]:
        """Copy rcx words and edx bytes from rsi to rdi. Returns what `copy` does."""
        rep.movsq()  # after a fault, rcx is what is left, and rip still here
        mov(ecx, edx)
        test(ecx, ecx)
        jnz(self._copy_bytes)
        xor(eax, eax)
        ret()  # rdx is 0, too

    @naked(clobbers=OF_COPIES)
    def _copy_bytes(self) -> tuple[U64, U64]:
        """Copy rcx bytes from rsi to rdi. Returns what `copy` does."""
        rep.movsb()
        xor(eax, eax)
        xor(edx, edx)
        ret()

    @naked(clobbers=OF_COPIES)
    def _words_fixup(self) -> tuple[U64, U64]:
        """Continue `_copy_words` after a fault: rcx words and edx bytes are left."""
        lea(rcx, bare[rdx + rcx * sizeof(U64)])
        jmp(self._bytes_fixup)

    @naked(clobbers=OF_COPIES)
    def _bytes_fixup(self) -> tuple[U64, U64]:
        """Continue `_copy_bytes` after a fault: rcx bytes are left."""
        mov(rdx, rax)
        mov(rax, rcx)
        ret()

    # Words

    @function(copies_user=True)
    def load(self, address: U64) -> tuple[U32, U32]:
        """Return the word of 4 bytes at `address`, and 0; or 1 after a fault."""
        self.protection.open_user_memory()
        call(self._load_word)
        self.protection.close_user_memory()
        ret(eax, edx)

    @function(copies_user=True)
    def compare_and_exchange(self, address: U64, expected: U32, value: U32) -> tuple[U32, U32]:
        """Write `value` to the word of 4 bytes at `address` if it is as `expected`, at once. Return
        what was there, and 0; or 1 after a fault."""
        mov(eax, expected)
        mov(ecx, value)
        self.protection.open_user_memory()
        call(self._exchange_word)
        self.protection.close_user_memory()
        ret(eax, edx)

    @function(copies_user=True)
    def store_pair(self, address: U64, first: U64, second: U64) -> U32:
        """Write two words of 8 bytes to `address`, one after the other. Returns 0; or 1 after a
        fault, and the first one may be written."""
        self.protection.open_user_memory()
        call(self._store_first)
        self.protection.close_user_memory()
        ret(edx)

    @function(copies_user=True)
    def store_halves(self, address: U64, source: U64, stride: U64, count: U32) -> U32:
        """Write `count` words of 2 bytes, at least one, from `source` to `address`, both of which
        move on by `stride` bytes after each. Returns how many are left after a fault, else 0."""
        mov(ax, u16[source])
        sub(source, address)  # the distance, so that one address has to move
        self.protection.open_user_memory()
        call(self._store_half)
        self.protection.close_user_memory()
        ret(ecx)

    @naked
    def _store_half(self) -> None:
        """Store ax at rdi, and ecx - 1 more from rsi behind that, at distances of rdx."""
        with loop():
            mov(u16[rdi], ax)
            dec(ecx)
            break_if(ZF)
            add(rdi, rdx)
            mov(ax, u16[rdi + rsi])
        ret()

    @naked
    def _half_fixup(self) -> None:
        """End `_store_half` after a fault: ecx are left."""
        ret()

    @naked
    def _store_first(self) -> None:
        """Store rsi at rdi, and go on."""
        mov(u64[rdi], rsi)
        jmp(self._store_second)

    @naked
    def _store_second(self) -> None:
        """Store rdx behind it. Returns what `store_pair` does, in edx."""
        mov(u64[rdi + sizeof(U64)], rdx)
        xor(edx, edx)
        ret()

    @naked
    def _load_word(self) -> None:
        """Load eax from rdi. Returns what `load` does."""
        mov(eax, u32[rdi])
        xor(edx, edx)
        ret()

    @naked
    def _exchange_word(self) -> None:
        """Write ecx to rdi if there is eax. Returns what `compare_and_exchange` does."""
        lock.cmpxchg(u32[rdi], ecx)
        mov(edx, 0)
        ret()

    @naked
    def _word_fixup(self) -> None:
        """Continue either of them after a fault."""
        mov(edx, 1)
        ret()
