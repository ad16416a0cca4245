"""Traces: what programs ask of the kernel, and what they get."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.cpu.trapframe import TrapFrame
from kernel.entry.systemcalls import CALLS
from kernel.entry.traceline import TraceLine
from kernel.entry.traceparameters import TraceParameters
from kernel.entry.tracetables import NamedValue, TracedCall, TracedParameter, TraceTables
from kernel.errno import Errno
from kernel.process.processes import Processes
from kernel.sync.mutex import Mutex, Mutexes
from pykasm import *

NOBODY = 0
EVERYBODY = 0xFFFF_FFFF
"""No number of a process."""

LAST_ERROR = 4095
"""Results from its negative on are errors (Linux: MAX_ERRNO)."""

ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
"""Where parameters are (System V ABI AMD64 supplement, A.2.1)."""

SMALL = 0x1_0000_0000
"""Results from here on are addresses, and are written as such."""


class TracedArguments(Struct):
    """The parameters of a call, and a 0."""

    values: Array[U64] = field(count=len(ARGUMENTS) + 1)


class SystemCallTrace(Subsystem):
    """Prints system calls as strace(1) does: each when it has returned, and before it those after
    which its parameters are lost. Context: a thread of a program, between its frame and the
    call."""

    traced = bss(U32)
    """The number of the process whose calls are printed, NOBODY or EVERYBODY."""
    lock = bss(Mutex)
    """Held by who has the line."""

    def __init__(
        self,
        console: Console,
        tables: TraceTables,
        line: TraceLine,
        parameters: TraceParameters,
        processes: Processes,
        mutexes: Mutexes,
    ) -> None:
        self.console = console
        self.tables = tables
        self.line = line
        self.parameters = parameters
        self.processes = processes
        self.mutexes = mutexes
        rows = [NamedValue(name=one.name, value=one) for one in Errno]
        self.errors = rodata(NamedValue * len(rows), rows)
        self.error_count = len(rows)

    @function
    def is_traced(self) -> Bool:
        """Return whether calls of the process that runs are printed."""
        traced = scratch(self.traced)
        with if_(traced == EVERYBODY):
            ret(True)
        process = self.processes.current_process()
        ret(process.number == traced)

    @function(context="thread", sleeps=True)
    def begin(self, frame: Keep[Ptr[TrapFrame]]) -> None:
        """Print the call that `frame` is about to do, if its parameters are lost afterwards."""
        call = keep(self._call_of(frame))
        with if_(call != 0), if_(call.is_told_first != 0), self.mutexes.held(self.lock):
            self._begin_line()
            self._append_call(frame, call, -1)
            self.console.print("%s ...\n", scratch(address_of(self.line.line)))

    @function(context="thread", sleeps=True)
    def end(self, frame: Keep[Ptr[TrapFrame]]) -> None:
        """Print the call that `frame` has done, with its result."""
        call = keep(self._call_of(frame))
        with self.mutexes.held(self.lock):
            self._begin_line()
            with if_(call == 0):
                self.line.print("system call %u", u32(frame.error_code))
            with elif_(call.is_told_first != 0):
                self.line.print("... %s", call.name)
            with else_():
                self._append_call(frame, call, i64(frame.rax))
            self._append_result(i64(frame.rax))
            self.console.print("%s\n", scratch(address_of(self.line.line)))

    @function
    def _call_of(self, frame: Ptr[TrapFrame]) -> OrNull[Ptr[TracedCall]]:
        """Return what is known of the call of `frame`, or null."""
        number = scratch(U64)
        mov(u32(number), u32(frame.error_code))
        with if_(number >= CALLS):
            ret(0)
        imul(number, number, sizeof(TracedCall))
        call = scratch(Ptr[TracedCall])
        lea(call, self.tables.calls)
        add(u64(call), number)
        with if_(call.name == 0):
            ret(0)
        ret(call)

    @function(context="thread")
    def _begin_line(self) -> None:
        """Begin a line with the number of the thread that runs."""
        self.line.begin()
        task = self.processes.current()
        self.line.print("[%u] ", task.number)

    @function(context="thread", sleeps=True)
    def _append_call(
        self, frame: Ptr[TrapFrame], call: Keep[Ptr[TracedCall]], result: Keep[I64]
    ) -> None:
        """Append the name of `call` and its parameters, which `frame` has."""
        arguments, row = local(TracedArguments), keep(Ptr[TracedParameter])
        number = keep(U64)
        frame = scratch(frame)
        for place, name in enumerate(ARGUMENTS):
            mov(rax, getattr(frame, name))
            mov(arguments.values[place], rax)
        mov(arguments.values[len(ARGUMENTS)], 0)
        release(frame)
        self.line.print("%s(", call.name)
        mov(eax, call.first)
        imul(rax, rax, sizeof(TracedParameter))
        lea(row, self.tables.parameters)
        add(u64(row), rax)
        xor(u32(number), u32(number))
        with while_((u32(number) < call.count) & (number < len(ARGUMENTS))):
            with if_(number != 0):
                self.line.print(", ")
            value = scratch(arguments.values[number])
            inc(number)
            following = scratch(arguments.values[number])
            self.parameters.show(row, value, following, result)
            add(row, sizeof(TracedParameter))
        self.line.put(ord(")"))

    @function
    def _append_result(self, result: Keep[I64]) -> None:
        """Append what a call gives."""
        with if_((result < 0) & (result >= -LAST_ERROR)):
            neg(result)
            name = self._error_name(u64(result))
            self.line.print(" = -1 %s", name)
        with elif_(u64(result) >= SMALL):
            self.line.print(" = 0x%x", result)
        with else_():
            self.line.print(" = %u", u64(result))

    @function
    def _error_name(self, error: U64) -> Ptr[U8]:
        """Return the name of an error."""
        row, left = scratch(Ptr[NamedValue]), scratch(U32)
        lea(row, self.errors)
        mov(left, self.error_count)
        with while_(left != 0):
            with if_(row.value == error):
                ret(row.name)
            add(row, sizeof(NamedValue))
            dec(left)
        ret(text("an unknown error"))
