"""gdb driven against a machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pykasm.machine.gdb import Gdb, GdbError
from pykasm.machine.mi import Record
from pykasm.machine.qemu import MachineOptions
from pykasm.machine.session import Machine

SOURCE = Path(__file__).with_name("tiny.S")


def line_of(text: str) -> int:
    """The number of the first line of the tiny kernel after its label `text`."""
    return SOURCE.read_text().splitlines().index(text) + 2


@pytest.fixture
def machine(tiny_kernel: Path) -> Iterator[Machine]:
    """The tiny kernel, standing before its first instruction."""
    with Machine(MachineOptions(kernel=tiny_kernel, gdb_wait=True)) as machine:
        yield machine


@pytest.fixture
def gdb(machine: Machine, tiny_kernel: Path) -> Iterator[Gdb]:
    """gdb attached to it."""
    with Gdb(tiny_kernel, machine.gdb_address, SOURCE.parent) as gdb:
        yield gdb


def test_the_machine_stops_at_a_function(gdb: Gdb) -> None:
    gdb.break_at("start")
    stop = gdb.resume()
    assert stop.reason == "breakpoint-hit"
    assert (stop.frame.function, stop.frame.file) == ("start", SOURCE)
    assert stop.frame.line == line_of("start:")


def test_the_machine_stops_at_a_line(gdb: Gdb) -> None:
    gdb.break_at(f"tiny.S:{line_of('loop:')}")
    assert gdb.resume().frame.line == line_of("loop:")


def test_a_step_goes_to_the_next_line(gdb: Gdb) -> None:
    gdb.break_at("start")
    gdb.resume()
    assert gdb.step().frame.line == line_of("start:") + 1


def test_the_backtrace_starts_at_the_innermost_frame(gdb: Gdb, machine: Machine) -> None:
    gdb.break_at("obey")
    machine.send_line("m")
    gdb.resume()
    assert gdb.backtrace()[0].function == "obey"


def test_an_expression_has_a_value(gdb: Gdb) -> None:
    gdb.break_at("start")
    gdb.resume()
    assert int(gdb.evaluate("(int) counter"), 0) == 0x12345678


def test_a_console_command_returns_what_gdb_prints(gdb: Gdb) -> None:
    assert gdb.console('echo said "so"\\n') == 'said "so"\n'


def test_an_unknown_place_is_an_error(gdb: Gdb) -> None:
    with pytest.raises(GdbError, match='`-break-insert nowhere`: Function "nowhere" not defined'):
        gdb.break_at("nowhere")


def test_a_machine_that_does_not_stop_is_an_error(gdb: Gdb) -> None:
    with pytest.raises(GdbError, match="the machine did not stop after `-exec-continue`"):
        gdb.resume(timeout=0.1)


def test_a_stop_record_is_read_with_all_its_values() -> None:
    line = (
        '*stopped,reason="breakpoint-hit",frame={addr="0x1",args=[{name="a",value="\\"x\\""}]},'
        'stack=[frame={level="0"},frame={level="1"}],groups=["i1"],none=[]'
    )
    assert Record.parse(line) == Record(
        "*",
        "stopped",
        values={
            "reason": "breakpoint-hit",
            "frame": {"addr": "0x1", "args": [{"name": "a", "value": '"x"'}]},
            "stack": [{"level": "0"}, {"level": "1"}],
            "groups": ["i1"],
            "none": [],
        },
    )


def test_a_stream_record_is_unquoted() -> None:
    assert Record.parse(r'~"a\tb\n\"\\\303\274"') == Record("~", text='a\tb\n"\\ü')


def test_other_lines_are_no_records() -> None:
    assert Record.parse("(gdb) ") is None
