"""What a host says of code that breaks the machine's or the convention's rules."""

from __future__ import annotations

import inspect
import re
from typing import NoReturn

import pytest

from pykasm import *
from pykasm.hostrun import Host, HostAssertion, HostFault


class Node(Struct):
    next: Ptr[Node]
    value: U32


class Broken(Subsystem):
    constant = rodata(U32, 7)
    variable = bss(U32)

    @function
    def value_of(self, node: Ptr[Node]) -> U32:
        ret(node.value)

    @function
    def outer(self, node: Ptr[Node]) -> U32:
        inner = self.value_of(node)
        ret(inner)

    @function
    def write(self, to: Ptr[U32]) -> None:
        mov(at(to), 1)

    @function
    def run(self, code: Fn[[], U32]) -> U32:
        result = code()
        ret(result)

    @function
    def fill(self, to: Ptr[U8], count: U64) -> None:
        mov(rcx, count)
        xor(eax, eax)
        rep.stosb()

    @function
    def read_byte(self, source: Ptr[U8], index: U64) -> U8:
        ret(source[index])

    @function
    def divide(self, a: U32, b: U32) -> U32:
        divisor = scratch(b)
        mov(eax, a)
        xor(edx, edx)
        div(divisor)
        ret(eax)

    @function
    def checked(self, a: U32) -> None:
        asserts(a < 10)

    @function
    def endless(self) -> None:
        with loop():
            pause()

    @function
    def itself(self) -> None:
        here = Label("here")
        place(here)
        jmp(here)

    @function
    def deep(self) -> None:
        self.deep()

    @function
    def halts(self) -> None:
        hlt()

    @function
    def traps(self) -> None:
        int3()

    @function
    def invalid(self) -> None:
        ud2()

    @function
    def software_interrupt(self) -> None:
        int_(0x30)

    @function
    def general_protection(self) -> None:
        iretq()

    @function
    def unset(self) -> U32:
        mov(eax, u32[rbx])
        ret(eax)

    @function
    def clobbers(self) -> None:
        xor(ebx, ebx)

    @function
    def direction(self) -> None:
        std()

    @function
    def comes_back(self) -> NoReturn:
        pop(rbp)
        jmp(u64[rsp])

    @naked
    def unbalanced(self) -> None:
        pop(rcx)
        push(rax)
        jmp(rcx)

    @naked
    def nowhere(self) -> None:
        push(0x1234)
        ret()


broken = Broken()
HERE = "tests/unit/test_hostrun_faults.py"


@pytest.fixture
def host() -> Host:
    return Host(broken)


def what(host: Host, function: object, *arguments: object, **options: object) -> str:
    """What the fault of a call says in its first line."""
    with pytest.raises(HostFault) as fault:
        host.call(function, *arguments, **options)
    return str(fault.value).partition("\n")[0]


def line_of(function: object, text: str) -> int:
    """The number of the line in the body of `function` that has `text`."""
    lines, first = inspect.getsourcelines(function._function.body)
    return first + next(n for n, line in enumerate(lines) if text in line)


def test_a_fault_names_line_callers_registers_and_last_lines(host: Host) -> None:
    with pytest.raises(HostFault) as fault:
        host.call(broken.outer, 0xFFFF_9000_0000_0000)
    report = fault.value.report
    inner, outer = line_of(broken.value_of, "ret"), line_of(broken.outer, "inner =")
    text = str(fault.value)
    assert report.what == (
        "Broken.value_of reads 4 bytes at 0xffff900000000008, where nothing is mapped"
    )
    assert report.position.source.line == inner
    assert report.registers["rdi"] == 0xFFFF_9000_0000_0000
    assert f"{inner:5} |         ret(node.value)" in text
    assert re.search(rf"  called from Broken.outer\+0x\w+  {HERE}:{outer}\n", text)
    assert text.endswith(f"{HERE}:{inner}: ret(node.value)")


def test_reading_through_a_null_pointer(host: Host) -> None:
    assert what(host, broken.value_of, None) == (
        "Broken.value_of reads 4 bytes at 0x8, a null pointer"
    )


def test_writing_what_is_read_only(host: Host) -> None:
    address = int(host.address(broken.constant))
    assert what(host, broken.write, host.address(broken.constant)) == (
        f"Broken.write writes 4 bytes at {address:#x} (Broken.constant), which is read-only"
    )


def test_writing_code(host: Host) -> None:
    assert "(Broken.run), which is read-only" in what(
        host, broken.write, int(host.address(broken.run))
    )


def test_running_data(host: Host) -> None:
    address = int(host.address(broken.variable))
    assert what(host, broken.run, address) == (
        f"Broken.run runs what is at {address:#x} (Broken.variable), which is no code"
    )


def test_running_what_is_not_mapped(host: Host) -> None:
    assert what(host, broken.run, None) == "Broken.run runs what is at 0x0, a null pointer"


def test_writing_past_the_end_of_an_object(host: Host) -> None:
    buffer = host.new(U8 * 20)
    host.new(U8 * 20)
    assert what(host, broken.fill, int(buffer), 22) == (
        "Broken.fill has written outside of the test's objects, 0 bytes past the end of U8 * 20"
    )


def test_reading_past_the_end_of_a_fenced_object(host: Host) -> None:
    source = host.bytes(b"abc", fenced=True)
    assert host.call(broken.read_byte, source, 2) == ord("c")
    assert what(host, broken.read_byte, source, 3).endswith("0 bytes past the end of 3 bytes")


def test_using_a_register_that_nothing_set(host: Host) -> None:
    assert what(host, broken.unset).endswith(
        "at 0xbad0bad0bad0001, an address from a register that nothing has set"
    )


def test_a_stack_that_is_too_small(host: Host) -> None:
    assert what(host, broken.deep).endswith("below the 64 KiB of stack")


def test_dividing_by_zero(host: Host) -> None:
    assert host.call(broken.divide, 7, 2) == 3
    assert what(host, broken.divide, 7, 0) == (
        "Broken.divide divides by zero, or its quotient is too large (#DE)"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("traps", "runs into a breakpoint (#BP)"),
        ("invalid", "runs an instruction that is invalid, or unknown to the emulator (#UD)"),
        ("software_interrupt", "raises interrupt 0x30"),
        ("general_protection", "raises a general protection exception (#GP)"),
        ("halts", "halts the processor, and no interrupt would wake it"),
    ],
)
def test_instructions_that_leave_the_code(host: Host, name: str, expected: str) -> None:
    with pytest.raises(HostFault) as fault:
        host.call(getattr(broken, name))
    assert fault.value.report.what == f"Broken.{name} {expected}"
    line = line_of(getattr(broken, name), "def ") + 1
    assert fault.value.report.position.source.line == line


@pytest.mark.parametrize("name", ["endless", "itself"])
@pytest.mark.parametrize("traced", [True, False])
def test_not_coming_back(name: str, traced: bool) -> None:
    host = Host(broken, traced=traced)
    assert what(host, getattr(broken, name), limit=1000) == (
        f"Broken.{name} has not returned after 1,000 instructions"
    )


def test_a_failed_check(host: Host) -> None:
    host.call(broken.checked, 9)
    with pytest.raises(HostAssertion) as failure:
        host.call(broken.checked, 10)
    line = line_of(broken.checked, "asserts")
    assert str(failure.value).startswith(f"assertion failed: {HERE}:{line}: asserts(a < 10)\n")


def test_not_preserving_a_register(host: Host) -> None:
    assert what(host, broken.clobbers) == "Broken.clobbers does not preserve rbx: it holds 0x0"


def test_returning_with_the_direction_flag(host: Host) -> None:
    assert what(host, broken.direction) == "Broken.direction returns with the direction flag set"


def test_returning_where_that_is_ruled_out(host: Host) -> None:
    assert what(host, broken.comes_back) == (
        "Broken.comes_back returns, though it is declared to return never"
    )


def test_leaving_the_stack_unbalanced(host: Host) -> None:
    assert what(host, broken.unbalanced) == (
        "Broken.unbalanced leaves rsp -8 bytes from where it was"
    )


def test_returning_to_a_wrong_address(host: Host) -> None:
    assert what(host, broken.nowhere) == (
        "Broken.nowhere runs what is at 0x1234, where nothing is mapped"
    )


def test_the_host_goes_on_after_a_fault(host: Host) -> None:
    what(host, broken.value_of, None)
    assert host.call(broken.divide, 8, 2) == 4
