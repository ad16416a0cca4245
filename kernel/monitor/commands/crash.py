"""Failing on purpose, to see the report."""

from kernel.console.console import Console
from kernel.monitor.command import command
from kernel.monitor.strings import Strings, Words
from pykasm import *

NOT_CANONICAL = 1 << 63
"""An address whose upper bits don't repeat bit 47 (AMD64 APM vol. 2, 1.1.3)."""

RET = 0xC3
"""The instruction, as a byte of data (AMD64 APM vol. 3, RET)."""


class Crash(Struct):
    """A way to fail: what it is called, and the function that does not return."""

    name: Ptr[U8]
    run: Fn[[], None]


class CrashCommands(Subsystem):
    """`crash`."""

    code = data(U8, RET)
    """An instruction where none may run."""

    def __init__(self, console: Console, strings: Strings) -> None:
        self.console = console
        self.strings = strings
        ways = {
            "div0": self.divide_by_zero,
            "ud": self.invalid_opcode,
            "gp": self.general_protection,
            "sse": self.use_unasked,
            "null": self.null_read,
            "stack": self.stack_overflow,
            "double": self.double_fault,
            "text": self.write_to_text,
            "data": self.execute_data,
            "assert": self.fail_assertion,
        }
        self.kinds = " ".join(ways)
        self.ways = rodata(Crash * len(ways), [Crash(name=n, run=f) for n, f in ways.items()])
        self.count = len(ways)
        self.commands = [command("crash", "KIND", f"fail: {self.kinds}", self.crash)]

    @function
    def crash(self, words: Ptr[Words]) -> U32:
        """Fail as the word says."""
        kind, way, left = keep(words.word[1]), keep(Ptr[Crash]), keep(U32)
        lea(way, self.ways)
        with for_(left, 0, self.count):
            same = self.strings.equal(way.name, kind)
            with if_(same != 0):
                way.run()
            add(way, sizeof(Crash))
        self.console.print(f"unknown KIND: %s (there are {self.kinds})\n", kind)
        ret(1)

    @function
    def divide_by_zero(self) -> None:
        """#DE."""
        xor(eax, eax)
        xor(edx, edx)
        xor(ecx, ecx)
        div(ecx)

    @function
    def invalid_opcode(self) -> None:
        """#UD."""
        ud2()

    @function
    def general_protection(self) -> None:
        """#GP."""
        mov(rax, NOT_CANONICAL)
        mov(rax, u64[rax])

    @function
    def use_unasked(self) -> None:
        """#NM: this thread has not asked for registers of SSE."""
        pxor(xmm0, xmm0)

    @function
    def null_read(self) -> None:
        """#PF at address 0."""
        xor(eax, eax)
        mov(rax, u64[rax])

    @function
    def stack_overflow(self) -> None:
        """#PF in the guard page, which has no stack to be handled on, and so #DF."""
        with allowed("E020", "the stack has to run over"), loop():
            push(rax)

    @function
    def double_fault(self) -> None:
        """#PF, and another one when the processor pushes its frame."""
        xor(esp, esp)
        push(rax)

    @function
    def write_to_text(self) -> None:
        """#PF for a write to a page of code."""
        lea(rax, self.write_to_text)
        mov(u8[rax], RET)

    @function
    def execute_data(self) -> None:
        """#PF for an instruction in a page of data."""
        with allowed("E062", "this fault is what is asked for"):
            lea(rax, self.code)
            call(rax)

    @function
    def fail_assertion(self) -> None:
        """A check that does not hold."""
        xor(eax, eax)
        asserts(eax == 1)
