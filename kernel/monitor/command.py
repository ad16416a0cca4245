"""Commands of the monitor."""

from __future__ import annotations

import re
from typing import Any

from kernel.text.strings import Words
from pykasm import *


class RunCommand(Fn[[Ptr[Words]], Bool], context="thread"):
    """Called with the words, of which the first is the name. Returns whether they are what the
    command's usage says."""


class Command(Struct):
    """A row of the monitor's table. `run` is called with as many words as `usage` has."""

    name: Ptr[U8]
    usage: Ptr[U8]
    """The name with the arguments."""
    purpose: Ptr[U8]
    run: RunCommand
    least: U8
    """The fewest words, with the name."""
    most: U8
    """The most words."""


class Commands(Subsystem):
    """A subsystem with commands."""

    commands: list[Command]
    """Their rows, which the constructor makes."""


def command(name: str, arguments: str, purpose: str, run: Any) -> Command:
    """Return a row of the monitor's table. Arguments in `[ ]` may be left out."""
    most = 1 + len(arguments.split())
    least = most - sum(len(optional.split()) for optional in re.findall(r"\[(.*?)\]", arguments))
    usage = f"{name} {arguments}".rstrip()
    return Command(name=name, usage=usage, purpose=purpose, run=run, least=least, most=most)
