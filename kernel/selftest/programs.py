"""Tiny programs, and how they end."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.cpu.control import RFlags
from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.paging.addresses import Area
from kernel.process.exits import Exits
from kernel.process.filestates import FileStates
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.tasks import Tasks
from kernel.selftest.case import TestSuite, check
from kernel.signals.signalnumber import Signal
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.rights import ALL_RIGHTS, Rights
from kernel.vm.usercopy import UserCopy
from pykasm import *

CODE = 0x40_0000
"""Where a program has its code."""
STACK = 0x80_0000
"""And its stack, a page."""
MOST_CODE = 256
"""Bytes that are copied of each, at least as many as it has."""

GETPID, EXIT_GROUP, UNKNOWN = 39, 231, 511
"""Numbers of system calls; nothing has the last one."""

GOOD = 42
"""What a program exits with that finds all as it should be."""

EXITED = GOOD << 8
"""That as a status."""

NEVER_RAN = 0xFFFF_FFFF
"""No status of a program."""


class Program(Struct):
    """Code, and how it has to end."""

    name: Ptr[U8]
    code: U64
    status: U32


class ProgramTests(TestSuite):
    """Each program is run in a process of its own. Nothing that one does may harm the kernel."""

    def __init__(
        self,
        console: Console,
        spaces: AddressSpaces,
        copy: UserCopy,
        processes: Processes,
        tasks: Tasks,
        file_states: FileStates,
        exits: Exits,
    ) -> None:
        self.console = console
        self.spaces = spaces
        self.copy = copy
        self.processes = processes
        self.tasks = tasks
        self.file_states = file_states
        self.exits = exits
        programs = [
            ("exit", self.exit, EXITED),
            ("unknown call", self.call_unknown, EXITED),
            ("registers", self.keep_registers, EXITED),
            ("flags", self.set_all_flags, EXITED),
            ("stack", self.use_stack, EXITED),
            ("vectors", self.use_vectors, EXITED),
            ("divide", self.divide, Signal.SIGFPE),
            ("single step", self.single_step, Signal.SIGTRAP),
            ("step over syscall", self.step_over_call, Signal.SIGTRAP),
            ("breakpoint", self.breakpoint, Signal.SIGTRAP),
            ("invalid opcode", self.invalid, Signal.SIGILL),
            ("privileged", self.privileged, Signal.SIGSEGV),
            ("swapgs", self.swap, Signal.SIGSEGV),
            ("int 0x80", self.old_call, Signal.SIGSEGV),
            ("a vector of devices", self.device_vector, Signal.SIGSEGV),
            ("null", self.read_null, Signal.SIGSEGV),
            ("kernel address", self.read_kernel, Signal.SIGSEGV),
            ("kernel code", self.jump_to_kernel, Signal.SIGSEGV),
            ("no address", self.jump_nowhere, Signal.SIGSEGV),
        ]
        self.count = len(programs)
        self.programs = rodata(
            Program * self.count,
            [Program(name=name, code=code, status=status) for name, code, status in programs],
        )
        self.tests = [check("programs.ends", self.ends)]

    # Running them

    @function(sleeps=True)
    def ends(self) -> U32:
        """Every program ends as it has to."""
        good, number, program = keep(U32), keep(U32), keep(Ptr[Program])
        mov(good, 1)
        lea(program, self.programs)
        with for_(number, 0, self.count):
            status = keep(self._run(program.code))
            with if_(status != program.status):
                self.console.print("%s: 0x%x for 0x%x: ", program.name, status, program.status)
                xor(good, good)
            release(status)
            add(program, sizeof(Program))
        ret(good)

    @function(sleeps=True)
    def _run(self, code: Keep[U64]) -> U32:
        """Run the program at `code`, and return its status; NEVER_RAN if memory is out."""
        space = keep(self.spaces.create())
        with if_(space == 0):
            ret(NEVER_RAN)
        self.spaces.enter(space)
        loaded = keep(self._load(space, code))
        ignore(self.spaces.leave(), "the process has it from now on")
        with if_(loaded == 0):
            self.spaces.destroy(space)
            ret(NEVER_RAN)
        process = self._start(space)
        with if_(process == 0):
            ret(NEVER_RAN)
        tail(self.exits.wait, process)

    @function(sleeps=True)
    def _load(self, space: Keep[Ptr[AddressSpace]], code: Keep[U64]) -> Bool:
        """Map memory for a program in `space`, which this thread is in, and copy `code` there.
        Return whether that worked."""
        with if_(self.spaces.map(space, CODE, PAGE, ALL_RIGHTS) != 0):
            ret(False)
        with if_(self.spaces.map(space, STACK, PAGE, Rights.READ | Rights.WRITE) != 0):
            ret(False)
        mov(eax, CODE)
        result, left = self.copy.copy_out(cast(rax, User[U8]), code, MOST_CODE)
        ignore(left)
        ret(result == 0)

    @function(sleeps=True)
    def _start(self, space: Keep[Owned[Ptr[AddressSpace]]]) -> OrNull[Owned[Ptr[Process]]]:
        """Start a process with the program in `space`; a reference to it, or null if memory is
        out."""
        errdefer(self.spaces.destroy, space)
        process = keep(try_(self.processes.create(0, 0)))
        errdefer(self.processes.discard, process)
        task = keep(try_(self.tasks.create(process, process.number)))
        errdefer(self.tasks.discard, task)
        fail_if(self.tasks.give_registers(task, CODE, STACK + PAGE) != 0)
        fail_if(~self.file_states.begin(task))
        process.references.gain()
        disown(process, "its thread ends it")
        disown(space, "its thread keeps it")
        self.tasks.start(task, space)
        ret(process)

    # The programs

    @inline(changes=(rax, rcx, rdi))
    def _exit_if_equal(self) -> None:
        """Exit with GOOD if ZF is set, else with something else."""
        mov(edi, GOOD)
        mov(ecx, GOOD + 1)
        cmovne(edi, ecx)
        mov(eax, EXIT_GROUP)
        syscall()
        ud2()

    @naked
    def exit(self) -> None:
        """Exit."""
        mov(edi, GOOD)
        mov(eax, EXIT_GROUP)
        syscall()
        ud2()

    @naked
    def call_unknown(self) -> None:
        """Do a call that there is not, by a number whose upper half nobody looks at."""
        mov(rax, 1 << 40 | UNKNOWN)
        syscall()
        cmp(rax, -Errno.ENOSYS)
        self._exit_if_equal()

    @naked
    def keep_registers(self) -> None:
        """A call changes no registers but rax, rcx and r11."""
        kept = (rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r12, r13, r14, r15)
        for number, register in enumerate(kept):
            mov(register, 3 << number)
        mov(eax, GETPID)
        syscall()
        for number, register in enumerate(kept[1:], 1):
            sub(register, 3 << number)
            or_(rbx, register)
        cmp(rbx, 3)
        self._exit_if_equal()

    @naked
    def set_all_flags(self) -> None:
        """No flag of a program's confuses the kernel, and they are as before after a call."""
        push(RFlags.ALWAYS | RFlags.IF | RFlags.DF | RFlags.AC | RFlags.NT | RFlags.ID)
        popfq()
        mov(eax, GETPID)
        syscall()
        pushfq()
        pop(rax)
        and_(eax, RFlags.DF | RFlags.AC | RFlags.NT)
        cld()
        cmp(eax, RFlags.DF | RFlags.AC | RFlags.NT)
        self._exit_if_equal()

    @naked
    def use_stack(self) -> None:
        """Push and pop."""
        push(GOOD)
        pop(rax)
        cmp(rax, GOOD)
        self._exit_if_equal()

    @naked
    def use_vectors(self) -> None:
        """SSE is there, and its registers outlive a call."""
        mov(ebx, GOOD)
        movd(xmm5, ebx)
        mov(eax, GETPID)
        syscall()
        movd(ecx, xmm5)
        cmp(ecx, ebx)
        self._exit_if_equal()

    @naked
    def divide(self) -> None:
        """Divide by 0."""
        xor(ecx, ecx)
        xor(edx, edx)
        mov(eax, 1)
        div(ecx)
        ud2()

    @inline
    def _trace(self) -> None:
        """Set TF: there is an exception after the next instruction but one."""
        push(RFlags.ALWAYS | RFlags.IF | RFlags.TF)
        popfq()

    @naked
    def single_step(self) -> None:
        """Set TF."""
        self._trace()
        nop()
        ud2()

    @naked
    def step_over_call(self) -> None:
        """Set TF right before a call."""
        mov(eax, GETPID)
        self._trace()
        syscall()
        nop()
        ud2()

    @naked
    def breakpoint(self) -> None:
        """Come to a breakpoint."""
        int3()
        ud2()

    @naked
    def invalid(self) -> None:
        """Do what is no instruction."""
        ud2()

    @naked
    def privileged(self) -> None:
        """Do what only the kernel may."""
        hlt()
        ud2()

    @naked
    def swap(self) -> None:
        """Try to get the kernel's GS."""
        swapgs()
        ud2()

    @naked
    def old_call(self) -> None:
        """Do a system call as 32-bit programs do."""
        int_(0x80)
        ud2()

    @naked
    def device_vector(self) -> None:
        """Pretend to be a device."""
        int_(0x30)
        ud2()

    @naked
    def read_null(self) -> None:
        """Read where nothing is."""
        xor(eax, eax)
        mov(rax, u64[rax])
        ud2()

    @naked
    def read_kernel(self) -> None:
        """Read the kernel's memory."""
        mov(rax, Area.DIRECT_MAP)
        mov(rax, u64[rax])
        ud2()

    @naked
    def jump_to_kernel(self) -> None:
        """Run the kernel's code."""
        mov(rax, Area.IMAGE)
        with allowed("E032", "the program faults there"):
            jmp(rax)

    @naked
    def jump_nowhere(self) -> None:
        """Jump to what is no address at all."""
        mov(rax, 1 << 63)
        with allowed("E032", "the program faults there"):
            jmp(rax)
