"""Programs of Debian, as they are: dynamic ones, interpreters, a compiler, stress."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pykasm.machine.initramfs import of_folder
from pykasm.machine.session import Machine
from tests.boot.roots import add_file, add_libraries, add_program, shell_root
from tests.boot.test_shell import Shell

MakeMachine = Callable[..., Machine]
Start = Callable[[Path], Shell]

PROGRAM = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

static __thread int own = 5;

static void *add(void *argument) {
    own += *(int *)argument;
    return (void *)(long)own;
}

int main(int count, char **words) {
    pthread_t thread;
    void *sum;
    char *memory = malloc(1 << 20);
    memory[1 << 19] = 1;
    if (pthread_create(&thread, 0, add, &count) || pthread_join(thread, &sum))
        return 1;
    printf("%s %d %ld %.2f %s\n", words[1], own, (long)sum, atof("2.5") / 2,
           getauxval(AT_BASE) ? "dynamic" : "static");
    return 0;
}
"""

KINDS = {
    "static-pie": ("gcc", "-static-pie", "static"),
    "musl": ("musl-gcc", "-pie", "dynamic"),
    "glibc": ("gcc", "-pie", "dynamic"),
    "glibc-no-pie": ("gcc", "-no-pie", "dynamic"),
}
"""How they are made, and what they say of themselves."""

SYSTEM_LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
NEEDED_BY_COMPILER = ("crt1.o", "crti.o", "crtn.o", "libc.so", "libc_nonshared.a")

MUSL_LOADER = Path("/lib/ld-musl-x86_64.so.1")

SCRIPT = """
import ctypes, json, os, select, socket, sqlite3, subprocess, sys, tempfile, threading, time
work = tempfile.mkdtemp()
with open(f"{work}/a", "w") as file:
    json.dump({"x": [1, 2.5, None]}, file)
with open(f"{work}/a") as file:
    assert json.load(file) == {"x": [1, 2.5, None]}
os.rename(f"{work}/a", f"{work}/b")
os.utime(f"{work}/b", (5, 6))
assert os.stat(f"{work}/b").st_mtime == 6 and os.listdir(work) == ["b"]
assert os.statvfs("/").f_namemax == 255
base = sqlite3.connect(f"{work}/base")
base.execute("create table t (n)")
base.executemany("insert into t values (?)", [(n,) for n in range(100)])
base.commit()
assert base.execute("select sum(n) from t").fetchone() == (4950,)
thread = threading.Thread(target=lambda: time.sleep(0.01))
thread.start(); thread.join()
assert subprocess.run(["sh", "-c", "exit 7"]).returncode == 7
ends = os.pipe()
os.write(ends[1], b"z")
assert select.select([ends[0]], [], [], 5) == ([ends[0]], [], [])
assert ctypes.CDLL(None).getpid() == os.getpid()
print("all", sys.version_info.major)
"""


@pytest.fixture
def start(machine: MakeMachine, tmp_path: Path) -> Start:
    """Starts a shell in a root."""

    def begin(root: Path) -> Shell:
        initrd = tmp_path / "initrd"
        initrd.write_bytes(of_folder(root))
        return Shell(machine(modules=(initrd,), smp=2, memory=1024))

    return begin


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_runs_however_it_is_linked(start: Start, tmp_path: Path, kind: str) -> None:
    compiler, option, said = KINDS[kind]
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    root = shell_root(tmp_path)
    source = tmp_path / "program.c"
    source.write_text(PROGRAM)
    program = root / "bin" / "program"
    subprocess.run([compiler, option, "-pthread", "-o", program, source], check=True)
    if compiler == "musl-gcc":
        add_file(root, MUSL_LOADER)
    else:
        add_libraries(root, program)
    assert start(root).run("program word") == [f"word 5 7 1.25 {said}"]


def test_commands_of_busybox_do_what_they_do_elsewhere(start: Start, tmp_path: Path) -> None:
    root = shell_root(tmp_path)
    text = "\n".join(f"{n * 7919 % 100} name{n % 7}" for n in range(40)) + "\n"
    (root / "root" / "text").write_text(text)
    place = tmp_path / "here"
    place.mkdir()
    (place / "text").write_text(text)
    commands = [
        "sort -n text | head -5",
        "sort -k2,2 -k1,1nr text | tail -3",
        "grep -c name3 text; grep -v name text; echo $?",
        "sed -n -e 's/name\\([0-6]\\)/\\1 &/' -e '3,6p' text",
        "awk '{ sum[$2] += $1 } END { for (n in sum) print n, sum[n] }' text | sort",
        "cut -d' ' -f2 text | sort | uniq -c",
        "tr a-z A-Z < text | od -c | head -2; md5sum text; wc text",
        "find . -name te\\* | xargs ls; seq 3 | tac; expr 6 \\* 7; printf '%05d\\n' 42",
        "tar cf t.tar text; tar tf t.tar; gzip -c text | gunzip | cmp - text; echo $?; rm t.tar",
    ]
    shell = start(root)
    for command in commands:
        here = subprocess.run(
            ["busybox", "sh", "-c", command],
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
            env=dict(os.environ, LC_ALL="C"),
        )
        shell.run(f"cat > c <<'END'\r{command}\rEND")
        assert shell.run("sh c; rm c") == (here.stdout + here.stderr).splitlines(), command


@pytest.fixture
def full(start: Start, tmp_path: Path) -> Shell:
    """A shell in the root with all programs that `scripts/rootfs` knows."""
    for program in ("bash", "lua5.4", "sqlite3", "/usr/bin/python3", "ps"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not here (`scripts/setup full` brings what can be had)")
    return start(shell_root(tmp_path, "--full"))


def test_programs_of_debian_are_at_home(full: Shell) -> None:
    script = "local t = {} for n = 1, 9 do t[n] = n * n end print(#t, table.concat(t, ' '))"
    full.run(f'echo "{script}" > s')
    assert full.run("lua5.4 s") == ["9\t1 4 9 16 25 36 49 64 81"]
    full.run("sqlite3 /tmp/base 'create table t (a, b); insert into t values (1, 2), (3, 4)'")
    assert full.run("sqlite3 /tmp/base 'select sum(a * b) from t'") == ["14"]
    full.run("cat > script.py <<'END'" + SCRIPT.replace("\n", "\r") + "END")
    assert full.run("python3 script.py") == ["all 3"]
    assert full.run("bash -c 'a=(x y z); echo ${a[-1]} ${#a[@]} $((6 ** 2))'") == ["z 3 36"]
    # With the path, as the shell has commands of these names itself
    assert full.run("/bin/ls --version | grep -c coreutils; /bin/ls -Q -d /bin") == ["1", '"/bin"']
    assert (
        full.run("sleep 1000 & /bin/ps -o pid=,comm= -p $! | grep -c ' sleep$'; kill $!")[0] == "1"
    )


def test_python_comes_first_where_that_is_wanted(machine: MakeMachine, tmp_path: Path) -> None:
    if not Path("/usr/bin/python3").exists():
        pytest.skip("Debian's python3 is not here")
    initrd = tmp_path / "initrd"
    initrd.write_bytes(of_folder(shell_root(tmp_path, "--python")))
    kernel = machine(modules=(initrd,), smp=2)
    kernel.expect(">>> ")
    kernel.send_line("import json, sys; json.dumps([6 * 7, sys.platform])")
    kernel.expect(r"""'\[42, "linux"\]'""")
    kernel.send_line("exit(3)")
    assert Shell(kernel).run("echo left") == ["left"]


def test_a_compiler_makes_programs_that_run(start: Start, tmp_path: Path) -> None:
    root = shell_root(tmp_path)
    add_program(root, "tcc")
    for name in NEEDED_BY_COMPILER:
        if not (SYSTEM_LIBRARIES / name).exists():
            pytest.skip(f"{name} is not here (Debian's package libc6-dev)")
        add_file(root, SYSTEM_LIBRARIES / name)
    for file in (SYSTEM_LIBRARIES / "tcc").rglob("*.[ah]"):
        add_file(root, file)
    for name in ("libc.so.6", "ld-linux-x86-64.so.2"):
        add_file(root, Path("/lib/x86_64-linux-gnu") / name)
    shell = start(root)
    lines = ["int putchar(int);", "int main() { putchar(54); putchar(10); return 3; }"]
    shell.run("cat > t.c <<'END'\r" + "\r".join(lines) + "\rEND")
    assert shell.run("tcc -o t t.c; ./t; echo $?") == ["6", "3"]
    assert shell.run("tcc -run t.c; echo $?") == ["6", "3"]


@pytest.mark.parametrize("stressor", ["cpu", "vm", "fork", "futex", "signal", "switch"])
def test_stress_is_survived(start: Start, tmp_path: Path, stressor: str) -> None:
    root = shell_root(tmp_path)
    add_program(root, "stress-ng")
    shell = start(root)
    options = {"vm": "--vm 2 --vm-bytes 32m", "signal": "--sigq 2"}
    said = shell.run(f"stress-ng {options.get(stressor, f'--{stressor} 2')} -t 2; echo $?")
    assert said[-1] == "0"
    assert not [line for line in said if "fail" in line or "error" in line]
    assert any("successful run completed" in line for line in said)
