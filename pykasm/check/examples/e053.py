from pykasm import *
from pykasm.check.examples.spinlock import SpinLock


class Broken(Subsystem):
    count = bss(U64)
    handler = bss(U64)

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function
    def run(self) -> None:
        lea(rax, self.tick)
        mov(self.handler, rax)
        sti()
        self.add_one()

    @interrupt
    def tick(self) -> None:
        self.add_one()

    @function
    def add_one(self) -> None:
        self.lock.take()
        inc(self.count)
        self.lock.drop()


class Mended(Broken):
    @function
    def add_one(self) -> None:
        pushfq()
        cli()
        self.lock.take()
        inc(self.count)
        self.lock.drop()
        popfq()
