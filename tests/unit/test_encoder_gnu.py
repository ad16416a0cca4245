"""Random statements of every form against GNU as: what is accepted means the same there."""

import random
from pathlib import Path

import pytest

from pykasm.encode.encoder import Encoder
from pykasm.errors import Mistake
from pykasm.isa.intel import statement_text
from pykasm.isa.statement import Statement
from tests.unit import gnu_as
from tests.unit.gnu_as import needs_gnu_as
from tests.unit.random_statements import random_statement, reads_alike
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
