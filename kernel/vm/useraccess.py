"""The instructions of the kernel that touch the memory of programs."""

from __future__ import annotations

from kernel.cpu.protection import Protection
from pykasm import *


class Recovery(Struct):
    """An instruction that may fault on a program's address, and where to go on after it did, with
    that address in rax."""

    instruction: U64
    target: U64


class UserAccess(Subsystem):
    """Moves bytes to or from a program, as far as that goes without a page fault.

    The instructions that may fault are the first ones of their functions, by whose addresses
    `PageFaults` knows them. Whether the addresses are a program's was seen to before. Context:
    thread.
    """

    def __init__(self, protection: Protection) -> None:
        self.protection = protection
        recoveries = [
            Recovery(instruction=self.move_words, target=self.stop_at_word),
            Recovery(instruction=self.move_bytes, target=self.stop_at_byte),
        ]
        self.count = len(recoveries)
        self.recoveries = rodata(Recovery * self.count, recoveries)

    @function(copies_user=True)
    def move(self, destination: U64, source: U64, length: U64) -> tuple[U64, U64]:
        """Copy `length` bytes. How many are left, not always as few as could be; and the address
        that faulted."""
        mov(rcx, length)
        shr(rcx, 3)
        and_(length, sizeof(U64) - 1)
        self.protection.open_user_memory()
        call(self.move_words)
        self.protection.close_user_memory()
        ret(rax, rdx)

    @function(copies_user=True)
    def move_slowly(self, destination: U64, source: U64, length: U64) -> tuple[U64, U64]:
        """The same byte by byte, up to the very one that faults."""
        mov(rcx, length)
        self.protection.open_user_memory()
        call(self.move_bytes)
        self.protection.close_user_memory()
        ret(rax, rdx)

    @naked
    def move_words(self) -> None:
        """Copy rcx words and edx bytes from rsi to rdi. As `move_bytes`."""
        rep.movsq()
        mov(ecx, edx)
        jmp(self.move_bytes)

    @naked
    def move_bytes(self) -> None:
        """Copy rcx bytes from rsi to rdi. Returns what `move` does."""
        rep.movsb()
        xor(eax, eax)
        xor(edx, edx)
        ret()

    @naked
    def stop_at_word(self) -> None:
        """Where `move_words` goes on after a fault."""
        lea(rcx, bare[rdx + rcx * sizeof(U64)])
        jmp(self.stop_at_byte)

    @naked
    def stop_at_byte(self) -> None:
        """Where `move_bytes` does."""
        mov(rdx, rax)
        mov(rax, rcx)
        ret()
