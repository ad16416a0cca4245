"""The monitor on the serial line of a running kernel."""

import re

import pytest

from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.session import Machine

LEFT, UP, DOWN = "\x1b[D", "\x1b[A", "\x1b[B"
POWERED_OFF = 33
COMMANDS = [
    "help",
    "mem",
    "peek",
    "regs",
    "sym",
    "cpus",
    "crash",
    "reboot",
    "poweroff",
    "time",
    "threads",
    "dmesg",
    "irq",
    "acpi",
    "mce",
    "test",
    "bench",
    "pci",
    "maps",
    "ls",
    "cat",
    "run",
    "ps",
    "kill",
    "faults",
    "regions",
    "trace",
    "resume",
]


@pytest.fixture
def prompt(machine: MakeMachine) -> Machine:
    """A machine that waits for a command."""
    made = machine()
    made.expect_prompt()
    return made


def address_of(machine: Machine, symbol: str) -> int:
    """What the kernel says is the address of `symbol`."""
    return int(machine.command(f"sym {symbol}").split()[0], 16)


def test_help_lists_every_command_on_a_line(prompt: Machine) -> None:
    listed = [line.split()[0] for line in prompt.command("help").splitlines()]
    assert sorted(listed) == sorted(COMMANDS)


def test_an_empty_line_gets_just_another_prompt(prompt: Machine) -> None:
    assert prompt.command("") == ""
    assert prompt.command("   ") == ""


WRONG_LINES = {
    "frobnicate": "unknown command: frobnicate (`help` lists them)",
    "HELP": "unknown command: HELP (`help` lists them)",
    "a b c d e f g": "unknown command: a (`help` lists them)",
    "help me": "usage: help",
    "peek": "usage: peek ADDRESS [COUNT]",
    "peek 0 1 2": "usage: peek ADDRESS [COUNT]",
    "sym": "usage: sym NAME|ADDRESS",
    "crash": "usage: crash KIND [CPU]",
    "peek 0x1g": "neither a number nor a symbol: 0x1g",
    "peek 0 0": "COUNT is a number from 1 to 4096",
    "peek 0 many": "COUNT is a number from 1 to 4096",
    "sym nobody": "no symbol is called nobody",
    "sym 0x10": "no symbol is at 0x10",
    "crash boom": "unknown KIND: boom"
    " (there are div0 ud gp sse null stack tight double text data assert masked lock unlock order)",
    "crash ud 9": "no CPU 9 (`cpus` shows them)",
    "crash ud x": "usage: crash KIND [CPU]",
}


def test_a_wrong_line_gets_one_line_that_says_why(prompt: Machine) -> None:
    assert {line: prompt.command(line) for line in WRONG_LINES} == WRONG_LINES


def test_mem_shows_the_memory_map(machine: MakeMachine) -> None:
    prompt = machine(memory=64)
    prompt.expect_prompt()
    lines = prompt.command("mem").splitlines()
    end = next(n for n, line in enumerate(lines) if re.match(r"\S+ \wiB available", line))
    first, *regions, total = lines[: end + 1]
    row = re.compile(r"  ([0-9a-f]{16})-([0-9a-f]{16}) +[0-9.]+ [KMG]iB  (.+)")
    found = [row.fullmatch(one) for one in regions]
    assert first == "memory map"
    assert any(one and one[3] == "available" for one in found)
    assert all(one and int(one[1], 16) < int(one[2], 16) for one in found)
    assert re.fullmatch(r"63\.\d MiB available", total)


def test_regs_shows_where_it_runs(prompt: Machine) -> None:
    said = prompt.command("regs")
    names = re.findall(r"(\w+) +[0-9a-f]{16}", said)
    rip = re.search(r"rip +([0-9a-f]{16})", said)
    assert {"rax", "r15", "rsp", "rflags", "cr0", "cr3", "cr4"} <= set(names)
    assert rip
    assert "ProcessorCommands.regs" in prompt.command(f"sym 0x{rip[1]}")


def test_sym_goes_both_ways(prompt: Machine) -> None:
    address = address_of(prompt, "Monitor.run")
    inside = prompt.command(f"sym {address + 1:#x}")
    assert re.fullmatch(
        rf"0x{address + 1:016x} <Monitor.run\+0x1 kernel/monitor/monitor.py:\d+>", inside
    )


def test_peek_shows_memory_as_numbers_and_characters(prompt: Machine) -> None:
    text = address_of(prompt, "Numbers.digits")
    assert prompt.command("peek Numbers.digits 16") == (
        f"{text:016x}  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef"
    )
    assert prompt.command(f"peek {text:#x} 3").split() == [f"{text:016x}", "30", "31", "32", "012"]


def test_peek_shows_as_much_as_it_is_told(prompt: Machine) -> None:
    assert len(prompt.command("peek Monitor.run").splitlines()) == 64 // 16
    assert len(prompt.command("peek Monitor.run 4096").splitlines()) == 4096 // 16


@pytest.mark.parametrize(
    "address",
    [
        "0",
        "0xfff",
        "0x800000000000",
        "0xffff7fffffffffff",
        "0xffffffffffffffff",
        "0xffffc00000000000",
    ],
)
def test_peek_where_nothing_is_mapped_tells_so(prompt: Machine, address: str) -> None:
    assert prompt.command(f"peek {address}") == f"{int(address, 0):016x}  not mapped"


def test_peek_stops_at_the_first_row_that_is_not_mapped(prompt: Machine) -> None:
    guard = address_of(prompt, "Stacks.boot")
    first, second = prompt.command(f"peek {guard - 16:#x} 48").splitlines()
    assert first.startswith(f"{guard - 16:016x}  ")
    assert second == f"{guard:016x}  not mapped"


def test_peek_shows_a_row_up_to_where_memory_ends(prompt: Machine) -> None:
    guard = address_of(prompt, "Stacks.boot")
    first, second = prompt.command(f"peek {guard - 5:#x} 16").splitlines()
    assert re.fullmatch(rf"{guard - 5:016x} (?: [0-9a-f]{{2}}){{5}} {{35}}.{{5}}", first)
    assert second == f"{guard:016x}  not mapped"


def test_peek_begins_new_rows_with_pages(prompt: Machine) -> None:
    page = address_of(prompt, "Stacks.boot") - 0x1000 & -0x1000
    rows = prompt.command(f"peek {page - 5:#x} 40").splitlines()
    assert [int(row[:16], 16) - page for row in rows] == [-5, 0, 16, 32]


def test_lines_can_be_edited(prompt: Machine) -> None:
    assert prompt.command("meXm" + LEFT + "\x7f").startswith("memory map")


def test_lines_come_back_from_the_history(prompt: Machine) -> None:
    said = prompt.command("sym Monitor.run")
    prompt.command("peek 0")
    assert prompt.command(UP + UP) == said


def test_poweroff_ends_the_machine(prompt: Machine) -> None:
    prompt.send_line("poweroff")
    assert prompt.wait_exit() == POWERED_OFF


def test_reboot_comes_back_to_the_prompt(machine: MakeMachine) -> None:
    made = machine(reboot=True)
    made.expect_prompt()
    made.send_line("reboot")
    made.expect_prompt()
    assert made.command("help")
