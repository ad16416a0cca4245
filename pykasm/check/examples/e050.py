from pykasm import *
from pykasm.check.examples.spinlock import SpinLock


class Broken(Subsystem):
    count = bss(U64)

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function
    def run(self, number: U64) -> None:
        self.lock.take()
        with if_(number == 0):
            ret()
        add(self.count, number)
        self.lock.drop()


class Mended(Subsystem):
    count = bss(U64)

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function
    def run(self, number: U64) -> None:
        self.lock.take()
        with if_(number != 0):
            add(self.count, number)
        self.lock.drop()
