"""The command that shows what is mapped."""

from kernel.console.console import Console
from kernel.cpu.pagetable import NO_EXECUTE, PageFlags
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mappings import Mapping, Mappings
from kernel.monitor.command import Commands, command
from kernel.text.strings import Words
from pykasm import *

LETTERS = (
    (PageFlags.WRITE, "w", "-"),
    (NO_EXECUTE, "-", "x"),
    (PageFlags.USER, "u", "-"),
    (PageFlags.CACHE_DISABLE, "c", "-"),
)
"""What is printed for a bit that is set and for one that is not; `c` is for "not cached"."""


class MapsCommands(Commands):
    """`maps`."""

    def __init__(self, console: Console, kernel: KernelSpace, mappings: Mappings) -> None:
        self.console = console
        self.kernel = kernel
        self.mappings = mappings
        self.commands = [command("maps", "", "mapped addresses and their permissions", self.maps)]

    @function
    def maps(self, words: Ptr[Words]) -> Bool:
        """Print all of the kernel's mappings, each range with its permissions and size."""
        room, found, place = local(Mapping), keep(Ptr[Mapping]), keep(U64)
        lea(found, room)
        xor(place, place)
        with loop():
            break_if(~self.mappings.find(address_of(self.kernel.space), place, found))
            self._print_mapping(found)
            mov(place, found.end)
            break_if(place == 0)
        ret(True)

    @function
    def _print_mapping(self, found: Keep[Ptr[Mapping]]) -> None:
        """Print a line: first and last byte, size, and permissions."""
        last, size = keep(found.end), keep(found.end)
        sub(size, found.start)
        dec(last)
        self.console.print("  %016x-%016x %10z  r", found.start, last, size)
        for bit, present, absent in LETTERS:
            mov(rax, bit)
            mov(ecx, ord(absent))
            with if_(found.flags & rax):
                mov(ecx, ord(present))
            self.console.print("%c", cl)
        self.console.print("\n")
