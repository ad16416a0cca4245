"""Buffered output to a serial line."""

from __future__ import annotations

from kernel.console.serial import TIMEOUT, InterruptEnable, LineStatus, Serial, UartRegister
from kernel.locks.waitqueue import WaitQueue
from pykasm import *

RING_SIZE = 1 << 14
"""Bytes that wait at most, a power of two: more than a second's of the line."""
RING_MASK = RING_SIZE - 1
RESERVE = 1 << 10
"""Bytes of space that a thread waits for before it writes: few texts are longer."""

Wait = Fn[[Ptr[WaitQueue]], Void]
"""Waits in the queue for space where a thread may sleep; else it returns at once."""


class SerialOutput(Subsystem):
    """A ring of bytes that are sent in the order in which they were put.

    One writer at a time calls `put` for each byte, and then `finish`. What the transmitter does not
    take at once is sent by its interrupts. Where nobody handles these, early and in a panic,
    `finish` polls the line instead, and `put` does so wherever the ring is full. Bytes that a line
    does not take for long are lost.
    """

    ring = bss(U8 * RING_SIZE)
    end = bss(U32)
    """The number of bytes ever put. Only the writer changes it, after the byte is in the ring."""
    sent = bss(U32)
    """The number of those that the transmitter has or that were lost. Changed with the lock of
    `Serial` held; the writer reads it without, as it may only find more space than it saw."""
    wait = bss(Wait)
    """Null where nobody handles the line's interrupts."""

    def __init__(self, serial: Serial) -> None:
        self.serial = serial
        self.queue = bss(WaitQueue)
        """Threads that wait for space."""

    @function
    def put(self, byte: U8) -> None:
        """Append `byte` to what is to be sent. Context: the only writer, interrupts off."""
        with if_(self.serial.fifo_depth == 0):
            ret()
        with if_(self._used() == RING_SIZE):
            tail(self._wait_and_put, byte)
        self._append(byte)

    @function
    def _wait_and_put(self, byte: Keep[U8]) -> None:
        """Append `byte` to a full ring, once the transmitter has taken some of it."""
        with self.serial.lock.held_interrupts_off():
            free = self.serial.wait_for(LineStatus.THRE)
            with if_(free != 0):
                self._fill_fifo()
        with if_(self._used() != RING_SIZE):
            self._append(byte)

    @inline(changes=rax)
    def _append(self, byte: U8) -> None:
        """Put `byte` into the ring, which has space."""
        mov(eax, self.end)
        and_(eax, RING_MASK)
        mov(self.ring[rax], byte)
        inc(self.end)  # last: the interrupt handler sends up to here on another processor

    @function
    def finish(self) -> None:
        """Send what was put: some of it now, the rest by interrupts. Context: the only writer,
        interrupts off."""
        with self.serial.lock.held_interrupts_off():
            with if_(self.wait != 0):
                self.send()
            with else_():
                self._drain()

    @function(holds="serial.lock")
    def handle_interrupt(self) -> None:
        """Handle an interrupt for which the transmitter may have become empty."""
        self.send()
        with if_(self._is_empty() & (self.serial.ier & InterruptEnable.TRANSMITTER_EMPTY)):
            self.serial.disable_interrupts(InterruptEnable.TRANSMITTER_EMPTY)

    @function(holds="serial.lock")
    def send(self) -> None:
        """Send what the transmitter takes at once, and enable its interrupt for the rest."""
        with loop():
            with loop():
                break_if(self._is_empty())
                status = self.serial.read(UartRegister.LSR)
                break_if((status & LineStatus.THRE) == 0)
                self._fill_fifo()
            break_if(self._is_empty() | (self.serial.ier & InterruptEnable.TRANSMITTER_EMPTY))
            # It may have become empty before this, and not every UART interrupts then: look again.
            self.serial.enable_interrupts(InterruptEnable.TRANSMITTER_EMPTY)

    @function(holds="serial.lock")
    def _drain(self) -> None:
        """Send all by polling the transmitter; what it does not take in time is lost."""
        with loop():
            break_if(self._is_empty())
            free = self.serial.wait_for(LineStatus.THRE)
            with if_(free != 0):
                self._fill_fifo()
            with else_():
                mov(eax, self.end)
                mov(self.sent, eax)

    @function(holds="serial.lock")
    def _fill_fifo(self) -> None:
        """Write as many bytes to the transmitter, which is empty, as its FIFO takes."""
        free = scratch(U32)
        movzx(free, self.serial.fifo_depth)
        with while_(lambda: (free != 0) & (lambda: ~self._is_empty())):
            and_(eax, RING_MASK)  # eax: `sent`, by `_is_empty`
            self.serial.write(UartRegister.THR, self.ring[rax])
            inc(self.sent)
            dec(free)
        mov(self.serial.timeout, TIMEOUT)  # the line moves: the next wait may take its time

    @function(context="any")
    def flush(self) -> None:
        """Wait until all has been sent, the last byte on the wire too, or is lost. Context: any."""
        with if_(self.serial.fifo_depth == 0):
            ret()
        with self.serial.lock.held():
            self._drain()
            ignore(self.serial.wait_for(LineStatus.TEMT))

    @function
    def break_lock(self) -> None:
        """Break the lock of the line open, and send all that waits by polling. Context: a panic,
        when no other processor runs on. A byte that was just being sent may be sent twice."""
        self.serial.lock.break_open()
        mov(self.wait, 0)  # nobody handles interrupts from here on
        tail(self.finish)

    @inline(changes=CALLER_SAVED)
    def wait_for_space(self) -> None:
        """Wait for space for a text, where the caller is a thread that may sleep."""
        with if_((self._used() > RING_SIZE - RESERVE) & (self.wait != 0)):
            self.wait(address_of(self.queue))

    @inline(changes=rax)
    def is_half_empty(self) -> Condition:
        """Return the condition that threads which wait for space are to wake up."""
        return self._used() <= RING_SIZE // 2

    @inline(changes=rax)
    def _used(self) -> U32:
        """Return the number of bytes that wait."""
        mov(eax, self.end)
        sub(eax, self.sent)
        return eax

    @inline(changes=rax)
    def _is_empty(self) -> Condition:
        """Return the condition that no byte waits; leave `sent` in eax."""
        mov(eax, self.sent)
        return eax == self.end
