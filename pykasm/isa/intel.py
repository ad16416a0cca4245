"""Operands and statements as people read them: Intel syntax, numbers in hexadecimal."""

from __future__ import annotations

from pykasm.isa.registers import Register, RegisterKind
from pykasm.isa.statement import (
    Address,
    BranchTarget,
    FarPointer,
    Operand,
    Statement,
    SymbolImmediate,
    VectorOptions,
)

WIDTH_WORDS = {
    1: "byte",
    2: "word",
    4: "dword",
    6: "fword",
    8: "qword",
    10: "tbyte",
    16: "xmmword",
    32: "ymmword",
    64: "zmmword",
}
"""The word before `ptr` for a memory operand of so many bytes."""


def register_text(register: Register) -> str:
    """The name of `register`; x87 registers with their brackets: `st(1)`."""
    if register.kind is RegisterKind.X87:
        return f"st({register.number})"
    return register.name


def address_text(address: Address) -> str:
    """A memory operand: `dword ptr gs:[rax + rcx*4 + 0x10]`."""
    terms = [address.base.name] if address.base else []
    if address.index:
        factor = f"*{address.scale}" if address.scale > 1 or not terms else ""
        terms.append(f"{address.index.name}{factor}")
    inside = " + ".join(terms)
    if address.symbolic:
        inside = f"{inside} + symbol" if inside else "symbol"
    if address.displacement or not inside:
        inside = _plus(inside, address.displacement)
    segment = f"{address.segment.name}:" if address.segment else ""
    word = WIDTH_WORDS.get(address.size)
    return f"{word} ptr {segment}[{inside}]" if word else f"{segment}[{inside}]"


def _plus(inside: str, displacement: int) -> str:
    if not inside:
        return hex(displacement)
    return f"{inside} {'-' if displacement < 0 else '+'} {abs(displacement):#x}"


def operand_text(operand: Operand) -> str:
    """One operand, with the word `symbol` for an address that is not known yet."""
    if isinstance(operand, Register):
        return register_text(operand)
    if isinstance(operand, Address):
        return address_text(operand)
    if isinstance(operand, int):
        return hex(operand)
    if isinstance(operand, SymbolImmediate):
        return "symbol"
    if isinstance(operand, BranchTarget):
        return "short target" if operand.short else "target"
    return _far_text(operand)


def _far_text(pointer: FarPointer) -> str:
    offset = "symbol" if pointer.symbolic else hex(pointer.offset)
    return f"{pointer.selector:#x}:{offset}"


def statement_text(statement: Statement) -> str:
    """The whole statement: `lock add dword ptr [rax], 0x1`."""
    words = f"{statement.prefix} {statement.mnemonic}".lstrip()
    texts = [operand_text(operand) for operand in statement.operands]
    if statement.options:
        texts = _with_options(texts, statement.operands, statement.options)
    return f"{words} {', '.join(texts)}".rstrip()


def _with_options(
    texts: list[str], operands: tuple[Operand, ...], options: VectorOptions
) -> list[str]:
    """Operands with the options where GNU as has them: `zmm0{k1}{z}, [rax]{1to16}`."""
    if options.copies:
        texts = [
            f"{text}{{1to{options.copies}}}" if isinstance(operand, Address) else text
            for text, operand in zip(texts, operands, strict=True)
        ]
    if options.mask and texts:
        texts[0] += f"{{{options.mask.name}}}"
    if options.zeroing and texts:
        texts[0] += "{z}"
    if options.rounding:
        numbers = sum(isinstance(operand, int) for operand in operands)
        texts.insert(len(texts) - numbers, f"{{{options.rounding}}}")
    return texts
