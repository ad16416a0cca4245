"""What `ioctl` does with virtual consoles."""

from __future__ import annotations

from kernel.console.cell import CONSOLES
from kernel.console.console import Console
from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.file import File
from kernel.process.jobcontrol import JobControl
from kernel.process.processes import Processes
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER
from kernel.sync.pollqueues import PollQueues
from kernel.terminal.consoleinput import ConsoleInput
from kernel.tty.terminal import is_hung_up
from kernel.tty.terminalcontrol import TerminalControl
from kernel.vm.usercopy import UserCopy
from kernel.vt.virtualconsole import VirtualConsole
from kernel.vt.virtualconsolelist import VirtualConsoleList
from kernel.vt.vtrequest import (
    KB_101,
    KD_TEXT,
    KeyboardMode,
    LinuxRequest,
    VtMode,
    VtRequest,
    VtState,
)
from pykasm import *

NONE_FREE = 0xFFFF_FFFF
"""What VT_OPENQRY stores where all are in use: -1."""


class VtControl(Subsystem):
    """Each method is what ioctl_console(2) tells of a request; what is not about consoles is done
    as with any terminal. Context: thread."""

    def __init__(
        self,
        control: TerminalControl,
        list: VirtualConsoleList,
        console: Console,
        input: ConsoleInput,
        processes: Processes,
        jobs: JobControl,
        queues: PollQueues,
        copy: UserCopy,
    ) -> None:
        self.others = control
        self.list = list
        self.console = console
        self.input = input
        self.processes = processes
        self.jobs = jobs
        self.queues = queues
        self.copy = copy

    @function(context="thread", sleeps=True)
    def control(self, file: Ptr[File], request: U32, argument: U64) -> OrErrno[I64]:
        """Do what a request says, as `ControlFile` says."""
        file, request, argument = scratch(file), scratch(request), scratch(argument)
        with if_(is_hung_up(file)):
            tail(self.others.control, file, request, argument)
        console = scratch(cast(file.private, Ptr[VirtualConsole]))
        place = cast(argument, User[U8])
        with switch(request):
            with case(VtRequest.KDGKBTYPE):
                tail(self._get_keyboard, place)
            with case(VtRequest.KDGETMODE):
                tail(self.others.store_number, place, KD_TEXT)
            with case(VtRequest.KDSETMODE):
                fail_if(argument != KD_TEXT, Errno.EINVAL)
                ret(0)
            with case(VtRequest.KDGKBMODE):
                tail(self.others.store_number, place, console.keyboard_mode)
            with case(VtRequest.KDSKBMODE):
                tail(self._set_keyboard_mode, console, u32(argument))
            with case(VtRequest.TIOCLINUX):
                tail(self._request_of_linux, place)
            with case(VtRequest.VT_OPENQRY):
                tail(self._find_free, place)
            with case(VtRequest.VT_GETMODE):
                tail(self._get_mode, place)
            with case(VtRequest.VT_SETMODE):
                tail(self._set_mode, place)
            with case(VtRequest.VT_GETSTATE):
                tail(self._get_state, place)
            with case(VtRequest.VT_ACTIVATE):
                tail(self._activate, console, argument)
            with case(VtRequest.VT_WAITACTIVE):
                tail(self._await_active, argument)
            with case(VtRequest.VT_DISALLOCATE):
                tail(self._disallocate, argument)
            with default():
                tail(self.others.request, file, request, argument)

    # The keyboard

    @function(context="thread", sleeps=True)
    def _get_keyboard(self, place: User[U8]) -> OrErrno[I64]:
        """Store what kind of keyboard there is, a byte."""
        kind = local(U8)
        mov(kind, KB_101)
        self.copy.copy_out_all(place, address_of(kind), sizeof(U8))
        ret(0)

    @function
    def _set_keyboard_mode(self, console: Ptr[VirtualConsole], mode: U32) -> OrErrno[I64]:
        """Set a `KeyboardMode`; there are no others."""
        fail_if((mode != KeyboardMode.K_XLATE) & (mode != KeyboardMode.K_UNICODE), Errno.EINVAL)
        mov(console.keyboard_mode, mode)
        ret(0)

    @function(context="thread", sleeps=True)
    def _request_of_linux(self, place: Fetched[User[U8]]) -> OrErrno[I64]:
        """Do what the byte at `place` says, a `LinuxRequest`."""
        request = local(U8)
        self.copy.copy_in_all(address_of(request), place, sizeof(U8))
        fail_if(request != LinuxRequest.GETFGCONSOLE, Errno.EINVAL)
        mov(eax, self.input.latest)
        dec(eax)
        ret(i64(rax))

    # How consoles are switched

    @function(context="thread", sleeps=True)
    def _get_mode(self, place: User[U8]) -> OrErrno[I64]:
        """Store how: without asking."""
        mode = local(VtMode)
        mov(u64(mode), 0)
        self.copy.copy_out_all(place, address_of(mode), sizeof(VtMode))
        ret(0)

    @function(context="thread", sleeps=True)
    def _set_mode(self, place: Fetched[User[U8]]) -> OrErrno[I64]:
        """Set how; nobody can be asked."""
        mode = local(VtMode)
        self.copy.copy_in_all(address_of(mode), place, sizeof(VtMode))
        fail_if(mode.mode != 0, Errno.EINVAL)
        ret(0)

    @function(context="thread")
    def _activate(self, console: Keep[Ptr[VirtualConsole]], number: Keep[U64]) -> OrErrno[I64]:
        """Put a console in front; 0 is that of the kernel. Only who has this terminal may, or who
        may configure all."""
        fail_if(number > CONSOLES, Errno.ENXIO)
        current = self.jobs.current()
        lea(rcx, console.job)
        with if_(u64(current) != rcx):
            task = scratch(self.processes.current())
            credentials = scratch(task.credentials)
            fail_if((credentials.effective & (1 << CapabilityBit.SYS_TTY_CONFIG)) == 0, Errno.EPERM)
        self.input.put_in_front(u32(number))
        ret(0)

    @function(context="thread", sleeps=True)
    def _await_active(self, number: Keep[U64]) -> OrErrno[I64]:
        """Wait until a console is in front and is seen."""
        noted = keep(U64)
        fail_if(number > CONSOLES, Errno.ENXIO)
        with loop():
            mov(noted, self.queues.note(self.list.switched))
            break_if(u32(number) == self.input.shown)
            waited = self.queues.wait(address_of(self.list.switched), noted, FOREVER, INTERRUPTIBLE)
            fail_if(waited != 0, Errno.ERESTARTSYS)
        ret(0)

    # Which consoles there are

    @function(context="thread", sleeps=True)
    def _get_state(self, place: User[U8]) -> OrErrno[I64]:
        """Store which one is in front, and which are in use."""
        state = local(VtState)
        console, bit = scratch(Ptr[VirtualConsole]), scratch(U32)
        mov(eax, self.input.foreground)
        mov(state.active, ax)
        mov(state.signal, 0)
        lea(console, self.list.consoles)
        mov(eax, 1)
        with for_(bit, 1, 1 + CONSOLES):
            with if_(console.files != 0):
                bts(eax, bit)
            add(console, sizeof(VirtualConsole))
        mov(state.state, ax)
        self.copy.copy_out_all(place, address_of(state), sizeof(VtState))
        ret(0)

    @function(context="thread", sleeps=True)
    def _find_free(self, place: User[U8]) -> OrErrno[I64]:
        """Store the number of a console that is not in use."""
        console, left = scratch(Ptr[VirtualConsole]), scratch(U32)
        lea(console, self.list.consoles)
        with for_(left, 0, CONSOLES):
            with if_(console.files == 0):
                tail(self.others.store_number, place, console.number)
            add(console, sizeof(VirtualConsole))
        tail(self.others.store_number, place, NONE_FREE)

    @function(context="thread")
    def _disallocate(self, number: Keep[U64]) -> OrErrno[I64]:
        """Forget what is on a console that is not in use, or on all of these for 0. Returns -EBUSY
        if it is in use, or in front."""
        console, left = keep(Ptr[VirtualConsole]), keep(U32)
        fail_if(number > CONSOLES, Errno.ENXIO)
        lea(console, self.list.consoles)
        with if_(number != 0):
            dec(number)
            point_at(console, self.list.consoles, number)
            fail_if(self._is_busy(console), Errno.EBUSY)
            self.console.start_screen(console.screen)
            ret(0)
        with for_(left, 0, CONSOLES):
            with if_(~self._is_busy(console)):
                self.console.start_screen(console.screen)
            add(console, sizeof(VirtualConsole))
        ret(0)

    @function
    def _is_busy(self, console: Ptr[VirtualConsole]) -> Bool:
        """Return whether a console is in use, or in front."""
        mov(eax, console.number)
        ret((console.files != 0) | (eax == self.input.foreground))
