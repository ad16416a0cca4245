"""Programs of an initramfs: loaded, run, and how they end."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from pykasm.machine.session import Machine
from tests.cpio import archive, directory, file
from tests.elf import BASE, READ, WRITE, Segment, code, program

MakeMachine = Callable[..., Machine]

TEXT, DATA = BASE + 0x400, BASE + 0x3800
EXIT = ("mov eax, 231", "syscall", "ud2")
MUTANTS = 200

SUM = program(
    Segment(TEXT, code(f"mov ecx, {DATA}", "mov edi, [rcx]", "add edi, [rcx + 4]", *EXIT)),
    Segment(DATA, (30).to_bytes(4, "little"), READ | WRITE, zeros=0x2000),
    entry=TEXT,
)
"""Exits with the sum of a word in the file and one behind it, which is 0."""

ARGUMENTS = program(
    Segment(TEXT, code("mov edi, [rsp]", "mov rax, [rsp+16]", "add dil, [rax]", *EXIT)),
    entry=TEXT,
)
"""Exits with the number of arguments and the first character of the second one."""

CONSTANT = program(
    Segment(TEXT, code(f"mov ecx, {TEXT}", "mov dword ptr [rcx], 1", *EXIT)),
    entry=TEXT,
)
"""Writes to its own code."""

FAR = program(
    Segment(TEXT, code(f"mov ecx, {DATA + 0x9000}", "mov eax, [rcx]", *EXIT)),
    Segment(DATA, b"data", READ | WRITE, zeros=0x2000),
    entry=TEXT,
)
"""Reads behind its end."""


def started(machine: MakeMachine, folder: Path, **programs: bytes) -> Machine:
    """A machine with these programs in `/bin`."""
    initrd = folder / "initrd"
    files = [file(f"bin/{name}", contents, 0o755) for name, contents in programs.items()]
    initrd.write_bytes(archive([directory("bin"), *files]))
    kernel = machine(modules=(initrd,), smp=2)
    kernel.expect_prompt()
    return kernel


def test_programs_run(machine: MakeMachine, tmp_path: Path) -> None:
    kernel = started(
        *(machine, tmp_path), sum=SUM, arguments=ARGUMENTS, constant=CONSTANT, far=FAR, text=b"text"
    )
    assert kernel.command("run /bin/sum") == "/bin/sum[1]: exit status 30"
    assert kernel.command("run /bin/arguments 7") == "/bin/arguments[2]: exit status 57"
    assert kernel.command("run /bin/arguments +x") == "/bin/arguments[3]: exit status 45"
    assert kernel.command("run /bin/constant") == "/bin/constant[4]: ended by signal 11"
    assert kernel.command("run /bin/far") == "/bin/far[5]: ended by signal 11"
    assert kernel.command("run /bin/text") == "/bin/text: error 8"
    assert kernel.command("run /bin") == "/bin: error 8"
    assert kernel.command("run /bin/none") == "/bin/none: error 2"


def mutant(number: int) -> bytes:
    """SUM with some bytes of its headers changed."""
    random, image = Random(number), bytearray(SUM)
    for _ in range(random.randint(1, 4)):
        image[random.randrange(0x40 + 2 * 56)] = random.choice((0, 1, 0x7F, 0x80, 0xFF))
    return bytes(image[: random.choice((None, random.randrange(len(image))))])


def test_damaged_programs_do_no_harm(machine: MakeMachine, tmp_path: Path) -> None:
    names = [f"m{number}" for number in range(MUTANTS)]
    kernel = started(
        machine, tmp_path, **{name: mutant(number) for number, name in enumerate(names)}, sum=SUM
    )
    for name in names:
        answer = kernel.command(f"run /bin/{name}")
        assert answer.startswith(f"/bin/{name}"), (name, answer)
    assert kernel.command("run /bin/sum").endswith("exit status 30")


@pytest.mark.skipif(shutil.which("musl-gcc") is None, reason="musl-gcc is not installed")
def test_a_program_in_c_runs(machine: MakeMachine, tmp_path: Path) -> None:
    source, made = tmp_path / "count.c", tmp_path / "count"
    source.write_text("int main(int count, char **words) { return count * 10 + *words[1] - '0'; }")
    subprocess.run(["musl-gcc", "-static", "-o", made, source], check=True)
    kernel = started(machine, tmp_path, count=made.read_bytes())
    assert kernel.command("run /bin/count 7") == "/bin/count[1]: exit status 27"
