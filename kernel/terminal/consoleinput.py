"""What is typed on virtual consoles."""

from __future__ import annotations

from kernel.console.cell import CONSOLES, SCREENS
from kernel.console.screen import TextScreen
from kernel.console.screenmode import ScreenMode
from kernel.console.screenstate import Screen
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting
from kernel.terminal.input import Input
from kernel.terminal.queue import CAPACITY, ByteQueue
from kernel.terminal.reader import Reader
from pykasm import *

SAME = 0xFFFF_FFFF
"""Stands for the number of the console that is shown already."""


class ConsoleInput(Subsystem):
    """Keys of virtual consoles, and which of these is in front. Number 0 is the console of the
    kernel, whose keys go to `Input`; while the monitor is in front, all of them do. All is changed
    with the lock of `queue` held."""

    queues = bss(ByteQueue * SCREENS)
    """By numbers of consoles; nothing is in that of the kernel."""
    foreground = bss(U32)
    """The number of the one in front."""
    latest = data(U32, 1)
    """The number of the virtual one that is, or was, in front."""
    shown = bss(U32)
    """The number of the one whose screen is shown."""
    scrolled = bss(I32)
    """By how many half screens who types has gone back, and nothing was done about it yet."""

    def __init__(
        self, input: Input, screens: TextScreen, scheduler: Scheduler, waiting: Waiting
    ) -> None:
        self.input = input
        self.screens = screens
        self.scheduler = scheduler
        self.waiting = waiting
        self.queue = input.queue

    # Who types

    @function(context="any")
    def put_in_front(self, number: Keep[U32]) -> None:
        """Put a console in front; the thread that reads shows it."""
        asserts(number <= CONSOLES)
        with self.queue.lock.held():
            mov(self.foreground, number)
            with if_(number != 0):
                mov(self.latest, number)
            self.waiting.wake_all(address_of(self.queue))
        self.scheduler.preempt_if_due()

    @function(context="any")
    def scroll(self, halves: Keep[I32]) -> None:
        """Have so many half screens be seen that are further back."""
        with self.queue.lock.held():
            add(self.scrolled, halves)
            self.waiting.wake_all(address_of(self.queue))
        self.scheduler.preempt_if_due()

    @function(holds="queue.lock")
    def target(self) -> OrNull[Ptr[ByteQueue]]:
        """Return where keys go, or null if that is `Input`."""
        number = scratch(self._wanted())
        with if_(number == 0):
            ret(0)
        place = scratch(Ptr[ByteQueue])
        point_at(place, self.queues, u64(number))
        ret(place)

    @function(holds="queue.lock")
    def is_application(self) -> U32:
        """Return whether arrows type what is for applications."""
        number = scratch(self._wanted())
        screen = scratch(Ptr[Screen])
        point_at(screen, self.screens.screens, u64(number))
        mov(eax, screen.modes)
        and_(eax, ScreenMode.APPLICATION_KEYS)
        ret(eax)

    @function(context="thread")
    def answer(self, number: Keep[U32], bytes: Keep[Ptr[U8]], length: Keep[U32]) -> None:
        """Have a console itself type, as far as there is room."""
        place = keep(Ptr[ByteQueue])
        with self.queue.lock.held():
            point_at(place, self.queues, u64(number))
            with while_(length != 0):
                place.count(al)
                break_if(al == CAPACITY)
                mov(al, at(bytes))
                place.enqueue(al)
                inc(bytes)
                dec(length)
            self.waiting.wake_all(address_of(self.queue))
        self.scheduler.preempt_if_due()

    # Who reads

    @function(context="thread", sleeps=True)
    def read(self, byte: Keep[Ptr[U8]]) -> U32:
        """Wait until something is typed on a virtual console; store a byte of it, and return the
        number of the console. Return 0 if something else is to be seen on the screen. Context: the
        only thread that reads here."""
        number, place = keep(U32), keep(Ptr[ByteQueue])
        with self.queue.lock.held():
            xor(number, number)
            with loop():
                wanted = self._wanted()
                break_if((wanted != self.shown) | (self.scrolled != 0))
                mov(number, self._find_ready())
                break_if(number != 0)
                self.waiting.wait(address_of(self.queue))
            with if_(number != 0):
                point_at(place, self.queues, u64(number))
                place.dequeue(al)
                mov(at(byte), al)
        ret(number)

    @function(context="thread")
    def take_change(self) -> tuple[U32, I32]:
        """Return the number of the console that is to be shown, which counts as shown, or `SAME` if
        it is; and by how many half screens somebody has gone back."""
        number, halves = keep(U32), keep(I32)
        with self.queue.lock.held():
            mov(number, self._wanted())
            xchg(number, self.shown)
            with if_(number == self.shown):
                mov(number, SAME)
            with else_():
                mov(number, self.shown)
            xor(halves, halves)
            xchg(self.scrolled, halves)
        ret(number, halves)

    @function(holds="queue.lock")
    def _wanted(self) -> U32:
        """Return the number of the console that is to be shown."""
        mov(eax, self.foreground)
        with if_(self.input.front == Reader.MONITOR):
            xor(eax, eax)
        ret(eax)

    @function(holds="queue.lock")
    def _find_ready(self) -> U32:
        """Return the number of a console on which something was typed, or 0."""
        number, place = scratch(U32), scratch(Ptr[ByteQueue])
        lea(place, self.queues)
        with for_(number, 0, SCREENS):
            place.count(al)
            with if_(al != 0):
                ret(number)
            add(place, sizeof(ByteQueue))
        ret(0)
