"""The virtual consoles that there are."""

from __future__ import annotations

from typing import NoReturn

from kernel.console.cell import CONSOLES
from kernel.console.console import Console
from kernel.console.screen import TextScreen
from kernel.console.screenstate import Screen
from kernel.debug.panic import Panic
from kernel.errno import Errno
from kernel.fs.characterdevices import MINOR_BITS, CharacterDriver, device
from kernel.fs.file import File, FileOperations
from kernel.fs.inode import Inode
from kernel.process.session import ControllingTerminal
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import ANYTHING
from kernel.sync.pollqueues import PollQueues
from kernel.terminal.consoleinput import SAME, ConsoleInput
from kernel.threads.threads import Threads
from kernel.tty.lineinput import LineInput
from kernel.tty.terminal import TerminalDriver
from kernel.tty.terminalfiles import TerminalFiles
from kernel.tty.terminaltyping import TerminalTyping
from kernel.tty.termios import InputMode, Termios2, first_termios
from kernel.vt.virtualconsole import VirtualConsole
from kernel.vt.virtualconsolelist import VirtualConsoleList
from kernel.vt.virtualdriver import VirtualDriver
from kernel.vt.vtcontrol import VtControl
from kernel.vt.vtrequest import KeyboardMode
from pykasm import *

MAJOR = 4
"""The driver's number (Documentation/admin-guide/devices.txt)."""
MAJOR_SHIFT = 8
"""Where a device number as programs see it has the driver's (makedev(3))."""


class VirtualConsoles(CharacterDriver):
    """`/dev/tty1` and the others, and `/dev/tty0` for the one in front. A thread of its own hands
    them what is typed, and shows their screens. Context: thread."""

    def __init__(
        self,
        console: Console,
        screens: TextScreen,
        keys: ConsoleInput,
        list: VirtualConsoleList,
        output: VirtualDriver,
        control: VtControl,
        typing: TerminalTyping,
        input: LineInput,
        files: TerminalFiles,
        queues: PollQueues,
        mutexes: Mutexes,
        threads: Threads,
        panic: Panic,
    ) -> None:
        self.console = console
        self.screens = screens
        self.keys = keys
        self.typing = typing
        self.input = input
        self.files = files
        self.queues = queues
        self.mutexes = mutexes
        self.threads = threads
        self.panic = panic
        self.consoles, self.switched = list.consoles, list.switched
        self.driver = rodata(
            TerminalDriver,
            TerminalDriver(
                room=output.room,
                send=output.send,
                open=output.open,
                close=output.close,
                free=output.free,
            ),
        )
        self.modes = rodata(
            Termios2, first_termios(input=InputMode.ICRNL | InputMode.IXON | InputMode.IUTF8)
        )
        self.operations = rodata(FileOperations, files.table(self.open, control.control))
        self.devices = [
            device(MAJOR, number, address_of(self.operations), f"tty{number}", 0o600)
            for number in range(1 + CONSOLES)
        ]

    # Starting

    @function(context="thread", sleeps=True)
    def start(self) -> None:
        """Make them, and start the thread. Context: the thread that starts the kernel."""
        number, console = keep(U32), keep(Ptr[VirtualConsole])
        lea(console, self.consoles)
        with for_(number, 0, CONSOLES):
            mov(console.number, number)
            inc(console.number)
            self._begin(console)
            add(console, sizeof(VirtualConsole))
        thread = self.threads.create(
            text("virtual consoles"), address_of(self.run), 0, BOOT_PRIORITY
        )
        with if_(thread == 0):
            self.panic.stop(text("no memory is left for the thread of the virtual consoles"))
        self.threads.detach(thread)

    @function(context="thread", sleeps=True)
    def _begin(self, console: Keep[Ptr[VirtualConsole]]) -> None:
        """Begin with a console that has its number."""
        lea(rax, self.driver)
        mov(console.driver, rax)
        mov(console.keyboard_mode, KeyboardMode.K_UNICODE)
        mov(eax, console.number)
        or_(eax, MAJOR << MAJOR_SHIFT)
        mov(console.job.device, eax)
        console.job.references.start()
        screen = scratch(Ptr[Screen])
        mov(eax, console.number)
        point_at(screen, self.screens.screens, rax)
        mov(console.screen, screen)
        self.console.start_screen(screen)
        with self.mutexes.held(console.lock):
            lea(rsi, self.modes)
            lea(rdi, console.modes)
            mov(ecx, sizeof(Termios2))
            rep.movsb()
            mov(eax, self.screens.rows)
            mov(console.size.rows, ax)
            mov(eax, self.screens.columns)
            mov(console.size.columns, ax)
            self.input.find_specials(console)

    # The thread

    @function(context="thread", sleeps=True)
    def run(self, argument: U64) -> NoReturn:
        """Hand on what is typed, and show what is to be seen, for ever."""
        byte = local(U8)
        with loop():
            number = self.keys.read(address_of(byte))
            with if_(number == 0):
                self._show()
            with else_():
                console = scratch(Ptr[VirtualConsole])
                dec(number)
                point_at(console, self.consoles, rax)
                taken = self.typing.type(console, address_of(byte), 1)
                ignore(taken, "what is typed where nobody reads is lost")
        never()

    @function(context="thread", sleeps=True)
    def _show(self) -> None:
        """Show what is to be seen, and tell who waits for it."""
        number, halves = self.keys.take_change()
        back = keep(halves)
        with if_(number != SAME):
            self.console.show(number)
        mov(eax, self.screens.rows)
        shr(eax, 1)
        imul(u32(back), eax)
        self.console.scroll_back(back)
        tail(self.queues.announce, address_of(self.switched), ANYTHING)

    # Files

    @function(context="thread")
    def open(self, inode: Ptr[Inode], file: Keep[Ptr[File]]) -> OrErrno[I32]:
        """Make `file` one of a console, as `OpenFile` says, which may become that of the session;
        or of the one in front, which does not. Returns 0; -ENXIO, -EBUSY."""
        console, number = scratch(Ptr[VirtualConsole]), scratch(U32)
        mov(number, u32(inode.device))
        and_(number, (1 << MINOR_BITS) - 1)
        fail_if(number > CONSOLES, Errno.ENXIO)
        with if_(number == 0):
            mov(number, self.keys.latest)
            dec(number)
            point_at(console, self.consoles, u64(number))
            tail(self.files.open, file, self._gain(console))
        dec(number)
        point_at(console, self.consoles, u64(number))
        tail(self.files.open_first, file, self._gain(console))

    @function
    def _gain(self, console: Ptr[VirtualConsole]) -> Owned[Ptr[ControllingTerminal]]:
        """Return a reference to a console."""
        job = scratch(address_of(console.job))
        job.references.gain()
        ret(job)
