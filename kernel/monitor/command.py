"""A command of the monitor."""

from __future__ import annotations

import re
from typing import Any

from kernel.text.strings import Words
from pykasm import *


class RunCommand(Fn[[Ptr[Words]], U32], context="thread"):
    """Called with the words, of which the first is the name. Returns 1, or 0 if one is not what
    the command's usage says."""


class Command(Struct):
    """What is typed, what it does, and the function that does it.

    `run` gets as many words as `usage` tells of.
    """

    name: Ptr[U8]
    usage: Ptr[U8]
    """The name with what follows it."""
    purpose: Ptr[U8]
    run: RunCommand
    least: U8
    """Fewest words, with the name."""
    most: U8


class Commands(Subsystem):
    """Brings commands to the monitor."""

    commands: list[Command]
    """Their rows, which the constructor makes."""


def command(name: str, arguments: str, purpose: str, run: Any) -> Command:
    """A row of the monitor's table; `[ ]` in `arguments` is what may be left out."""
    most = 1 + len(arguments.split())
    least = most - sum(len(optional.split()) for optional in re.findall(r"\[(.*?)\]", arguments))
    usage = f"{name} {arguments}".rstrip()
    return Command(name=name, usage=usage, purpose=purpose, run=run, least=least, most=most)
