"""How the kernel starts: every way in, on good and on bad processors."""

import re
import struct
from pathlib import Path

import pytest

from kernel.boot import pvh
from pykasm.build.iso import make_iso
from pykasm.link.symbols import read_symbols
from pykasm.machine.images import Images
from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.qemu import PANIC_STATUS, MachineOptions
from pykasm.machine.session import Machine

ENTRY_OFFSET = 24
"""`e_entry` in an ELF header (System V ABI, chapter 4)."""


def test_a_pvh_loader_brings_the_prompt(machine: MakeMachine) -> None:
    assert "loader: PVH\n" in machine().expect_prompt()


def test_grub_under_a_bios_brings_the_prompt(machine: MakeMachine) -> None:
    assert "loader: GRUB " in machine(direct=False).expect_prompt()


def test_grub_under_uefi_brings_the_prompt(machine: MakeMachine) -> None:
    assert "loader: GRUB " in machine(uefi=True).expect_prompt()


@pytest.mark.parametrize("cpu", ["max", "qemu64", "qemu64,-nx", "max,-pdpe1gb,-smep,-smap,-umip"])
def test_every_64_bit_processor_brings_the_prompt(machine: MakeMachine, cpu: str) -> None:
    machine(cpu=cpu).expect_prompt()


@pytest.mark.parametrize("memory", [16, 6 * 1024])
def test_little_and_much_memory_bring_the_prompt(machine: MakeMachine, memory: int) -> None:
    machine(memory=memory).expect_prompt()


TOO_LITTLE = r"memory: that is too little; (\d+) MiB are needed\r\n"


def test_of_too_little_memory_it_is_told_first(machine: MakeMachine) -> None:
    made = machine(memory=3)  # QEMU loads it into no less
    made.expect(TOO_LITTLE)
    assert "ACPI:" not in made.output
    # In 2 MiB there is hardly room for the image itself: the firmware writes over a part of it
    made.expect("panic: (no memory is left|boot information: .* no room to keep the memory map)")
    assert made.wait_exit() == PANIC_STATUS
    assert made.output.count("panic: ") == 2, "one report, and its end"


def test_as_much_memory_as_is_needed_is_enough(machine: MakeMachine) -> None:
    needed = int(machine(memory=4).expect(TOO_LITTLE)[1])
    too_small = machine(memory=needed)  # of which the firmware keeps some
    too_small.expect(TOO_LITTLE)
    machine(memory=needed + 1).expect_prompt()


def test_two_processors_bring_the_prompt(machine: MakeMachine) -> None:
    machine(smp=2).expect_prompt()


@pytest.mark.parametrize(
    ("cpu", "lack"),
    [
        ("qemu64,-lm", "no 64-bit mode (x86-64 is needed)"),
        ("pentium3", "no 64-bit mode (x86-64 is needed)"),
        ("max,-apic", "no local APIC that is switched on"),
        ("qemu64,-sse2", "no SSE2 (the clock needs it)"),
        ("max,-fxsr", "no FXSR (switching threads needs it)"),
        ("qemu64,-tsc", "no TSC (the clock needs it)"),
    ],
)
def test_what_a_processor_lacks_is_told(machine: MakeMachine, cpu: str, lack: str) -> None:
    made = machine(cpu=cpu)
    message = f"pykasm: can't start: the processor has {lack}"
    made.expect(re.escape(f"{message}\r\n"))
    assert [line for line in made.screen() if line] == [message]


def test_that_programs_can_not_call_is_told(machine: MakeMachine) -> None:
    said = machine(cpu="max,-syscall").expect_prompt()
    assert "cpu: the processor has no SYSCALL (programs need it)\n" in said
    assert "SYSCALL" not in machine(cpu="max").expect_prompt()


def symbol_address(kernel: Path, name: str) -> int:
    return next(one.address for one in read_symbols(kernel) if one.name == name)


def entered_at(kernel: Path, entry: str, place: int, output: Path) -> Path:
    """A copy of `kernel` whose 32-bit entry address at offset `place` is that of `entry`."""
    contents = bytearray(kernel.read_bytes())
    struct.pack_into("<I", contents, place, symbol_address(kernel, entry))
    output.write_bytes(contents)
    return output


def test_a_pvh_loader_at_the_multiboot2_entry_is_told_of(
    kernel_images: Images, tmp_path: Path
) -> None:
    kernel = kernel_images.project.kernel
    entry = struct.pack("<I", symbol_address(kernel, "Start.pvh"))
    note = kernel.read_bytes().index(pvh.OWNER + entry) + len(pvh.OWNER)
    patched = entered_at(kernel, "Start.multiboot2", note, tmp_path / "kernel.elf")
    with Machine(MachineOptions(kernel=patched)) as made:
        made.expect("can't start: the loader entered as by Multiboot2, but its magic is wrong\r\n")


def test_a_multiboot2_loader_at_the_pvh_entry_is_told_of(
    kernel_images: Images, tmp_path: Path
) -> None:
    project = kernel_images.project
    patched = entered_at(project.kernel, "Start.pvh", ENTRY_OFFSET, tmp_path / "kernel.elf")
    iso = tmp_path / "kernel.iso"
    make_iso(patched, iso, project.menu, cache=project.cache)
    with Machine(MachineOptions(iso=iso)) as made:
        made.expect("can't start: the loader entered as by PVH, but its start info has no magic")
