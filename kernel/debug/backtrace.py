"""Backtraces: the chain of frame pointers, printed by names and lines."""

from collections.abc import Sequence
from typing import Any

from kernel.console.console import Console
from kernel.cpu.trapframe import TrapFrame
from kernel.paging.walk import PageWalk
from kernel.text.symbols import SymbolLocation, Symbols
from pykasm import *

MAX_DEPTH = 32
"""More calls than any valid chain of the kernel has, and few enough to be read."""


class StackFrame(Struct):
    """What rbp points to in every function (System V ABI AMD64 supplement, figure 3.3)."""

    caller: Ptr["StackFrame"]
    return_address: U64


class TrapStackFrame(Struct):
    """The frame of a function that the interrupt stub called, with the stub's TrapFrame above
    it."""

    frame: StackFrame
    interrupted: TrapFrame


class Backtrace(Subsystem):
    """Print how code was reached.

    A caller is shown by the address of its call's last byte, so that the line is that of the call
    even where no code follows it. `memory` tells what can be read: a broken chain ends the trace,
    not the kernel. A function that returns to one of the `stubs` has a TrapFrame above its own: the
    trace continues with the interrupted code. `stack_switch` is the function that handlers return
    to from the stack of interrupts, with its own frame on that of the interrupted code. Context:
    any.
    """

    def __init__(
        self,
        console: Console,
        symbols: Symbols,
        memory: PageWalk,
        stubs: Sequence[Any],
        stack_switch: Any,
    ) -> None:
        self.console = console
        self.symbols = symbols
        self.memory = memory
        self.stubs = stubs
        self.stack_switch = stack_switch

    @function
    def print(self, trap: Keep[Ptr[TrapFrame]]) -> None:
        """Print the code that `trap` is of, its caller, and so on.

        The chain ends at a frame that `_is_frame` does not accept, at a return address of 0, or
        where a caller's frame is not above its callee's, as a stack grows down.
        """
        frame, depth = keep(cast(trap.rbp, Ptr[StackFrame])), keep(U32)
        self.console.print("  #0 %p\n", trap.rip)
        mov(depth, self._print_frameless(trap))
        with while_(depth < MAX_DEPTH):
            with if_(~self._is_frame(frame)):
                ret()
            with if_(frame.return_address == 0):
                ret()
            with if_(self._is_trap(frame)):
                mov(frame, self._print_interrupted(depth, cast(frame, Ptr[TrapStackFrame])))
            with else_():
                mov(frame, self._print_caller(depth, frame))
            inc(depth)
        self.console.print("  ... and so on\n")

    @function
    def _print_frameless(self, trap: Keep[Ptr[TrapFrame]]) -> U32:
        """Print the caller of code that has no frame yet. Return the depth of the next line.

        That is the first instruction of a function, or code outside of functions that was called:
        its return address is at rsp, if the value there is one.
        """
        place = local(SymbolLocation)
        with if_(self._is_inside(trap.rip, place)):
            ret(1)
        with if_(~self.memory.is_mapped(trap.rsp)):
            ret(1)
        stack = scratch(trap.rsp)
        caller = keep(u64[stack])
        dec(caller)  # into the call itself, whose line it is to be
        with if_(~self._is_inside(caller, place)):
            ret(1)
        self.console.print("  #1 %p\n", caller)
        ret(2)

    @inline(changes=CALLER_SAVED)
    def _is_inside(self, address: U64, place: SymbolLocation) -> Condition:
        """Return whether `address` is in a function, after its first instruction; use `place`."""
        found = self.symbols.lookup(address, address_of(place))
        return (found != 0) & (place.file != 0) & (place.offset != 0)

    @function
    def _print_caller(self, depth: U32, frame: Keep[Ptr[StackFrame]]) -> Ptr[StackFrame]:
        """Print the caller of the function of `frame`. Return its frame, or null for a bad one."""
        mov(rax, frame.return_address)
        dec(rax)
        self.console.print("  #%u %p\n", depth, rax)
        with if_(frame.caller <= frame):  # no caller's on the same stack, or a circle
            start = scratch(self._function(frame.return_address))
            mov(rcx, address_of(self.stack_switch))
            with if_(start != rcx):
                ret(0)
        ret(frame.caller)

    @function
    def _print_interrupted(self, depth: U32, frame: Keep[Ptr[TrapStackFrame]]) -> Ptr[StackFrame]:
        """Print the code that was interrupted for the handler of `frame`. Return its frame, which
        may lie on another stack, and so need not be above this one."""
        self.console.print(
            "  #%u %p (interrupt %u)\n", depth, frame.interrupted.rip, frame.interrupted.vector
        )
        ret(cast(frame.interrupted.rbp, Ptr[StackFrame]))

    @function
    def _is_frame(self, frame: Keep[Ptr[StackFrame]]) -> Bool:
        """Return whether `frame` is aligned and can be read. Null is no frame, though the first
        page tables map it."""
        with if_((frame == 0) | ((u64(frame) & (sizeof(U64) - 1)) != 0)):
            ret(False)
        with if_(~self.memory.is_mapped(u64(frame))):
            ret(False)
        tail(self.memory.is_mapped, address_of(frame.return_address))

    @function
    def _is_trap(self, frame: Keep[Ptr[StackFrame]]) -> Bool:
        """Return whether the function of `frame` was called by an interrupt stub."""
        start = scratch(self._function(frame.return_address))
        with if_(start == 0):
            ret(False)
        for stub in self.stubs:
            mov(rcx, address_of(stub))
            with if_(start == rcx):
                end = address_of(cast(frame, Ptr[TrapStackFrame]).interrupted.ss)
                tail(self.memory.is_mapped, end)
        ret(False)

    @function
    def _function(self, address: Keep[U64]) -> U64:
        """Return where the function that has `address` begins, or 0."""
        place = local(SymbolLocation)
        with if_(~self.symbols.lookup(address, address_of(place))):
            ret(0)
        mov(rax, address)
        sub(rax, place.offset)
        ret(rax)
