"""What the instructions of a program's run go to."""

from __future__ import annotations

from pathlib import Path

from pykasm.machine.cpio import archive, directory, file
from pykasm.machine.images import Images
from pykasm.machine.profile import PROGRAM_ITSELF, Profile, profiled
from pykasm.machine.symbols import SymbolTable
from tests.elf import BASE, Segment, code, program

CALLS = 300

AGAIN = 100
"""Instructions that count once more, as a fault or an interrupt came before their end."""

PATIENCE = 600.0
"""Seconds: to be counted takes time."""

GETPPID, EXIT = 110, 231

LOOP = program(
    Segment(
        BASE + 0x400,
        code(
            *(f"mov ebx, {CALLS}", "again:", f"mov eax, {GETPPID}", "syscall"),
            *("dec ebx", "jnz again", "xor edi, edi", f"mov eax, {EXIT}", "syscall", "ud2"),
        ),
    ),
    entry=BASE + 0x400,
)
OWN = 1 + 4 * CALLS + 3
"""Instructions of the program."""


def test_each_instruction_is_counted(
    kernel_images: Images, kernel_symbols: SymbolTable, tmp_path: Path
) -> None:
    initrd, profile = tmp_path / "initrd", Profile(in_programs=True)
    initrd.write_bytes(archive([directory("tmp"), file("init", LOOP, 0o755)]))
    with (
        profiled(profile) as log,
        kernel_images.machine(
            modules=(initrd,), command_line="init=/init", arguments=log, lifetime=PATIENCE
        ) as run,
    ):
        run.expect("init ended: exit status 0", PATIENCE)
    counts = {one.name: one.instructions for one in profile.by_function(kernel_symbols)}
    assert OWN <= counts[PROGRAM_ITSELF] <= OWN + AGAIN
    handler = [count for name, count in counts.items() if name.endswith(".getppid")]
    assert len(handler) == 1
    assert handler[0] % CALLS <= AGAIN
    assert counts["UserEntry.system_call"] >= 40 * CALLS
    lines = {one.name: one.instructions for one in profile.by_line(kernel_symbols)}
    assert sum(lines.values()) == sum(counts.values()) == profile.total
    assert any(
        name.startswith("UserEntry.system_call kernel/entry/userentry.py:") and count >= CALLS
        for name, count in lines.items()
    )
