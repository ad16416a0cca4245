"""The program itself."""

from typing import NoReturn

from pykasm import *
from small.blocks import Blocks
from small.devices import Beeper, Serial, Vectors


class Starting(Steps):
    """What is called at the start."""

    order = (
        Blocks.start,  # before anybody takes one
    )


class Main(Subsystem):
    """What runs in 64-bit mode."""

    message = rodata(U8 * 6, b"hello\n")
    size = bss(U64)

    def __init__(
        self,
        blocks: Blocks,
        serial: Serial,
        vectors: Vectors,
        starting: Starting,
        beeper: Beeper | None,
    ) -> None:
        self.blocks = blocks
        self.serial = serial
        self.vectors = vectors
        self.starting = starting
        self.beeper = beeper

    @function
    def failed(self, line: Ptr[U8]) -> NoReturn:
        """What failed asserts call."""
        with loop():
            hlt()

    @function
    def run(self) -> NoReturn:
        """Say hello and stand still."""
        for step in self.starting:
            step()
        mov(rax, address_of(symbol("bss_end")))
        mov(self.size, rax)
        index = keep(U64)
        with for_(index, 0, 6):
            self.serial.send(self.message[index])
        self.write(text("all is well\r\n"))
        ignore(self.blocks.kind(1))
        count = self.blocks.bits(0b1011)
        mov(self.size, count)
        lea(rax, self.vectors.tick)
        mov(self.vectors.ticks, rax)
        lea(rax, self.vectors.fault)
        mov(self.vectors.ticks, rax)
        self.try_all()
        if self.beeper is not None:
            self.beeper.send(7)
        with loop():
            hlt()

    @function
    def write(self, string: Ptr[U8]) -> None:
        """Send the bytes up to the zero."""
        string = keep(string)
        with while_(string[0] != 0):
            self.serial.send(string[0])
            inc(string)

    @function
    def try_all(self) -> None:
        """Call what nothing else calls."""
        blocks, vectors = self.blocks, self.vectors
        with if_(blocks.pair(16) == 0):
            each, rest = blocks.share(7, 2)
            add(each, rest)
            mov(self.size, each)
        mov(self.size, blocks.turn())
        ignore(vectors.apply(vectors.twice, 4))
        ignore(vectors.through_table(1, 2))
        ignore(vectors.leave(3))
        mov(self.size, vectors.all())
        ignore(blocks.owner(address_of(blocks.first.link)))
