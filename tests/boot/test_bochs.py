"""The ISO in Bochs, another emulator than QEMU, where that is installed (`scripts/setup bochs`).

What differs there, as far as the kernel is concerned:

- The board is a PC of 1996 with PCI ports and without a memory-mapped configuration space (ECAM),
  so that there is no MCFG table; the processors are found by the MADT as in QEMU.
- The time-stamp counter counts emulated instructions, at the `ips` of the configuration: it is
  invariant, and the clocks that measure it run by the same count.
- IA32_MCG_CAP (0x179), which CPUID promises, reads as 0 with a note in Bochs's log.
- Nothing ends the emulator from inside as QEMU's `isa-debug-exit` does: power goes off by ACPI.
- The text display knows no graphics modes of 32 bits, so that the menu has to leave the VGA in its
  text mode. Bochs's VGA shows framebuffers by the same registers as QEMU's, but has no PCI function
  of its own by default.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import termios
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from pexpect.fdpexpect import fdspawn

from pykasm.machine.images import Images

BIOS = Path("/usr/share/bochs/BIOS-bochs-latest")
VGA_BIOS = Path("/usr/share/vgabios/vgabios.bin")
PATIENCE = 120
"""Seconds; it runs some 50 million instructions in one."""

CONFIGURATION = """display_library: term
romimage: file={bios}
vgaromimage: file={vga_bios}
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path="{iso}", status=inserted
boot: cdrom
megs: 256
cpu: model=corei7_haswell_4770, count={processors}:1:1, ips=50000000
clock: sync=none, time0=utc
com1: enabled=1, mode=term, dev={line}
log: {log}
panic: action=fatal
speaker: enabled=0
"""
"""Bochs User Manual, 4.3 (bochsrc)."""

pytestmark = pytest.mark.skipif(
    not (shutil.which("bochs") and BIOS.exists() and VGA_BIOS.exists()),
    reason="Bochs is not installed: scripts/setup bochs",
)


class Bochs:
    """A running Bochs. Its display goes to a terminal that nobody looks at."""

    def __init__(self, iso: Path, folder: Path, processors: int) -> None:
        self._line, line = os.openpty()
        self._display, display = os.openpty()
        tty.setraw(line, termios.TCSANOW)
        configuration = folder / "bochsrc"
        configuration.write_text(
            CONFIGURATION.format(
                bios=BIOS,
                vga_bios=VGA_BIOS,
                iso=iso,
                processors=processors,
                line=os.ttyname(line),
                log=folder / "log",
            )
        )
        self._process = subprocess.Popen(
            ["bochs", "-q", "-f", configuration],
            stdin=display,
            stdout=display,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TERM": "xterm"},
            start_new_session=True,
        )
        os.close(display)
        threading.Thread(target=self._drain, daemon=True).start()
        os.write(self._display, b"c\n")  # for builds with a debugger, which waits
        self.serial = fdspawn(self._line, encoding="utf-8", timeout=PATIENCE)

    def _drain(self) -> None:
        try:
            while os.read(self._display, 1 << 16):
                pass
        except OSError:
            pass  # the other end is closed

    def command(self, line: str) -> str:
        """Give the monitor's prompt a command and return its output."""
        self.serial.send(f"{line}\r")
        self.serial.expect("pykasm> ")
        return str(self.serial.before).replace("\r\n", "\n").partition("\n")[2]

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


@pytest.fixture
def bochs(request: pytest.FixtureRequest, kernel_images: Images, tmp_path: Path) -> Iterator[Bochs]:
    """Bochs with as many processors as the test says, which has started the ISO."""
    made = Bochs(kernel_images.project.iso, tmp_path, request.param)
    try:
        made.serial.expect("pykasm> ")
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("bochs", [1, 2], indirect=True)
def test_the_iso_comes_to_the_prompt_and_passes_basics(
    bochs: Bochs, request: pytest.FixtureRequest
) -> None:
    assert "loader: GRUB " in str(bochs.serial.before)
    assert "tests: 1 passed, 0 failed" in bochs.command("test basics")
    assert "tests: 3 passed, 0 failed" in bochs.command("test pages")
    processors = request.node.callspec.params["bochs"]
    assert len(re.findall(r"^ +\d+ ", bochs.command("cpus"), re.MULTILINE)) == processors
    assert "by hpet" in bochs.command("time")
    assert "panic" not in bochs.command("dmesg")
