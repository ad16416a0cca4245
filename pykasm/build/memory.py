"""Encodings that earlier builds made and verified, so that a rebuild only makes new ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import iced_x86
import keystone

import pykasm.encode
import pykasm.isa
from pykasm.build.files import fingerprint
from pykasm.build.journal import Journal
from pykasm.encode.encoder import Encoder
from pykasm.isa.statement import Encoding, Statement
from pykasm.lang.builder import accept


def encodings(path: Path) -> Journal[Statement, Encoding]:
    """The encodings that earlier builds left in `path`."""
    return Journal(path, _version())


def remembering_encoder(known: Mapping[Statement, Encoding]) -> Encoder:
    """An encoder that knows these; the language accepts those statements unseen."""
    accept(known)
    return Encoder({**known})


def _version() -> str:
    """What encodings depend on: the libraries, and pykasm's own code around them."""
    folders = [Path(one.__path__[0]) for one in (pykasm.isa, pykasm.encode)]
    sources = sorted(file for folder in folders for file in folder.glob("*.py"))
    return fingerprint(_installed(iced_x86), _installed(keystone), *sources)


def _installed(library: ModuleType) -> str:
    """What changes when another version of `library` is installed."""
    files = sorted(Path(library.__path__[0]).iterdir())
    return repr([(file.name, file.stat().st_size) for file in files])
