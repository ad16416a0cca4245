"""Whether two pieces of machine code do the same, told by iced-x86's decoder."""

from iced_x86 import Decoder, Instruction, OpKind, RegisterExt
from iced_x86 import Register as IcedRegister

_RIP = (IcedRegister.RIP, IcedRegister.EIP)
_FLAT = (IcedRegister.ES, IcedRegister.CS, IcedRegister.SS, IcedRegister.DS)

_WIDTH_MAKES_NO_DIFFERENCE = frozenset(
    [
        *("arpl", "lar", "lldt", "lmsw", "lsl", "ltr", "mov", "sldt", "str", "verr", "verw"),
        *("extractps", "pextrb", "pextrw", "pinsrb", "pinsrw"),
        *("vextractps", "vpextrb", "vpextrw", "vpinsrb", "vpinsrw", "vmovw"),
        *("movmskpd", "movmskps", "pmovmskb", "vmovmskpd", "vmovmskps", "vpmovmskb"),
        *("movq", "vmovq"),
    ]
)
"""Instructions that read 16 bits at most of a register, or clear its upper half when they write.

Of `mov` this holds for segment registers, the only ones that two opcodes of it differ in. `movq`
has two opcodes for the same.
"""


def same_meaning(left: bytes, right: bytes, bits: int) -> bool:
    """Whether both decode to instructions with the same effect in code of `bits`."""
    if left == right:
        return True
    ours, theirs = list(Decoder(bits, left)), list(Decoder(bits, right))
    return len(ours) == len(theirs) and all(
        _same(a, b, bits) for a, b in zip(ours, theirs, strict=True)
    )


def _same(a: Instruction, b: Instruction, bits: int) -> bool:
    if _does_nothing(a, bits):
        return _does_nothing(b, bits)
    return (
        a.mnemonic == b.mnemonic
        and (a.code == b.code or _same_but_for_width(a, b))
        and _prefixes(a) == _prefixes(b)
        and a.memory_size == b.memory_size
        and a.op_count == b.op_count
        and all(_operand(a, n, bits) == _operand(b, n, bits) for n in range(a.op_count))
    )


def _does_nothing(a: Instruction, bits: int) -> bool:
    """Whether `a` is a nop; in 64-bit code `xchg eax, eax` is none, it clears half of rax."""
    names = {"nop", "xchg ax,ax", "xchg rax,rax"} | ({"xchg eax,eax"} if bits != 64 else set())
    return str(a) in names


def _same_but_for_width(a: Instruction, b: Instruction) -> bool:
    """Opcodes that differ in prefix (VEX, EVEX) or in a width that makes no difference."""
    return a.encoding != b.encoding or str(a).split()[0] in _WIDTH_MAKES_NO_DIFFERENCE


def _prefixes(a: Instruction) -> tuple[bool, ...]:
    return (
        a.has_lock_prefix,
        a.has_rep_prefix,
        a.has_repne_prefix,
        a.has_xacquire_prefix,
        a.has_xrelease_prefix,
    )


def _operand(a: Instruction, number: int, bits: int) -> object:
    kind = a.op_kind(number)
    if kind == OpKind.REGISTER:
        if str(a).split()[0] in _WIDTH_MAKES_NO_DIFFERENCE:
            return RegisterExt.full_register(a.op_register(number))
        return a.op_register(number)
    if kind == OpKind.MEMORY:
        displacement = a.memory_displacement
        if a.memory_base in _RIP:
            displacement -= a.next_ip
        segment = "flat" if bits == 64 and a.memory_segment in _FLAT else a.memory_segment
        return kind, segment, _registers(a), displacement % (1 << (64 if bits == 64 else 32))
    if kind in (OpKind.FAR_BRANCH16, OpKind.FAR_BRANCH32):
        return kind, a.far_branch_selector, a.far_branch32
    if kind in (OpKind.NEAR_BRANCH16, OpKind.NEAR_BRANCH32, OpKind.NEAR_BRANCH64):
        return kind, a.near_branch_target
    if kind <= OpKind.IMMEDIATE32TO64:
        return "immediate", a.immediate(number)
    return kind, "flat" if bits == 64 and a.memory_segment in _FLAT else a.memory_segment


def _registers(a: Instruction) -> dict[int, int]:
    """How often each register enters the address: `[rax + rbx]` is `[rbx + rax]`."""
    terms = {a.memory_base: 1}
    terms[a.memory_index] = terms.get(a.memory_index, 0) + a.memory_index_scale
    terms.pop(IcedRegister.NONE, None)
    return terms
