"""Assembly text for people: right or refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykasm.encode.text import assemble_text, encode_lines
from pykasm.errors import Mistake
from tests.unit.same_meaning import same_meaning
from tests.unit.statements import memory, statement

ENCODINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "encodings.tsv"

REFUSED_THOUGH_GNU_TAKES_THEM = {
    "mov rax, qword [rbx]": "GNU as reads `qword` as the number 8: a displacement",
    "call far [rax]": "GNU as reads `far` as a symbol",
    "jmp far [rax]": "GNU as reads `far` as a symbol",
    "ret far": "GNU as reads `far` as a symbol",
    "mov al, -129": "the number does not fit, GNU as cuts it",
    "call ax": "Intel's and AMD's processors differ",
    "data16 call rax": "Intel's and AMD's processors differ",
}


def rows() -> list[tuple[str, str]]:
    if not ENCODINGS.exists():
        pytest.skip("the table of checked encodings is not beside the repository")
    table = [row.split("\t") for row in ENCODINGS.read_text().splitlines()[1:]]
    return [(text, code) for text, code in table]


def test_checked_encodings_mean_the_same_or_are_refused() -> None:
    table = rows()
    results = encode_lines([text for text, _ in table])
    wrong = [
        (text, code, result.code.hex())
        for (text, code), result in zip(table, results, strict=True)
        if result.code is not None
        and (code == "-" or not same_meaning(result.code, bytes.fromhex(code), 64))
    ]
    refused = {
        text
        for (text, code), result in zip(table, results, strict=True)
        if code != "-" and result.code is None
    }
    assert wrong == []
    assert refused == REFUSED_THOUGH_GNU_TAKES_THEM.keys()


def code_of(text: str, bits: int = 64) -> str:
    result = encode_lines([text], bits)[0]
    assert result.error is None
    assert result.code is not None
    return result.code.hex()


CODES = [
    ("mov rax, gs:[0x28]", "65488b042528000000"),
    ("mov rax, gs:0x28", "65488b042528000000"),
    ("mov eax, (2+3)*4", "b814000000"),
    ("mov eax, 1 << 12 | 3", "b803100000"),
    ("mov eax, 5 and 4", "b804000000"),
    ("mov eax, -(8/3) + 0b11 + 0o7 + 010", "b810000000"),
    ("mov eax, not 0", "b8ffffffff"),
    ("mov rax, [rbx][rcx]", "488b040b"),
    ("mov rax, [rbx+rcx][8]", "488b440b08"),
    ("mov rax, 8[rbx]", "488b4308"),
    ("mov rax, [rax+rsp]", "488b0404"),
    ("mov rax, [2*rbx + rcx]", "488b0459"),
    ("MOV RAX, QWORD PTR [RBX]  # comment", "488b03"),
    ("jmp .+5", "eb03"),
    ("jmp short .+5", "eb03"),
    ("jmp .-200", "e933ffffff"),
    ("je .", "74fe"),
    ("lock cmpxchg16b [rax]", "f0480fc708"),
    ("retq", "c3"),
    ("int 3", "cc"),
    ("movsx rax, dword ptr [rbx]", "486303"),
    ("fadd st, st(1)", "d8c1"),
    ("jmp $+5", "eb03"),
    ("call near ptr .+5", "e800000000"),
    ("call near ptr [rax]", "ff10"),
    ("vmovdqu64 zmm1{k1}{z}, zmm2", "62f1fec96fca"),
    ("vmovdqu64 zmm1 {z} {k1}, zmm2", "62f1fec96fca"),
    ("vmovdqu64 [rax]{k1}, zmm2", "62f1fe497f10"),
    ("vaddps zmm0, zmm1, dword ptr [rax]{1to16}", "62f174585800"),
    ("vaddps zmm0, zmm1, [rax + 4]{1to16}", "62f17458584001"),
    ("vcvtpd2ps xmm0, qword ptr [rax]{1to4}", "62f1fd385a00"),
    ("vaddps zmm0, zmm1, zmm2, {rn-sae}", "62f1741858c2"),
    ("vaddps zmm0, zmm1, zmm2{rz-sae}", "62f1747858c2"),
    ("vcmpps k1{k2}, zmm1, zmm2, {sae}, 5", "62f1741ac2ca05"),
    ("vcvtsi2ss xmm1, xmm2, {ru-sae}, rax", "62f1ee582ac8"),
    ("vpgatherdd zmm0{k1}, [rax+zmm1*4]", "62f27d49900488"),
    ("vpscatterdd [rax+zmm1*4]{k1}, zmm0", "62f27d49a00488"),
    ("cmpltps xmm0, xmm1", "0fc2c101"),
    ("cmpeqsd xmm0, [rax]", "f20fc20000"),
    ("vcmpeq_uqps k1{k2}, zmm1, zmm2", "62f1744ac2ca08"),
    ("pclmulhqlqdq xmm0, xmm1", "660f3a44c101"),
    ("mov al, 'a'", "b061"),
    ("mov eax, 'a' + 1", "b862000000"),
    ("cmp al, '\\n'", "3c0a"),
    ("cmp al, '\\''", "3c27"),
    ("cmp al, '#'  # a comment", "3c23"),
    ("cmp al, ';'", "3c3b"),
    ("shl rax", "48d1e0"),
    ("sar dword ptr [rax]", "d138"),
    ("shld rax, rbx", "480fa5d8"),
    ("fsub", "dee9"),
    ("stos qword ptr [rdi]", "48ab"),
    ("rep nop", "f390"),
    ("repz ret", "f3c3"),
    ("repnz ret", "f2c3"),
    ("cs mov eax, [rax]", "2e8b00"),
    ("fs lodsb", "64ac"),
    ("rep fs movsb", "64f3a4"),
    ("cs lock inc dword ptr [rax]", "2ef0ff00"),
    ("cs nop", "2e90"),
    ("cs jne .+5", "2e7502"),
    ("ds jmp rax", "3effe0"),
    ("data16 nop", "6690"),
    ("data16 cs nop", "2e6690"),
    ("data16 lea rdi, [rip+5]", "66488d3d05000000"),
    ("addr32 nop", "6790"),
    ("addr32 rep movsb", "67f3a4"),
    ("rex.w call rax", "48ffd0"),
    ("rex.w ljmp [rax]", "48ff28"),
    ("xlat byte ptr [rbx]", "d7"),
    ("xlat byte ptr fs:[rbx]", "64d7"),
    ("xlat [ebx]", "67d7"),
    ("monitor rax, ecx, edx", "0f01c8"),
    ("monitor eax, ecx, edx", "670f01c8"),
    ("mwait eax, ecx", "0f01c9"),
    ("cqto", "4899"),
    ("movd xmm0, rax", "66480f6ec0"),
    (".byte 5", "05"),
    (".byte 'a', -1, 1 << 3", "61ff08"),
    (".word 0x1234", "3412"),
    (".long 5  # a comment", "05000000"),
    (".quad -1", "ffffffffffffffff"),
    (r'.ascii "a#\n\101", "b"', "61230a4162"),
    ('.asciz "a", "b"', "61006200"),
    (".zero 3", "000000"),
    (".skip 2, 0x90", "9090"),
]


@pytest.mark.parametrize(("text", "code"), CODES)
def test_text_is_assembled(text: str, code: str) -> None:
    assert code_of(text) == code


@pytest.mark.parametrize(
    ("text", "bits", "code"),
    [
        ("ljmp 0x8:0x12345678", 32, "ea785634120800"),
        ("ljmp 0x8:0x1234", 16, "ea34120800"),
        ("mov ax, [si+bx]", 16, "8b00"),
        ("call dword ptr [si]", 16, "ff1c"),
        ("push eax", 32, "50"),
        ("mov al, [0x1000]", 32, "a000100000"),
    ],
)
def test_text_of_other_modes_is_assembled(text: str, bits: int, code: str) -> None:
    assert code_of(text, bits) == code


ERRORS = [
    (
        "mov rax, qword [rbx]",
        "`qword` without `ptr` is a number to GNU as, not a width; "
        "expected: `qword ptr [...]`; got: `qword [`; help: write `qword ptr`",
    ),
    (
        "mov rax, foo",
        "`foo` is no register and no number; "
        "expected: a register or a number: there are no symbols here; got: `foo`",
    ),
    (
        "mov eax, 1 << 2 + 1",
        "which of `+`, `<<` comes first is not clear; "
        "expected: brackets around what is to be computed first; got: << +; "
        "help: write `(1 << 2) + 1` or `1 << (2 + 1)`",
    ),
    (
        "mov rax, [rbx",
        "`]` is missing after the address; expected: `]`; got: the end of the line",
    ),
    (
        "nop; ret",
        "`;` begins another instruction to GNU as, a comment to others; "
        "expected: one instruction a line, comments after `#`; got: `; ret`",
    ),
    (
        "mov al, 'ab'",
        "a character constant is one character in quotes; "
        "expected: `'a'`, or one of `'\\b' '\\f' '\\n' '\\r' '\\t' '\\\\' '\\''`; "
        "got: `mov al, 'ab'`",
    ),
    (
        "mov al, 'é'",
        "`é` is no character of one byte; "
        "expected: an ASCII character, or a backslash and one of `b f n r t \\ ' \"`; got: `'é'`",
    ),
    (
        "vaddps zmm0, zmm1, zmm2, {rn}",
        "`{rn}` cannot stand in this place; "
        "expected: `{k1}` and `{z}` behind the first operand, `{1to16}` behind memory, `{rn-sae}`, "
        "`{rd-sae}`, `{ru-sae}`, `{rz-sae}`, `{sae}` behind the last register; each once; "
        "got: `{rn}`",
    ),
    (
        "vaddps ymm0, ymm1, ymm2, {rn-sae}",
        "`vaddps` has no form with `{rn-sae}` and these operands; "
        "expected: vaddps xmm1 {k1}{z}, xmm2, xmm3/m128/m32bcst; "
        "vaddps ymm1 {k1}{z}, ymm2, ymm3/m256/m32bcst; "
        "vaddps zmm1 {k1}{z}, zmm2, zmm3/m512/m32bcst{er}; "
        "got: `vaddps ymm0, ymm1, ymm2, {rn-sae}`",
    ),
    (
        "vmovups [rax]{k1}{z}, zmm2",
        "`vmovups` has no form with `{z}` and these operands; "
        "expected: vmovups xmm1 {k1}{z}, xmm2/m128; vmovups ymm1 {k1}{z}, ymm2/m256; "
        "vmovups zmm1 {k1}{z}, zmm2/m512; vmovups xmm2/m128 {k1}{z}, xmm1; "
        "vmovups ymm2/m256 {k1}{z}, ymm1; vmovups zmm2/m512 {k1}{z}, zmm1; "
        "got: `vmovups [rax]{k1}{z}, zmm2`; "
        "help: elements of memory are left as they are: leave out `{z}`",
    ),
    (
        "vpgatherdd zmm0, [rax+zmm1*4]",
        "`vpgatherdd` needs a mask with these operands; "
        "expected: `vpgatherdd zmm0{k1}, [rax + zmm1*4]`; "
        "got: `vpgatherdd zmm0, [rax + zmm1*4]`; "
        "help: k1 … k7 behind the first operand choose the elements",
    ),
    (
        "vpgatherdd zmm0{k1}, [rax+zmm0*4]",
        "`vpgatherdd` needs a vector register of its own for each operand; "
        "expected: destination, index and mask in different registers; "
        "got: `vpgatherdd zmm0{k1}, [rax + zmm0*4]`",
    ),
    (
        "{evex} vaddps xmm0, xmm1, xmm2",
        "`{evex}` cannot stand before an instruction; "
        "expected: the instruction alone: of encodings that mean the same, one is chosen; "
        "got: `{evex} vaddps xmm0, xmm1, xmm2`; help: leave it out",
    ),
    (
        "data16 mov eax, ebx",
        "`data16` cannot stand before `mov eax, ebx`; "
        "expected: an instruction that means the same with the prefix and without it; "
        "got: one that becomes `mov ax, bx`; help: write `mov ax, bx` if you mean that",
    ),
    (
        "data16 call rax",
        "`data16` cannot stand before `call rax`; "
        "expected: an instruction that means the same with the prefix and without it; "
        "got: a branch, before which processors differ; help: leave the prefix out",
    ),
    (
        "cs fs nop",
        "`fs` is the second prefix of its kind; "
        "expected: one segment, one operand size, one address size, one rex; got: cs fs",
    ),
    (
        "data32 nop",
        "`data32` is no prefix of 64-bit code; "
        "expected: a prefix for another size than the code's own; got: `data32`",
    ),
    (
        "rep bsf eax, ebx",
        "`bsf` does not take `rep` with these operands; expected: `bsf` without it; "
        "got: `rep bsf eax, ebx`; help: write `tzcnt` if you mean that",
    ),
    (
        "callq rax",
        "there is no instruction `callq`; expected: a mnemonic of the processor's manual; "
        "got: `callq`; help: did you mean `call`?",
    ),
    (
        ".byte 256",
        "0x100 does not fit 8 bits; expected: -0x80 … 0xff; got: 0x100",
    ),
    (
        ".ascii abc",
        'a text stands in double quotes; expected: `"…"`, and `,` between several; got: `abc`',
    ),
    (
        ".float 1",
        "`.float` is no directive for data; expected: `.byte`, `.word`, `.short`, `.hword`, "
        "`.value`, `.2byte`, `.long`, `.int`, `.4byte`, `.quad`, `.8byte`, `.octa`, `.ascii`, "
        "`.asciz`, `.string`, `.skip`, `.space`, `.zero`; got: `.float 1`",
    ),
    (
        "",
        "there is no instruction in the line; expected: a mnemonic and its operands; got: ``",
    ),
]


@pytest.mark.parametrize(("text", "error"), ERRORS)
def test_an_error_says_what_and_how(text: str, error: str) -> None:
    assert encode_lines([text]) == [(text, None, error)]


@pytest.mark.parametrize(
    "text",
    [
        "mov rax, [rsp*2+rax]",
        "mov rax, [rax+rbx+rcx]",
        "mov rax, rbx rcx",
        "mov rax, [rax-rbx]",
        "mov rax, 1/0",
        "mov rax, 1<<64",
        "mov rax, 1<<63<<1",
        "mov rax, 0x",
        "mov rax, 09",
        "mov rax,",
        "mov rax, (((((((((((((((((((((((1)))))))))))))))))))))))",
        "mov rax, " + "1+" * 300 + "1",
        "mov rax, !",
        "mov rax, @:",
        "mov %rax, %rbx",
        ".quad",
        "lock",
        "jmp 0x1000",
        "fadd st(9), st",
        "mov rax, [[rbx]]",
        "mov rax, rax + 1",
        "mov\x00 rax, rbx",
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(Mistake):
        assemble_text(text)


def test_text_becomes_a_statement_of_typed_operands() -> None:
    assert assemble_text("lock add dword ptr [rax+rcx*4-8], 1") == statement(
        "add", memory(4, "rax", -8, index="rcx", scale=4), 1, prefix="lock"
    )


WORDS = st.sampled_from(
    [
        *("mov", "add", "lea", "jmp", "call", "push", "lock", "rep", "fadd", "movs", "ljmp"),
        *("vaddps", "vpgatherdd", "cs", "data16", "rex.w", ".byte", ".ascii", "{z}", "{1to16}"),
        *("zmm1", "'a'", "'", '"', "$", "{rn-sae}", "{", "}"),
        *("byte", "dword", "qword", "ptr", "far", "short", "st", "fs", "gs", "and", "not"),
        *("rax", "eax", "ax", "ah", "r9", "xmm1", "rip", "cr3", "0x28", "1", "8", "0xffffffff"),
        *("[", "]", "(", ")", "+", "-", "*", "/", ",", ":", ".", "|", "<<", "{k1}", "#", "é"),
    ]
)


@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_any_text_gives_bytes_or_an_error(text: str) -> None:
    [result] = encode_lines([text])
    assert (result.code is None) != (result.error is None)
