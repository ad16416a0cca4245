from pykasm import *


class Broken(Subsystem):
    handler = bss(U64)
    ticks = bss(U64)

    @function
    def run(self) -> None:
        lea(rax, self.tick)
        mov(self.handler, rax)
        sti()
        self.count()

    @interrupt
    def tick(self) -> None:
        self.count()

    @function(context="interrupt")
    def count(self) -> None:
        inc(self.ticks)


class Mended(Broken):
    @function
    def run(self) -> None:
        lea(rax, self.tick)
        mov(self.handler, rax)
        self.count()
        sti()
