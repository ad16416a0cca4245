"""The roles of registers that an instruction reads and writes by its operands."""

from __future__ import annotations

from pykasm.check.graph import Node
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.role import Role

NO_ROLES: dict[int, Role] = {}


def written_roles(node: Node) -> dict[int, Role]:
    """Return the roles that the instruction writes by its first operand, by register number."""
    written = node.line.written
    first = written[0] if written else None
    if type(first) is RegisterOperand and first._role is not None:
        return {first._register.number: first._role}
    return NO_ROLES


def updated_registers(node: Node) -> set[int]:
    """Return the registers whose values the instruction changes where they are written out among
    its operands: what it changes besides, as `rep movsb` does rdi, is nobody's value afterwards."""
    return named_registers(node) & {number for number, _ in node.effects.reads}


def named_registers(node: Node) -> set[int]:
    """Return the registers that are written out among the operands."""
    named = (one for one in node.line.written if isinstance(one, RegisterOperand))
    return {one._register.number for one in named}


def read_roles(node: Node) -> dict[int, Role]:
    """Return the roles by which the instruction reads registers, by register number."""
    only_written = written_roles(node).keys() - {number for number, _ in node.effects.reads}
    roles: dict[int, Role] = {}
    for operand in node.line.written:
        if isinstance(operand, MemoryOperand):
            parts = (operand._base, operand._index)
        else:
            parts = (operand if isinstance(operand, RegisterOperand) else None, None)
        for one in parts:
            if one is not None and one._role is not None:
                number = one._register.number
                if number not in only_written or isinstance(operand, MemoryOperand):
                    roles[number] = one._role
    return roles
