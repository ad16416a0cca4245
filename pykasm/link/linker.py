"""Linking by GNU ld."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from pykasm.errors import PykasmError
from pykasm.link.layout import PAGE
from pykasm.link.symbols import read_symbols
from pykasm.toolchain import QUIET, CommandFailed, Reporter, run

ASSIGNMENT = re.compile(r"^\s*(\w+) = ", re.MULTILINE)
SHOWN_OBJECTS = 3
"""How many of the objects that refer to a missing symbol are named."""


class LinkError(PykasmError):
    """The objects do not make an image. `undefined` are symbols that none defines, by the names of
    the objects that refer to them, and `known` those that there are."""

    def __init__(
        self,
        text: str,
        undefined: Mapping[str, Sequence[str]] = MappingProxyType({}),
        known: Collection[str] = (),
    ) -> None:
        self.undefined = undefined
        self.known = known
        super().__init__(text)


def link(
    objects: Sequence[Path],
    script: Path,
    output: Path,
    *,
    complete: Callable[[Path], None] = lambda linked: None,
    reporter: Reporter = QUIET,
) -> None:
    """Link `objects` by the linker `script` to the static ELF file `output`.

    `complete` fills in what only the linked file tells, before it takes the place of `output`.

    The order of `objects` is their order in the image. Raises `LinkError` for symbols that none
    or several of them define, for sections that the script does not place, and for whatever else
    GNU ld warns of; `output` is then left as it was.
    """
    unfinished = output.with_name(output.name + ".part")
    try:
        run(
            *("ld", "-m", "elf_x86_64", "-static", "-nostdlib", "--build-id=none"),
            *("-z", "noexecstack", "-z", f"max-page-size={PAGE:#x}", "-z", "norelro"),
            *("--fatal-warnings", "--orphan-handling=error"),
            *("-T", script, "-o", unfinished),
            *objects,
            reporter=reporter,
        )
        complete(unfinished)
        os.replace(unfinished, output)
    except CommandFailed as failure:
        raise _explained(failure, objects, script) from None
    finally:
        unfinished.unlink(missing_ok=True)


def strip(image: Path, output: Path, *, reporter: Reporter = QUIET) -> None:
    """Copy `image` to `output` without symbols and debugging information: all that a boot loader
    would read in vain."""
    run("strip", "--strip-all", "-o", output, image, reporter=reporter)


def _explained(failure: CommandFailed, objects: Sequence[Path], script: Path) -> LinkError:
    bounds = set(ASSIGNMENT.findall(script.read_text()))
    defined: dict[str, list[str]] = defaultdict(list)
    wanted: dict[str, list[str]] = defaultdict(list)
    for path in objects:
        for symbol in read_symbols(path) if path.exists() else ():
            if not symbol.local:
                (defined if symbol.defined else wanted)[symbol.name].append(path.stem)
    known = set(defined) | bounds
    undefined = {name: wanted[name] for name in sorted(wanted.keys() - known)}
    lines = [
        *(_undefined(name, users, known) for name, users in undefined.items()),
        *(
            f"{name} is defined more than once: in {_listed(places)}"
            for name, places in sorted(defined.items())
            if len(places) > 1
        ),
    ]
    return LinkError("\n".join(lines) or str(failure), undefined, known)


def _undefined(name: str, users: list[str], known: set[str]) -> str:
    text = f"undefined symbol {name}, which {_listed(users)} refers to"
    close = get_close_matches(name, sorted(known), n=1)
    return f"{text}\nhelp: did you mean {close[0]}?" if close else text


def _listed(names: list[str]) -> str:
    hidden = len(names) - SHOWN_OBJECTS
    shown = ", ".join(names[:SHOWN_OBJECTS])
    return f"{shown} and {hidden} more" if hidden > 0 else shown
