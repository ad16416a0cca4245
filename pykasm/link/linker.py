"""Linking by GNU ld, once or with a table made from the outcome."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

from pykasm.errors import PykasmError
from pykasm.link.layout import PAGE, SYMBOLS
from pykasm.link.symbols import LinkedSymbol, read_symbols
from pykasm.toolchain import QUIET, CommandFailed, Reporter, run

ASSIGNMENT = re.compile(r"^\s*(\w+) = ", re.MULTILINE)
MOVED_BY_TABLES = {f"{SYMBOLS}_end", "image_end", "image_load_end"}
"""The bounds that the table moves, since they lie behind it."""

SHOWN_OBJECTS = 3
"""How many of the objects that refer to a missing symbol are named."""


class LinkError(PykasmError):
    """The objects do not make an image."""


def link(
    objects: Sequence[Path], script: Path, output: Path, *, reporter: Reporter = QUIET
) -> None:
    """Link `objects` by the linker `script` to the static ELF file `output`.

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
        os.replace(unfinished, output)
    except CommandFailed as failure:
        raise LinkError(_explained(failure, objects, script)) from None
    finally:
        unfinished.unlink(missing_ok=True)


def link_with_tables(
    objects: Sequence[Path],
    script: Path,
    output: Path,
    make_tables: Callable[[Path], bytes],
    *,
    reporter: Reporter = QUIET,
) -> None:
    """Link `objects` to `output` together with a table that is made from their addresses.

    `make_tables` is given the image linked without the table and gives back the table as a
    relocatable object with the section `.symbols`. That section lies behind all others, so that
    the table moves nothing that it tells of; `LinkError` if it did.
    """
    link(objects, script, output, reporter=reporter)
    before = read_symbols(output)
    tables = output.with_name("symbols.o")
    tables.write_bytes(make_tables(output))
    link([*objects, tables], script, output, reporter=reporter)
    _check_unmoved(before, read_symbols(output))


def strip(image: Path, output: Path, *, reporter: Reporter = QUIET) -> None:
    """Copy `image` to `output` without symbols and debugging information: all that a boot loader
    would read in vain."""
    run("strip", "--strip-all", "-o", output, image, reporter=reporter)


def _check_unmoved(before: list[LinkedSymbol], after: list[LinkedSymbol]) -> None:
    now = {(symbol.name, symbol.address) for symbol in after}
    moved = [
        symbol.name
        for symbol in before
        if (symbol.name, symbol.address) not in now and symbol.name not in MOVED_BY_TABLES
    ]
    if moved:
        raise LinkError(
            f"the symbol table moved {len(moved)} symbols, the first of them {moved[0]}\n"
            f"help: put .{SYMBOLS} last in the layout, and nothing else into the table's object"
        )


def _explained(failure: CommandFailed, objects: Sequence[Path], script: Path) -> str:
    bounds = set(ASSIGNMENT.findall(script.read_text()))
    defined: dict[str, list[str]] = defaultdict(list)
    wanted: dict[str, list[str]] = defaultdict(list)
    for path in objects:
        for symbol in read_symbols(path) if path.exists() else ():
            if not symbol.local:
                (defined if symbol.defined else wanted)[symbol.name].append(path.stem)
    known = set(defined) | bounds
    lines = [
        *(_undefined(name, wanted[name], known) for name in sorted(wanted.keys() - known)),
        *(
            f"{name} is defined more than once: in {_listed(places)}"
            for name, places in sorted(defined.items())
            if len(places) > 1
        ),
    ]
    return "\n".join(lines) or str(failure)


def _undefined(name: str, users: list[str], known: set[str]) -> str:
    text = f"undefined symbol {name}, which {_listed(users)} refers to"
    close = get_close_matches(name, sorted(known), n=1)
    return f"{text}\nhelp: did you mean {close[0]}?" if close else text


def _listed(names: list[str]) -> str:
    hidden = len(names) - SHOWN_OBJECTS
    shown = ", ".join(names[:SHOWN_OBJECTS])
    return f"{shown} and {hidden} more" if hidden > 0 else shown
