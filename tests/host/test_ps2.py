"""The keyboard's driver on a model of the controller and a keyboard."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from kernel.irq.deferred import Deferred
from kernel.irq.lines import Lines
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting
from kernel.terminal.input import Input
from kernel.terminal.keyboard import (
    ACKNOWLEDGED,
    KEYBOARD_LINE,
    Keyboard,
    KeyboardCommand,
)
from kernel.terminal.keymap import Keymap
from kernel.terminal.ps2 import (
    LINE_TEST_PASSED,
    NO_CONTROLLER,
    SELF_TEST_PASSED,
    Ps2Command,
    Ps2Configuration,
    Ps2Controller,
    Ps2Port,
    Ps2Status,
)
from kernel.terminal.queue import CAPACITY
from kernel.terminal.reader import Reader
from pykasm import *
from tests.host.console_support import Paper, host_for, parts_on, written
from tests.host.scheduler_support import FakeDeferred, FakeScheduler, FakeWaiting

TIMEOUT = 20
KEYBOARD = Ps2Status(0)
"""A byte's status when it is from the keyboard."""
NUM_LOCK_LIGHT, CAPS_LOCK_LIGHT = 1 << 1, 1 << 2


class Board:
    """A controller, and a keyboard if there is one."""

    def __init__(
        self,
        *,
        plugged: bool = True,
        translates: bool = True,
        self_test: int = SELF_TEST_PASSED,
        line_test: int = LINE_TEST_PASSED,
        stale: bytes = b"",
    ) -> None:
        self.plugged = plugged
        self.translates = translates
        self.answers = {Ps2Command.SELF_TEST: self_test, Ps2Command.TEST_KEYBOARD_LINE: line_test}
        self.output = deque((byte, KEYBOARD) for byte in stale)
        self.settings = Ps2Configuration.KEYBOARD_INTERRUPT | Ps2Configuration.AUXILIARY_INTERRUPT
        self.command: int | None = None
        self.keyboard_command: int | None = None
        self.lights = 0
        self.enabled = False

    def read(self, port: int) -> int:
        """Answer for a port that is read."""
        if port == Ps2Port.DATA:
            return self.output.popleft()[0]
        return Ps2Status.OUTPUT_FULL | self.output[0][1] if self.output else 0

    def write(self, port: int, value: int) -> None:
        """Answer for a port that is written."""
        if port == Ps2Port.COMMAND:
            self.command = value
            self.obey(value)
        elif self.command == Ps2Command.WRITE_CONFIGURATION:
            self.settings = Ps2Configuration(
                value if self.translates else value & ~Ps2Configuration.TRANSLATE
            )
            self.command = None
        elif self.plugged:
            self.tell_keyboard(value)

    def obey(self, command: int) -> None:
        """Do what the controller is told."""
        if command in self.answers:
            self.say(self.answers[Ps2Command(command)])
        elif command == Ps2Command.READ_CONFIGURATION:
            self.say(self.settings)
        elif command == Ps2Command.DISABLE_KEYBOARD:
            self.settings |= Ps2Configuration.KEYBOARD_DISABLED
        elif command == Ps2Command.ENABLE_KEYBOARD:
            self.settings &= ~Ps2Configuration.KEYBOARD_DISABLED

    def tell_keyboard(self, byte: int) -> None:
        """Do what the keyboard is told."""
        self.say(ACKNOWLEDGED)
        if self.keyboard_command == KeyboardCommand.SET_LEDS:
            self.lights, self.keyboard_command = byte, None
            return
        self.keyboard_command = byte
        if byte == KeyboardCommand.ENABLE:
            self.enabled = True

    def say(self, byte: int, status: Ps2Status = KEYBOARD) -> None:
        """Offer a byte to be read."""
        self.output.append((byte, status))


class Nothing(Board):
    """Ports where nothing answers."""

    def read(self, port: int) -> int:
        return NO_CONTROLLER


class Desk:
    """The driver and what it uses."""

    def __init__(self) -> None:
        self.paper: Any = Paper()
        self.deferred: Any = FakeDeferred()
        instead = {Scheduler: FakeScheduler(), Waiting: FakeWaiting(), Deferred: self.deferred}
        parts = parts_on(self.paper, Lines, instead=instead)
        self.lines, self.input, self.keymap = parts[Lines], parts[Input], parts[Keymap]
        parts[Ps2Controller].timeout = TIMEOUT
        self.driver = parts[Keyboard]
        self.host = host_for(self.driver)
        self.attached: list[int] = []
        self.result = 0
        self.host.stub(self.lines.isa, lambda source: source)
        self.host.stub(self.lines.attach, self.attach)
        self.host.checkpoint()

    def attach(self, line: int, action: object) -> int:
        """Answer for the lines."""
        self.attached.append(line)
        return self.result

    def start(self, board: Board) -> Board:
        """A fresh driver on `board`."""
        self.host.reset()
        self.attached.clear()
        self.board = board
        self.host.on_in(int(Ps2Port.DATA), board.read)
        self.host.on_in(int(Ps2Port.STATUS), board.read)
        self.host.on_out(int(Ps2Port.DATA), board.write)
        self.host.on_out(int(Ps2Port.COMMAND), board.write)
        self.host.call(self.driver.start)
        return board

    def send(self, codes: str) -> bytes:
        """Send these bytes by the keyboard; return what they type."""
        for byte in bytes.fromhex(codes):
            self.board.say(byte)
            self.interrupt()
        queue = self.host[self.keymap.source].queue
        return bytes(
            self.host.call(self.input.read, Reader.MONITOR)
            for _ in range((queue.tail - queue.head) % 256)
        )

    def interrupt(self) -> None:
        """Call the handler, and do what it leaves for later, as long as the keyboard has something
        to say."""
        while self.board.output:
            self.host.call(self.driver._interrupt, 0)
            self.perform()

    def perform(self) -> None:
        """Do what was left for later, which must be something."""
        work = self.host[self.deferred.waiting]
        assert work == self.host.address(self.driver.work)
        self.host[self.deferred.waiting] = 0
        self.host.call(self.driver._process_received, work)


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


def test_a_keyboard_is_set_up_and_its_interrupt_attached(desk: Desk) -> None:
    board = desk.start(Board(stale=b"\x1e\x9e"))
    assert desk.attached == [KEYBOARD_LINE]
    assert board.enabled
    assert board.lights == NUM_LOCK_LIGHT
    assert board.settings == Ps2Configuration.KEYBOARD_INTERRUPT | Ps2Configuration.TRANSLATE
    assert not board.output


def test_what_is_typed_comes_to_the_input(desk: Desk) -> None:
    desk.start(Board())
    assert desk.send("1e 9e 2a 30 b0 aa") == b"aB"


def test_without_translation_the_codes_are_of_set_2(desk: Desk) -> None:
    desk.start(Board(translates=False))
    assert desk.send("1c f0 1c 12 32 f0 32 f0 12") == b"aB"


def test_a_lock_shows_in_the_lights(desk: Desk) -> None:
    board = desk.start(Board())
    desk.send("3a ba")
    assert board.lights == NUM_LOCK_LIGHT | CAPS_LOCK_LIGHT
    assert desk.send("1e 9e") == b"A"
    desk.send("3a ba 45 c5")
    assert board.lights == 0


def test_the_handler_itself_waits_for_nothing(desk: Desk) -> None:
    board = desk.start(Board())
    board.say(0x3A)
    desk.host.on_in(int(Ps2Port.STATUS), lambda port: Ps2Status.INPUT_FULL | board.read(port))
    desk.host.call(desk.driver._interrupt, 0)
    assert desk.host.instructions < TIMEOUT * 2
    assert board.keyboard_command == KeyboardCommand.ENABLE
    desk.perform()
    assert board.keyboard_command == KeyboardCommand.SET_LEDS


def test_the_handler_is_at_the_controller_on_one_processor_at_a_time(desk: Desk) -> None:
    """Its line may just be on the way to another processor."""
    board = desk.start(Board())
    held = []

    def read(port: int) -> int:
        lock = desk.host[desk.driver.lock]
        held.append(lock.next_ticket - lock.now_serving)
        return board.read(port)

    board.say(0x1E)
    desk.host.on_in(range(Ps2Port.DATA, Ps2Port.STATUS + 1), read)
    desk.host.call(desk.driver._interrupt, 0)
    assert held == [1, 1, 1]


def test_of_more_bytes_than_there_is_room_for_the_last_are_lost(desk: Desk) -> None:
    board = desk.start(Board())
    for _ in range(CAPACITY):
        board.say(0x9E)
    for code in (0x1E, 0x9E):
        board.say(code)
    desk.host.call(desk.driver._interrupt, 0)
    assert not board.output
    desk.perform()
    assert desk.send("1f 9f") == b"s"


def test_bytes_of_the_mouse_are_thrown_away(desk: Desk) -> None:
    board = desk.start(Board())
    board.say(0x1E, Ps2Status.AUXILIARY)
    desk.interrupt()
    assert desk.send("") == b""


def test_a_keyboard_may_be_plugged_in_later(desk: Desk) -> None:
    board = desk.start(Board(plugged=False))
    assert desk.attached == [KEYBOARD_LINE]
    board.plugged = True
    assert desk.send("aa 1e 9e") == b"a"


@pytest.mark.parametrize(
    "board",
    [Nothing(), Board(self_test=0xFC), Board(line_test=1)],
    ids=["absent", "self test", "line test"],
)
def test_a_controller_that_does_not_work_is_left_alone(desk: Desk, board: Board) -> None:
    desk.start(board)
    assert desk.attached == []


def test_a_keyboard_that_can_not_be_attached_is_told_of(desk: Desk) -> None:
    desk.result = -1
    desk.start(Board())
    desk.result = 0
    assert b"keyboard: no interrupt" in written(desk.host, desk.paper)


def test_a_controller_that_is_there_no_more_hangs_nothing(desk: Desk) -> None:
    desk.start(Board())
    ports = range(Ps2Port.DATA, Ps2Port.STATUS + 1)
    desk.host.on_in(ports, lambda port: NO_CONTROLLER)
    desk.host.call(desk.driver._interrupt, 0)
