"""Who called whom: the chain of frame pointers, in words."""

from typing import Any

from kernel.console.console import Console
from kernel.cpu.trapframe import TrapFrame
from kernel.paging.walk import PageWalk
from kernel.text.symbols import SymbolLocation, Symbols
from pykasm import *

MAX_DEPTH = 32
"""More calls than any sound chain here has, and few enough to be read."""


class StackFrame(Struct):
    """What rbp points to in every function (System V ABI AMD64 supplement, figure 3.3)."""

    caller: Ptr["StackFrame"]
    return_address: U64


class TrapStackFrame(Struct):
    """That of a function called by the interrupt stub, which has a TrapFrame on top of its own."""

    frame: StackFrame
    interrupted: TrapFrame


class Backtrace(Subsystem):
    """Prints how code was reached.

    A caller is shown by the address of its call's last byte, so that the line is that of the call
    even where no code follows it. `memory` tells what can be read: a broken chain ends the trace,
    not the kernel. What returns to `trap_stub` was called by nobody: the trace goes on with what
    was interrupted. May be called in any context.
    """

    def __init__(
        self, console: Console, symbols: Symbols, memory: PageWalk, trap_stub: Any
    ) -> None:
        self.console = console
        self.symbols = symbols
        self.memory = memory
        self.trap_stub = trap_stub

    @function
    def print(self, trap: Keep[Ptr[TrapFrame]]) -> None:
        """Print the code that `trap` is of, its caller, and so on.

        The chain ends at a frame that `_is_frame` does not accept, at a return address of 0, or
        where a caller's frame is not above its callee's, as the stack grows down.
        """
        frame, depth = keep(cast(trap.rbp, Ptr[StackFrame])), keep(U32)
        self.console.print("  #0 %p\n", trap.rip)
        mov(depth, self._print_frameless(trap))
        with while_(depth < MAX_DEPTH):
            with if_(self._is_frame(frame) == 0):
                ret()
            with if_(frame.return_address == 0):
                ret()
            with if_(self._is_trap(frame) != 0):
                mov(frame, self._print_interrupted(depth, cast(frame, Ptr[TrapStackFrame])))
            with else_():
                mov(frame, self._print_caller(depth, frame))
            inc(depth)
        self.console.print("  ... and so on\n")

    @function
    def _print_frameless(self, trap: Keep[Ptr[TrapFrame]]) -> U32:
        """Print the caller of code that has no frame yet; the depth of the next line.

        Such is the first instruction of a function, and what is no function but was jumped to:
        its return address is what rsp points to, if that is one.
        """
        place = local(SymbolLocation)
        with if_(self._is_inside(trap.rip, place)):
            ret(1)
        with if_(self.memory.is_mapped(trap.rsp) == 0):
            ret(1)
        stack = scratch(trap.rsp)
        caller = keep(u64[stack])
        dec(caller)
        with if_(~self._is_inside(caller, place)):
            ret(1)
        self.console.print("  #1 %p\n", caller)
        ret(2)

    @inline(changes=CALLER_SAVED)
    def _is_inside(self, address: U64, place: SymbolLocation) -> Condition:
        """Whether `address` is in a function, behind its first instruction; uses `place`."""
        found = self.symbols.lookup(address, address_of(place))
        return (found != 0) & (place.file != 0) & (place.offset != 0)

    @function
    def _print_caller(self, depth: U32, frame: Keep[Ptr[StackFrame]]) -> Ptr[StackFrame]:
        """Print who called the function of `frame`; the caller's frame, or null for a bad one."""
        mov(rax, frame.return_address)
        dec(rax)
        self.console.print("  #%u %p\n", depth, rax)
        with if_(frame.caller <= frame):
            ret(0)
        ret(frame.caller)

    @function
    def _print_interrupted(self, depth: U32, frame: Keep[Ptr[TrapStackFrame]]) -> Ptr[StackFrame]:
        """Print what the interrupt whose handler has `frame` interrupted; the frame of that.

        It may lie on another stack, so it need not be above this one.
        """
        self.console.print(
            "  #%u %p (interrupt %u)\n", depth, frame.interrupted.rip, frame.interrupted.vector
        )
        ret(cast(frame.interrupted.rbp, Ptr[StackFrame]))

    @function
    def _is_frame(self, frame: Keep[Ptr[StackFrame]]) -> U32:
        """Whether `frame` is one, is aligned and can be read. Null is none, though the first page
        tables map it."""
        with if_((frame == 0) | ((u64(frame) & (sizeof(U64) - 1)) != 0)):
            ret(0)
        with if_(self.memory.is_mapped(u64(frame)) == 0):
            ret(0)
        tail(self.memory.is_mapped, address_of(frame.return_address))

    @function
    def _is_trap(self, frame: Keep[Ptr[StackFrame]]) -> U32:
        """Whether the function of `frame` was called by the interrupt stub."""
        place = local(SymbolLocation)
        found = self.symbols.lookup(frame.return_address, address_of(place))
        with if_(found == 0):
            ret(0)
        mov(rax, frame.return_address)
        sub(rax, place.offset)
        mov(rcx, address_of(self.trap_stub))
        with if_(rax != rcx):
            ret(0)
        tail(self.memory.is_mapped, address_of(cast(frame, Ptr[TrapStackFrame]).interrupted.ss))
