"""Random statements of every form against GNU as: what is accepted means the same there."""

import random
from pathlib import Path

import pytest

from pykasm.encode.encoder import Encoder
from pykasm.encode.spellings import names_with_immediate
from pykasm.encode.text import encode_lines
from pykasm.errors import Mistake
from pykasm.isa.intel import statement_text
from pykasm.isa.statement import Statement
from tests.unit import gnu_as
from tests.unit.gnu_as import needs_gnu_as
from tests.unit.random_statements import (
    random_statement,
    random_vector_statement,
    reads_alike,
)
from tests.unit.same_meaning import same_meaning

STATEMENTS = {64: 6000, 32: 4500, 16: 4500}
"""How many are drawn a mode: 10,000 remain in all, as some have values out of range."""

SEED = 20240229

NEWER_THAN_GNU = frozenset(
    [
        *("lkgs", "erets", "eretu", "pbndkb", "prefetchit0", "prefetchit1"),
        *("vsha512msg1", "vsha512msg2", "vsha512rnds2", "vsm3msg1", "vsm3msg2", "vsm3rnds2"),
        *("vsm4key4", "vsm4rnds4", "vpdpwsud", "vpdpwsuds", "vpdpwusd", "vpdpwusds", "vpdpwuud"),
        *("vpdpwuuds", "aesdec256kl", "aesdecwide256kl", "aesenc256kl", "aesencwide256kl"),
    ]
)
"""Instructions that GNU as 2.40 does not know, or not with the width of their operand."""

NAMED_OTHERWISE = frozenset(
    [
        *("getsecq", "icebp", "salc", "sysretl", "sysexitl", "pcmpestri64", "pcmpestrm64"),
        *("vpcmpestri64", "vpcmpestrm64", "movabs"),
    ]
)
"""Names of the manuals that GNU as 2.40 has not, or not in every mode."""

WRITTEN_OTHERWISE = frozenset(
    [
        *("enqcmd", "enqcmds", "movdir64b", "ldtilecfg", "sttilecfg"),  # wants no width
        *("ljmp", "lcall", "lfs", "lgs", "lss"),  # wants no width, but a prefix
        *("lar", "lldt", "lmsw", "lsl", "ltr", "verr", "verw", "arpl", "vmovw"),  # narrower
        *("movsxd", "tpause", "umwait"),  # narrower register
        *("bextr", "lwpins", "lwpval"),  # wants the immediate signed
    ]
)
"""Instructions of which GNU as takes the operand in another width only, for the same code."""


def accepted(statements: list[Statement], encoder: Encoder) -> dict[Statement, bytes]:
    found = {}
    for statement in statements:
        try:
            found[statement] = encoder.encode([statement])[0].code
        except Mistake:
            continue
    return found


@needs_gnu_as
@pytest.mark.parametrize("bits", [64, 32, 16])
def test_accepted_statements_mean_the_same_to_gnu_as(bits: int, tmp_path: Path) -> None:
    chance = random.Random(SEED + bits)
    drawn = [random_statement(chance, bits) for _ in range(STATEMENTS[bits])]
    ours = accepted([statement for statement in drawn if reads_alike(statement)], Encoder())
    theirs = gnu_as.assemble([statement_text(s) for s in ours], bits, tmp_path)

    different = [
        (statement_text(statement), code.hex(), other.hex())
        for (statement, code), other in zip(ours.items(), theirs, strict=True)
        if other is not None and not same_meaning(code, other, bits)
    ]
    refused_there = {
        statement.mnemonic for statement, other in zip(ours, theirs, strict=True) if other is None
    }
    assert len(ours) > STATEMENTS[bits] * 2 // 3
    assert different == []
    assert refused_there - NEWER_THAN_GNU - NAMED_OTHERWISE - WRITTEN_OTHERWISE == set()


@needs_gnu_as
@pytest.mark.parametrize("bits", [64, 32, 16])
def test_options_of_vector_instructions_mean_the_same_to_gnu_as(bits: int, tmp_path: Path) -> None:
    chance = random.Random(SEED + bits)
    texts = [statement_text(random_vector_statement(chance, bits)) for _ in range(2000)]
    ours = encode_lines(texts, bits)
    theirs = gnu_as.assemble(texts, bits, tmp_path)

    different = [
        (text, our.code.hex(), their.hex())
        for text, our, their in zip(texts, ours, theirs, strict=True)
        if our.code is not None and their is not None and not same_meaning(our.code, their, bits)
    ]
    refused_here = [
        (text, our.error)
        for text, our, their in zip(texts, ours, theirs, strict=True)
        if their is not None and our.error is not None and not is_stricter(our.error)
    ]
    assert sum(our.code is not None for our in ours) > 500
    assert different == []
    assert refused_here == []


def is_stricter(error: str) -> bool:
    """Whether GNU as is known to let this mistake pass: it cuts numbers, and only warns of
    gathers that the machine refuses."""
    known = ("does not fit", "needs a vector register of its own", "cannot reach the address")
    return any(words in error for words in known)


@needs_gnu_as
def test_names_that_hold_an_immediate_are_those_of_gnu_as(tmp_path: Path) -> None:
    texts = [
        f"{name} {operands}"
        for name in sorted(names_with_immediate())
        for operands in ("xmm1, xmm2", "xmm1, xmm2, xmm3", "k1, xmm2, xmm3")
    ]
    ours = encode_lines(texts)
    theirs = gnu_as.assemble(texts, 64, tmp_path)
    assert len(texts) > 700
    assert [
        (text, our, their)
        for text, our, their in zip(texts, ours, theirs, strict=True)
        if our.code != their
    ] == []
