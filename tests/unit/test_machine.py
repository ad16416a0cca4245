"""The machine harness: the serial line, the monitor, memory, the end."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pykasm.machine.qemu import PANIC_STATUS, POWEROFF_STATUS, MachineError, MachineOptions
from pykasm.machine.session import ExpectationError, Machine
from pykasm.machine.symbols import SymbolTable

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def tiny(tiny_kernel: Path) -> Iterator[Machine]:
    """The tiny kernel at its prompt."""
    with Machine(MachineOptions(kernel=tiny_kernel)) as machine:
        machine.expect_prompt()
        yield machine


def test_what_is_said_before_the_prompt_is_returned(tiny_kernel: Path) -> None:
    with Machine(MachineOptions(kernel=tiny_kernel)) as machine:
        assert machine.expect_prompt() == "tiny kernel\n"


def test_a_command_returns_its_output_without_the_echo(tiny: Machine) -> None:
    assert tiny.command("mem") == "memory: plenty\nend of memory"


def test_expect_returns_the_match(tiny: Machine) -> None:
    tiny.send_line("mem")
    assert tiny.expect(r"memory: (\w+)\r")[1] == "plenty"


def test_an_unmet_expectation_shows_the_last_output(tiny: Machine) -> None:
    tiny.command("mem")
    with pytest.raises(ExpectationError) as failure:
        tiny.expect("never", timeout=0.1)
    assert str(failure.value) == (
        "nothing matched `never` within 0.1 s\n"
        "last serial output:\n"
        "tiny kernel\n"
        "pykasm> mem\n"
        "memory: plenty\n"
        "end of memory\n"
        "pykasm> "
    )


def test_an_expectation_fails_at_once_when_the_machine_ends(tiny: Machine) -> None:
    tiny.send_line("crash")
    with pytest.raises(ExpectationError, match=r"ended with status 35 \(panic\) before it said"):
        tiny.expect("never")


def test_a_machine_that_outlives_its_lifetime_fails(tiny_kernel: Path) -> None:
    with (
        Machine(MachineOptions(kernel=tiny_kernel), lifetime=0) as machine,
        pytest.raises(ExpectationError, match="nothing matched `pykasm> ` within 0 s"),
    ):
        machine.expect_prompt()


@pytest.mark.parametrize(("command", "status"), [("p", POWEROFF_STATUS), ("c", PANIC_STATUS)])
def test_the_exit_status_says_how_the_machine_ended(
    tiny: Machine, command: str, status: int
) -> None:
    tiny.send_line(command)
    assert tiny.wait_exit() == status


def test_the_end_counts_even_with_input_unread(tiny: Machine) -> None:
    tiny.send_line("p\rtyped while the machine ends")
    assert tiny.wait_exit() == POWEROFF_STATUS


def test_waiting_for_the_end_of_a_machine_that_hangs_fails(tiny: Machine) -> None:
    tiny.send_line("hang")
    with pytest.raises(ExpectationError, match=r"still ran after 0\.1 s\nlast serial output:"):
        tiny.wait_exit(timeout=0.1)


def test_physical_memory_can_be_read(tiny: Machine, tiny_kernel: Path) -> None:
    address = SymbolTable.from_elf(tiny_kernel).address("counter")
    assert tiny.memory(address, 4) == (0x12345678).to_bytes(4, "little")


def test_the_text_screen_can_be_read(tiny: Machine) -> None:
    tiny.command("v")
    assert tiny.screen()[0].startswith("Hi")
    assert tiny.screen_attributes(0)[:2] == b"\x07\x07"


def test_the_picture_is_a_png_file(tiny: Machine, tmp_path: Path) -> None:
    tiny.picture(tmp_path / "screen.png")
    assert (tmp_path / "screen.png").read_bytes().startswith(PNG_SIGNATURE)


def test_keys_reach_the_keyboard_controller(tiny: Machine) -> None:
    tiny.send_line("key")
    tiny.key("shift-a")
    tiny.expect("key pressed")


def test_the_monitor_obeys_commands(tiny: Machine) -> None:
    assert tiny.qmp("query-status")["running"] is True
    tiny.qmp("stop")
    assert tiny.qmp("query-status")["running"] is False


def test_no_process_is_left_behind(tiny_kernel: Path) -> None:
    machine = Machine(MachineOptions(kernel=tiny_kernel))
    with pytest.raises(KeyboardInterrupt), machine:
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(machine.process_id, 0)


def test_machines_run_side_by_side(tiny_kernel: Path) -> None:
    options = MachineOptions(kernel=tiny_kernel, gdb=True)
    with Machine(options) as first, Machine(options) as second:
        first.expect_prompt()
        second.expect_prompt()
        assert first.gdb_address != second.gdb_address


def test_the_output_stays_readable_after_the_end(tiny: Machine) -> None:
    tiny.close()
    assert tiny.last_output() == "tiny kernel\npykasm> "


def test_what_stops_qemu_itself_is_shown(tmp_path: Path) -> None:
    with (
        Machine(MachineOptions(kernel=tmp_path / "none.elf")) as machine,
        pytest.raises(ExpectationError, match="could not open kernel file"),
    ):
        machine.expect_prompt()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "a machine starts from either a kernel or an ISO: give one of them"),
        (
            {"kernel": Path("k"), "iso": Path("i")},
            "a machine starts from either a kernel or an ISO: give one of them",
        ),
        (
            {"kernel": Path("k"), "uefi": True},
            "UEFI firmware starts no kernel directly: start from the ISO",
        ),
        (
            {"iso": Path("i"), "command_line": "test"},
            "the command line of an ISO is in its boot menu: build one with it",
        ),
        (
            {"iso": Path("i"), "modules": (Path("m"),)},
            "the modules of an ISO are on it: build one with them",
        ),
        (
            {"kernel": Path("k"), "modules": (Path("m"), Path("n"))},
            "a kernel entered directly gets one module at most: use the ISO",
        ),
    ],
)
def test_options_that_contradict_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(MachineError) as refusal:
        MachineOptions(**options)  # type: ignore[arg-type]
    assert str(refusal.value) == message


def test_the_command_line_follows_the_options() -> None:
    command = MachineOptions(
        kernel=Path("k.elf"),
        command_line="test",
        modules=(Path("module"),),
        smp=2,
        memory=64,
        cpu="qemu64",
        count_instructions=True,
        arguments=("-d", "int"),
    ).command()
    assert " ".join(command) == (
        "qemu-system-x86_64 -nodefaults -machine q35 -accel tcg -cpu qemu64 -smp 2 -m 64M "
        "-vga std -display none -device isa-debug-exit,iobase=0xf4,iosize=4 "
        "-kernel k.elf -append test -initrd module -no-reboot -icount shift=0,sleep=off -d int"
    )


def test_an_iso_starts_from_the_disc_under_uefi_and_may_reboot() -> None:
    command = " ".join(MachineOptions(iso=Path("k.iso"), uefi=True, reboot=True).command())
    assert "-cdrom k.iso -boot d -bios /" in command
    assert "-no-reboot" not in command
