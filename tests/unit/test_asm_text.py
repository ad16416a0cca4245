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
    "rex.w call rax": "the prefix does nothing",
    "repz ret": "the prefix does nothing",
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
        ".quad 1",
        "lock",
        "jmp 0x1000",
        "fadd st(9), st",
        "vaddps zmm0{k1}, zmm1, zmm2",
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
        *("byte", "dword", "qword", "ptr", "far", "short", "st", "fs", "gs", "and", "not"),
        *("rax", "eax", "ax", "ah", "r9", "xmm1", "rip", "cr3", "0x28", "1", "8", "0xffffffff"),
        *("[", "]", "(", ")", "+", "-", "*", "/", ",", ":", ".", "|", "<<", "{k1}", "#", "é"),
    ]
)


@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_any_text_gives_bytes_or_an_error(text: str) -> None:
    [result] = encode_lines([text])
    assert (result.code is None) != (result.error is None)
