"""E024: a stack is too small for the deepest path on it."""

from pykasm import *


class Program(Subsystem):
    """Sums numbers on a stack of its own."""

    numbers = rodata(U64 * 4, [3, 1, 4, 1])

    @function
    def sum(self) -> U64:
        """The sum of a copy of the numbers."""
        copy = local(U64 * 4)
        lea(rsi, self.numbers)
        lea(rdi, copy)
        mov(ecx, 4)
        rep.movsq()
        mov(rax, copy[0])
        for number in range(1, 4):
            add(rax, copy[number])
        ret(rax)


class Broken(Program):
    """Has room for a return address, and no more."""

    room = bss(U64 * 2, align=16)

    @naked(stack=16)
    def run(self) -> None:
        """Begin."""
        lea(rsp, self.room)
        add(rsp, 16)
        call(self.sum)
        hlt()
        jmp(self.run)


class Mended(Program):
    """Has room for what the function needs too."""

    room = bss(U64 * 8, align=16)

    @naked(stack=64)
    def run(self) -> None:
        """Begin."""
        lea(rsp, self.room)
        add(rsp, 64)
        call(self.sum)
        hlt()
        jmp(self.run)
