"""Machines with several processors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kernel.debug.panic import END
from pykasm.machine.gdb import Gdb
from pykasm.machine.images import Images
from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.qemu import PANIC_STATUS
from pykasm.machine.session import Machine
from pykasm.machine.symbols import SymbolTable
from tests.boot.waiting import eventually

CPU = re.compile(r"^ *(\d+) +(\d+) +\d+  (.+)$", re.MULTILINE)
"""A line of `cpus`: number, local APIC, thread."""

REGISTERS = re.compile(r"RFL=([0-9a-f]+).*?HLT=(\d)", re.DOTALL)
"""What QEMU shows of each processor (target/i386/cpu-dump.c)."""

INTERRUPT_FLAG = 1 << 9
CLI, HLT, JUMP_BACK = b"\xfa", b"\xf4", b"\xeb\xfd"


def running(machine: Machine) -> list[tuple[int, int, str]]:
    """What `cpus` shows, after the prompt was waited for."""
    lines = CPU.findall(machine.command("cpus"))
    return [(int(number), int(apic), thread) for number, apic, thread in lines]


def states(machine: Machine) -> list[tuple[int, bool]]:
    """Flags of each processor, and whether it halts."""
    shown = machine.qmp("human-monitor-command", **{"command-line": "info registers -a"})
    return [(int(flags, 16), halted == "1") for flags, halted in REGISTERS.findall(shown)]


@pytest.mark.parametrize(
    ("count", "way"),
    [
        (1, {}),
        (2, {}),
        (4, {}),
        (8, {}),
        (4, {"direct": False}),
        (4, {"uefi": True}),
        (4, {"cpu": "qemu64"}),
    ],
    ids=str,
)
def test_all_processors_run(machine: MakeMachine, count: int, way: dict[str, Any]) -> None:
    made = machine(smp=count, **way)
    made.expect_prompt()
    assert [(number, apic) for number, apic, _ in running(made)] == [(n, n) for n in range(count)]


def test_without_acpi_the_mp_table_names_processors(machine: MakeMachine) -> None:
    made = machine(arguments=("-machine", "pc", "-no-acpi", "-smp", "3,sockets=3"))
    assert "no ACPI" not in made.expect_prompt().replace("no ACPI root", "")
    assert [apic for _, apic, _ in running(made)] == [0, 1, 2]


def test_processors_that_no_table_names_are_told_of(machine: MakeMachine) -> None:
    made = machine(arguments=("-machine", "pc", "-no-acpi", "-smp", "3,cores=3"))
    said = "of up to 3 processors, the firmware names 1; others stay asleep\n"
    assert said in made.expect_prompt()
    assert [apic for _, apic, _ in running(made)] == [0]


def test_processors_whose_numbers_have_gaps_run_too(machine: MakeMachine) -> None:
    made = machine(arguments=("-smp", "6,sockets=2,cores=3,threads=1"))
    made.expect_prompt()
    assert [apic for _, apic, _ in running(made)] == [0, 1, 2, 4, 5, 6]


def test_other_processors_are_idle_and_wait(machine: MakeMachine) -> None:
    made = machine(smp=4)
    made.expect_prompt()
    expected = ["boot"] + ["idle"] * 3
    eventually(made, lambda: sorted(thread for _, _, thread in running(made)) == expected)
    eventually(
        made, lambda: all(flags & INTERRUPT_FLAG and halted for flags, halted in states(made))
    )


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_processors_work_together(machine: MakeMachine, count: int) -> None:
    made = machine(smp=count)
    made.expect_prompt()
    assert made.command("test smp", timeout=90).splitlines()[-1] == "tests: 5 passed, 0 failed"


# Processors that do not come


@pytest.fixture
def without_trampoline(machine: MakeMachine, kernel_images: Images) -> Machine:
    """A machine whose other processors stop where they start."""
    made = machine(smp=3, gdb_wait=True)
    symbols = SymbolTable.from_elf(kernel_images.project.kernel)
    entry, code = symbols.address("Start.pvh"), symbols.address("Trampoline._real_mode")
    with Gdb(kernel_images.project.kernel, made.gdb_address, Path.cwd()) as gdb:
        gdb.console(f"hbreak *{entry:#x}")
        gdb.resume()
        for offset, byte in enumerate(CLI + HLT + JUMP_BACK):
            gdb.console(f"set {{unsigned char}}{code + offset:#x} = {byte:#x}")
        gdb.console("delete")
        gdb.console("detach")
    return made


def test_processors_that_do_not_answer_are_left_out(without_trampoline: Machine) -> None:
    said = without_trampoline.expect_prompt()
    for apic in (1, 2):
        assert f"cpu: the processor of APIC {apic} does not answer: left out" in said
    assert running(without_trampoline) == [(0, 0, "boot")]
    outcome = without_trampoline.command("test pages").splitlines()[-1]
    assert outcome.endswith(" passed, 0 failed")


# Panics


def stopped(machine: Machine) -> bool:
    """Whether all four processors halt with interrupts off."""
    assert len(states(machine)) == 4
    return all(halted and not flags & INTERRUPT_FLAG for flags, halted in states(machine))


def test_a_panic_of_one_processor_stops_all(machine: MakeMachine) -> None:
    made = machine(smp=4, command_line="")
    made.expect_prompt()
    assert not stopped(made)
    made.send_line("crash ud 2")
    made.expect(r"cpu 2\r\n")
    made.expect(f"{END}\r\n")
    eventually(made, lambda: stopped(made))


def test_processors_with_interrupts_off_are_stopped_as_well(machine: MakeMachine) -> None:
    made = machine(smp=4, command_line="")
    made.expect_prompt()
    made.send_line("crash masked")
    made.expect(f"{END}\r\n")
    eventually(made, lambda: stopped(made))


def test_a_panic_names_the_processor_as_cpus_does_and_its_thread(machine: MakeMachine) -> None:
    made = machine(arguments=("-smp", "6,sockets=2,cores=3,threads=1"))
    made.expect_prompt()
    assert running(made)[3][:2] == (3, 4)
    made.send_line("crash ud 3")
    assert made.wait_exit() == PANIC_STATUS
    assert re.search(r"\n  cpu 3\n  thread \d+ idle\nbacktrace\n", made.output)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_only_one_processor_reports(machine: MakeMachine, number: int) -> None:
    made = machine(smp=4)
    made.expect_prompt()
    made.send_line(f"crash null {number}")
    assert made.wait_exit() == PANIC_STATUS
    report = made.output.partition("panic: ")[2]
    assert f"cpu {number}\n" in report
    assert report.count("panic: ") == 1
