"""What traces make of system calls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.contents import CONTENTS
from kernel.entry.parameterkind import ParameterForm
from kernel.entry.systemcalldescriptions import descriptions
from kernel.entry.systemcalls import NUMBERS
from kernel.entry.traceline import LINE_SIZE, TraceLine
from kernel.entry.traceparameters import TraceParameters
from kernel.entry.tracetables import TracedParameter, TraceTables
from kernel.errno import Errno
from kernel.signals.signalnumber import SIGNALS, Signal
from pykasm import Parts, sizeof
from pykasm.hostrun import Host

CALLS = {one.name: one for one in descriptions()}
NUMBER = st.integers(0, 2**64 - 1)


class Bench:
    def __init__(self) -> None:
        parts = Parts(CONTENTS)
        self.line, self.tables = parts[TraceLine], parts[TraceTables]
        self.parameters = parts[TraceParameters]
        self.host = Host(self.parameters)
        self.memory: dict[int, bytes] = {}

    def begin(self) -> None:
        self.host.reset()
        copy = self.parameters.copy
        self.host.stub(copy.copy_in, self.copy_in)
        self.host.stub(copy.copy_in_string, self.copy_in_string)
        self.host.call(self.line.begin)

    def copy_in(self, target: int, source: int, size: int) -> tuple[int, int]:
        found = self.memory.get(source, b"")[:size]
        if len(found) < size:
            return -Errno.EFAULT, size
        self.host.write(target, found)
        return 0, 0

    def copy_in_string(self, target: int, source: int, size: int) -> int:
        found = self.memory.get(source)
        if found is None:
            return -Errno.EFAULT
        self.host.write(target, (found + b"\0")[:size])
        return len(found) if len(found) < size else -Errno.ENAMETOOLONG

    def text(self) -> str:
        size = self.host[self.line.size]
        return self.host.read(self.host.address(self.line.line), size).decode()

    def shown(self, name: str, place: int, value: int, following: int = 0, result: int = 0) -> str:
        """What is shown of a parameter of the call `name`."""
        self.begin()
        row = self.host[self.tables.calls][CALLS[name].number]
        base = int(self.host.address(self.tables.parameters))
        address = base + (row.first + place) * sizeof(TracedParameter)
        parameter = self.host.at(TracedParameter, address)
        self.host.call(self.parameters.show, parameter, value, following, result)
        return self.text()


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_the_tables_have_all_calls(bench: Bench) -> None:
    rows = bench.host[bench.tables.calls]
    for call in CALLS.values():
        assert bench.host.read_text(rows[call.number].name) == call.name
        assert rows[call.number].count == len(call.parameters)
    assert sum(int(one.name) != 0 for one in rows) == len(NUMBERS)


@given(number=st.integers(0, 2**32 - 1))
def test_octal_numbers(bench: Bench, number: int) -> None:
    bench.begin()
    bench.host.call(bench.line.put_octal, number)
    assert bench.text() == (f"0{number:o}" if number else "0")


@given(bytes=st.binary(max_size=40))
def test_strings_are_quoted_so_that_they_can_be_read_back(bench: Bench, bytes: bytes) -> None:
    bench.begin()
    bench.host.call(bench.line.put_quoted, bench.host.bytes(bytes), len(bytes))
    assert eval(f"b{bench.text()}") == bytes


def test_lines_that_are_too_long_are_cut_off(bench: Bench) -> None:
    bench.begin()
    bench.host.call(bench.line.put_quoted, bench.host.bytes(b"x" * 1000), 1000)
    assert bench.text() == '"' + "x" * (LINE_SIZE - 2)


@given(
    place=st.sampled_from([("open", 1), ("mmap", 2), ("mmap", 3), ("clone", 0), ("wait4", 2)]),
    bits=st.sets(st.integers(0, 31)),
)
def test_flags_say_what_is_set(bench: Bench, place: tuple[str, int], bits: set[int]) -> None:
    value = sum(1 << bit for bit in bits)
    kind = CALLS[place[0]].parameters[place[1]].kind
    text = bench.shown(*place, value)
    shown = [kind.names[one] if one in kind.names else int(one, 0) for one in text.split("|")]
    assert sum(shown) | value == value or any(a & b for a in shown for b in shown if a != b)
    together = 0
    for one in shown:
        together |= one
    assert together == value


def test_flags_by_example(bench: Bench) -> None:
    assert bench.shown("open", 1, 0) == "O_RDONLY"
    assert bench.shown("open", 1, 0o2000002) == "O_RDWR|O_CLOEXEC"
    assert bench.shown("open", 1, 0o4000 | 1 << 31) == "O_RDONLY|O_NONBLOCK|0x80000000"
    assert bench.shown("mmap", 2, 0) == "PROT_NONE"
    assert bench.shown("wait4", 2, 0) == "0"
    assert bench.shown("clone", 0, 0x1200011) == "SIGCHLD|CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID"
    assert bench.shown("lseek", 2, 2) == "SEEK_END"
    assert bench.shown("lseek", 2, 99) == "0x63"


@given(value=NUMBER)
def test_numbers_have_the_width_of_their_parameters(bench: Bench, value: int) -> None:
    low = value & 0xFFFF_FFFF
    assert bench.shown("close", 0, value) == str(low - (low >> 31 << 32))
    assert bench.shown("lseek", 1, value) == str(value - (value >> 63 << 64))
    assert bench.shown("munmap", 1, value) == str(value)
    assert bench.shown("mkdir", 1, value) == (f"0{low:o}" if low else "0")


def test_names_of_places(bench: Bench) -> None:
    assert bench.shown("openat", 0, -100 & 0xFFFF_FFFF) == "AT_FDCWD"
    assert bench.shown("openat", 0, 3) == "3"
    assert bench.shown("munmap", 0, 0) == "NULL"
    assert bench.shown("munmap", 0, 4096) == "0x1000"


@given(number=st.integers(0, 100))
def test_signals_have_names(bench: Bench, number: int) -> None:
    names = {int(one): one.name for one in Signal}
    assert bench.shown("kill", 1, number) == names.get(number, str(number))


@given(signals=st.sets(st.integers(1, SIGNALS)))
def test_sets_of_signals(bench: Bench, signals: set[int]) -> None:
    bench.memory = {8: sum(1 << (one - 1) for one in signals).to_bytes(8, "little")}
    names = {int(one): one.name for one in Signal}
    is_complement = SIGNALS in signals
    listed = sorted({*range(1, SIGNALS + 1)} - signals if is_complement else signals)
    text = " ".join(names.get(one, str(one)) for one in listed)
    assert bench.shown("rt_sigprocmask", 1, 8) == f"{'~' * is_complement}[{text}]"


@given(string=st.binary(max_size=50).filter(lambda it: 0 not in it))
def test_names_of_files_are_shown(bench: Bench, string: bytes) -> None:
    bench.memory = {8: string}
    text = bench.shown("chdir", 0, 8)
    assert text.endswith("...") == (len(string) > 32)
    assert eval(f"b{text.removesuffix('...')}") == string[:32]


def test_what_is_not_there_is_an_address(bench: Bench) -> None:
    bench.memory = {}
    assert bench.shown("chdir", 0, 0x40) == "0x40"
    assert bench.shown("chdir", 0, 0) == "NULL"
    assert bench.shown("nanosleep", 0, 0x40) == "0x40"
    assert bench.shown("write", 1, 0x40, 4) == "0x40"
    assert bench.shown("rt_sigprocmask", 1, 0x40) == "0x40"
    assert bench.shown("execve", 1, 0x40) == "[0x40]"


def test_bytes_that_went_and_came(bench: Bench) -> None:
    bench.memory = {8: bytes(range(65, 123))}
    assert bench.shown("write", 1, 8, 3) == '"ABC"'
    assert bench.shown("write", 1, 8, 33) == f'"{bytes(range(65, 92)).decode()}\\\\]^_`"...'
    assert bench.shown("read", 1, 8, 64, 2) == '"AB"'
    assert bench.shown("read", 1, 8, 64, -11) == "0x8"


def test_lists_of_strings(bench: Bench) -> None:
    pointers = [*range(0x100, 0x100 + 20), 0]
    bench.memory = {8 + 8 * n: one.to_bytes(8, "little") for n, one in enumerate(pointers)}
    bench.memory |= {one: b"w" for one in pointers if one}
    assert bench.shown("execve", 1, 8) == "[" + '"w", ' * 8 + "...]"
    assert bench.shown("execve", 1, 8 + 8 * 18) == '["w", "w"]'
    assert bench.shown("execve", 1, 8 + 8 * 20) == "[]"


@given(seconds=st.integers(-(2**63), 2**63 - 1), nanoseconds=NUMBER)
def test_structs_have_fields(bench: Bench, seconds: int, nanoseconds: int) -> None:
    contents = seconds.to_bytes(8, "little", signed=True) + nanoseconds.to_bytes(8, "little")
    bench.memory = {8: contents}
    text = f"{{tv_sec={seconds}, tv_nsec={nanoseconds}}}"
    assert bench.shown("nanosleep", 0, 8) == text
    assert bench.shown("clock_gettime", 1, 8) == text
    assert bench.shown("clock_gettime", 1, 8, result=-22) == "0x8"


def test_each_form_is_used() -> None:
    used = {one.kind.form for call in CALLS.values() for one in call.parameters}
    assert used == {*ParameterForm}
