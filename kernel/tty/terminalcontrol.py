"""What `ioctl` does with terminals."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.sync.mutex import Mutexes
from kernel.tty.terminal import Terminal
from kernel.tty.terminalrequest import TerminalRequest
from kernel.tty.termios import Termios
from kernel.tty.windowsize import WindowSize
from kernel.vm.usercopy import UserCopy
from pykasm import *


class TerminalControl(Subsystem):
    """Each method is what ioctl_tty(2) tells of a request. Context: thread."""

    def __init__(self, mutexes: Mutexes, copy: UserCopy) -> None:
        self.mutexes = mutexes
        self.copy = copy

    @function(context="thread", sleeps=True)
    def control(self, file: Ptr[File], request: U32, argument: U64) -> OrErrno[I64]:
        """Do what a request says, as `ControlFile` says."""
        terminal = scratch(cast(file.private, Ptr[Terminal]))
        with switch(request):
            with case(TerminalRequest.TCGETS):
                tail(self._get_modes, terminal, cast(argument, User[U8]))
            with case(TerminalRequest.TIOCGWINSZ):
                tail(self._get_size, terminal, cast(argument, User[U8]))
            with default():
                ret(-Errno.ENOTTY)

    @function(context="thread", sleeps=True)
    def _get_modes(self, terminal: Keep[Ptr[Terminal]], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the modes."""
        modes = local(Termios)
        with self.mutexes.held(terminal.lock):
            lea(rsi, terminal.modes)
            lea(rdi, modes)
            mov(ecx, sizeof(Termios))
            rep.movsb()
        ret(self._store(place, address_of(modes), sizeof(Termios)))

    @function(context="thread", sleeps=True)
    def _get_size(self, terminal: Keep[Ptr[Terminal]], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the size of the screen."""
        size = local(WindowSize)
        with self.mutexes.held(terminal.lock):
            mov(rax, u64(terminal.size))
            mov(u64(size), rax)
        ret(self._store(place, address_of(size), sizeof(WindowSize)))

    @function(context="thread", sleeps=True)
    def _store(self, place: User[U8], source: U64, length: U64) -> OrErrno[I64]:
        """Copy `length` bytes to the program's `place`."""
        result, left = self.copy.copy_out(place, source, length)
        ignore(left)
        movsxd(rax, result)
        ret(rax)
