"""Options of tmpfs, against what Python makes of them."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.contents import CONTENTS
from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.tmpfsoptions import SUFFIXES, UNLIMITED, TmpfsOptions, TmpfsOptionTexts
from kernel.vm.overcommit import Overcommit
from pykasm import *
from pykasm.hostrun import Host

MEMORY = 1000
"""Pages of the machine."""

parts = Parts(CONTENTS)
host = Host(parts[TmpfsOptionTexts])
BEFORE: dict[str, Any] = {
    "most_pages": 70,
    "most_inodes": 80,
    "mode": 0o1777,
    "user": 3,
    "group": 4,
}

NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")


def number(text: str) -> tuple[int, str]:
    """The number at the start of a text, and the rest."""
    found = NUMBER.match(text)
    if not found:
        raise ValueError(text)
    digits = found[1].lower()
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") else 10
    value = int(digits, base)
    if value >= 1 << 63:
        raise ValueError(text)
    return value, text[found.end() :]


def size(text: str) -> tuple[int, str]:
    """The same, with a letter behind it."""
    value, rest = number(text)
    if rest[:1].lower() in SUFFIXES and rest:
        value, rest = value << SUFFIXES[rest[0].lower()], rest[1:]
    if value >= 1 << 64:
        raise ValueError(text)
    return value, rest


def expected(text: str) -> dict[str, int]:
    """What a text of options asks for."""
    result = dict(BEFORE)
    for option in filter(None, text.split(",")):
        name, mark, value = option.partition("=")
        if not mark:
            raise ValueError(option)
        if name in ("size", "nr_blocks", "nr_inodes"):
            amount, rest = size(value)
            if name == "size" and rest == "%":
                amount, rest = amount * MEMORY // 100, ""
            elif name == "size":
                amount = -(-amount // PAGE)
            result["most_inodes" if name == "nr_inodes" else "most_pages"] = amount or UNLIMITED
        elif name == "mode":
            if not re.fullmatch("[0-7]{1,20}", value):
                raise ValueError(option)
            result["mode"], rest = int(value, 8) & 0o7777, ""
        elif name in ("uid", "gid"):
            amount, rest = number(value)
            if amount >= (1 << 32) - 1:
                raise ValueError(option)
            result["user" if name == "uid" else "group"] = amount
        else:
            raise ValueError(option)
        if rest:
            raise ValueError(option)
    return result


VALUES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["0", "1", "7", "12", "4095", "4097", "0x1F", "017", "4294967294", ""]),
        st.sampled_from(["", "", "k", "M", "g", "E", "%", "z", "kk"]),
    ),
)
OPTIONS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["size", "nr_blocks", "nr_inodes", "mode", "uid", "gid", "huge", "siz"]),
        st.sampled_from(["=", "=", "=", "", "=="]),
        VALUES,
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(OPTIONS, max_size=4).map(",".join))
def test_options_mean_what_they_say(text: str) -> None:
    host.reset()
    host[parts[Overcommit].most_pages] = MEMORY
    options = host.new(TmpfsOptions, **BEFORE)
    result = host.call(parts[TmpfsOptionTexts].parse, host.bytes(text.encode() + b"\0"), options)
    try:
        wanted = expected(text)
    except ValueError:
        assert result == -Errno.EINVAL
    else:
        assert result == 0
        found = host.at(TmpfsOptions, int(options))
        assert {name: int(getattr(found, name)) for name in BEFORE} == wanted
