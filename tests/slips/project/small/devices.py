"""Devices and interrupts."""

from collections.abc import Sequence

from pykasm import *

DATA_PORT, STATUS_PORT, READY = 0x3F8, 0x3FD, 0x20


class Frame(Struct):
    """What the processor pushes."""

    rip: U64
    cs: U64
    flags: U64
    rsp: U64
    ss: U64


class Device(Subsystem):
    """Something that can be told a byte."""

    @function
    def send(self, byte: U8) -> None:
        """Tell it a byte."""
        nop()


class Serial(Device):
    """A serial line."""

    def __init__(self, port: int) -> None:
        self.port = port

    @function
    def send(self, byte: U8) -> None:
        """Wait for room, then send `byte`."""
        letter = keep(byte)
        with loop():
            with if_(self.is_ready()):
                break_()
            pause()
        mov(al, letter)
        mov(dx, self.port)
        out(dx, al)

    @function
    def is_ready(self) -> Bool:
        """Whether there is room."""
        mov(dx, STATUS_PORT)
        in_(al, dx)
        with if_(al & READY):
            ret(1)
        ret(0)


class Beeper(Device):
    """Makes noise."""

    @function
    def send(self, byte: U8) -> None:
        """Beep."""
        out(0x61, al) if False else ignore_byte(byte)


def ignore_byte(byte: U8) -> None:
    """Do nothing with it."""
    test(byte, byte)


class Vectors(Subsystem):
    """Where interrupts go."""

    ticks = bss(U64)
    handlers = bss(Fn[[U64], U64] * 2)

    def __init__(self, devices: Sequence[Device]) -> None:
        self.devices = devices
        self.known: list[str] = []
        self.table = rodata(Fn[[U64], U64] * 2, [self.twice, self.same])

    @interns
    def number(self, name: str) -> int:
        """A number for a name."""
        if name not in self.known:
            self.known.append(name)
        return self.known.index(name)

    @interrupt
    def tick(self, frame: Ptr[Frame]) -> None:
        """Count."""
        inc(self.ticks)
        with if_((frame.cs & 3) != 0):
            swapgs()
            swapgs()

    @interrupt
    def fault(self, frame: Ptr[Frame], code: U64) -> None:
        """Note where it was."""
        mov(rax, frame.rip)
        add(rax, code)
        mov(self.ticks, rax)

    @naked
    def common(self) -> None:
        """Where all stubs go."""
        there = Label("there")
        test(eax, eax)
        je(there)
        nop()
        align_code(16)
        place(there)
        ret()

    @emits
    def stubs(self) -> None:
        """One stub a number."""
        for number in range(3):
            with stub(f"vector_{number}"):
                mov(eax, number)
                jmp(self.common)

    @function(exported=True, clobbers=())
    def twice(self, value: U64) -> U64:
        """Twice the value."""
        lea(rax, u64[value + value])
        ret(rax)

    @function
    def same(self, value: U64) -> U64:
        """The value."""
        ret(value)

    @function
    def apply(self, handler: Fn[[U64], U64], value: U64) -> U64:
        """What the handler makes of the value."""
        result = handler(value)
        add(result, self.number("apply"))
        ret(result)

    @function
    def through_table(self, index: U32, value: U64) -> U64:
        """The same with a handler from the table."""
        handler = scratch(Fn[[U64], U64])
        mov(handler, self.table[index])
        mov(rdi, value)
        result = handler(rdi)
        ret(result)

    @function
    def leave(self, value: U64) -> U64:
        """Leave by another function."""
        with if_(value > 100):
            tail(self.same, value)
        tail(self.twice, value)

    @function
    def many(self, a: U64, b: U64, c: U64, d: U64, e: U64, f: U64, g: U32) -> U64:
        """The sum of the first and the last."""
        mov(eax, g)
        add(rax, a)
        ret(rax)

    @function
    def all(self) -> U64:
        """Call with seven arguments."""
        room = local(U64 * 2)
        mov(room[0], 5)
        mov(room[1], -1)
        sum = self.many(1, 2, 3, room[0], 5, 6, 7)
        ret(sum)

    @naked(exported=True, stack=4096)
    def aside(self, handler: U64) -> None:
        """Go on elsewhere."""
        with allowed("E032", "callers know where"):
            jmp(handler)
