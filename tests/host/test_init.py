"""The program `init`: its configuration, commands and messages, with a model of Linux behind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errno import Errno
from kernel.programs import init
from kernel.programs.init import CONTENTS, InitProgram
from kernel.programs.initcalls import InitCalls, PowerCommand
from kernel.programs.initcommands import MOST_WORDS, InitCommands
from kernel.programs.initmessages import MOST_TEXT, InitMessages
from kernel.programs.initmounts import MOUNTS
from pykasm import Parts
from pykasm.hostrun import Host

LINE = st.text(st.sampled_from("ab/# \t"), max_size=40)


class Linux:
    """What the system calls of `init` come to."""

    def __init__(self, host: Host, calls: InitCalls) -> None:
        self.host = host
        self.said = ""
        self.file: bytes | None = None
        self.children = 0
        self.number = 1
        self.mounted: list[str] = []
        self.refuses = 0
        """The error of `mount`."""
        self.off: list[tuple[int, ...]] = []
        for name in ("write", "open", "read", "close", "fork", "wait4", "mkdir", "mount"):
            host.stub(getattr(calls, name), getattr(self, name))
        host.stub(calls.getpid, lambda: self.number)
        host.stub(calls.sync, lambda: 0)
        host.stub(calls.reboot, self.reboot)

    def write(self, file: int, place: int, count: int) -> int:
        assert file == 2
        self.said += self.host.read(place, count).decode()
        return count

    def open(self, name: int, mode: int, permissions: int) -> int:
        assert self.host.read_text(name) == "/etc/init.conf"
        return -Errno.ENOENT if self.file is None else 5

    def read(self, file: int, place: int, count: int) -> int:
        assert file == 5
        assert self.file is not None
        piece, self.file = self.file[: min(count, 100)], self.file[min(count, 100) :]
        self.host.write(place, piece)
        return len(piece)

    def close(self, file: int) -> int:
        assert file == 5
        return 0

    def fork(self) -> int:
        self.children += 1
        return 1 + self.children

    def wait4(self, process: int, status: int, options: int, usage: int) -> int:
        self.children -= 1
        return 7 if self.children >= 0 else -Errno.ECHILD

    def mkdir(self, name: int, mode: int) -> int:
        return -Errno.EEXIST

    def mount(self, source: int, target: int, kind: int, flags: int, options: int) -> int:
        self.mounted.append(self.host.read_text(target))
        return self.refuses

    def reboot(self, first: int, second: int, what: int, argument: int) -> int:
        self.off.append((first, second, what))
        return -Errno.EPERM


class Bench:
    def __init__(self) -> None:
        parts = Parts(CONTENTS)
        self.program, self.commands = parts[InitProgram], parts[InitCommands]
        self.messages, self.calls = parts[InitMessages], parts[InitCalls]
        self.host = Host(self.program)

    def linux(self) -> Linux:
        self.host.reset()
        return Linux(self.host, self.calls)

    def words(self) -> list[str]:
        table: Any = self.host[self.commands.words]
        found = []
        for one in table:
            if not int(one):
                break
            found.append(self.host.read_text(one))
        return found


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@given(line=LINE)
def test_lines_are_cut_into_words(bench: Bench, line: str) -> None:
    bench.host.reset()
    words = line.split()
    assert bench.host.call(bench.commands.split, line) == len(words)
    assert bench.words() == words


@pytest.mark.parametrize("count", [MOST_WORDS - 1, MOST_WORDS, MOST_WORDS + 1])
def test_words_that_are_too_many_are_left_out(bench: Bench, count: int) -> None:
    bench.host.reset()
    assert bench.host.call(bench.commands.split, "x " * count) == min(count, MOST_WORDS)
    assert bench.words() == ["x"] * min(count, MOST_WORDS)


@given(number=st.integers(0, 2**32 - 1))
def test_numbers_are_written_in_decimal(bench: Bench, number: int) -> None:
    linux = bench.linux()
    bench.host.call(bench.messages.append_number, number)
    assert linux.said == ""
    size = bench.host[bench.messages.size]
    assert bench.host.read(bench.host.address(bench.messages.message), size) == b"%d" % number


def test_messages_that_are_too_long_are_cut_off(bench: Bench) -> None:
    linux = bench.linux()
    bench.host.call(bench.messages.tell, "x" * 1000, -5)
    assert linux.said == ("init: " + "x" * 1000)[:MOST_TEXT]


@given(lines=st.lists(LINE, max_size=8))
def test_each_line_with_a_command_starts_one(bench: Bench, lines: list[str]) -> None:
    linux = bench.linux()
    linux.file = "\n".join(lines).encode()
    bench.host.call(bench.program.start_commands)
    commands = [line.split() for line in lines]
    assert linux.children == sum(len(one) > 1 and one[0][0] != "#" for one in commands)


def test_without_a_configuration_a_shell_is_started(bench: Bench) -> None:
    linux = bench.linux()
    bench.host.call(bench.program.start_commands)
    assert linux.children == 1
    assert bench.words() == ["/dev/console", "/bin/sh"]


def test_a_configuration_that_is_too_long_is_cut_off(bench: Bench) -> None:
    linux = bench.linux()
    linux.file = b"#" * (init.MOST_TEXT - 4) + b"\na b" + b"\na b" * 10
    bench.host.call(bench.program.start_commands)
    assert linux.children == 1


def test_the_machine_is_switched_off_when_all_has_ended(bench: Bench) -> None:
    linux = bench.linux()
    linux.file = b"/dev/a /bin/b\n/dev/c /bin/d"
    bench.host.call(bench.program.run)
    assert linux.mounted == [place for _, place in MOUNTS]
    assert linux.children == -1
    power_off = (PowerCommand.MAGIC1, PowerCommand.MAGIC2, PowerCommand.POWER_OFF)
    assert linux.off == [power_off]
    assert linux.said == "init: power-off: error 1\n"


def test_only_the_first_process_switches_the_machine_off(bench: Bench) -> None:
    linux = bench.linux()
    linux.number = 2
    bench.host.call(bench.program.run)
    assert linux.off == []


@pytest.mark.parametrize("error", [Errno.ENOSYS, Errno.ENODEV, Errno.EBUSY])
def test_file_systems_that_are_not_there_are_no_failure(bench: Bench, error: Errno) -> None:
    linux = bench.linux()
    linux.refuses = -int(error)
    bench.host.call(bench.program.run)
    assert "/proc" not in linux.said


def test_file_systems_that_cant_be_mounted_are_told_of(bench: Bench) -> None:
    linux = bench.linux()
    linux.refuses = -int(Errno.EPERM)
    bench.host.call(bench.program.run)
    assert linux.said.startswith("init: /proc: error 1\n")
