"""Terminals, against the pseudo-terminals of the system that runs the tests."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import stat
import struct
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.clock.clock import Clock
from kernel.console.console import Console
from kernel.debug.panic import Panic
from kernel.errno import Errno
from kernel.fs.characterdevices import MINOR_BITS
from kernel.fs.files import Files
from kernel.fs.iovector import IoVector
from kernel.fs.openflag import OpenFlag
from kernel.process.jobcontrol import JobControl
from kernel.signals.signalnumber import Signal
from kernel.sync.pollqueues import PollQueues
from kernel.threads.threads import Threads
from kernel.tty.consoleterminal import CONSOLE, MAJOR, ConsoleTerminal
from kernel.tty.lineinput import LineInput
from kernel.tty.terminalcontrol import FlowAction, FlushQueue, TerminalControl
from kernel.tty.terminalreading import TerminalReading
from kernel.tty.terminalrequest import TerminalRequest
from kernel.tty.terminaltyping import TerminalTyping
from kernel.tty.terminalwriting import TerminalWriting
from kernel.tty.termios import CHARACTERS, InputMode, LocalMode, OutputMode, Special
from kernel.vm.usercopy import UserCopy
from kernel.vt.virtualconsoles import VirtualConsoles
from pykasm import *
from pykasm.hostrun import HostStop
from tests.host.files_support import FileMachine

MODES = struct.Struct(f"<4IB{CHARACTERS}s")
SHOWN = 65536


class Desk:
    """A terminal at which somebody types, and a file that a program has of it."""

    def __init__(self) -> None:
        self.machine = FileMachine(
            *(ConsoleTerminal, VirtualConsoles, TerminalTyping),
            *(TerminalControl, TerminalReading, TerminalWriting),
        )
        self.terminal = self.machine.parts[ConsoleTerminal].terminal

    def start(self) -> None:
        """Begin anew."""
        machine = self.machine
        machine.start()
        self.shown = b""
        self.now = 1000
        host, parts = machine.host, machine.parts
        host.stub(parts[Console].write, self._show)
        host.stub(parts[PollQueues].announce, lambda queue, events: 0)
        host.stub(parts[JobControl].check, lambda terminal, number: 0)
        self.signals: list[int] = []
        host.stub(parts[JobControl].send, lambda terminal, number: self.signals.append(number))
        host.stub(parts[Clock].now, lambda: self.now)
        host.stub(parts[Clock].after, lambda time: min(self.now + int(time), 2**64 - 1))
        host.stub(parts[UserCopy].copy_in, self._copy)
        host.stub(parts[UserCopy].copy_out, self._copy)
        machine.mknod("console", stat.S_IFCHR | 0o600, MAJOR << MINOR_BITS | CONSOLE)
        machine.call(parts[LineInput].find_specials, host.address(self.terminal))
        self.file = machine.open("console", OpenFlag.READ_WRITE | OpenFlag.NONBLOCK)

    def _show(self, place: int, length: int) -> None:
        self.shown += self.machine.host.read(int(place), int(length))

    def _copy(self, destination: int, source: int, length: int) -> tuple[int, int]:
        host = self.machine.host
        host.write(int(destination), host.read(int(source), int(length)))
        return 0, 0

    def control(self, request: TerminalRequest, argument: int = 0) -> int:
        """What `ioctl` returns."""
        control = self.machine.parts[TerminalControl].control
        return int(self.machine.call(control, self.file, request, argument))

    def modes(self) -> list[Any]:
        """As `tcgetattr` has them."""
        place = int(self.machine.host.bytes(bytes(MODES.size)))
        assert self.control(TerminalRequest.TCGETS, place) == 0
        *modes, line, special = MODES.unpack(self.machine.host.read(place, MODES.size))
        return [*modes, line, special]

    def set_modes(self, modes: list[Any]) -> None:
        """As `tcsetattr` sets them."""
        place = int(self.machine.host.bytes(MODES.pack(*modes)))
        assert self.control(TerminalRequest.TCSETS, place) == 0

    def type(self, data: bytes) -> int:
        """Type something."""
        place = self.machine.host.bytes(data)
        terminal = self.machine.host.address(self.terminal)
        typing = self.machine.parts[TerminalTyping].type
        return int(self.machine.call(typing, terminal, place, len(data)))

    def write(self, data: bytes) -> int:
        """Write as a program."""
        return self.machine.write(self.file, data)

    def read(self, size: int) -> bytes | int:
        """Read as a program."""
        return self.machine.read(self.file, size)

    def is_ready(self) -> bool:
        """Whether there is something to read, as `poll` tells."""
        terminal = self.machine.host.address(self.terminal)
        return bool(self.machine.call(self.machine.parts[TerminalReading].is_ready, terminal))

    def take_shown(self) -> bytes:
        """What was shown since the last time."""
        shown, self.shown = self.shown, b""
        return shown


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


def test_a_line_is_read_when_it_ends(desk: Desk) -> None:
    desk.start()
    assert desk.type(b"abc") == 3
    assert desk.read(10) == -Errno.EAGAIN
    assert desk.type(b"\x7fd\r") == 3
    assert desk.take_shown() == b"abc\b \bd\r\n"
    assert desk.read(10) == b"abd\n"
    assert desk.read(10) == -Errno.EAGAIN


class Pty:
    """The same, as the system has it."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        for end in (self.master, self.slave):
            os.set_blocking(end, False)

    def close(self) -> None:
        """Give it back."""
        os.close(self.master)
        os.close(self.slave)

    def modes(self) -> list[Any]:
        """As TCGETS has them."""
        data = fcntl.ioctl(self.slave, TerminalRequest.TCGETS, bytes(MODES.size))
        return list(MODES.unpack(data))

    def set_modes(self, modes: list[Any]) -> None:
        """As TCSETS sets them."""
        fcntl.ioctl(self.slave, TerminalRequest.TCSETS, MODES.pack(*modes))

    def type(self, data: bytes) -> int:
        """Type something."""
        return os.write(self.master, data)

    def write(self, data: bytes) -> int:
        """Write as a program."""
        try:
            return os.write(self.slave, data)
        except BlockingIOError:
            return -Errno.EAGAIN

    def read(self, size: int) -> bytes | int:
        """Read as a program. Where there is nothing, all that was typed has been dealt with."""
        try:
            return os.read(self.slave, size)
        except BlockingIOError:
            return -Errno.EAGAIN

    def count(self) -> int:
        """What FIONREAD tells."""
        data = fcntl.ioctl(self.slave, TerminalRequest.FIONREAD, bytes(4))
        return int.from_bytes(data, "little")

    def take_shown(self) -> bytes:
        """What was shown since the last time."""
        shown = b""
        while True:
            try:
                shown += os.read(self.master, SHOWN)
            except BlockingIOError:
                return shown


def drained(terminal: Desk | Pty, size: int) -> list[bytes | int]:
    """What reads of `size` bytes give, up to the one that gives nothing."""
    found: list[bytes | int] = []
    for _ in range(500):
        found.append(terminal.read(size))
        if found[-1] == -Errno.EAGAIN:
            break
    return found


CODES = sorted(
    {
        *b"ab_ Z\t\n\r\b\x00\x01\x1b\x1f\xff\x80\xc3\xa9\xe2\xdf\xf7",
        *b"\x7f\x15\x17\x16\x12\x04\x03\x1c\x1a\x11\x13",
    }
)
TEXTS = st.lists(st.sampled_from(CODES), max_size=40).map(bytes)

INPUT = [
    one for one in InputMode if one not in (InputMode.IGNBRK, InputMode.BRKINT, InputMode.IXOFF)
]
LOCAL = [one for one in LocalMode if one < LocalMode.FLUSHO] + [LocalMode.IEXTEN]
OUTPUT = [*(one for one in OutputMode if one != OutputMode.TABDLY), 0o14000]
USUAL = {Special.VMIN: 1, Special.VERASE: 0x7F, Special.VKILL: 0x15, Special.VEOF: 4}


def flags(kinds: list[Any], usual: int) -> st.SearchStrategy[int]:
    """The usual ones with some changed, or any."""
    some = st.lists(st.sampled_from(kinds), max_size=3).map(
        lambda found: usual ^ sum({int(one) for one in found})
    )
    return st.one_of(
        some, st.lists(st.sampled_from(kinds)).map(lambda found: sum(map(int, set(found))))
    )


def specials(usual: bytes) -> st.SearchStrategy[bytes]:
    """The usual characters, or some others, but for VTIME and VMIN."""
    places = [int(one) for one in Special if one not in (Special.VTIME, Special.VMIN)]
    changes = st.dictionaries(st.sampled_from(places), st.sampled_from(CODES), max_size=3)
    return changes.map(lambda found: bytes(found.get(n, code) for n, code in enumerate(usual)))


FIRST = [
    InputMode.ICRNL | InputMode.IXON,
    OutputMode.OPOST | OutputMode.ONLCR,
    0o277,
    LocalMode.ISIG
    | LocalMode.ICANON
    | LocalMode.ECHO
    | LocalMode.ECHOE
    | LocalMode.ECHOK
    | LocalMode.ECHOCTL
    | LocalMode.ECHOKE
    | LocalMode.IEXTEN,
]
CHARACTERS_FIRST = bytes.fromhex("031c7f150400010011131a00120f171600") + bytes(2)
MODE_SETS = st.tuples(
    *(flags(INPUT, FIRST[0]), flags(OUTPUT, FIRST[1]), flags(LOCAL, FIRST[3])),
    specials(CHARACTERS_FIRST),
)
STEPS = st.one_of(
    st.tuples(st.just("type"), TEXTS),
    st.tuples(st.just("write"), TEXTS),
    st.tuples(st.just("modes"), MODE_SETS),
)


def in_pieces(steps: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """The steps, and what is typed in pieces that begin with characters for signals: before these
    all is shown, as they throw away what a pseudo-terminal has not shown yet."""
    signals = b""
    for kind, what in steps:
        if kind == "modes":
            signals = what[3][Special.VINTR : Special.VQUIT + 1] + what[3][Special.VSUSP :][:1]
        if kind != "type":
            yield kind, what
            continue
        start = 0
        for place, code in enumerate(what):
            if code in signals:
                yield kind, what[start:place]
                start = place
        yield kind, what[start:]


@pytest.mark.skipif(sys.platform != "linux", reason="terminals are as Linux has them")
@settings(max_examples=250, deadline=None)
@given(MODE_SETS, st.lists(STEPS, max_size=8), st.sampled_from([1, 3, 4096]))
def test_terminals_are_as_the_system_has_them(
    desk: Desk, first: Any, steps: list[tuple[str, Any]], size: int
) -> None:
    desk.start()
    other = Pty()
    try:
        for kind, what in in_pieces([("modes", first), *steps]):
            for terminal in (desk, other):
                if kind == "type":
                    terminal.type(what)
                elif kind == "modes":
                    input, output, local, special = what
                    terminal.set_modes([input, output, FIRST[2], local, 0, special])
            if kind == "write":
                assert desk.write(what) == other.write(what)
            assert drained(desk, size) == drained(other, size)
            assert desk.take_shown() == other.take_shown()
    finally:
        other.close()


@pytest.mark.skipif(sys.platform != "linux", reason="terminals are as Linux has them")
@pytest.mark.parametrize("length", [4090, 4092, 4093, 4094, 4095, 4096, 4100])
@pytest.mark.parametrize("end", [b"\n", b"\x04", b"\x7f\x7fz\n", b"\x15\n"])
@pytest.mark.parametrize("more", [0, InputMode.PARMRK])
def test_lines_that_are_too_long(desk: Desk, length: int, end: bytes, more: int) -> None:
    desk.start()
    other = Pty()
    try:
        for terminal in (desk, other):
            local = FIRST[3] & ~LocalMode.ECHO
            terminal.set_modes([FIRST[0] | more, FIRST[1], FIRST[2], local, 0, CHARACTERS_FIRST])
            terminal.type(b"x" * length)
            terminal.type(end)
        assert drained(desk, 8192) == drained(other, 8192)
    finally:
        other.close()


def test_bytes_for_which_there_is_no_room_wait(desk: Desk) -> None:
    desk.start()
    desk.set_modes([0, 0, FIRST[2], 0, 0, CHARACTERS_FIRST])
    assert desk.type(b"x" * 5000) == 4095
    assert desk.type(b"y") == 0
    assert desk.read(5) == b"xxxxx"
    assert desk.type(b"y" * 10) == 5
    assert desk.read(8192) == b"x" * 4090 + b"y" * 5


@pytest.mark.parametrize(
    ("least", "tenths", "typed", "expected"),
    [
        (0, 0, b"", b""),
        (0, 0, b"abc", b"abc"),
        (0, 5, b"abc", b"abc"),
        (2, 0, b"abc", b"abc"),
        (5, 0, b"abc", b"abc"),
        (5, 7, b"abc", b"abc"),
        (5, 7, b"", -Errno.EAGAIN),
        (1, 0, b"", -Errno.EAGAIN),
    ],
)
def test_bytes_without_lines(
    desk: Desk, least: int, tenths: int, typed: bytes, expected: bytes | int
) -> None:
    desk.start()
    special = bytearray(CHARACTERS_FIRST)
    special[Special.VMIN], special[Special.VTIME] = least, tenths
    desk.set_modes([0, 0, FIRST[2], 0, 0, bytes(special)])
    desk.type(typed)
    assert desk.read(10) == expected


@pytest.mark.parametrize(("least", "tenths"), [(0, 3), (4, 3), (4, 0), (0, 0)])
def test_how_long_bytes_are_waited_for(desk: Desk, least: int, tenths: int) -> None:
    """Waits are answered by bytes that come after 200 ms each, twice; or by the time."""
    desk.start()
    machine = desk.machine
    machine.call(machine.parts[Files].drop, desk.file)
    desk.file = machine.open("console", OpenFlag.READ_WRITE)
    special = bytearray(CHARACTERS_FIRST)
    special[Special.VMIN], special[Special.VTIME] = least, tenths
    desk.set_modes([0, 0, FIRST[2], 0, 0, bytes(special)])
    deadlines: list[int] = []
    coming = [b"a", b"b"]

    def wait(queue: int, noted: int, deadline: int, mode: int) -> int:
        deadlines.append(int(deadline))
        if coming and desk.now + 200_000_000 <= deadline:
            desk.now += 200_000_000
            inner.append(coming.pop(0))
            return 0
        if deadline == 2**64 - 1:
            return int(-Errno.EINTR)
        desk.now = int(deadline)
        return int(-Errno.ETIMEDOUT)

    inner: list[bytes] = []
    take = machine.parts[TerminalReading]._take

    machine.host.stub(machine.parts[PollQueues].wait, wait)

    def taken(terminal: int, vector: int) -> int:
        if not inner:
            return int(-Errno.EAGAIN)
        at = machine.host.at(IoVector, int(vector))
        data = inner.pop(0)
        at.left = int(at.left) - len(data)
        return len(data)

    machine.host.stub(take, taken)
    vector = machine.host.new(IoVector, left=10)
    read = machine.parts[TerminalReading].read
    result = int(machine.call(read, desk.file, vector, 0))
    if least == 0 and tenths:
        assert (result, deadlines) == (1, [1000 + tenths * 100_000_000])
    elif least == 0:
        assert (result, deadlines) == (0, [])
    elif tenths:
        pause = tenths * 100_000_000
        assert result == 2
        assert deadlines == [2**64 - 1, 200_001_000 + pause, 400_001_000 + pause]
    else:
        assert (result, len(deadlines)) == (2, 3)


@settings(max_examples=60, deadline=None)
@given(MODE_SETS, TEXTS)
def test_how_much_there_is_to_read(desk: Desk, modes: Any, typed: bytes) -> None:
    desk.start()
    other = Pty()
    try:
        for terminal in (desk, other):
            input, output, local, special = modes
            terminal.set_modes([input, output, FIRST[2], local, 0, special])
            terminal.type(typed)
        other.read(0)
        ready = bool(select.select([other.slave], [], [], 0)[0])
        place = int(desk.machine.host.bytes(bytes(4)))
        assert desk.control(TerminalRequest.FIONREAD, place) == 0
        number = int.from_bytes(desk.machine.host.read(place, 4), "little")
        assert (number, desk.is_ready()) == (other.count(), ready)
    finally:
        other.close()


def test_requests_that_are_none(desk: Desk) -> None:
    desk.start()
    for action in range(3):
        assert desk.control(TerminalRequest.TCFLSH, action) == 0
    assert desk.control(TerminalRequest.TCFLSH, 3) == -Errno.EINVAL
    assert desk.control(TerminalRequest.TCXONC, 4) == -Errno.EINVAL
    call = desk.machine.parts[TerminalControl].control
    assert desk.machine.call(call, desk.file, 0x1234, 0) == -Errno.ENOTTY


def test_what_was_typed_is_thrown_away(desk: Desk) -> None:
    desk.start()
    desk.type(b"line\nmore")
    assert desk.control(TerminalRequest.TCFLSH, FlushQueue.TCIFLUSH) == 0
    assert desk.read(10) == -Errno.EAGAIN
    desk.type(b"x\n")
    assert desk.read(10) == b"x\n"


def test_output_stops_and_goes_on(desk: Desk) -> None:
    desk.start()
    assert desk.control(TerminalRequest.TCXONC, FlowAction.TCOOFF) == 0
    assert desk.write(b"text") == -Errno.EAGAIN
    assert desk.shown == b""
    assert desk.control(TerminalRequest.TCXONC, FlowAction.TCOON) == 0
    assert desk.write(b"text\n") == 5
    assert desk.take_shown() == b"text\r\n"
    desk.control(TerminalRequest.TCXONC, FlowAction.TCIOFF)
    desk.control(TerminalRequest.TCXONC, FlowAction.TCION)
    assert desk.take_shown() == b"\x13\x11"


def test_the_size_of_the_screen_is_kept(desk: Desk) -> None:
    desk.start()
    size = struct.pack("<4H", 25, 80, 640, 400)
    place = int(desk.machine.host.bytes(size))
    assert desk.control(TerminalRequest.TIOCSWINSZ, place) == 0
    target = int(desk.machine.host.bytes(bytes(8)))
    assert desk.control(TerminalRequest.TIOCGWINSZ, target) == 0
    assert desk.machine.host.read(target, 8) == size


def test_without_memory_for_its_thread_the_kernel_says_so(desk: Desk) -> None:
    desk.start()
    host, parts = desk.machine.host, desk.machine.parts
    host.stub(parts[Threads].create, lambda *given: 0)
    host.stub(parts[Threads].detach)
    stop = host.stub(parts[Panic].stop)
    with pytest.raises(HostStop):
        host.call(parts[ConsoleTerminal].start)
    assert host.read_text(stop.calls[0][0]) == "no memory is left for the thread of the console"
    with pytest.raises(HostStop):
        host.call(parts[VirtualConsoles].start)
    text = "no memory is left for the thread of the virtual consoles"
    assert host.read_text(stop.calls[1][0]) == text


def test_keys_for_signals_send_them(desk: Desk) -> None:
    desk.start()
    desk.type(b"ab\x03cd\x1ce\x1a")
    assert desk.signals == [Signal.SIGINT, Signal.SIGQUIT, Signal.SIGTSTP]
    desk.type(b"\n")
    assert desk.read(10) == b"\n"
