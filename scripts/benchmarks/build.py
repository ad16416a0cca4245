"""Building: from nothing, and after a change of one line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from scripts.benchmarks.figure import Figure, spread, timed

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("kernel", "grub", "pyproject.toml")
TOUCHED = Path("kernel/monitor/prompt.py")
FROM_NOTHING, ONE_LINE = 4.0, 1.0
"""Targets in seconds."""

ROUNDS = 7
STAGE = re.compile(r"^(\w+)\s+([\d,]+)\b", re.MULTILINE)


def figures() -> Iterator[Figure]:
    """Both builds, and the stages of each."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        for part in PARTS:
            _copy(ROOT / part, project / part)
        yield from _measured(project, "build from nothing", FROM_NOTHING, _forget)
        yield from _measured(project, "build after one line", ONE_LINE, _touch)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)


def _forget(project: Path, turn: int) -> None:
    shutil.rmtree(project / "build", ignore_errors=True)


def _touch(project: Path, turn: int) -> None:
    """Change the prompt: one line, another ISO."""
    file = project / TOUCHED
    text = file.read_text()
    file.write_text(re.sub(r'PROMPT = "[^"]*"', f'PROMPT = "pykasm{turn}> "', text))
    time.sleep(1.1)  # Python tells compiled files from changed ones by whole seconds


def _measured(
    project: Path, name: str, target: float, prepare: Callable[[Path, int], None]
) -> Iterator[Figure]:
    times: list[float] = []
    to_iso: list[float] = []
    stages: dict[str, list[float]] = {}
    for turn in range(ROUNDS):
        prepare(project, turn)
        output, taken = timed(_build, project)
        times.append(taken)
        for stage, milliseconds in STAGE.findall(output.partition("\nall")[0]):
            stages.setdefault(stage, []).append(float(milliseconds.replace(",", "")))
        to_iso.append(taken - stages["listing"][-1] / 1000)
    met = median(to_iso) < target
    yield Figure(f"{name}, to the ISO", spread(to_iso, "s"), f"under {target:.0f} s", met)
    yield Figure(f"{name}, with the listing", spread(times, "s"))
    for stage, values in stages.items():
        if len(values) == ROUNDS:
            yield Figure(f"  {stage}", spread(values, "ms", 0))


def _build(project: Path) -> str:
    """Build as people do, whose Python keeps compiled files; what it prints."""
    command = [sys.executable, "-m", "pykasm", "build"]
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(project / "compiled")}
    done = subprocess.run(
        command,
        cwd=project,
        env={**os.environ, **compiled},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout
