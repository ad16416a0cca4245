"""E060: a pointer that a program gave is followed outside of the copy routines."""

from pykasm import *


class Request(Struct):
    """What a program asks for."""

    length: U64


class Broken(Subsystem):
    """Reads the program's memory as if it were the kernel's."""

    @function
    def run(self, request: User[Request]) -> U64:
        """The length asked for."""
        ret(request.length)


class Mended(Subsystem):
    """Leaves that to a copy routine."""

    @function
    def run(self, request: User[Request]) -> U64:
        """The length asked for."""
        length = self.copy_in(request)
        ret(length)

    @function(copies_user=True)
    def copy_in(self, request: User[Request]) -> U64:
        """Stands for a routine that checks the address and survives a fault."""
        ret(request.length)
