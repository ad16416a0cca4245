"""What several unit tests share."""

import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small kernel made by GNU as (`tiny.S`), for trying the machine without our own."""
    folder = tmp_path_factory.mktemp("tiny")
    source = Path(__file__).with_name("tiny.S")
    subprocess.run(["as", "--64", "-g", "-o", "tiny.o", source], cwd=folder, check=True)
    link = ["ld", "-m", "elf_x86_64", "--no-warn-rwx-segments", "-Ttext=0x100000", "-e", "start"]
    subprocess.run([*link, "-o", "tiny.elf", "tiny.o"], cwd=folder, check=True)
    return folder / "tiny.elf"
