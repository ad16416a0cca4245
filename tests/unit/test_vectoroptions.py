"""Options of AVX-512 and prefixes of elision, in the language and in text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pykasm import *
from pykasm.encode.text import encode_lines
from pykasm.errors import BuildFailed
from pykasm.hostrun import Host

counter = u32[rax]
OPTIONS = {
    "vaddps zmm0{k1}, zmm2, zmm3": lambda: vaddps(masked(zmm0, k1), zmm2, zmm3),
    "vaddps zmm0{k7}{z}, zmm2, zmm3": lambda: vaddps(masked(zmm0, k7, zeroing=True), zmm2, zmm3),
    "vaddps zmm0, zmm1, dword ptr [rax]{1to16}": lambda: vaddps(
        zmm0, zmm1, broadcast(u32[rax], 16)
    ),
    "vaddpd ymm0{k2}, ymm1, qword ptr [rax+8]{1to4}": lambda: vaddpd(
        masked(ymm0, k2), ymm1, broadcast(u64[rax + 8], 4)
    ),
    "vaddps zmm0, zmm1, zmm2, {rn-sae}": lambda: vaddps(zmm0, zmm1, zmm2, rn_sae),
    "vaddps zmm0, zmm1, zmm2, {rd-sae}": lambda: vaddps(zmm0, zmm1, zmm2, rd_sae),
    "vaddps zmm0, zmm1, zmm2, {ru-sae}": lambda: vaddps(zmm0, zmm1, zmm2, ru_sae),
    "vaddps zmm0{k1}, zmm1, zmm2, {rz-sae}": lambda: vaddps(masked(zmm0, k1), zmm1, zmm2, rz_sae),
    "vmaxps zmm0, zmm1, zmm2, {sae}": lambda: vmaxps(zmm0, zmm1, zmm2, sae),
    "vcmpps k1{k2}, zmm1, zmm2, {sae}, 4": lambda: vcmpps(masked(k1, k2), zmm1, zmm2, sae, 4),
    "vmovups zmmword ptr [rax+64]{k1}, zmm1": lambda: vmovups(masked(x512[rax + 64], k1), zmm1),
    "vmovdqu8 zmm0, zmmword ptr [rax+64]": lambda: vmovdqu8(zmm0, x512[rax + 64]),
    "xacquire lock add dword ptr [rax], ebx": lambda: xacquire.lock.add(counter, ebx),
    "xrelease lock dec dword ptr [rax]": lambda: xrelease.lock.dec(counter),
    "xacquire xchg dword ptr [rax], ebx": lambda: xacquire.xchg(counter, ebx),
    "xrelease mov dword ptr [rax], ebx": lambda: xrelease.mov(counter, ebx),
}


def written(emit: Callable[[], Any]) -> bytes:
    """The code of one instruction."""

    class Code(Subsystem):
        @naked
        def run(self) -> None:
            emit()
            ret()

    code = Code()
    host = Host(code)
    return host.read(host.address(code.run), 16)


@pytest.mark.parametrize("text", OPTIONS)
def test_the_language_says_what_text_says(text: str) -> None:
    [assembled] = encode_lines([text])
    assert assembled.code is not None, assembled.error
    assert written(OPTIONS[text]).startswith(assembled.code + b"\xc3")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("vmovdqu8 zmm0, zmmword ptr [rax+64]", "62f17f486f4001"),
        ("vmovdqu8 zmmword ptr [rax+8128], zmm3", "62f17f487f587f"),
        ("vmovdqu8 zmm0, zmmword ptr [rax-8192]", "62f17f486f4080"),
        ("vmovdqu16 ymm0, ymmword ptr [rax+64]", "62f1ff286f4002"),
        ("vaddps zmm0, zmm1, dword ptr [rax+4]{1to16}", "62f17458584001"),
        ("lock xacquire add dword ptr [rax], ebx", "f0f20118"),
    ],
)
def test_displacements_are_short_where_they_can_be(text: str, code: str) -> None:
    [assembled] = encode_lines([text])
    assert assembled.code == bytes.fromhex(code)


LONG = ["vmovdqu8 zmm0, zmmword ptr [rax+65]", "vmovdqu8 zmm0, zmmword ptr [rax+8192]"]


@pytest.mark.parametrize("text", LONG)
def test_displacements_are_long_where_they_have_to_be(text: str) -> None:
    [assembled] = encode_lines([text])
    assert assembled.code is not None
    assert len(assembled.code) == 10


@pytest.mark.parametrize(
    "text",
    [
        "xacquire add dword ptr [rax], ebx",
        "xrelease add dword ptr [rax], ebx",
        "xacquire cmpxchg dword ptr [rax], ebx",
        "xrelease inc qword ptr [rax]",
        "xacquire mov dword ptr [rax], ebx",
        "xrelease mov eax, ebx",
        "xrelease mov eax, dword ptr [rbx]",
        "xacquire xchg ebx, eax",
        "xacquire lock add eax, ebx",
        "xacquire lock mov dword ptr [rax], ebx",
    ],
)
def test_no_lock_is_elided_where_there_is_none(text: str) -> None:
    [assembled] = encode_lines([text])
    assert assembled.code is None
    assert "does not take" in (assembled.error or "")


@pytest.mark.parametrize("text", ["tilezero tmm0", "tdpbssd tmm1, tmm2, tmm3"])
def test_tiles_are_refused_in_words(text: str) -> None:
    [assembled] = encode_lines([text])
    assert "is a tile register of AMX, which pykasm does not have" in (assembled.error or "")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: vaddps(masked(zmm0, k0), zmm1, zmm2),
        lambda: vaddps(zmm0, masked(zmm1, k1), zmm2),
        lambda: vaddps(masked(zmm0, eax), zmm1, zmm2),
        lambda: vaddps(zmm0, zmm1, broadcast(zmm2, 16)),
        lambda: vaddps(zmm0, zmm1, broadcast(u32[rax], 8)),
        lambda: vaddps(zmm0, rn_sae, zmm1, zmm2),
        lambda: vaddps(zmm0, zmm1, x512[rax], rn_sae),
        lambda: vmovups(masked(x512[rax], k1, zeroing=True), zmm1),
        lambda: add(masked(eax, k1), ebx),
        lambda: xacquire.add(counter, ebx),
    ],
)
def test_options_where_they_mean_nothing_are_mistakes(wrong: Callable[[], Any]) -> None:
    with pytest.raises(BuildFailed, match=r"error\[operand-form\]"):
        written(wrong)
