"""E092: bytes of a local are shown to somebody else that nobody wrote."""

from pykasm import *


class Answer(Struct):
    """What a program is told."""

    number: U32
    reserved: U32


class Broken(Subsystem):
    """Leaves a field as it was."""

    @function(exported=True)
    def run(self, place: User[U8], number: U32) -> U64:
        """Tell the program a number."""
        answer = local(Answer)
        mov(answer.number, number)
        ret(self.copy_out(place, address_of(answer), sizeof(Answer)))

    @function(exported=True)
    def copy_out(self, place: User[U8], source: Disclosed[U64], length: Bounded[U64]) -> U64:
        """Stands for a copy to the program."""
        ret(length)


class Mended(Broken):
    """Writes all of them."""

    @function(exported=True)
    def run(self, place: User[U8], number: U32) -> U64:
        """Tell the program a number."""
        answer = local(Answer)
        mov(answer.number, number)
        mov(answer.reserved, 0)
        ret(self.copy_out(place, address_of(answer), sizeof(Answer)))
