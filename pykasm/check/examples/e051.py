from pykasm import *
from pykasm.check.examples.spinlock import SpinLock


class Broken(Subsystem):
    count = bss(U64, guarded_by="lock")

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function
    def run(self, number: U64) -> None:
        with if_(self.count < number):
            self.lock.take()
            mov(self.count, number)
            self.lock.drop()


class Mended(Broken):
    @function
    def run(self, number: U64) -> None:
        self.lock.take()
        with if_(self.count < number):
            mov(self.count, number)
        self.lock.drop()
