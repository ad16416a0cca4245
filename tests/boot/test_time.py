"""Time on machines with all the clocks that there can be, and with fewer."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.session import Machine

LIMIT = 2000
"""Times that `time` is asked before something counts as never happening."""


def shown(machine: Machine) -> dict[str, str]:
    """What `time` says, by what its lines begin with; several of one kind are joined."""
    found: dict[str, str] = {}
    for line in machine.command("time").splitlines():
        name = line[:12].strip()
        found[name] = "; ".join(filter(None, (found.get(name), line[12:])))
    return found


def error(told: dict[str, str]) -> int:
    """By how much the clock may be wrong, in parts of a billion."""
    found = re.fullmatch(r"at most (\d+) ppb, by \S+", told["error"])
    assert found
    return int(found[1])


MACHINES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "all": ({}, ["hpet", "acpi-pm", "pit"]),
    "bios": ({"direct": False}, ["hpet", "acpi-pm", "pit"]),
    "uefi": ({"uefi": True}, ["hpet", "acpi-pm", "pit"]),
    "max": ({"cpu": "max"}, ["hpet", "acpi-pm", "pit"]),
    "no hpet": ({"arguments": ("-no-hpet",)}, ["acpi-pm", "pit"]),
}


@pytest.mark.parametrize("name", MACHINES)
def test_the_clock_is_measured_by_the_best_reference_there_is(
    machine: MakeMachine, name: str
) -> None:
    settings, references = MACHINES[name]
    prompt = machine(**settings)
    prompt.expect_prompt()
    told = shown(prompt)
    assert [one.split()[0] for one in told["reference"].split("; ")] == references
    assert told["error"].endswith(f"by {references[0]}")
    assert "unsteady" not in told
    assert prompt.command("test time").endswith(" passed, 0 failed")


def test_the_rate_is_known_better_as_time_passes(machine: MakeMachine) -> None:
    prompt = machine()
    prompt.expect_prompt()
    first = error(shown(prompt))
    for _ in range(LIMIT):
        if error(shown(prompt)) < min(first, 100_000):
            break
    assert error(shown(prompt)) < min(first, 100_000)
    assert "unsteady" not in shown(prompt)


def test_a_counter_of_instructions_is_measured_right(machine: MakeMachine) -> None:
    prompt = machine(arguments=("-icount", "shift=0,sleep=off"))
    prompt.expect_prompt()
    told = shown(prompt)
    rate = re.fullmatch(r"time-stamp counter at (\d+\.\d+) MHz", told["clock"])
    assert rate
    assert abs(float(rate[1]) - 1000) / 1000 * 10**9 <= error(told)


def test_the_time_of_day_is_that_of_the_machine(machine: MakeMachine) -> None:
    prompt = machine(arguments=("-rtc", "base=2031-12-31T23:59:59"))
    prompt.expect_prompt()
    start = datetime(2031, 12, 31, 23, 59, 59, tzinfo=UTC)
    for _ in range(LIMIT):
        now = datetime.strptime(shown(prompt)["time of day"], "%Y-%m-%d %H:%M:%S UTC")
        assert start <= now.replace(tzinfo=UTC) < start + timedelta(minutes=1)
        if now.year == 2032:
            return
    pytest.fail("the year did not change")


def test_the_log_is_shown_with_the_times_of_its_messages(machine: MakeMachine) -> None:
    prompt = machine()
    prompt.expect_prompt()
    rows = [re.fullmatch(r"\[ *(\d+\.\d{6})\] (.+)", one) for one in log(prompt, "dmesg")]
    assert all(rows)
    times = [float(row[1]) for row in rows if row]
    assert times == sorted(times)
    assert 0 < times[0] < 10
    said = [row[2] for row in rows if row]
    assert said[0] == "started by PVH, command line: test"
    assert any(one.startswith("clock: ") for one in said)


def test_the_log_can_be_shown_down_to_a_level(machine: MakeMachine) -> None:
    prompt = machine()
    prompt.expect_prompt()
    assert said(prompt, "dmesg info")
    assert said(prompt, "dmesg info") <= said(prompt, "dmesg debug")
    assert log(prompt, "dmesg error") == []
    assert prompt.command("dmesg loud") == (
        "unknown LEVEL: loud (there are error warning notice info debug)"
    )


def said(machine: Machine, command: str) -> set[str]:
    """The lines that `command` prints, without their times, which the clock knows ever better."""
    return {line.partition("] ")[2] for line in log(machine, command)}


def log(machine: Machine, command: str) -> list[str]:
    """The lines that `command` prints."""
    return machine.command(command).splitlines()
