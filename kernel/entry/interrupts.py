"""The interrupt descriptor table: a gate for each of the 256 vectors, and the code behind them."""

from enum import IntFlag

from kernel.cpu.control import Msr, RFlags
from kernel.cpu.descriptors import INTERRUPT_STACK_SIZE, InterruptStack, InterruptStackBase
from kernel.cpu.exceptions import VECTORS, WITH_ERROR_CODE, Vector
from kernel.cpu.protection import Protection
from kernel.cpu.segments import USER_PRIVILEGE, Selector, TablePointer
from kernel.cpu.trapframe import GENERAL_REGISTERS, TrapFrame
from kernel.entry.exceptions import Exceptions
from kernel.entry.maskableinterrupts import MaskableInterrupts
from kernel.entry.userentry import UserEntry
from kernel.interrupts.vectors import FIRST_INTERRUPT
from kernel.sched.scheduler import Scheduler
from pykasm import *
from pykasm.lang.stubs import stub_address
from pykasm.objects.debug import EntryFrame

INTERRUPT_STACKS: dict[int, InterruptStack] = {
    Vector.NMI: InterruptStack.NMI,
    Vector.DOUBLE_FAULT: InterruptStack.DOUBLE_FAULT,
    Vector.MACHINE_CHECK: InterruptStack.MACHINE_CHECK,
}

USER_VECTORS = (Vector.BREAKPOINT, Vector.OVERFLOW)
"""Those that programs may raise by an instruction of their own, `int3` and `into`."""


class GateFlags(IntFlag):
    """Type and attributes of a gate (AMD64 APM vol. 2, 4.8.4)."""

    USER = USER_PRIVILEGE << 5
    """Programs may come through it by `int`; for others that is a general-protection fault."""
    INTERRUPT = 0xE
    """Interrupts are off when the handler begins."""
    PRESENT = 1 << 7


class Gate(Struct, packed=True):
    """A gate in long mode (AMD64 APM vol. 2, 4.8.4)."""

    offset_low: U16
    selector: U16
    ist: U8 = field(InterruptStack)
    flags: U8 = field(GateFlags)
    offset_middle: U16
    offset_high: U32
    reserved: U32


class InterruptStackFrame(Struct):
    """The first frame of an interrupt stack, up to the upper end of that."""

    frame: TrapFrame
    base: InterruptStackBase


class Interrupts(Subsystem):
    """Every vector comes through a stub of its own to code that makes a `TrapFrame` and calls the
    handler that `Exceptions` names: `interrupt`, `exception`, or `on_own_stack`."""

    table = rodata(Gate * VECTORS, [], align=16)
    """Filled in while starting, before the page tables that make it read-only."""

    def __init__(
        self,
        exceptions: Exceptions,
        user_entry: UserEntry,
        maskable: MaskableInterrupts,
        scheduler: Scheduler,
        protection: Protection,
    ) -> None:
        self.exceptions = exceptions
        self.user_entry = user_entry
        self.maskable = maskable
        self.scheduler = scheduler
        self.protection = protection
        self.stubs = init(U64 * VECTORS, [self._stub(n) for n in range(VECTORS)])
        self.stacks = init(
            U8 * VECTORS,
            [INTERRUPT_STACKS.get(n, InterruptStack.NONE) for n in range(VECTORS)],
        )

    def _stub(self, vector: int) -> object:
        return stub_address(self._unit_name(), f"vector_{vector}")

    @emits
    def _make_stubs(self) -> None:
        """Bring the stack into one shape: error code (0 where there is none), then the vector."""
        for vector in range(VECTORS):
            pushes = vector in WITH_ERROR_CODE
            entered = EntryFrame.INTERRUPT_WITH_ERROR if pushes else EntryFrame.INTERRUPT
            own_stack = vector in INTERRUPT_STACKS
            stack = INTERRUPT_STACK_SIZE if own_stack else 0
            maskable = vector >= FIRST_INTERRUPT
            with stub(f"vector_{vector}", entered=entered, stack=stack, maskable=maskable):
                if not pushes:
                    push(0)
                push(vector)
                if maskable:
                    jmp(self.interrupt)
                else:
                    jmp(self.on_own_stack if own_stack else self.exception)

    @naked(entered=EntryFrame.INTERRUPT, pushed=2 * sizeof(U64))
    def interrupt(self) -> None:
        """Save the general registers, have the interrupt handled, and go back, or to a more urgent
        thread.

        The return address of what is called lies right below the frame; a backtrace finds it by
        that.
        """
        self._save_registers()
        with if_(self._is_of_program()):
            swapgs()
            jmp(self.user_entry.interrupted)
        mov(rdi, rsp)
        call(self.maskable.handle)
        frame = cast(rsp, Ptr[TrapFrame])
        with if_(self.scheduler.preemption.is_due() & (frame.rflags & RFlags.IF)):
            self.scheduler.preempt_now()  # leaves the thread, as it were by a call from it
        self._go_back()

    @naked(entered=EntryFrame.INTERRUPT, pushed=2 * sizeof(U64))
    def exception(self) -> None:
        """Save the general registers, call the handler with the frame's address, and go back."""
        self._save_registers()
        with if_(self._is_of_program()):
            swapgs()
            jmp(self.user_entry.raised)
        mov(rdi, rsp)
        mov(rax, cast(rsp, Ptr[TrapFrame]).vector)
        call(self.exceptions.handlers[rax])
        self._go_back()

    @naked(entered=EntryFrame.INTERRUPT, pushed=2 * sizeof(U64))
    def on_own_stack(self) -> None:
        """Call the handler of a vector with a stack of its own, where no other thread is turned to.

        They may interrupt any code, also that which has yet to swap GS on the way in or has swapped
        it on the way out. So nothing is swapped: GS gets the base that belongs to the stack, and
        then again what it had.
        """
        self._save_registers()
        mov(ecx, Msr.GS_BASE)
        rdmsr()
        mov(ebx, eax)  # saved, and so are those of callees: these two outlive the call
        mov(r12d, edx)
        mov(rax, cast(rsp, Ptr[InterruptStackFrame]).base.block)
        mov(rdx, rax)
        shr(rdx, 32)
        wrmsr()
        mov(rdi, rsp)
        mov(rax, cast(rsp, Ptr[TrapFrame]).vector)
        call(self.exceptions.handlers[rax])
        mov(ecx, Msr.GS_BASE)
        mov(eax, ebx)
        mov(edx, r12d)
        wrmsr()
        self._go_back()

    @inline
    def _save_registers(self) -> None:
        """Complete the `TrapFrame`, and prepare for compiled code."""
        for register in GENERAL_REGISTERS:
            push(register)
        cld()  # the interrupted code may have set DF
        self.protection.forbid_user_memory()  # the interrupted code may be a copy to or from there

    @inline
    def _is_of_program(self) -> Condition:
        """Return the condition that the code of the `TrapFrame` at rsp is a program's."""
        test(u8(cast(rsp, Ptr[TrapFrame]).cs), USER_PRIVILEGE)
        return ~ZF

    @inline
    def _go_back(self) -> None:
        """Continue with the code of the `TrapFrame` at rsp."""
        for register in reversed(GENERAL_REGISTERS):
            pop(register)
        add(rsp, 2 * sizeof(U64))  # the vector and the error code
        iretq()

    @function(init=True)
    def load(self) -> None:
        """Fill the table in and let this processor use it, the first one."""
        gate = scratch(Ptr[Gate])
        lea(gate, self.table)
        with for_(scratch(U32), 0, VECTORS) as vector:
            mov(rax, self.stubs[vector])
            mov(cl, self.stacks[vector])
            # Offsets of stubs are known to the linker only whole; a gate has them in three parts.
            with allowed("E061", "the page is made read-only after this has run"):
                self._fill(gate)
                for one in USER_VECTORS:
                    with if_(vector == one):
                        or_(gate.flags, GateFlags.USER)
            add(gate, sizeof(Gate))
        tail(self.use)

    @function(init=True)
    def use(self) -> None:
        """Load IDTR of this processor."""
        pointer = local(TablePointer)
        mov(pointer.limit, sizeof(Gate * VECTORS) - 1)
        lea(rax, self.table)
        mov(pointer.base, rax)
        lidt(bare[pointer])

    @inline(changes=rax)
    def _fill(self, gate: Ptr[Gate]) -> None:
        """Fill `gate`: the address in rax, the interrupt stack in cl."""
        mov(gate.selector, Selector.CODE)
        mov(gate.ist, cl)
        mov(gate.flags, GateFlags.PRESENT | GateFlags.INTERRUPT)
        mov(gate.offset_low, ax)
        shr(rax, 16)
        mov(gate.offset_middle, ax)
        shr(rax, 16)
        mov(gate.offset_high, eax)
