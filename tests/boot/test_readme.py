"""What the README promises of one's own programs."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pykasm.machine.initramfs import of_program
from pykasm.machine.session import Machine

README = Path(__file__).parents[2] / "README.md"


def test_the_program_of_the_readme_says_what_is_printed_there(
    machine: Callable[..., Machine], tmp_path: Path
) -> None:
    if shutil.which("musl-gcc") is None:
        pytest.skip("musl-gcc is not installed (the package musl-tools)")
    text = README.read_text(encoding="utf-8").partition("## Your own programs")[2]
    commands, program, said = re.findall(r"```(?:sh|c|text)\n(.*?)```", text, re.DOTALL)[:3]
    compiling, running = map(shlex.split, commands.splitlines())
    (tmp_path / "hello.c").write_text(program)
    subprocess.run(compiling, cwd=tmp_path, check=True)
    contents, name = of_program(tmp_path / running[running.index("--program") + 1])
    words = running[running.index("--program") + 2 :]
    (tmp_path / "initrd").write_bytes(contents)
    line = f"init={name} -- " + " ".join(f'"{word}"' if " " in word else word for word in words)
    kernel = machine(modules=(tmp_path / "initrd",), command_line=line)
    assert kernel.expect_prompt().endswith(said.removesuffix("pykasm>\n"))
