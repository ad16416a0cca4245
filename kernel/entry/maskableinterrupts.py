"""Interrupts that can be masked, on a stack of their own."""

from kernel.cpu.control import RFlags
from kernel.cpu.descriptors import INTERRUPT_STACK_SIZE, Descriptors
from kernel.cpu.trapframe import TrapFrame
from kernel.entry.exceptions import Exceptions
from kernel.interrupts.vectors import FIRST_INTERRUPT
from kernel.irq.deferred import Deferred
from kernel.sched.ticks import SchedulerTicks
from pykasm import *
from pykasm.objects.debug import EntryFrame


class MaskableInterrupts(Subsystem):
    """Handlers, and the work that they defer, run on a stack of the processor. So a thread's need
    not have room for them, and turns to another thread only where it has been left again."""

    def __init__(
        self,
        descriptors: Descriptors,
        exceptions: Exceptions,
        deferred: Deferred,
        ticks: SchedulerTicks,
    ) -> None:
        self.descriptors = descriptors
        self.exceptions = exceptions
        self.deferred = deferred
        self.ticks = ticks

    @naked(entered=EntryFrame.STACK_SWITCH, context="interrupt", stack=INTERRUPT_STACK_SIZE)
    def handle(self, frame: Ptr[TrapFrame]) -> None:
        """Call the handler of the interrupt of `frame`, which lies above the return address, and do
        the work that waits if the interrupted code had interrupts on. GS is the kernel's.

        rbp leads back to the stack of the interrupted code, for backtraces as well.
        """
        push(rbp)
        mov(rbp, rsp)
        with if_(~self.deferred.is_in_interrupt()):  # else this is that stack
            self.descriptors.turn_to_interrupt_stack()
        mov(rax, frame.vector)
        sub(rax, FIRST_INTERRUPT)
        call(self.exceptions.interrupt_handlers[rax])
        with if_(self.deferred.is_waiting()):
            interrupted = cast(u64[rbp + 2 * sizeof(U64)], TrapFrame)
            with if_(interrupted.rflags & RFlags.IF):
                mov(self.ticks.in_program, 0)  # work is the kernel's
                self.deferred.finish_interrupt()
        leave()
        ret()
