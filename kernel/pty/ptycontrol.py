"""What programs ask of the masters of pseudo-terminals."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.fs.path import Path
from kernel.fs.paths import Paths
from kernel.process.filecalls import FileCalls
from kernel.process.jobcontrol import JobControl
from kernel.process.processes import Processes
from kernel.pty.pseudoterminal import PseudoTerminal
from kernel.pty.ptydriver import PtyDriver
from kernel.pty.ptymounts import PtyMounts
from kernel.signals.signalnumber import Signal
from kernel.sync.mutex import Mutexes
from kernel.tty.terminalcontrol import TerminalControl
from kernel.tty.terminalrequest import TerminalRequest
from pykasm import *

PEER_FLAGS = (
    OpenFlag.WRITE_ONLY
    | OpenFlag.READ_WRITE
    | OpenFlag.NO_TERMINAL
    | OpenFlag.NONBLOCK
    | OpenFlag.CLOSE_ON_EXEC
)
"""By which TIOCGPTPEER opens the slave; others say nothing to terminals."""


class PtyControl(Subsystem):
    """Each method is what ioctl_tty(2) tells of a request for a master; what is not about the
    master itself is done with its slave. Context: thread."""

    def __init__(
        self,
        driver: PtyDriver,
        mounts: PtyMounts,
        control: TerminalControl,
        files: Files,
        paths: Paths,
        numbers: FileCalls,
        processes: Processes,
        jobs: JobControl,
        mutexes: Mutexes,
    ) -> None:
        self.driver = driver
        self.mounts = mounts
        self.others = control
        self.files = files
        self.paths = paths
        self.numbers = numbers
        self.processes = processes
        self.jobs = jobs
        self.mutexes = mutexes

    @function(context="thread", sleeps=True)
    def control(self, file: Ptr[File], request: U32, argument: U64) -> OrErrno[I64]:
        """Do what a request says, as `ControlFile` says."""
        pty = scratch(cast(file.private, Ptr[PseudoTerminal]))
        place = cast(argument, User[U8])
        with switch(request):
            with case(TerminalRequest.TIOCGPTN):
                tail(self.others.store_number, place, pty.number)
            with case(TerminalRequest.TIOCSPTLCK):
                tail(self._set_locked, pty, place)
            with case(TerminalRequest.TIOCGPTLCK):
                tail(self.others.store_number, place, pty.is_locked)
            with case(TerminalRequest.TIOCGPTPEER):
                tail(self._open_slave, file, u32(argument))
            with case(TerminalRequest.TIOCPKT):
                tail(self._set_packets, pty, place)
            with case(TerminalRequest.TIOCGPKT):
                tail(self.others.store_number, place, pty.in_packets)
            with case(TerminalRequest.TIOCSIG):
                tail(self._signal, pty, u32(argument))
            with case(TerminalRequest.FIONREAD):
                tail(self._count, pty, place)
            with case(TerminalRequest.TIOCGPGRP):
                tail(self._get_foreground, pty, place)
            with case(TerminalRequest.TIOCGSID):
                tail(self._get_session, pty, place)
            with default():
                tail(self.others.request, file, request, argument)

    @function(context="thread", sleeps=True)
    def _set_locked(self, pty: Keep[Ptr[PseudoTerminal]], place: Fetched[User[U8]]) -> OrErrno[I64]:
        """Lock the slave, unless the number at `place` is 0."""
        number = try_(self.others.fetch_number(place))
        xor(ecx, ecx)
        with if_(number != 0):
            inc(ecx)
        mov(pty.is_locked, ecx)
        ret(0)

    @function(context="thread", sleeps=True)
    def _set_packets(
        self, pty: Keep[Ptr[PseudoTerminal]], place: Fetched[User[U8]]
    ) -> OrErrno[I64]:
        """Have reads tell of changes from now on, unless the number at `place` is 0."""
        number = try_(self.others.fetch_number(place))
        with if_(number == 0):
            mov(pty.in_packets, 0)
            ret(0)
        with self.mutexes.held(pty.lock), if_(pty.in_packets == 0):
            mov(pty.changes, 0)
            mov(pty.in_packets, 1)
        ret(0)

    @function(context="thread", sleeps=True)
    def _open_slave(self, file: Keep[Ptr[File]], flags: Keep[U32]) -> OrErrno[I64]:
        """Open the slave by `flags`, wherever its name can be seen, and return its number."""
        path, result = local(Path), keep(I64)
        mount = keep(try_(self.mounts.find(file), Errno.ENODEV))
        pty = scratch(cast(file.private, Ptr[PseudoTerminal]))
        name = scratch(pty.name)
        asserts(name != 0)  # as long as the master is open
        mov(rax, pty.superblock)
        xor(rax, mount.superblock)
        name.references.gain()
        mov(path.dentry, name)
        mov(path.mount, mount)
        mov(result, -Errno.ENODEV)
        with if_(rax == 0):
            mov(result, self.numbers.reserve(flags))
            with if_(result >= 0):
                mov(result, self._open_as(address_of(path), flags, result))
        self.paths.drop(address_of(path))
        ret(result)

    @function(context="thread", sleeps=True)
    def _open_as(self, path: Ptr[Path], flags: U32, number: Keep[I64]) -> OrErrno[I64]:
        """Open what is at `path` as the reserved `number`. Returns that, or an error."""
        path, flags = scratch(path), scratch(flags)
        and_(flags, PEER_FLAGS)
        task = self.processes.current()
        failed, opened = self.files.open(path, flags, task.credentials)
        with if_(opened == 0):
            movsxd(rsi, failed)
            tail(self.numbers.release, number, i64(rsi))
        ignore(failed, "it is open")
        tail(self.numbers.enter, number, opened)

    # Jobs

    @function(context="thread", sleeps=True)
    def _signal(self, pty: Ptr[PseudoTerminal], number: U32) -> OrErrno[I64]:
        """Send a signal to the foreground, one of those that can be typed."""
        fail_if(
            (number != Signal.SIGINT) & (number != Signal.SIGQUIT) & (number != Signal.SIGTSTP),
            Errno.EINVAL,
        )
        self.jobs.send(address_of(pty.job), number)
        ret(0)

    @function(context="thread", sleeps=True)
    def _get_foreground(self, pty: Ptr[PseudoTerminal], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the number of the foreground group, 0 if there is none."""
        number = try_(self.jobs.foreground(address_of(pty.job)))
        tail(self.others.store_number, place, u32(number))

    @function(context="thread", sleeps=True)
    def _get_session(self, pty: Ptr[PseudoTerminal], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the number of the session."""
        number = try_(self.jobs.session(address_of(pty.job)))
        tail(self.others.store_number, place, u32(number))

    @function(context="thread", sleeps=True)
    def _count(self, pty: Ptr[PseudoTerminal], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store how many bytes can be read."""
        number = self.driver.count(pty)
        tail(self.others.store_number, place, number)
