"""The shell that `scripts/run` boots to."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pykasm.machine.initramfs import of_folder
from pykasm.machine.qemu import POWEROFF_STATUS
from pykasm.machine.session import Machine
from tests.boot.roots import shell_root

MakeMachine = Callable[..., Machine]

ASKED = r"\x1b\[6n"
"""The shell asks the terminal where its cursor is; nobody answers."""

INTERRUPT, SUSPEND, END, REDRAW = "\x03", "\x1a", "\x04", "\x0c"


SLOW = 200
"""Seconds for what takes some twenty on an idle host."""

RELAY = Path(__file__).with_name("relay.c")
"""Runs a command in a pseudo-terminal."""


class Shell:
    """A machine at the prompt of its shell."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.await_prompt()

    def await_prompt(self) -> str:
        """What is said before the next prompt."""
        return str(self.machine.expect(rf"(?s)(.*?)[~/]\S* [#$] (?:{ASKED})").group(1))

    def run(self, command: str) -> list[str]:
        """The lines that `command` prints."""
        self.machine.send_line(command)
        return self.await_prompt().replace("\r\n", "\n").split("\n")[1 + command.count("\r") : -1]

    def press(self, key: str) -> list[str]:
        """The lines that are shown after a key is pressed, with what the key itself shows."""
        self.machine.send(key)
        return self.await_prompt().replace("\r\n", "\n").split("\n")

    def start(self, command: str, sign: str) -> None:
        """Run a command that does not end, until it shows `sign`."""
        self.machine.send_line(command)
        self.machine.expect(rf"\n{sign}")


@pytest.fixture(scope="module")
def initrd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of what `scripts/rootfs` makes."""
    folder = tmp_path_factory.mktemp("root")
    made, root = folder / "initrd", shell_root(folder)
    if shutil.which("musl-gcc") is not None:
        subprocess.run(["musl-gcc", "-static", "-o", root / "bin" / "relay", RELAY], check=True)
    made.write_bytes(of_folder(root))
    return made


@pytest.fixture
def shell(machine: MakeMachine, initrd: Path) -> Shell:
    return Shell(machine(modules=(initrd,), smp=2))


def test_a_shell_runs_commands(shell: Shell) -> None:
    assert shell.run("echo one two") == ["one two"]
    assert shell.run("echo a b c | wc -w") == ["3"]
    assert shell.run("for i in 3 1 2; do echo $i; done | sort | head -2") == ["1", "2"]
    assert shell.run("echo $((6 * 7)) > /tmp/x; cat /tmp/x; cat < /tmp/x | cat") == ["42"] * 2
    assert shell.run("cat /tmp/none; echo $?") == [
        "cat: can't open '/tmp/none': No such file or directory",
        "1",
    ]
    assert shell.run("echo 'x y' | sed s/x/z/ | awk '{ print $2, $1 }'") == ["y z"]
    assert shell.run("(exit 3); echo $?; false || echo no") == ["3", "no"]
    assert shell.run("f() { echo $1-$2; }; f a $(echo b)") == ["a-b"]
    assert shell.run("cat /dev/zero | head -c 9 | wc -c") == ["9"]
    assert shell.run("cat <<END\rone\rtwo\rEND")[-2:] == ["one", "two"]
    assert shell.run("trap 'echo trapped' USR1; kill -USR1 $$") == ["trapped"]
    assert shell.run("hostname; tty; id -u") == ["pykasm", "/dev/console", "0"]


def test_commands_find_out_about_processes(shell: Shell) -> None:
    assert shell.run("sleep 1000 & pidof sleep | grep -c ^$!$") == ["1"]
    assert shell.run("ps | grep '[s]leep 1000' | awk '{ print $2, $3, $4 }'") == ["root sleep 1000"]
    assert shell.run("cat /proc/$!/comm; for i in exe cwd; do readlink /proc/$!/$i; done") == [
        *("sleep", "/bin/busybox", "/root"),
    ]
    assert shell.run("tr '\\0' : </proc/$!/cmdline; grep -c PATH= /proc/$!/environ") == [
        "sleep:1000:1"
    ]
    assert shell.run("kill $!; wait; pidof sleep; echo $?")[0] == "1"
    assert shell.run("free | grep -c ^Mem; grep ' /proc ' /proc/mounts; uptime | grep -c up") == [
        *("1", "proc /proc proc rw,relatime 0 0", "1"),
    ]


def test_a_pipe_of_20_processes(shell: Shell) -> None:
    shell.run("f() { cat | cat | cat | cat; }")
    assert shell.run("seq 1000 | f | f | f | f | cat | cat | tail -1") == ["1000"]


def test_jobs_go_to_the_background_and_back(shell: Shell) -> None:
    shell.start("(echo begun; cat)", "begun")
    assert shell.press(SUSPEND)[1:] == ["^Z[1]+  Stopped                    (echo begun; cat)", ""]
    assert shell.run("sleep 1000 &") == []
    assert shell.run("jobs") == [
        "[1]+  Stopped                    (echo begun; cat)",
        "[2]-  Running                    sleep 1000",
    ]
    shell.start("fg %1", r"\(echo begun; cat\)\r\n")
    shell.machine.send_line("typed")
    shell.machine.expect("typed\r\ntyped\r\n")
    shell.press(SUSPEND)
    assert shell.run("bg %1") == ["[1] (echo begun; cat)"]
    # it reads, which the background may not
    assert "[1]+  Stopped (tty input)        (echo begun; cat)" in shell.run("jobs; jobs")
    shell.start("fg %2", "sleep 1000")
    assert shell.press(INTERRUPT) == ["", "^C", ""]
    shell.start("fg %1", r"\(echo begun; cat\)\r\n")
    shell.press(END)
    assert shell.run("jobs") == []


def test_an_interrupt_ends_all_of_a_pipe(shell: Shell) -> None:
    # The last one says so: by then, the shell has begun all of them
    shell.start("sleep 1000 | cat | (echo begun >&2; sleep 1000)", "begun")
    shell.press(INTERRUPT)
    assert shell.run("echo $?") == ["130"]
    assert shell.run("jobs") == []


def test_the_background_writes_unless_the_terminal_stops_it(shell: Shell) -> None:
    assert shell.run("echo heard & wait")[0].strip() == "heard"
    assert shell.run("stty tostop; echo unheard & wait; jobs")[-1] == (
        "[1]+  Stopped (tty output)       echo unheard"
    )
    assert shell.run("stty -tostop; fg") == ["echo unheard", "unheard"]


def test_orphans_can_not_read_from_the_terminal(shell: Shell) -> None:
    """Nobody would let them go on (POSIX.1, 11.1.4)."""
    shell.run("cat >/tmp/o <<'END'\rexec 3<&0\r(sleep 1; cat <&3; echo $? >/tmp/e) &\rEND")
    shell.run("sh /tmp/o")
    said = shell.run("until [ -s /tmp/e ]; do sleep 1; done; cat /tmp/e")
    assert said == ["cat: read error: Input/output error", "1"]


def test_the_size_of_the_window_is_kept_and_told(shell: Shell) -> None:
    resize = "(trap 'echo resized' WINCH; stty rows 33 cols 100; stty size)"
    assert shell.run(resize) == ["resized", "33 100"]
    assert shell.run(resize) == ["33 100"]  # it is no other one


@pytest.mark.skipif(shutil.which("musl-gcc") is None, reason="musl-gcc is not installed")
def test_programs_use_all_of_the_screen(shell: Shell) -> None:
    shell.run("stty rows 25 cols 80; ls -l /bin >/tmp/list")
    for place in ("", "relay "):  # on the serial line, and in a pseudo-terminal
        shell.run("rm -f /tmp/text")
        shell.start(f"{place}vi /tmp/text", r".*100%")
        # Letters that come one by one are shown with moves of the cursor between; all is shown anew
        for keys, sign in (
            *(("i", "I /tmp/text"), ("hello\x1b", r"- /tmp/text.*100%")),
            (REDRAW, "hello"),
        ):
            shell.machine.send(keys)
            shell.machine.expect(sign)
        shell.press(":wq\r")
        assert shell.run("cat /tmp/text") == ["hello"]
        shell.start(f"{place}less /tmp/list", r"(?s:.*?)busybox")
        shell.press(" q")
        shell.start(f"{place}more /tmp/list", r"(?s:.*?)--More--")
        shell.press(" q")
        shell.start(f"{place}top", r"(?s:.*?)Mem:")
        shell.press("q")
        assert "-echo" in " ".join(shell.run(f"{place}sh -c 'stty -echo; stty -a; stty echo'"))
    assert shell.run("relay tty; relay stty size; relay false; echo $?") == [
        *("/dev/pts/0", "25 80", "1"),
    ]


def test_the_monitor_can_be_asked_for_and_left(shell: Shell) -> None:
    kernel = shell.machine
    shell.start("(echo begun; cat)", "begun")
    kernel.qmp("chardev-send-break", id="serial")
    kernel.expect_prompt()
    assert "busybox" in kernel.command("ls /bin").split()
    kernel.send_line("resume")
    kernel.send_line("typed")
    kernel.expect("typed\r\ntyped\r\n")
    kernel.key("alt-print-m")
    kernel.expect_prompt()
    assert kernel.command("") == ""
    kernel.send_line("resume")
    assert shell.press(INTERRUPT)[-2:] == ["^C", ""]


def test_64_mib_are_enough_for_files_of_any_size(machine: MakeMachine, initrd: Path) -> None:
    """What is read of a file, and of a hole in one, takes no memory that is not given back."""
    shell = Shell(machine(modules=(initrd,), smp=2, memory=64, lifetime=4 * SLOW))
    shell.run("head -c 24m /dev/zero >/tmp/full; free >/tmp/before")
    shell.machine.send_line("find / -xdev -type f | xargs cat >/dev/null; echo $?")
    shell.machine.expect("\n0\r\n", timeout=SLOW)
    shell.await_prompt()
    shell.machine.send_line("truncate -s 10G /tmp/s; dd if=/tmp/s of=/dev/null bs=1M; echo $?")
    shell.machine.expect("10240.0 records out\r\n0\r\n", timeout=SLOW)
    shell.await_prompt()
    shell.run("rm /tmp/s; free >/tmp/after")
    used = shell.run("awk '/^Mem/ { print $3 }' /tmp/before /tmp/after")
    assert abs(int(used[1]) - int(used[0])) < 1024


@pytest.mark.parametrize("command", ["poweroff", "exit"])
def test_the_machine_is_switched_off(shell: Shell, command: str) -> None:
    shell.machine.send_line(command)
    assert shell.machine.wait_exit() == POWEROFF_STATUS


@pytest.mark.parametrize("uefi", [False, True], ids=["BIOS", "UEFI"])
def test_a_shell_from_a_disc_starts_the_machine_again(
    machine: MakeMachine, initrd: Path, uefi: bool
) -> None:
    shell = Shell(machine(direct=False, uefi=uefi, modules=(initrd,), smp=2))
    assert shell.run("ls / | head -3") == ["bin", "dev", "etc"]
    shell.machine.send_line("reboot")
    assert shell.machine.wait_exit() == 0  # QEMU is told to end there
