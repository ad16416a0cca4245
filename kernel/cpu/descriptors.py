"""The global descriptor table and the task state segment of each processor."""

from enum import IntEnum

from kernel.cpu.percpu import PerCpu
from kernel.cpu.segments import (
    KERNEL_SEGMENTS,
    PROCESSOR_SEGMENT,
    USER_SEGMENTS,
    SegmentFlags,
    Selector,
    TablePointer,
)
from kernel.cpu.stack import STACK_SIZE
from kernel.cpu.stacks import Stacks
from pykasm import *


class InterruptStack(IntEnum):
    """Entries of the interrupt stack table (AMD64 APM vol. 2, 8.9.4), 0 for none.

    The exceptions can come while the stack in use can't be trusted, and within each other.
    """

    NONE = 0
    NMI = 1
    DOUBLE_FAULT = 2
    MACHINE_CHECK = 3
    MASKABLE = 4
    """That of interrupts which can be masked. No gate names it, as they come on top of each other
    when work is done at their end: code turns to it, unless it is on it already."""


class InterruptStackBase(Struct):
    """What lies at the upper end of an interrupt stack, above all frames."""

    block: U64
    """The address of its processor's per-CPU variables: code that begins on such a stack may have
    interrupted any other, and does not know whose base GS has."""
    padding: U64
    """Frames are aligned to 16 bytes."""


INTERRUPT_STACK_SIZE = STACK_SIZE - sizeof(InterruptStackBase)
"""Bytes of an interrupt stack that are left for frames."""


class TaskState(Struct, packed=True):
    """The 64-bit task state segment (AMD64 APM vol. 2, 12.2.5)."""

    reserved: U32
    rsp: Array[U64] = field(count=3)
    """Stacks for the privilege levels that an interrupt switches to."""
    unused: U64
    ist: Array[U64] = field(count=7)
    """Stacks of the interrupt stack table, the first of them number 1."""
    reserved_too: Array[U8] = field(count=10)
    io_map_base: U16


class SystemDescriptor(Struct, packed=True):
    """A descriptor of a task state segment in long mode (AMD64 APM vol. 2, 4.8.3)."""

    limit_low: U16
    base_low: U16
    base_middle: U8
    type: U8
    limit_high_and_flags: U8
    base_high: U8
    base_highest: U32
    reserved: U32


AVAILABLE_TASK_STATE = 0x9
"""The type of a task state segment that is not in use (4.8.3, table 4-6)."""

TYPE_PRESENT = SegmentFlags.PRESENT >> 40
"""`SegmentFlags.PRESENT` in the byte that holds the type."""

TASK_STATE_ALIGNMENT = 128
"""Bytes; keeps a task state segment within a page (Intel SDM vol. 3A, 8.2.1)."""


class DescriptorTable(Struct):
    """The global descriptor table: `Selector` names its entries."""

    segments: Array[U64] = field(count=len(KERNEL_SEGMENTS))
    task_state: SystemDescriptor
    user_segments: Array[U64] = field(count=len(USER_SEGMENTS))


class Descriptors(Subsystem):
    """A processor's segments. They are the same as those it started on, so that the selectors
    which it has loaded stay as they are; its own is the task state with the stacks of its own."""

    table = percpu(
        DescriptorTable,
        DescriptorTable(segments=KERNEL_SEGMENTS, user_segments=USER_SEGMENTS),
        align=8,
    )
    task = percpu(TaskState, TaskState(io_map_base=sizeof(TaskState)), align=TASK_STATE_ALIGNMENT)

    def __init__(self, per_cpu: PerCpu, stacks: Stacks) -> None:
        self.per_cpu = per_cpu
        self.stacks = stacks

    @function(init=True)
    def start_first(self) -> None:
        """Give the first processor its table, its task state and its interrupt stacks."""
        for number, stack in (
            (InterruptStack.NMI, self.stacks.nmi),
            (InterruptStack.DOUBLE_FAULT, self.stacks.double_fault),
            (InterruptStack.MACHINE_CHECK, self.stacks.machine_check),
            (InterruptStack.MASKABLE, self.stacks.maskable),
        ):
            self.set_stack(self.per_cpu.block, number, address_of(stack.top))
        tail(self.load)

    @function(init=True)
    def set_stack(self, block: U64, number: U64, top: U64) -> None:
        """Set interrupt stack `number`, an `InterruptStack`, of the processor that will have the
        per-CPU `block`, to the one that ends at `top`."""
        sub(top, sizeof(InterruptStackBase))
        mov(cast(top, Ptr[InterruptStackBase]).block, block)
        self.per_cpu.point_into(block, self.task)
        dec(number)
        mov(cast(block, Ptr[TaskState]).ist[number], top)

    @inline
    def turn_to_interrupt_stack(self) -> None:
        """Continue at the upper end of this processor's stack of maskable interrupts."""
        mov(rsp, self.task.ist[InterruptStack.MASKABLE - 1])

    @function(init=True)
    def load(self) -> None:
        """Load GDTR and TR with this processor's table and task state, and LDTR with nothing: what
        it is left with may be a table at address 0, which programs could fill in."""
        self._describe_task()
        mov(eax, self.per_cpu.number)
        mov(u16(self.table.user_segments[PROCESSOR_SEGMENT]), ax)  # the limit's lower half
        pointer = local(TablePointer)
        mov(pointer.limit, sizeof(DescriptorTable) - 1)
        self.per_cpu.point_at(rax, self.table)
        mov(pointer.base, rax)
        lgdt(bare[pointer])  # the segment registers keep what they have cached, which is the same
        mov(eax, Selector.TASK_STATE)
        ltr(ax)
        xor(eax, eax)
        lldt(ax)

    @inline(changes=rax)
    def _describe_task(self) -> None:
        """Fill the descriptor of the task state in."""
        descriptor = self.table.task_state
        mov(descriptor.limit_low, sizeof(TaskState) - 1)
        mov(descriptor.type, TYPE_PRESENT | AVAILABLE_TASK_STATE)
        self.per_cpu.point_at(rax, self.task)
        mov(descriptor.base_low, ax)
        shr(rax, 16)
        mov(descriptor.base_middle, al)
        mov(descriptor.base_high, ah)
        shr(rax, 16)
        mov(descriptor.base_highest, eax)
