"""Sockets that nobody can come to any more."""

from __future__ import annotations

from enum import IntEnum

from kernel.fs.file import File
from kernel.net.inflight import InFlight
from kernel.net.passedfiles import PassedFiles
from kernel.net.socketbuffer import SocketBuffer
from kernel.net.unixsocket import FlightMark, UnixSocket
from kernel.structures.list import ListHead
from kernel.sync.mutex import Mutexes
from pykasm import *


class QueueVisit(IntEnum):
    """What is done with candidates whose files are in a queue."""

    COUNT = 0
    """Count one way to them less that comes from outside."""
    FOLLOW = 1
    """Mark them: whoever has the queue comes to them."""


class UnixGarbage(Subsystem):
    """Finds them: all references to their files are on the way to sockets of the same sort, so no
    count comes to 0. Marks what can be come to, as collectors of memory do.

    A candidate is a socket whose file has no reference but those that are on their way. Nobody
    receives from one, as who does has a reference: so what is in its queue stays there, but for
    what comes behind it. Other references to its file come from a queue alone, by `InFlight`, whose
    lock is held here. Context: thread.
    """

    marked = bss(OrNull[Ptr[UnixSocket]], guarded_by="InFlight.lock")
    """Those that are still to be looked at."""

    def __init__(self, in_flight: InFlight, mutexes: Mutexes) -> None:
        self.in_flight = in_flight
        self.mutexes = mutexes

    @function(context="thread", sleeps=True)
    def find(self, found: Keep[Ptr[ListHead]]) -> None:
        """Take what such sockets have in their queues out of these, and put it into the list
        `found`, of `PassedFiles`: who closes them breaks all circles."""
        # The lock is held throughout: nothing comes on its way, or from there, while ways are
        # counted
        with self.mutexes.held(self.in_flight.lock), if_(self.in_flight.socket_count != 0):
            self._choose()
            self._count()
            self._mark()
            self._choose_unmarked()
            self._take_all(found)

    @function(holds="InFlight.lock")
    def _choose(self) -> None:
        """Choose the candidates."""
        with self.in_flight.sockets.each(UnixSocket, "flight") as socket:
            file = scratch(socket.file)
            asserts(file != 0)  # it is on its way
            mov(eax, file.references.count)
            mov(rcx, socket.flights)
            mov(socket.outside, rcx)
            mov(socket.mark, FlightMark.NONE)
            with if_(rax == rcx):
                # Each reference to its file is one on the way: nobody has it open
                mov(socket.mark, FlightMark.CANDIDATE)
            release(file)

    @function(holds="InFlight.lock")
    def _count(self) -> None:
        """Count how many ways to each candidate don't begin at one."""
        with (
            self.in_flight.sockets.each(UnixSocket, "flight") as socket,
            if_(socket.mark == FlightMark.CANDIDATE),
        ):
            self._visit(socket, QueueVisit.COUNT)

    @function(holds="InFlight.lock")
    def _mark(self) -> None:
        """Mark candidates that others can come to, and those that can be come to from these."""
        with (
            self.in_flight.sockets.each(UnixSocket, "flight") as socket,
            if_((socket.mark == FlightMark.CANDIDATE) & (socket.outside != 0)),
        ):
            # A list, not recursion: sockets may be on the way in each other as deep as somebody
            # likes
            self._push(socket)
            self._follow()

    @function(holds="InFlight.lock")
    def _push(self, socket: Ptr[UnixSocket]) -> None:
        """Mark `socket`, which is to be looked at."""
        mov(socket.mark, FlightMark.REACHABLE)
        mov(rax, self.marked)
        mov(socket.next_marked, cast(rax, OrNull[Ptr[UnixSocket]]))
        mov(self.marked, socket)

    @function(holds="InFlight.lock")
    def _pop(self) -> OrNull[Ptr[UnixSocket]]:
        """Return the next one that is to be looked at; null if there is none."""
        socket = scratch(try_(self.marked))
        mov(rax, socket.next_marked)
        mov(self.marked, cast(rax, OrNull[Ptr[UnixSocket]]))
        ret(socket)

    @function(holds="InFlight.lock")
    def _follow(self) -> None:
        """Mark all that can be come to from those that are to be looked at."""
        socket = keep(OrNull[Ptr[UnixSocket]])
        with loop():
            mov(socket, self._pop())
            break_if(socket == 0)
            self._visit(socket, QueueVisit.FOLLOW)

    @function(holds="InFlight.lock")
    def _choose_unmarked(self) -> None:
        """Choose candidates that were not marked: nobody can come to them."""
        with (
            self.in_flight.sockets.each(UnixSocket, "flight") as socket,
            if_(socket.mark == FlightMark.CANDIDATE),
        ):
            self._push(socket)

    @function(holds="InFlight.lock")
    def _take_all(self, found: Keep[Ptr[ListHead]]) -> None:
        """Take the files out of the queues of those that are to be looked at."""
        socket = keep(OrNull[Ptr[UnixSocket]])
        with loop():
            mov(socket, self._pop())
            break_if(socket == 0)
            self._take_from(socket, found)

    # Queues

    @function(holds="InFlight.lock")
    def _visit(self, socket: Keep[Ptr[UnixSocket]], how: Keep[U32]) -> None:
        """Do what `QueueVisit` says with what is on the way to `socket`, and to those who have
        connected to it and that nobody has accepted yet."""
        with socket.lock.held():
            self._visit_queue(socket, how)
            with (
                if_(socket.waiting.next != 0),
                socket.waiting.each(UnixSocket, "wait") as one,
                one.lock.held_interrupts_off(rank="waiting"),
            ):
                self._visit_queue(one, how)

    @function(holds=("InFlight.lock", "socket.lock"))
    def _visit_queue(self, socket: Keep[Ptr[UnixSocket]], how: Keep[U32]) -> None:
        """Do what `_visit` does with what has come to `socket`."""
        with socket.received.each(SocketBuffer, "link") as buffer:
            passed = scratch(buffer.passed)
            with if_(passed != 0):
                self._visit_files(passed, how)

    @function(holds="InFlight.lock")
    def _visit_files(self, passed: Ptr[PassedFiles], how: Keep[U32]) -> None:
        """Do what `_visit` does with the files of `passed`."""
        file, left = keep(address_of(passed.files)), keep(passed.count)
        with while_(left != 0):
            socket = self.in_flight.unix_socket_of(cast(at(file), Ptr[File]))
            with if_(socket != 0), if_(socket.mark == FlightMark.CANDIDATE):
                with if_(how == QueueVisit.COUNT):
                    # What is left are ways that begin where somebody can receive
                    dec(socket.outside)
                with else_():
                    self._push(socket)
            add(file, sizeof(U64))
            dec(left)

    @function(holds="InFlight.lock")
    def _take_from(self, socket: Keep[Ptr[UnixSocket]], found: Keep[Ptr[ListHead]]) -> None:
        """Take the files out of what is on the way to `socket`, and to those who wait there."""
        with socket.lock.held():
            self._take_queue(socket, found)
            with (
                if_(socket.waiting.next != 0),
                socket.waiting.each(UnixSocket, "wait") as one,
                one.lock.held_interrupts_off(rank="waiting"),
            ):
                self._take_queue(one, found)

    @function(holds=("InFlight.lock", "socket.lock"))
    def _take_queue(self, socket: Keep[Ptr[UnixSocket]], found: Keep[Ptr[ListHead]]) -> None:
        """Take the files out of what has come to `socket`."""
        with socket.received.each(SocketBuffer, "link") as buffer:
            passed = keep(OrNull[Ptr[PassedFiles]])
            xor(u32(passed), u32(passed))
            xchg(buffer.passed, passed)
            # The bytes stay, as nobody will read them; the files alone make circles
            with if_(passed != 0):
                self.in_flight.end_locked(passed)
                link = scratch(address_of(passed.link))
                found.append(link)
                disown(passed, "it is in the list")
            release(passed)
