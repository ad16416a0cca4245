"""Short ways to write statements, operands and lines in tests."""

from pykasm.isa.code import Line, Reference
from pykasm.isa.registers import REGISTERS
from pykasm.isa.statement import Address, Operand, Statement
from pykasm.source import Source

HERE = Source(__file__, 1)


def statement(
    mnemonic: str, *operands: Operand | str, bits: int = 64, prefix: str = ""
) -> Statement:
    """`mnemonic operands`; registers by their names."""
    found = tuple(REGISTERS[o] if isinstance(o, str) else o for o in operands)
    return Statement(bits, mnemonic, found, prefix)


def memory(
    size: int,
    base: str = "",
    displacement: int = 0,
    *,
    segment: str = "",
    index: str = "",
    scale: int = 1,
    symbolic: bool = False,
) -> Address:
    """A memory operand; registers by their names."""
    registers = [REGISTERS[name] if name else None for name in (segment, base, index)]
    return Address(size, *registers, scale, displacement, symbolic)


def line(
    mnemonic: str, *operands: Operand | str, refers: tuple[Reference, ...] = (), bits: int = 64
) -> Line:
    """A line with what it refers to."""
    return Line(statement(mnemonic, *operands, bits=bits), refers, HERE, 1)
