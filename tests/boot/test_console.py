"""What the console shows, on the serial line and on the screen."""

import os
import time
from pathlib import Path

from pykasm.machine.gdb import Gdb
from pykasm.machine.images import Images
from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.session import PATIENCE, PROMPT, VGA_COLUMNS, VGA_ROWS, Machine

NORMAL, LIGHT_RED = 0x07, 0x0C

REPEATS = 10
"""More often than what lies between the two ends has room for."""

STANDSTILL = 2.0
"""Seconds of work that the machine spends on waiting for its reader."""


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
    prompt.send("Xhelp me\x17\x01\x1b[3~")
    prompt.send_line("")
    prompt.expect("this list")
    prompt.expect_prompt()
    assert PROMPT + "help" in [row.rstrip() for row in prompt.screen()]


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
    assert prompt.command("peek TextScreen.enabled 1").split()[1] == "00"
    assert prompt.screen() == before


def test_nothing_said_is_lost_while_nobody_reads(machine: MakeMachine) -> None:
    prompt = machine()
    prompt.expect_prompt()
    said = prompt.command("help")
    prompt.send("help\r" * REPEATS)
    enough, deadline = seconds_of_work(prompt) + STANDSTILL, time.monotonic() + PATIENCE
    while seconds_of_work(prompt) < enough:
        assert time.monotonic() < deadline, "it does not wait for its reader"
        time.sleep(0.01)
    for _ in range(REPEATS):
        assert prompt.expect_prompt() == f"help\n{said}\n"


def seconds_of_work(machine: Machine) -> float:
    """How long the machine has had a processor of the host."""
    words = Path(f"/proc/{machine.process_id}/stat").read_text().rpartition(")")[2].split()
    user, system = words[11:13]  # fields 14 and 15 (proc(5))
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
