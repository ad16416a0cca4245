"""E065: the memory of a program is fetched twice."""

from pykasm import *


class Copies(Subsystem):
    """Stands for what copies from programs."""

    @function(copies_user=True)
    def copy_in(self, destination: Ptr[U64], source: Fetched[User[U64]]) -> None:
        """Copy the number at `source` to `destination`."""
        mov(rax, source[0])
        mov(destination[0], rax)


class Broken(Copies):
    """Checks one copy and uses another one."""

    @function
    def run(self, length: Keep[User[U64]]) -> U64:
        """The length that a program gives, if it is small; else 0."""
        number = local(U64)
        self.copy_in(address_of(number), length)
        with if_(number > 4096):
            ret(0)
        self.copy_in(address_of(number), length)
        ret(number)


class Mended(Copies):
    """Uses the copy that it has checked."""

    @function
    def run(self, length: Keep[User[U64]]) -> U64:
        """The length that a program gives, if it is small; else 0."""
        number = local(U64)
        self.copy_in(address_of(number), length)
        with if_(number > 4096):
            ret(0)
        ret(number)
