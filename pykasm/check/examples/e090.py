"""E090: an index goes past the end of its array."""

from pykasm import *

DIGITS = b"0123456789"


class Broken(Subsystem):
    """Compares with the number of digits as if it were the last one."""

    digits = rodata(U8 * len(DIGITS), DIGITS)

    @function
    def run(self, number: U64) -> U64:
        """Return the character for `number`, or a question mark."""
        with if_(number > len(DIGITS)):
            ret(ord("?"))
        movzx(eax, self.digits[number])
        ret(rax)


class Mended(Subsystem):
    """Compares with the number of digits."""

    digits = rodata(U8 * len(DIGITS), DIGITS)

    @function
    def run(self, number: U64) -> U64:
        """Return the character for `number`, or a question mark."""
        with if_(number >= len(DIGITS)):
            ret(ord("?"))
        movzx(eax, self.digits[number])
        ret(rax)
