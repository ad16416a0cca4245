"""The stages of a build and its summary."""

import sys
import threading

import click
import pytest

from pykasm.build import stages as stages_module
from pykasm.build.stages import Stage, Stages
from pykasm.build.summary import (
    SHOWN_SUBSYSTEMS,
    FunctionSize,
    SubsystemSize,
    UnitSizes,
    largest_functions,
    subsystem_sizes,
    summary,
)
from pykasm.build.tables import beside
from pykasm.objects.model import ObjectFile, Section, SectionFlags, Symbol, SymbolKind

CODE = SectionFlags.ALLOC | SectionFlags.EXECUTE
CONSTANTS = SectionFlags.ALLOC
VARIABLES = SectionFlags.ALLOC | SectionFlags.WRITE


def console_object() -> ObjectFile:
    return ObjectFile(
        "Console",
        [
            Section(".text.Console", CODE, data=bytearray(30)),
            Section(".init.text.Console", CODE, data=bytearray(10)),
            Section(".rodata.Console", CONSTANTS, data=bytearray(5)),
            Section(".bss.Console", VARIABLES, zeros=4000),
        ],
        [
            Symbol("Console.write", ".text.Console", 0, 20, SymbolKind.FUNC),
            Symbol("Console.clear", ".text.Console", 20, 10, SymbolKind.FUNC),
            Symbol("Console.cells", ".bss.Console", 0, 4000, SymbolKind.OBJECT),
        ],
    )


def clock_object() -> ObjectFile:
    return ObjectFile(
        "Clock",
        [Section(".text.Clock", CODE, data=bytearray(1200))],
        [Symbol("Clock.now", ".text.Clock", 0, 1200, SymbolKind.FUNC)],
    )


class Clock:
    """Time that stands still unless moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stages_module, "time", clock)
    return clock


def test_stages_are_timed_in_order(clock: Clock) -> None:
    stages = Stages()
    with stages.stage("emit"):
        clock.now += 0.25
    with stages.stage("link"):
        clock.now += 0.5
    assert [(stage.name, stage.seconds) for stage in stages.finished] == [
        ("emit", 0.25),
        ("link", 0.5),
    ]
    assert stages.seconds == 0.75


def test_a_failed_stage_passes_its_error_on_and_is_not_finished() -> None:
    stages = Stages()
    with pytest.raises(ValueError, match="no"), stages.stage("link"):
        raise ValueError("no")
    assert stages.finished == []


def test_a_stage_tells_how_far_it_is() -> None:
    stage = Stage("objects")
    assert stage.text == "objects"
    stage.advance(3, 8)
    assert stage.text == "objects 3/8"


def test_a_slow_stage_shows_itself_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = threading.Event()

    def watch(stage: Stage, over: threading.Event) -> None:
        assert stage.name == "link"
        shown.set()
        over.wait()

    monkeypatch.setattr(stages_module, "_watch", watch)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with Stages().stage("link"):
        assert shown.wait(10)


def test_nothing_is_shown_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def watch(stage: Stage, over: threading.Event) -> None:
        raise AssertionError("watched")

    monkeypatch.setattr(stages_module, "_watch", watch)
    before = threading.active_count()
    with Stages().stage("link"):
        assert threading.active_count() == before


def test_subsystems_are_sized_by_permissions_with_the_largest_first() -> None:
    assert subsystem_sizes([UnitSizes.of(clock_object()), UnitSizes.of(console_object())]) == [
        SubsystemSize("Console", code=40, constants=5, variables=4000),
        SubsystemSize("Clock", code=1200, constants=0, variables=0),
    ]


def test_the_largest_functions_come_first() -> None:
    assert largest_functions([UnitSizes.of(console_object()), UnitSizes.of(clock_object())], 2) == [
        FunctionSize("Clock.now", 1200),
        FunctionSize("Console.write", 20),
    ]


def test_the_summary_shows_times_and_sizes(clock: Clock) -> None:
    stages = Stages()
    with stages.stage("emit"):
        clock.now += 0.25
    with stages.stage("link") as link:
        link.note = "unchanged"
    tables = summary(stages, [UnitSizes.of(clock_object()), UnitSizes.of(console_object())])
    rows = [click.unstyle(line).split() for line in beside(tables, 120)]
    heads = "stage ms subsystem code constants variables largest functions bytes"
    assert rows[0] == heads.split()
    assert rows[1] == ["emit", "250", "Console", "40", "5", "4,000", "Clock.now", "1,200"]
    assert rows[2] == ["link", "0", "unchanged", "Clock", "1,200", "0", "0", "Console.write", "20"]
    assert rows[3] == ["all", "250", "all", "1,240", "5", "4,000", "Console.clear", "10"]


def test_the_summary_shows_the_largest_subsystems_and_what_the_others_come_to() -> None:
    small = [
        ObjectFile(f"Small{number}", [Section(f".text.{number}", CODE, data=bytearray(2))])
        for number in range(SHOWN_SUBSYSTEMS)
    ]
    objects = [*small, clock_object(), console_object()]
    _, subsystems, _ = summary(Stages(), [*map(UnitSizes.of, objects)])
    rows = [line.split() for line in subsystems.lines]
    assert [row[0] for row in rows[1:3]] == ["Console", "Clock"]
    assert rows[-2:] == [["2", "others", "4", "0", "0"], ["all", "1,280", "5", "4,000"]]
    assert len(rows) == 1 + SHOWN_SUBSYSTEMS + 2
