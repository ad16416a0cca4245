"""The command that crashes the kernel, to try its reports."""

from kernel.console.console import Console
from kernel.cpu.interruptflag import interrupts_disabled
from kernel.cpu.stacks import Stacks
from kernel.locks.spinlock import SpinLock
from kernel.monitor.command import Commands, command
from kernel.processors.processors import Processors
from kernel.processors.request import Request
from kernel.smp.calls import Calls
from kernel.text.numbers import Numbers
from kernel.text.strings import Strings, Words
from pykasm import *

NOT_CANONICAL = 1 << 63
"""An address whose upper bits don't repeat bit 47 (AMD64 APM vol. 2, 1.1.3)."""

RET = 0xC3
"""The instruction, as a byte of data (AMD64 APM vol. 3, RET)."""

LEFT = 512
"""Bytes of a stack that suffice for the processor's frame and for leaving the stack."""

ASKED_FOR = "this fault is what is asked for"


class Crash(Struct):
    """A way to crash: its name, and the function that does."""

    name: Ptr[U8]
    run: Fn[[], None]


class Order(Struct):
    """A request for another processor to crash."""

    request: Request
    run: Fn[[], None]


class CrashCommands(Commands):
    """`crash`."""

    code = data(U8, RET)
    """An instruction where none may run."""

    masked = bss(U32)
    """The number of processors that are busy with interrupts off."""

    def __init__(
        self,
        stacks: Stacks,
        console: Console,
        strings: Strings,
        numbers: Numbers,
        processors: Processors,
        calls: Calls,
    ) -> None:
        self.stacks = stacks
        self.console = console
        self.strings = strings
        self.numbers = numbers
        self.processors = processors
        self.calls = calls
        ways = {
            "div0": self.divide_by_zero,
            "ud": self.invalid_opcode,
            "gp": self.general_protection,
            "sse": self.use_unasked,
            "null": self.null_read,
            "stack": self.stack_overflow,
            "tight": self.use_most_of_stack,
            "double": self.double_fault,
            "text": self.write_to_text,
            "data": self.execute_data,
            "assert": self.fail_assertion,
            "masked": self.crash_with_others_masked,
            "lock": self.take_twice,
            "unlock": self.release_free_lock,
            "order": self.take_in_both_orders,
        }
        self.kinds = " ".join(ways)
        self.ways = rodata(Crash * len(ways), [Crash(name=n, run=f) for n, f in ways.items()])
        self.count = len(ways)
        self.first = bss(SpinLock)
        self.second = bss(SpinLock)
        self.commands = [command("crash", "KIND [CPU]", f"fail: {self.kinds}", self.crash)]

    @function(sleeps=True)
    def crash(self, words: Ptr[Words]) -> Bool:
        """Crash in the way, and on the processor, that the words name."""
        kind, way, left = keep(words.word[1]), keep(Ptr[Crash]), keep(U32)
        words = keep(words)
        lea(way, self.ways)
        with for_(left, 0, self.count):
            same = self.strings.equal(way.name, kind)
            with if_(same & (words.count == 2)):
                way.run()
                self.console.print("%s fails only in debug builds\n", kind)
                ret(True)
            with elif_(same):
                tail(self._crash_there, way, words.word[2])
            add(way, sizeof(Crash))
        self.console.print(f"unknown KIND: %s (there are {self.kinds})\n", kind)
        ret(True)

    @function(sleeps=True)
    def _crash_there(self, way: Keep[Ptr[Crash]], word: Keep[Ptr[U8]]) -> Bool:
        """Crash on the processor whose number `word` is, if there is one."""
        order = local(Order)
        value, good = self.numbers.parse(word)
        with if_(~good):
            ret(False)
        processor = keep(self.processors.numbered(value))
        with if_(processor == 0):
            self.console.print("no CPU %s (`cpus` shows them)\n", word)
            ret(True)
        order.request.prepare(address_of(self._crash_here))
        mov(rax, way.run)
        mov(order.run, rax)
        self.calls.on(processor, address_of(order.request))
        ret(True)

    @function(context="interrupt")
    def _crash_here(self, request: Ptr[Request]) -> None:
        """Crash as the request says."""
        order = cast(request, Ptr[Order])
        order.run()

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
    def use_most_of_stack(self) -> None:
        """#UD where the stack has little space left, which the report does not need."""
        lea(rsp, self.stacks.boot.room[LEFT])
        ud2()

    @function
    def double_fault(self) -> None:
        """#PF, and another one when the processor pushes its frame."""
        xor(esp, esp)
        push(rax)

    @function
    def write_to_text(self) -> None:
        """#PF for a write to a page of code."""
        lea(rax, self.write_to_text)
        with allowed("E061", "this fault is what is asked for"):
            mov(u8[rax], RET)

    @function
    def execute_data(self) -> None:
        """#PF for an instruction in a page of data."""
        with allowed("E062", ASKED_FOR):
            lea(rax, self.code)
            call(rax)

    @function
    def fail_assertion(self) -> None:
        """An assertion that fails; release builds have none."""
        if debugging():
            xor(eax, eax)
            asserts(eax == 1)

    @function
    def crash_with_others_masked(self) -> None:
        """#UD, while all other processors have interrupts off, so that only an NMI stops them."""
        request = local(Request)
        request.prepare(address_of(self._spin_masked))
        mov(self.masked, 1)
        cli()  # this thread stays on its processor
        with self.processors.others() as processor:
            self.calls.post(processor, address_of(request))
        mov(eax, self.processors.count)
        with while_(self.masked != eax):
            pause()
        ud2()

    @function(context="interrupt")
    def _spin_masked(self, request: Ptr[Request]) -> None:
        """Keep this processor busy with interrupts off for ever."""
        lock.inc(self.masked)
        with loop():
            pause()

    @function
    def take_twice(self) -> None:
        """Acquire a lock that this processor holds."""
        if debugging():
            with allowed("E050", ASKED_FOR), self.first.held(), self.first.held():
                pass

    @function
    def release_free_lock(self) -> None:
        """Release a lock that is not held."""
        if debugging():
            with interrupts_disabled(), allowed("E050", ASKED_FOR):
                self.first.release()

    @function
    def take_in_both_orders(self) -> None:
        """Acquire two locks in both orders, which deadlocks two processors at the same time."""
        if debugging():
            with allowed("E052", ASKED_FOR), self.first.held(), self.second.held():
                pass
            with self.second.held(), self.first.held():
                pass
