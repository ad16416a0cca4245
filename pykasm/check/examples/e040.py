from pykasm import *
from pykasm.check.examples.spinlock import SpinLock


class Broken(Subsystem):
    count = bss(U64)

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function
    def run(self) -> None:
        self.lock.take()
        self.add_one()
        self.lock.drop()

    @function
    def add_one(self) -> None:
        self.wait()
        inc(self.count)

    @function(sleeps=True)
    def wait(self) -> None:
        hlt()


class Mended(Broken):
    @function
    def run(self) -> None:
        self.wait()
        self.lock.take()
        self.add_one()
        self.lock.drop()

    @function
    def add_one(self) -> None:
        inc(self.count)
