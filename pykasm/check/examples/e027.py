"""E027: the address of a local is returned."""

from pykasm import *


class Broken(Subsystem):
    """Returns text that it has written into its own frame."""

    @function
    def run(self, digit: U64) -> Ptr[U8]:
        """Return the text of `digit`."""
        text = local(U8 * 8)
        add(digit, ord("0"))
        mov(u64(text[0]), digit)
        ret(address_of(text[0]))


class Mended(Subsystem):
    """Writes the text where the caller says."""

    @function
    def run(self, digit: U64, text: Ptr[U8]) -> Ptr[U8]:
        """Write the text of `digit` to `text`, 8 bytes. Return it."""
        add(digit, ord("0"))
        mov(u64(text[0]), digit)
        ret(text)
