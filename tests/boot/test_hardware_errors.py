"""Machine checks and NMIs, as QEMU's monitor injects them."""

import re

import pytest

from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.qemu import PANIC_STATUS
from pykasm.machine.session import Machine

CORRECTED = 0x9C00_0000_0000_0151
"""The status of an error in an instruction cache, with an address."""
UNCORRECTED = 0xBF80_0000_0000_0134
"""That of one in a data cache, which may have corrupted the processor's context."""
RIPV, MCIP = 1, 4

PROCESSORS = pytest.mark.parametrize("model", ["max", "qemu64"])
"""All that QEMU can do, and its default."""


def inject(machine: Machine, command: str) -> None:
    """Give QEMU's monitor a `command` that says nothing."""
    answer = machine.qmp("human-monitor-command", **{"command-line": command})
    assert answer == "", answer


@PROCESSORS
@pytest.mark.parametrize("cpu", [0, 1])
def test_an_uncorrected_error_ends_in_a_report(machine: MakeMachine, cpu: int, model: str) -> None:
    made = machine(smp=2, cpu=model)
    made.expect_prompt()
    inject(made, f"mce {cpu} 2 {UNCORRECTED:#x} {RIPV | MCIP:#x} 0x12345678 0x8c")
    made.expect("panic: end of report")
    assert made.wait_exit() == PANIC_STATUS
    lines = made.output.partition("panic: ")[2].splitlines()
    assert lines[:6] == [
        "machine check (#MC), vector 18",
        f"  cpu {cpu}, bank 2: cache hierarchy error",
        f"  status {UNCORRECTED:#018x} PCC ADDRV MISCV EN UC VAL",
        "  address 0x12345678",
        "  misc 0x8c",
        "  global status 0x5 RIPV MCIP",
    ]


@PROCESSORS
def test_an_error_that_all_are_told_of_is_reported_with_its_bank(
    machine: MakeMachine, model: str
) -> None:
    made = machine(smp=3, cpu=model)
    made.expect_prompt()
    inject(made, f"mce -b 1 4 {UNCORRECTED:#x} {MCIP:#x} 0x12345678 0x8c")
    made.expect("panic: end of report")
    assert made.output.count("panic: machine check") == 1
    assert "  cpu 1, bank 4: cache hierarchy error\n" in made.output
    assert "  cpu 2, bank 1: no error code\n" in made.output, "QEMU gives the others one"


def counted(machine: Machine) -> list[str]:
    """The numbers of errors that the processors have had."""
    return [line.split()[1] for line in machine.command("mce").splitlines()[1:]]


@PROCESSORS
def test_corrected_errors_are_logged_and_counted(machine: MakeMachine, model: str) -> None:
    made = machine(count_instructions=True, cpu=model)  # so that idle time passes at once
    made.expect_prompt()
    assert counted(made) == ["0"]
    inject(made, f"mce 0 3 {CORRECTED:#x} 0 0xabcde000 0")
    said = (
        f"machine check: corrected error on cpu 0, bank 3: status {CORRECTED:#x}, "
        "address 0xabcde000"
    )
    made.expect(re.escape(said))
    assert said in made.command("dmesg")
    inject(made, f"mce 0 3 {CORRECTED + 1:#x} 0 0xabcde000 0")  # the bank has place for another
    made.expect(f"{CORRECTED + 1:#x}.*\r\n")
    made.send_line("")
    made.expect_prompt()
    assert counted(made) == ["2"]


@pytest.mark.parametrize("cpu", [0, 1])
def test_corrected_errors_are_counted_where_they_are(machine: MakeMachine, cpu: int) -> None:
    made = machine(count_instructions=True, smp=2)
    made.expect_prompt()
    inject(made, f"mce {cpu} 3 {CORRECTED:#x} 0 0xabcde000 0")
    made.expect(f"corrected error on cpu {cpu}.*\r\n")
    made.send_line("")
    made.expect_prompt()
    assert counted(made) == ["1" if number == cpu else "0" for number in (0, 1)]


def test_a_processor_without_machine_checks_is_told_of(machine: MakeMachine) -> None:
    made = machine(cpu="max,-mce,-mca")
    made.expect_prompt()
    assert made.command("mce") == "the processor has no machine checks"


@PROCESSORS
@pytest.mark.parametrize("smp", [1, 2])
def test_an_nmi_ends_in_a_report(machine: MakeMachine, smp: int, model: str) -> None:
    made = machine(smp=smp, cpu=model)
    made.expect_prompt()
    made.qmp("inject-nmi")
    made.expect("panic: end of report")
    assert made.wait_exit() == PANIC_STATUS
    assert made.output.count("panic: non-maskable interrupt (NMI), vector 2\n") == 1
    assert "  no error of the board: a watchdog, or somebody asked for it\n" in made.output
