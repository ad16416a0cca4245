"""The machine's registers as operands, by their names in the manuals.

They are untyped in the sense of calls: a value in a register that is written by its machine name
fits any parameter of its width. A role (`keep`, a parameter, a result) carries a stricter type.
"""

from __future__ import annotations

from typing import Any

from pykasm.isa.registers import REGISTERS, Register
from pykasm.lang.numbers import U8, U16, U32, U64, X80, X128, X256, X512
from pykasm.lang.operands import RegisterOperand, SegmentOperand
from pykasm.lang.types import TypeMeta

_BY_SIZE: dict[int, TypeMeta] = {
    1: U8,
    2: U16,
    4: U32,
    8: U64,
    10: X80,
    16: X128,
    32: X256,
    64: X512,
}


def machine_register(register: Register) -> Any:
    """The operand for `register` itself, as an unsigned number of its width.

    For type checkers it is anything: a register by its machine name fits every type of its width.
    """
    return RegisterOperand(register, _BY_SIZE[register.size])


rax = machine_register(REGISTERS["rax"])
rcx = machine_register(REGISTERS["rcx"])
rdx = machine_register(REGISTERS["rdx"])
rbx = machine_register(REGISTERS["rbx"])
rsp = machine_register(REGISTERS["rsp"])
rbp = machine_register(REGISTERS["rbp"])
rsi = machine_register(REGISTERS["rsi"])
rdi = machine_register(REGISTERS["rdi"])
r8 = machine_register(REGISTERS["r8"])
r9 = machine_register(REGISTERS["r9"])
r10 = machine_register(REGISTERS["r10"])
r11 = machine_register(REGISTERS["r11"])
r12 = machine_register(REGISTERS["r12"])
r13 = machine_register(REGISTERS["r13"])
r14 = machine_register(REGISTERS["r14"])
r15 = machine_register(REGISTERS["r15"])
eax = machine_register(REGISTERS["eax"])
ecx = machine_register(REGISTERS["ecx"])
edx = machine_register(REGISTERS["edx"])
ebx = machine_register(REGISTERS["ebx"])
esp = machine_register(REGISTERS["esp"])
ebp = machine_register(REGISTERS["ebp"])
esi = machine_register(REGISTERS["esi"])
edi = machine_register(REGISTERS["edi"])
r8d = machine_register(REGISTERS["r8d"])
r9d = machine_register(REGISTERS["r9d"])
r10d = machine_register(REGISTERS["r10d"])
r11d = machine_register(REGISTERS["r11d"])
r12d = machine_register(REGISTERS["r12d"])
r13d = machine_register(REGISTERS["r13d"])
r14d = machine_register(REGISTERS["r14d"])
r15d = machine_register(REGISTERS["r15d"])
ax = machine_register(REGISTERS["ax"])
cx = machine_register(REGISTERS["cx"])
dx = machine_register(REGISTERS["dx"])
bx = machine_register(REGISTERS["bx"])
sp = machine_register(REGISTERS["sp"])
bp = machine_register(REGISTERS["bp"])
si = machine_register(REGISTERS["si"])
di = machine_register(REGISTERS["di"])
r8w = machine_register(REGISTERS["r8w"])
r9w = machine_register(REGISTERS["r9w"])
r10w = machine_register(REGISTERS["r10w"])
r11w = machine_register(REGISTERS["r11w"])
r12w = machine_register(REGISTERS["r12w"])
r13w = machine_register(REGISTERS["r13w"])
r14w = machine_register(REGISTERS["r14w"])
r15w = machine_register(REGISTERS["r15w"])
al = machine_register(REGISTERS["al"])
cl = machine_register(REGISTERS["cl"])
dl = machine_register(REGISTERS["dl"])
bl = machine_register(REGISTERS["bl"])
spl = machine_register(REGISTERS["spl"])
bpl = machine_register(REGISTERS["bpl"])
sil = machine_register(REGISTERS["sil"])
dil = machine_register(REGISTERS["dil"])
r8b = machine_register(REGISTERS["r8b"])
r9b = machine_register(REGISTERS["r9b"])
r10b = machine_register(REGISTERS["r10b"])
r11b = machine_register(REGISTERS["r11b"])
r12b = machine_register(REGISTERS["r12b"])
r13b = machine_register(REGISTERS["r13b"])
r14b = machine_register(REGISTERS["r14b"])
r15b = machine_register(REGISTERS["r15b"])
ah = machine_register(REGISTERS["ah"])
ch = machine_register(REGISTERS["ch"])
dh = machine_register(REGISTERS["dh"])
bh = machine_register(REGISTERS["bh"])
rip = machine_register(REGISTERS["rip"])
eip = machine_register(REGISTERS["eip"])
es = SegmentOperand(REGISTERS["es"], U16)
cs = SegmentOperand(REGISTERS["cs"], U16)
ss = SegmentOperand(REGISTERS["ss"], U16)
ds = SegmentOperand(REGISTERS["ds"], U16)
fs = SegmentOperand(REGISTERS["fs"], U16)
gs = SegmentOperand(REGISTERS["gs"], U16)
cr0 = machine_register(REGISTERS["cr0"])
cr1 = machine_register(REGISTERS["cr1"])
cr2 = machine_register(REGISTERS["cr2"])
cr3 = machine_register(REGISTERS["cr3"])
cr4 = machine_register(REGISTERS["cr4"])
cr5 = machine_register(REGISTERS["cr5"])
cr6 = machine_register(REGISTERS["cr6"])
cr7 = machine_register(REGISTERS["cr7"])
cr8 = machine_register(REGISTERS["cr8"])
cr9 = machine_register(REGISTERS["cr9"])
cr10 = machine_register(REGISTERS["cr10"])
cr11 = machine_register(REGISTERS["cr11"])
cr12 = machine_register(REGISTERS["cr12"])
cr13 = machine_register(REGISTERS["cr13"])
cr14 = machine_register(REGISTERS["cr14"])
cr15 = machine_register(REGISTERS["cr15"])
dr0 = machine_register(REGISTERS["dr0"])
dr1 = machine_register(REGISTERS["dr1"])
dr2 = machine_register(REGISTERS["dr2"])
dr3 = machine_register(REGISTERS["dr3"])
dr4 = machine_register(REGISTERS["dr4"])
dr5 = machine_register(REGISTERS["dr5"])
dr6 = machine_register(REGISTERS["dr6"])
dr7 = machine_register(REGISTERS["dr7"])
st0 = machine_register(REGISTERS["st0"])
st1 = machine_register(REGISTERS["st1"])
st2 = machine_register(REGISTERS["st2"])
st3 = machine_register(REGISTERS["st3"])
st4 = machine_register(REGISTERS["st4"])
st5 = machine_register(REGISTERS["st5"])
st6 = machine_register(REGISTERS["st6"])
st7 = machine_register(REGISTERS["st7"])
mm0 = machine_register(REGISTERS["mm0"])
mm1 = machine_register(REGISTERS["mm1"])
mm2 = machine_register(REGISTERS["mm2"])
mm3 = machine_register(REGISTERS["mm3"])
mm4 = machine_register(REGISTERS["mm4"])
mm5 = machine_register(REGISTERS["mm5"])
mm6 = machine_register(REGISTERS["mm6"])
mm7 = machine_register(REGISTERS["mm7"])
xmm0 = machine_register(REGISTERS["xmm0"])
xmm1 = machine_register(REGISTERS["xmm1"])
xmm2 = machine_register(REGISTERS["xmm2"])
xmm3 = machine_register(REGISTERS["xmm3"])
xmm4 = machine_register(REGISTERS["xmm4"])
xmm5 = machine_register(REGISTERS["xmm5"])
xmm6 = machine_register(REGISTERS["xmm6"])
xmm7 = machine_register(REGISTERS["xmm7"])
xmm8 = machine_register(REGISTERS["xmm8"])
xmm9 = machine_register(REGISTERS["xmm9"])
xmm10 = machine_register(REGISTERS["xmm10"])
xmm11 = machine_register(REGISTERS["xmm11"])
xmm12 = machine_register(REGISTERS["xmm12"])
xmm13 = machine_register(REGISTERS["xmm13"])
xmm14 = machine_register(REGISTERS["xmm14"])
xmm15 = machine_register(REGISTERS["xmm15"])
xmm16 = machine_register(REGISTERS["xmm16"])
xmm17 = machine_register(REGISTERS["xmm17"])
xmm18 = machine_register(REGISTERS["xmm18"])
xmm19 = machine_register(REGISTERS["xmm19"])
xmm20 = machine_register(REGISTERS["xmm20"])
xmm21 = machine_register(REGISTERS["xmm21"])
xmm22 = machine_register(REGISTERS["xmm22"])
xmm23 = machine_register(REGISTERS["xmm23"])
xmm24 = machine_register(REGISTERS["xmm24"])
xmm25 = machine_register(REGISTERS["xmm25"])
xmm26 = machine_register(REGISTERS["xmm26"])
xmm27 = machine_register(REGISTERS["xmm27"])
xmm28 = machine_register(REGISTERS["xmm28"])
xmm29 = machine_register(REGISTERS["xmm29"])
xmm30 = machine_register(REGISTERS["xmm30"])
xmm31 = machine_register(REGISTERS["xmm31"])
ymm0 = machine_register(REGISTERS["ymm0"])
ymm1 = machine_register(REGISTERS["ymm1"])
ymm2 = machine_register(REGISTERS["ymm2"])
ymm3 = machine_register(REGISTERS["ymm3"])
ymm4 = machine_register(REGISTERS["ymm4"])
ymm5 = machine_register(REGISTERS["ymm5"])
ymm6 = machine_register(REGISTERS["ymm6"])
ymm7 = machine_register(REGISTERS["ymm7"])
ymm8 = machine_register(REGISTERS["ymm8"])
ymm9 = machine_register(REGISTERS["ymm9"])
ymm10 = machine_register(REGISTERS["ymm10"])
ymm11 = machine_register(REGISTERS["ymm11"])
ymm12 = machine_register(REGISTERS["ymm12"])
ymm13 = machine_register(REGISTERS["ymm13"])
ymm14 = machine_register(REGISTERS["ymm14"])
ymm15 = machine_register(REGISTERS["ymm15"])
ymm16 = machine_register(REGISTERS["ymm16"])
ymm17 = machine_register(REGISTERS["ymm17"])
ymm18 = machine_register(REGISTERS["ymm18"])
ymm19 = machine_register(REGISTERS["ymm19"])
ymm20 = machine_register(REGISTERS["ymm20"])
ymm21 = machine_register(REGISTERS["ymm21"])
ymm22 = machine_register(REGISTERS["ymm22"])
ymm23 = machine_register(REGISTERS["ymm23"])
ymm24 = machine_register(REGISTERS["ymm24"])
ymm25 = machine_register(REGISTERS["ymm25"])
ymm26 = machine_register(REGISTERS["ymm26"])
ymm27 = machine_register(REGISTERS["ymm27"])
ymm28 = machine_register(REGISTERS["ymm28"])
ymm29 = machine_register(REGISTERS["ymm29"])
ymm30 = machine_register(REGISTERS["ymm30"])
ymm31 = machine_register(REGISTERS["ymm31"])
zmm0 = machine_register(REGISTERS["zmm0"])
zmm1 = machine_register(REGISTERS["zmm1"])
zmm2 = machine_register(REGISTERS["zmm2"])
zmm3 = machine_register(REGISTERS["zmm3"])
zmm4 = machine_register(REGISTERS["zmm4"])
zmm5 = machine_register(REGISTERS["zmm5"])
zmm6 = machine_register(REGISTERS["zmm6"])
zmm7 = machine_register(REGISTERS["zmm7"])
zmm8 = machine_register(REGISTERS["zmm8"])
zmm9 = machine_register(REGISTERS["zmm9"])
zmm10 = machine_register(REGISTERS["zmm10"])
zmm11 = machine_register(REGISTERS["zmm11"])
zmm12 = machine_register(REGISTERS["zmm12"])
zmm13 = machine_register(REGISTERS["zmm13"])
zmm14 = machine_register(REGISTERS["zmm14"])
zmm15 = machine_register(REGISTERS["zmm15"])
zmm16 = machine_register(REGISTERS["zmm16"])
zmm17 = machine_register(REGISTERS["zmm17"])
zmm18 = machine_register(REGISTERS["zmm18"])
zmm19 = machine_register(REGISTERS["zmm19"])
zmm20 = machine_register(REGISTERS["zmm20"])
zmm21 = machine_register(REGISTERS["zmm21"])
zmm22 = machine_register(REGISTERS["zmm22"])
zmm23 = machine_register(REGISTERS["zmm23"])
zmm24 = machine_register(REGISTERS["zmm24"])
zmm25 = machine_register(REGISTERS["zmm25"])
zmm26 = machine_register(REGISTERS["zmm26"])
zmm27 = machine_register(REGISTERS["zmm27"])
zmm28 = machine_register(REGISTERS["zmm28"])
zmm29 = machine_register(REGISTERS["zmm29"])
zmm30 = machine_register(REGISTERS["zmm30"])
zmm31 = machine_register(REGISTERS["zmm31"])
k0 = machine_register(REGISTERS["k0"])
k1 = machine_register(REGISTERS["k1"])
k2 = machine_register(REGISTERS["k2"])
k3 = machine_register(REGISTERS["k3"])
k4 = machine_register(REGISTERS["k4"])
k5 = machine_register(REGISTERS["k5"])
k6 = machine_register(REGISTERS["k6"])
k7 = machine_register(REGISTERS["k7"])

__all__ = [
    "ah",
    "al",
    "ax",
    "bh",
    "bl",
    "bp",
    "bpl",
    "bx",
    "ch",
    "cl",
    "cr0",
    "cr1",
    "cr2",
    "cr3",
    "cr4",
    "cr5",
    "cr6",
    "cr7",
    "cr8",
    "cr9",
    "cr10",
    "cr11",
    "cr12",
    "cr13",
    "cr14",
    "cr15",
    "cs",
    "cx",
    "dh",
    "di",
    "dil",
    "dl",
    "dr0",
    "dr1",
    "dr2",
    "dr3",
    "dr4",
    "dr5",
    "dr6",
    "dr7",
    "ds",
    "dx",
    "eax",
    "ebp",
    "ebx",
    "ecx",
    "edi",
    "edx",
    "eip",
    "es",
    "esi",
    "esp",
    "fs",
    "gs",
    "k0",
    "k1",
    "k2",
    "k3",
    "k4",
    "k5",
    "k6",
    "k7",
    "mm0",
    "mm1",
    "mm2",
    "mm3",
    "mm4",
    "mm5",
    "mm6",
    "mm7",
    "r8",
    "r8b",
    "r8d",
    "r8w",
    "r9",
    "r9b",
    "r9d",
    "r9w",
    "r10",
    "r10b",
    "r10d",
    "r10w",
    "r11",
    "r11b",
    "r11d",
    "r11w",
    "r12",
    "r12b",
    "r12d",
    "r12w",
    "r13",
    "r13b",
    "r13d",
    "r13w",
    "r14",
    "r14b",
    "r14d",
    "r14w",
    "r15",
    "r15b",
    "r15d",
    "r15w",
    "rax",
    "rbp",
    "rbx",
    "rcx",
    "rdi",
    "rdx",
    "rip",
    "rsi",
    "rsp",
    "si",
    "sil",
    "sp",
    "spl",
    "ss",
    "st0",
    "st1",
    "st2",
    "st3",
    "st4",
    "st5",
    "st6",
    "st7",
    "xmm0",
    "xmm1",
    "xmm2",
    "xmm3",
    "xmm4",
    "xmm5",
    "xmm6",
    "xmm7",
    "xmm8",
    "xmm9",
    "xmm10",
    "xmm11",
    "xmm12",
    "xmm13",
    "xmm14",
    "xmm15",
    "xmm16",
    "xmm17",
    "xmm18",
    "xmm19",
    "xmm20",
    "xmm21",
    "xmm22",
    "xmm23",
    "xmm24",
    "xmm25",
    "xmm26",
    "xmm27",
    "xmm28",
    "xmm29",
    "xmm30",
    "xmm31",
    "ymm0",
    "ymm1",
    "ymm2",
    "ymm3",
    "ymm4",
    "ymm5",
    "ymm6",
    "ymm7",
    "ymm8",
    "ymm9",
    "ymm10",
    "ymm11",
    "ymm12",
    "ymm13",
    "ymm14",
    "ymm15",
    "ymm16",
    "ymm17",
    "ymm18",
    "ymm19",
    "ymm20",
    "ymm21",
    "ymm22",
    "ymm23",
    "ymm24",
    "ymm25",
    "ymm26",
    "ymm27",
    "ymm28",
    "ymm29",
    "ymm30",
    "ymm31",
    "zmm0",
    "zmm1",
    "zmm2",
    "zmm3",
    "zmm4",
    "zmm5",
    "zmm6",
    "zmm7",
    "zmm8",
    "zmm9",
    "zmm10",
    "zmm11",
    "zmm12",
    "zmm13",
    "zmm14",
    "zmm15",
    "zmm16",
    "zmm17",
    "zmm18",
    "zmm19",
    "zmm20",
    "zmm21",
    "zmm22",
    "zmm23",
    "zmm24",
    "zmm25",
    "zmm26",
    "zmm27",
    "zmm28",
    "zmm29",
    "zmm30",
    "zmm31",
]
