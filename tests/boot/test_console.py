"""What the console shows, on the serial line and on the screen."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kernel.console.output import RESERVE, RING_SIZE
from kernel.debug.panic import END
from kernel.terminal.queue import SLOTS, ByteQueue
from kernel.terminal.source import InputSource
from pykasm import offsetof
from pykasm.machine.gdb import Gdb
from pykasm.machine.images import Images
from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.qemu import PANIC_STATUS, POWEROFF_STATUS
from pykasm.machine.session import PROMPT, VGA_COLUMNS, VGA_ROWS, Machine
from pykasm.machine.symbols import SymbolTable
from tests.boot.waiting import eventually

NORMAL, LIGHT_RED = 0x07, 0x0C


TYPED = 4
"""Commands whose keys are more than a keyboard keeps while nobody listens to it."""


def screen_after(machine: Machine, *commands: str) -> list[str]:
    """The rows of the screen that have text, after `commands`."""
    machine.expect_prompt()
    for command in commands:
        machine.command(command)
    rows = machine.screen()
    while not rows[-1]:
        rows.pop()
    return rows


def test_the_screen_shows_what_the_serial_line_says(machine: MakeMachine) -> None:
    prompt = machine()
    rows = screen_after(prompt, "help", "regs")
    said = [
        line[start : start + VGA_COLUMNS].rstrip()
        for line in prompt.output.splitlines()
        for start in range(0, max(1, len(line)), VGA_COLUMNS)
    ]
    assert rows == said[-VGA_ROWS:]
    assert rows[-1] == PROMPT.rstrip()


def test_lines_end_in_carriage_return_and_line_feed(machine: MakeMachine) -> None:
    prompt = machine()
    prompt.expect_prompt()
    prompt.send_line("peek 0")
    prompt.expect("peek 0\r\n0000000000000000  not mapped\r\npykasm> ")


def test_editing_looks_the_same_on_the_screen(machine: MakeMachine) -> None:
    prompt = machine()
    prompt.expect_prompt()
    prompt.send("Xrun me\x17\x01\x1b[3~")
    prompt.send_line("")
    prompt.expect("usage: run")
    prompt.expect_prompt()
    assert PROMPT + "run" in [row.rstrip() for row in prompt.screen()]


def test_the_first_word_of_a_panic_is_red(machine: MakeMachine, kernel_images: Images) -> None:
    failing = machine(gdb=True)
    failing.expect_prompt()
    with Gdb(kernel_images.project.kernel, failing.gdb_address, Path.cwd()) as gdb:
        gdb.break_at("Panic.print_registers")  # the rest would move it off the screen
        failing.send_line("crash gp")
        gdb.resume()
        row = next(n for n, text in enumerate(failing.screen()) if text.startswith("panic: "))
        attributes = failing.screen_attributes(row)
    assert attributes.startswith(bytes([LIGHT_RED]) * len("panic:"))
    assert attributes.endswith(bytes([NORMAL]))


def test_without_text_mode_video_memory_is_left_alone(machine: MakeMachine) -> None:
    prompt = machine(uefi=True)
    prompt.expect_prompt()
    before = prompt.screen()
    assert prompt.screen() == before


class Line:
    """The serial line of a machine whose output nobody reads: it says the same again and again."""

    def __init__(self, machine: Machine, symbols: SymbolTable) -> None:
        self.machine = machine
        self.end, self.sent = (symbols.address(f"SerialOutput.{name}") for name in ("end", "sent"))
        machine.expect_prompt()
        put = self.number(self.end)
        self.said = f"help\n{machine.command('help')}\n"
        self.length = self.number(self.end) - put
        self.typed = symbols.address("Keymap.source") + offsetof(InputSource, "queue")
        self.typed += offsetof(ByteQueue, "tail")
        self.repeats = 0

    def fill(self) -> None:
        """Have the machine print so much that it has to wait."""
        while not self.is_full():
            put = self.number(self.end)
            self.machine.send_line("help")
            self.repeats += 1
            eventually(self.machine, partial(self.has_printed, put))

    def type(self, *keys: str) -> None:
        """Type on the keyboard, each key one byte, and wait until the kernel has it all."""
        expected = (self.number(self.typed) + len(keys)) % SLOTS
        self.machine.key(*keys)
        eventually(self.machine, lambda: self.number(self.typed) % SLOTS == expected)

    def has_printed(self, put: int) -> bool:
        """Whether all is printed that was asked for at `put`, or the machine has to wait."""
        return self.is_full() or self.number(self.end) == put + self.length

    def is_full(self) -> bool:
        """Whether who wants to write has to wait."""
        return self.number(self.end) - self.number(self.sent) > RING_SIZE - RESERVE

    def number(self, address: int) -> int:
        """The number of 32 bits that is at `address` now."""
        command = f"x /1wx {address:#x}"
        said = self.machine.qmp("human-monitor-command", **{"command-line": command})
        return int(said.split()[-1], 16)

    def is_idle(self) -> bool:
        """Whether no processor runs anything."""
        command = "info registers -a"
        said = self.machine.qmp("human-monitor-command", **{"command-line": command})
        return "HLT=1" in said and "HLT=0" not in said


@pytest.fixture
def full_line(machine: MakeMachine, kernel_symbols: SymbolTable) -> Callable[..., Line]:
    """Makes a machine whose output has filled all there is room for."""

    def make(**options: Any) -> Line:
        line = Line(machine(**options), kernel_symbols)
        line.fill()
        return line

    return make


@pytest.mark.parametrize(
    "options", [{}, {"smp": 2}, {"command_line": "test noapic"}], ids=["one", "two", "noapic"]
)
def test_a_line_that_nobody_reads_holds_up_only_who_writes(
    full_line: Callable[..., Line], options: dict[str, Any]
) -> None:
    line = full_line(**options)
    line.type(*[*"help", "ret"] * TYPED)
    eventually(line.machine, line.is_idle)
    for _ in range(line.repeats + TYPED):
        assert line.machine.expect_prompt() == line.said


def test_a_panic_says_first_what_was_said_before(full_line: Callable[..., Line]) -> None:
    line = full_line()
    line.machine.qmp("inject-nmi")
    assert line.machine.wait_exit() == PANIC_STATUS
    before, _, report = line.machine.output.partition("\npanic: ")
    said = (line.said + PROMPT) * (line.repeats + 1)
    start = before.index(line.said)
    assert said.startswith(before[start:])
    assert len(before) > RING_SIZE
    assert report.startswith("non-maskable interrupt")
    assert report.endswith(f"{END}\n")


def test_power_goes_off_when_everything_is_said(full_line: Callable[..., Line]) -> None:
    line = full_line()
    line.machine.send_line("poweroff")
    assert line.machine.wait_exit() == POWEROFF_STATUS
    _, *said, last = line.machine.output.split(PROMPT)
    assert said == [line.said] * (line.repeats + 1)
    assert last == "poweroff\n"
