"""All commands of busybox: the same program does here what it does on the host."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path

from pykasm.machine.initramfs import of_folder
from pykasm.machine.session import Machine
from tests.boot.applets import PATTERNS, SCRIPTS, TEXT
from tests.boot.roots import shell_root
from tests.boot.test_shell import Shell

MakeMachine = Callable[..., Machine]

RUNNER = """\
for script in $1/*; do
    name=${script##*/}
    mkdir "$2/$name"; cd "$2/$name"; cp ../text .
    sh "$script" >../said 2>&1 </dev/null
    echo "<<<$name $?"; cat ../said; echo; echo ">>>"
    cd ..; rm -rf "$name" said
done
echo "<<<"end">>>"
"""
"""Runs all scripts of a folder, each in a folder of its own under another one."""

SAID = re.compile(r"^<<<(\S+) (\d+)\n(.*?)\n>>>$", re.MULTILINE | re.DOTALL)

PATIENCE = 300
"""Seconds for all of them on a busy host; alone, they take twenty."""

SYSTEM = Path("/dev/shm")
"""Where folders are in memory, as they are here."""

Outcome = tuple[int, str]


def write(folder: Path, texts: dict[str, str]) -> None:
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(textwrap.dedent(text).strip() + "\n")


def outcomes(said: str) -> dict[str, Outcome]:
    """Exit status and output, by the names of scripts; other names of the program, and process
    numbers, are made alike."""
    return {name: (int(status), alike(text)) for name, status, text in SAID.findall(said)}


def alike(text: str) -> str:
    return re.sub(r"\S*/(bin|scripts)/", r"\1/", re.sub(r"\bpid \d+", "pid", text))


def at_the_host(root: Path, folder: Path) -> dict[str, Outcome]:
    """What busybox does here, under the same names as in `root`."""
    with tempfile.TemporaryDirectory(dir=SYSTEM if SYSTEM.is_dir() else folder) as work:
        (Path(work) / "text").write_text(TEXT)
        done = subprocess.run(
            [root / "bin" / "sh", folder / "runner", root / "scripts", work],
            env={"PATH": str(root / "bin"), "HOME": "/root", "TERM": "linux"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=PATIENCE,
        )
    return outcomes(done.stdout)


def test_commands_do_what_they_do_on_the_host(machine: MakeMachine, tmp_path: Path) -> None:
    root = shell_root(tmp_path)
    write(root / "scripts", {script.stem: script.read_text() for script in SCRIPTS})
    write(root / "patterns", {name.split()[0]: script for name, (script, _) in PATTERNS.items()})
    (tmp_path / "runner").write_text(RUNNER)
    here = at_the_host(root, tmp_path)
    assert here.keys() == {script.stem for script in SCRIPTS}
    shutil.copy(tmp_path / "runner", root / "runner")
    (root / "text").write_text(TEXT)
    initrd = tmp_path / "initrd"
    initrd.write_bytes(of_folder(root))
    kernel = machine(modules=(initrd,), smp=2, lifetime=2 * PATIENCE)
    shell = Shell(kernel)
    shell.run("mount -t tmpfs work /mnt; cp /text /mnt")
    there = run_all(kernel, "scripts")
    assert not {
        name: (one, there.get(name)) for name, one in here.items() if one != there.get(name)
    }
    shell.await_prompt()
    printed = run_all(kernel, "patterns")
    assert not {
        names: printed.get(names.split()[0])
        for names, (_, pattern) in PATTERNS.items()
        if re.fullmatch(pattern, printed[names.split()[0]][1]) is None
    }


def run_all(kernel: Machine, folder: str) -> dict[str, Outcome]:
    """What the scripts of a folder do on the kernel."""
    kernel.send_line(f"sh /runner /{folder} /mnt")
    said = kernel.expect("(?s)(.*)<<<end>>>", timeout=PATIENCE).group(1)
    return outcomes(said.replace("\r\n", "\n"))
