"""Virtual consoles: what is typed on the keyboard and seen on the screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyte
import pytest

from pykasm.machine.initramfs import of_folder
from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.session import VGA_COLUMNS, VGA_ROWS
from tests.boot.roots import shell_root
from tests.boot.test_shell import Shell
from tests.boot.waiting import eventually
from tests.host.linuxscreen import LinuxScreen

KEYS = {
    " ": "spc",
    "/": "slash",
    "\n": "ret",
    "-": "minus",
    ".": "dot",
    "\x1b": "esc",
    ":": "shift-semicolon",
    ">": "shift-dot",
    ";": "semicolon",
    "!": "shift-1",
}
"""What types characters, by QEMU's names."""

PICTURE = (
    "\x1bc\x1b[1;31mred\x1b[0m \x1b[44mon blue\x1b[K\x1b[0m\r\n\x1b[7mreversed\x1b[27m\r\n"
    "\x1b[10;20HÄ─┼─\x1b[3D\x1b[1@<\x1b[5;15r\x1b[15;1H\n\nscrolled\x1b[r\x1b[2;4H\x1b[3X"
    "\x1b(0lqqk\x1b(B\x1b[25;78Hend of it\x1b[12;1H\x1b[4hinserted\x1b[4l\x1b[20;5H\x1b[1J"
)
"""A bit of all."""


class Typist:
    """Somebody at the keyboard, who looks at the screen."""

    def __init__(self, shell: Shell) -> None:
        self.shell, self.machine = shell, shell.machine

    def type(self, text: str) -> None:
        """Type characters one after the other."""
        self.machine.key(*(KEYS.get(character, character) for character in text))

    def await_screen(self, condition: Callable[[list[str]], bool]) -> list[str]:
        """Wait until the rows of the screen are as they should be, and return them."""
        eventually(self.machine, lambda: condition(self.machine.screen()))
        return self.machine.screen()

    def await_text(self, text: str) -> list[str]:
        """Wait until a row of the screen has `text`."""
        return self.await_screen(lambda rows: any(text in row for row in rows))

    def run(self, command: str, sign: str) -> list[str]:
        """Type a command, and wait until the screen has `sign` and a prompt below."""
        self.type(f"{command}\n")
        return self.await_screen(
            lambda rows: sign in rows and [row for row in rows if row][-1].endswith(("#", "$"))
        )


@pytest.fixture
def typist(machine: MakeMachine, tmp_path: Path) -> Typist:
    """At a machine with a shell on its serial line."""
    root = shell_root(tmp_path)
    (root / "root" / "picture").write_bytes(PICTURE.encode())
    (root / "root" / "numbers").write_text("".join(f"line {n}\n" for n in range(100)))
    archive = tmp_path / "initrd"
    archive.write_bytes(of_folder(root))
    return Typist(Shell(machine(modules=(archive,), smp=2)))


def test_people_work_on_virtual_consoles(typist: Typist) -> None:
    machine, shell = typist.machine, typist.shell
    machine.key("alt-f1")
    typist.await_text("Please press Enter to activate this console.")
    typist.type("\n")
    typist.await_screen(lambda rows: any(row.endswith("#") for row in rows))
    typist.run("clear; tty; stty size", "25 80")
    assert machine.screen()[:2] == ["/dev/tty1", "25 80"]
    assert machine.screen()[2].endswith("#")

    # Programs that use all of the screen
    typist.type("vi /tmp/text\n")
    typist.await_text("- /tmp/text")
    typist.type("ihello\n\nthere\x1b")
    typist.await_text("- /tmp/text [Modified] 3/3")  # what follows Escape at once belongs to it
    machine.key("up", "up", "shift-a")
    typist.await_text("I /tmp/text [Modified] 1/3")
    machine.key("shift-1", "esc")
    typist.await_screen(lambda rows: rows[0] == "hello!" and rows[-1].startswith("- "))
    typist.type(":wq\n")
    typist.await_screen(lambda rows: any(row.endswith("#") for row in rows))
    assert shell.run("cat /tmp/text") == ["hello!", "", "there"]
    typist.type("less numbers\n")
    typist.await_screen(lambda rows: rows[0] == "line 0")
    machine.key("pgdn")
    typist.await_screen(lambda rows: rows[0] == "line 24")
    typist.type("q")
    typist.type("top\n")
    typist.await_text("Mem:")
    typist.type("q")

    # Rows that have left the screen
    typist.run("clear; cat numbers", "line 99")
    machine.key("shift-pgup")
    typist.await_screen(lambda rows: "line 64" in rows and "line 99" not in rows)
    machine.key("shift-pgdn")
    typist.await_text("line 99")

    # Another console, with somebody else
    machine.key("alt-f2")
    typist.await_text("Please press Enter")
    typist.type("\n")
    typist.await_text("login:")
    typist.type("user\n")
    typist.await_screen(lambda rows: any(row.endswith("$") for row in rows))
    typist.run("clear; id -un; tty", "user")
    assert typist.machine.screen()[:2] == ["user", "/dev/tty2"]
    machine.key("ctrl-alt-f1")
    typist.await_text("line 99")
    machine.key("alt-f7")
    typist.await_text("This is a shell of busybox")

    # Programs switch consoles, too
    assert shell.run("openvt -c 5 -w sh -c 'tty >/tmp/name'; cat /tmp/name") == ["/dev/tty5"]
    said = shell.run("chvt 3; deallocvt 3; chvt 1")
    assert said == ["deallocvt: VT_DISALLOCATE: Device or resource busy"]
    typist.await_text("line 99")
    machine.key("alt-print-m")
    machine.expect_prompt()
    typist.await_text("pykasm>")
    machine.send_line("resume")
    typist.await_text("line 99")

    shell.machine.send_line("")
    shell.await_prompt()
    shows_what_pyte_shows(typist)


def shows_what_pyte_shows(typist: Typist) -> None:
    """Look at a screen with a bit of all."""
    screen = LinuxScreen(VGA_COLUMNS, VGA_ROWS)
    stream = pyte.Stream(screen)
    stream.use_utf8 = False
    stream.feed(PICTURE)
    cells = screen.cells()
    expected = [
        "".join(character for character, _ in cells[start : start + VGA_COLUMNS]).rstrip()
        for start in range(0, len(cells), VGA_COLUMNS)
    ]
    typist.shell.run("stty raw </dev/tty5; cat picture >/dev/tty5; chvt 5")
    typist.await_screen(partial(list.__eq__, expected))
    for row in range(VGA_ROWS):
        colours = bytes(colour for _, colour in cells[row * VGA_COLUMNS :][:VGA_COLUMNS])
        assert typist.machine.screen_attributes(row) == colours
