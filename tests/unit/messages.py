"""Messages without what differs from place to place, so that tests can state them whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from pykasm.encode.encoder import Encoder
from pykasm.errors import BuildFailed, Mistake
from pykasm.lang.image import Image
from pykasm.lang.objects import assemble_program

_PLACE = re.compile(r"^  \S+\.py:\d+$", re.MULTILINE)
_LINE = re.compile(r"^  +\d+ \|", re.MULTILINE)


def normalised(message: str) -> str:
    """`message` with `FILE:LINE` for places and `LINE |` before quoted source."""
    return _LINE.sub("  LINE |", _PLACE.sub("  FILE:LINE", message))


def message_of(wrong: type[Any]) -> str:
    """What a build of the class `wrong` says whose function `wrong` is the entry."""

    def build() -> None:
        subsystem = wrong()
        program = Image(entry=subsystem.wrong, subsystems=[subsystem]).assemble()
        assemble_program(program, Encoder(), ".")

    return refusal(build)


def refusal(wrong: Callable[[], object]) -> str:
    """What `wrong` says when it is run."""
    with pytest.raises((BuildFailed, Mistake)) as caught:
        wrong()
    return normalised(str(caught.value)).removesuffix("\n\n1 error")
