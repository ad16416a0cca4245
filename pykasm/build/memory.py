"""What earlier builds found out, so that a rebuild only looks at what is new."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pykasm.encode
import pykasm.isa
from pykasm import assignments
from pykasm.assignments import Names, know_names
from pykasm.encode.encoder import Encoder
from pykasm.files import fingerprint, installed
from pykasm.isa.statement import Encoding, Statement
from pykasm.journal import Journal
from pykasm.lang.builder import accept


def encodings(path: Path) -> Journal[Statement, Encoding]:
    """The encodings that earlier builds left in `path`."""
    return Journal(path, _version())


def remembering_encoder(known: Mapping[Statement, Encoding]) -> Encoder:
    """An encoder that knows these; the language accepts those statements unseen."""
    accept(known)
    return Encoder({**known})


def remembered_names(path: Path) -> Journal[bytes, Names]:
    """The assigned names that earlier builds left in `path`, which are known from now on."""
    journal = Journal[bytes, Names](path, fingerprint(sys.version, Path(assignments.__file__)))
    know_names(journal.known)
    return journal


def _version() -> str:
    """What encodings depend on: the libraries, and pykasm's own code around them."""
    folders = [Path(one.__path__[0]) for one in (pykasm.isa, pykasm.encode)]
    sources = sorted(file for folder in folders for file in folder.glob("*.py"))
    return fingerprint(installed("iced_x86"), installed("keystone"), *sources)
