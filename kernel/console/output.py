"""What is still to be sent on a serial line."""

from __future__ import annotations

from kernel.console.serial import PATIENCE, InterruptEnable, LineStatus, Serial, UartRegister
from kernel.locks.waitqueue import WaitQueue
from pykasm import *

SIZE = 1 << 14
"""Bytes that wait at most: more than a second's of the line."""
MASK = SIZE - 1
LONGEST = 1 << 10
"""Bytes that there is to be room for when a thread begins to write: few texts are longer."""

Wait = Fn[[Ptr[WaitQueue]], Void]
"""Waits in the queue until there is room, where a thread may; else it returns at once."""


class SerialOutput(Subsystem):
    """Sends bytes in the order in which they were put, out of a ring in which they wait.

    One writer at a time `put`s them, and then calls `finish`. As long as the line takes them at
    once, that is all; what it does not take is sent by its interrupts. Where nobody serves these,
    early and in a panic, `finish` waits for the line instead, and `put` does so wherever the ring
    is full. A line that takes nothing for long loses what it does not take.
    """

    ring = bss(U8 * SIZE)
    end = bss(U32)
    """How many bytes were ever put. Only the writer changes it, after the byte is in the ring."""
    sent = bss(U32)
    """How many of them the transmitter has, or were lost. Whoever changes it holds the lock of
    `Serial`; the writer, who only looks, finds no less room than there is said to be."""
    wait = bss(Wait)
    """Null where nobody serves the line's interrupts."""

    def __init__(self, serial: Serial) -> None:
        self.serial = serial
        self.queue = bss(WaitQueue)
        """Threads that wait for room."""

    @function
    def put(self, byte: U8) -> None:
        """Append `byte` to what is to be sent. Context: the only writer, interrupts off."""
        with if_(self.serial.depth == 0):
            ret()
        with if_(self._waiting() == SIZE):
            tail(self._put_behind, byte)
        self._append(byte)

    @function
    def _put_behind(self, byte: Keep[U8]) -> None:
        """As `put`, once the transmitter has taken some of a full ring."""
        with self.serial.lock.held_interrupts_off():
            free = self.serial.wait_for(LineStatus.THRE)
            with if_(free != 0):
                self.fill()
        with if_(self._waiting() != SIZE):
            self._append(byte)

    @inline(changes=rax)
    def _append(self, byte: U8) -> None:
        """Put `byte` into the ring, where there is room."""
        mov(eax, self.end)
        and_(eax, MASK)
        mov(self.ring[rax], byte)
        inc(self.end)

    @function
    def finish(self) -> None:
        """Send what was put: some now, the rest by interrupts. Context: the only writer,
        interrupts off."""
        with self.serial.lock.held_interrupts_off():
            with if_(self.wait != 0):
                self.send()
            with else_():
                self._drain()

    @function(holds="serial.lock")
    def serve(self) -> None:
        """The transmitter may have become empty: go on."""
        self.send()
        with if_(self._is_empty() & (self.serial.interrupting & InterruptEnable.TRANSMITTER_EMPTY)):
            self.serial.refuse(InterruptEnable.TRANSMITTER_EMPTY)

    @function(holds="serial.lock")
    def send(self) -> None:
        """Send what the transmitter takes at once, and let it interrupt when it takes the rest.

        It may have become empty before it was asked to interrupt, and not every UART does so then:
        after it was asked it is looked at again.
        """
        with loop():
            with loop():
                break_if(self._is_empty())
                self.serial.read(UartRegister.LSR)
                break_if((al & LineStatus.THRE) == 0)
                self.fill()
            break_if(
                self._is_empty() | (self.serial.interrupting & InterruptEnable.TRANSMITTER_EMPTY)
            )
            self.serial.want(InterruptEnable.TRANSMITTER_EMPTY)

    @function(holds="serial.lock")
    def _drain(self) -> None:
        """Send all, waiting for the transmitter; what it does not take is lost."""
        with loop():
            break_if(self._is_empty())
            free = self.serial.wait_for(LineStatus.THRE)
            with if_(free != 0):
                self.fill()
            with else_():
                mov(eax, self.end)
                mov(self.sent, eax)

    @function(holds="serial.lock")
    def fill(self) -> None:
        """Give the transmitter, which is empty, as many bytes as it takes."""
        free = scratch(U32)
        movzx(free, self.serial.depth)
        with while_(lambda: (free != 0) & ~self._is_empty()):
            and_(eax, MASK)
            self.serial.write(UartRegister.THR, self.ring[rax])
            inc(self.sent)
            dec(free)
        mov(self.serial.patience, PATIENCE)

    @function
    def flush(self) -> None:
        """Return when all has gone out on the wire, or is lost. Context: any."""
        with if_(self.serial.depth == 0):
            ret()
        with self.serial.lock.held():
            self._drain()
            ignore(self.serial.wait_for(LineStatus.TEMT))

    @function
    def seize(self) -> None:
        """Take the line from whoever holds its lock, and send all that waits. Only a panic may, as
        nobody else runs on; a byte that was just being sent may be sent twice."""
        self.serial.lock.break_open()
        mov(self.wait, 0)
        tail(self.finish)

    @inline(changes=CALLER_SAVED)
    def expect_room(self) -> None:
        """Emit code by which a thread waits until there is room for a text."""
        with if_((self._waiting() > SIZE - LONGEST) & (self.wait != 0)):
            self.wait(address_of(self.queue))

    @inline(changes=rax)
    def is_half_empty(self) -> Condition:
        """The condition that who has waited for room should wait no longer."""
        return self._waiting() <= SIZE // 2

    @inline(changes=rax)
    def _waiting(self) -> U32:
        """How many bytes wait, in eax."""
        mov(eax, self.end)
        sub(eax, self.sent)
        return eax

    @inline(changes=rax)
    def _is_empty(self) -> Condition:
        """The condition that none waits. Puts `sent` into eax."""
        mov(eax, self.sent)
        return eax == self.end
