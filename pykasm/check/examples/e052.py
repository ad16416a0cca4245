from pykasm import *
from pykasm.check.examples.spinlock import SpinLock


class Broken(Subsystem):
    def __init__(self) -> None:
        self.books = bss(SpinLock)
        self.readers = bss(SpinLock)

    @function
    def run(self) -> None:
        self.lend()
        self.give_back()

    @function
    def lend(self) -> None:
        self.books.take()
        self.count()
        self.books.drop()

    @function
    def count(self) -> None:
        self.readers.take()
        self.readers.drop()

    @function
    def give_back(self) -> None:
        self.readers.take()
        self.books.take()
        self.books.drop()
        self.readers.drop()


class Mended(Broken):
    @function
    def give_back(self) -> None:
        self.books.take()
        self.readers.take()
        self.readers.drop()
        self.books.drop()
