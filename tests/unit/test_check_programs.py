"""Code that interrupts and system calls of programs lead to, and code of programs."""

from pykasm import *
from pykasm.objects.debug import EntryFrame
from tests.unit.checking import findings, rules

SAVED = (rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11)
"""What the entry pushes."""

PUSHED = len(SAVED) * sizeof(U64)


class Entered(Subsystem):
    """Interrupts of programs and of the kernel."""

    handler = bss(U64)
    interrupted_cs = 8 + PUSHED
    privilege = 3

    @naked(entered=EntryFrame.NONE, stack=4096)
    def run(self) -> None:
        lea(rax, self.enter)
        mov(self.handler, rax)
        ud2()

    @naked(entered=EntryFrame.INTERRUPT)
    def enter(self) -> None:
        for register in SAVED:
            push(register)
        cld()
        test(u8[rsp + self.interrupted_cs], self.privilege)
        with if_(~ZF):
            swapgs()
            jmp(self.serve_program)
        for register in reversed(SAVED):
            pop(register)
        iretq()

    @naked(entered=EntryFrame.INTERRUPT, pushed=PUSHED, context="thread", stack=4096)
    def serve_program(self) -> None:
        sti()
        call(self.wait)
        cli()
        swapgs()
        for register in reversed(SAVED):
            pop(register)
        iretq()

    @function(sleeps=True, context="thread")
    def wait(self) -> None:
        sti()
        hlt()


def test_interrupts_of_programs_may_sleep() -> None:
    assert rules(Entered()) == []


class Mixed(Entered):
    """Lets interrupts of the kernel go the same way."""

    @naked(entered=EntryFrame.INTERRUPT)
    def enter(self) -> None:
        for register in SAVED:
            push(register)
        cld()
        test(u8[rsp + self.interrupted_cs], self.privilege)
        with if_(~ZF):
            swapgs()
        jmp(self.serve_program)


def test_interrupts_of_the_kernel_do_not_get_there() -> None:
    (told,) = [one for one in findings(Mixed()) if "E043" in one]
    assert told.startswith(
        "error[E043]: `Mixed.serve_program` runs in a program's thread, but interrupts of the "
        "kernel lead there\n"
    )
    assert "some path to here has not tested that the interrupted CS has privilege 3" in told


class Downward(Entered):
    """Leaves DF as the program had it."""

    @naked(entered=EntryFrame.INTERRUPT)
    def enter(self) -> None:
        for register in SAVED:
            push(register)
        test(u8[rsp + self.interrupted_cs], self.privilege)
        with if_(~ZF):
            swapgs()
            jmp(self.serve_program)
        for register in reversed(SAVED):
            pop(register)
        iretq()


def test_strings_go_upwards_for_programs() -> None:
    assert rules(Downward()) == ["E015"]


class Program(Subsystem):
    """A program."""

    getpid = 39

    @function
    def run(self, a: U64) -> U64:
        mov(r8, a)
        mov(eax, self.getpid)
        syscall()
        add(rax, r8)
        ret(rax)


def test_a_system_call_leaves_registers_as_they_are() -> None:
    assert rules(Program()) == []


class Forgetful(Program):
    """Relies on a register that `syscall` changes."""

    @function
    def run(self, a: U64) -> U64:
        mov(eax, self.getpid)
        syscall()
        add(rax, rdx)
        ret(rax)


def test_what_no_path_wrote_is_read_behind_a_system_call() -> None:
    assert rules(Forgetful()) == ["E010"]
