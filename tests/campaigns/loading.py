"""What Linux does with a file that is to be run, as far as that can be told from the file: its
loaders of scripts and of ELF (fs/binfmt_script.c and fs/binfmt_elf.c of Linux 6.1)."""

from __future__ import annotations

import errno
import re
import struct
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from tests.elf import HEADER, LOAD, PAGE, SEGMENT

TASK_END = 0x7FFF_FFFF_F000
LOWEST = 0x1_0000
"""Where programs may have memory, for everybody (mmap_min_addr)."""

MACHINE, TYPES = 62, (2, 3)
INTERPRETER = 3
HEADERS_ROOM = 4096
"""Bytes of program headers at most."""

PATH_ROOM = 4096
LINE = 256
NEST = 5
"""Scripts that name scripts, at most."""

FAR = 1 << 62
"""Places in files that are too far for each loader to say the same of."""

ALIGNED = 1 << 20
"""An alignment that is found anywhere."""


class Verdict(NamedTuple):
    """The error of `execve`, 0 if it succeeds; None if the program may be refused, or be killed
    before its first instruction; UNKNOWN if this model can't tell."""

    error: int | None


UNKNOWN = -1

STARTED, DOOMED, OPEN = Verdict(0), Verdict(None), Verdict(UNKNOWN)


class ProgramHeader(NamedTuple):
    """A segment."""

    type: int
    flags: int
    offset: int
    address: int
    physical: int
    file_size: int
    memory_size: int
    alignment: int


def verdict(contents: bytes, files: Mapping[str, bytes], depth: int = 0) -> Verdict:
    """What comes of running a file; `files` are all others by their names, from the root on."""
    if contents[:2] == b"#!":
        return _script(contents, files, depth)
    return _elf(contents, files)


def _script(contents: bytes, files: Mapping[str, bytes], depth: int) -> Verdict:
    buffer = contents[:LINE].ljust(LINE, b"\0")
    text = buffer.partition(b"\0")[0]
    line, end, _ = text.partition(b"\n")
    if not end:
        line = buffer[: LINE - 1]
        rest = buffer[2:].lstrip(b" \t")
        if not rest or not any(one in rest for one in (b" ", b"\t", b"\0")):
            return Verdict(errno.ENOEXEC)
    words = line[2:].strip(b" \t")
    if not words:
        return Verdict(errno.ENOEXEC)
    found = _found(re.split(rb"[ \t\0]", words)[0], files)
    if isinstance(found, Verdict):
        return found
    if depth == NEST:
        return Verdict(errno.ELOOP)
    return verdict(found, files, depth + 1)


def _found(name: bytes, files: Mapping[str, bytes]) -> bytes | Verdict:
    """The contents of the file `name`, or the error of looking for it."""
    if not name:
        return Verdict(errno.EACCES)  # the directory that it would begin in
    parts = name.decode("latin-1").removeprefix("/").split("/")
    if any(one in ("", ".", "..") for one in parts):
        return OPEN
    place = "/".join(parts)
    if place in files:
        return files[place]
    if any(one == place or one.startswith(f"{place}/") for one in files):
        return Verdict(errno.EACCES)
    heads = ["/".join(parts[:count]) for count in range(1, len(parts))]
    if any(len(one) > 255 for one in parts):
        return OPEN
    return Verdict(errno.ENOTDIR if any(one in files for one in heads) else errno.ENOENT)


def _headers(contents: bytes) -> list[ProgramHeader] | None:
    """The program headers of a file, None if a loader can't have them."""
    head = HEADER.unpack(contents[: HEADER.size].ljust(HEADER.size, b"\0"))
    place, size, count = head[10], head[14], head[15]
    room = size * count
    if size != SEGMENT.size or not 0 < room <= HEADERS_ROOM or place + room > len(contents):
        return None
    rows = struct.iter_unpack(SEGMENT.format, contents[place : place + room])
    return [ProgramHeader(*row) for row in rows]


def _elf(contents: bytes, files: Mapping[str, bytes]) -> Verdict:
    head = HEADER.unpack(contents[: HEADER.size].ljust(HEADER.size, b"\0"))
    type, machine, entry = head[6], head[7], head[9]
    headers = _headers(contents)
    if head[0] != b"\x7fELF" or type not in TYPES or machine != MACHINE or headers is None:
        return Verdict(errno.ENOEXEC)
    interpreters = [one for one in headers if one.type == INTERPRETER]
    is_sound = _is_sound(contents, headers, type) and entry < TASK_END
    if not interpreters:
        return STARTED if is_sound else DOOMED
    found = _interpreter(contents, interpreters[0], files)
    if is_sound or found == DOOMED:
        return found
    # which of its faults a loader comes to first is its own affair
    return DOOMED if found == STARTED else OPEN


def _interpreter(contents: bytes, header: ProgramHeader, files: Mapping[str, bytes]) -> Verdict:
    """What comes of the interpreter that a program names."""
    if not 2 <= header.file_size <= PATH_ROOM:
        return Verdict(errno.ENOEXEC)
    if header.offset >= FAR:
        return OPEN
    name = contents[header.offset : header.offset + header.file_size]
    if len(name) < header.file_size:
        return Verdict(errno.EIO)
    if name[-1]:
        return Verdict(errno.ENOEXEC)
    found = _found(name.partition(b"\0")[0], files)
    if isinstance(found, Verdict):
        return found
    if len(found) < HEADER.size:
        return Verdict(errno.EIO)
    head = HEADER.unpack(found[: HEADER.size])
    headers = _headers(found)
    if head[0] != b"\x7fELF" or head[7] != MACHINE or headers is None:
        return Verdict(errno.ELIBBAD)
    # one at fixed addresses may lie where the program is
    is_sound = head[6] == TYPES[1] and _is_sound(found, headers, head[6]) and head[9] < TASK_END
    return STARTED if is_sound else DOOMED


def _is_sound(contents: bytes, headers: list[ProgramHeader], type: int) -> bool:
    """Whether nothing can go wrong with loading."""
    loads = [one for one in headers if one.type == LOAD]
    apart = all(
        one.address + one.memory_size <= (other.address & -PAGE) for one, other in pairwise(loads)
    )
    return bool(loads) and apart and all(_fits(one, contents, type) for one in loads)


def _fits(one: ProgramHeader, contents: bytes, type: int) -> bool:
    """Whether a segment lies in the file and in memory as it should."""
    lowest = LOWEST if type == TYPES[0] else 0
    in_file = one.file_size and one.offset + one.file_size <= len(contents)
    in_memory = lowest <= one.address and one.address + one.memory_size < TASK_END >> 1
    whole = one.file_size <= one.memory_size and (one.address - one.offset) % PAGE == 0
    return bool(in_file and in_memory and whole and one.alignment <= ALIGNED)
