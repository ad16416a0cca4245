"""Damaged programs: each is refused with the error that Linux gives it, or ends by itself."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from functools import partial
from random import Random

from pykasm.campaign.campaign import Campaign, Outcome
from pykasm.files import digest_of
from tests.campaigns.guest import Guest
from tests.campaigns.loading import UNKNOWN, Verdict, verdict
from tests.elf import BASE, HEADER, READ, SEGMENT, WRITE, Segment, code, program

TOGETHER = 250
"""Images that a machine has at a time."""

EXIT = ("mov eax, 231", "syscall", "ud2")
TEXT, DATA = 0x400, 0x3800
INTERPRETER, TYPE_AT, SHARED, PHDRS_AT = 3, 16, 3, 64
SEGMENT_NAMES_ROOM = 0x200
"""Where the images have the names of their interpreters."""


def _fixed() -> bytes:
    """A program at fixed addresses: it exits with the sum of a word of its file and one of its
    zeros."""
    place = BASE + DATA
    return program(
        Segment(
            BASE + TEXT, code(f"mov ecx, {place}", "mov edi, [rcx]", "add edi, [rcx + 4]", *EXIT)
        ),
        Segment(place, (30).to_bytes(4, "little"), READ | WRITE, zeros=0x2000),
        entry=BASE + TEXT,
    )


def _anywhere(result: int) -> bytes:
    """One that may lie anywhere."""
    image = bytearray(
        program(
            Segment(TEXT, code("lea rcx, [rip + 0x400]", f"mov edi, {result}", *EXIT)),
            Segment(DATA, bytes(8), READ | WRITE, zeros=0x1000),
            entry=TEXT,
        )
    )
    image[TYPE_AT] = SHARED
    return bytes(image)


def _interpreted(interpreter: str) -> bytes:
    """One with an interpreter, which never comes to run what it is given."""
    name = interpreter.encode() + b"\0"
    image = bytearray(_fixed())
    segments = image[PHDRS_AT : PHDRS_AT + 2 * SEGMENT.size]
    image[SEGMENT_NAMES_ROOM : SEGMENT_NAMES_ROOM + len(name)] = name
    row = SEGMENT.pack(
        *(INTERPRETER, READ, SEGMENT_NAMES_ROOM, BASE + SEGMENT_NAMES_ROOM),
        *(0, len(name), len(name), 1),
    )
    image[PHDRS_AT : PHDRS_AT + 3 * SEGMENT.size] = row + segments
    image[56] = 3  # program headers
    return bytes(image)


FIXED, ANYWHERE = _fixed(), _anywhere(17)
OTHERS = {"lib/fixed": FIXED, "lib/anywhere": ANYWHERE}
"""What scripts and programs name, besides damaged ones."""

KINDS = ("fixed", "anywhere", "interpreted", "interpreter", "script")

VALUES = (
    *(0, 1, 2, 3, 4, 6, 7, 55, 56, 62, 73, 74, 0x7F, 0x80, 0xFF, 0x100),
    *(0xFFF, 0x1000, 0x1001, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF),
    *(0x7FFF_FFFF_E000, 0x7FFF_FFFF_F000, 0x8000_0000_0000, 0xFFFF_8000_0000_0000),
    *(1 << 63, (1 << 63) - 1, (1 << 64) - 1, (1 << 64) - 0x1000),
)
STEPS = (-0x1000, -8, -1, 1, 8, 0x1000)

HEADER_FIELDS = (
    *((0, 4), (4, 1), (5, 1), (6, 1), (7, 1), (16, 2), (18, 2), (20, 4), (24, 8), (32, 8)),
    *((40, 8), (48, 4), (52, 2), (54, 2), (56, 2)),
)
"""Offsets and sizes (System V ABI, figure 4-3), and those of a segment (figure 5-1)."""

SEGMENT_FIELDS = ((0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 8), (48, 8))


def damaged(seed: int) -> tuple[str, dict[str, bytes]]:
    """The kind of a case, and its files: that of its number in `images` is run."""
    chance = Random(seed)
    kind = chance.choice(KINDS)
    image, name = f"images/{seed}", f"images/{seed}.so"
    if kind == "script":
        return kind, {image: _script(chance)}
    if kind == "interpreter":
        other = chance.choice((FIXED, ANYWHERE))
        return kind, {image: _interpreted(f"/{name}"), name: _changed(chance, other)}
    whole = {"fixed": FIXED, "anywhere": ANYWHERE, "interpreted": _interpreted("/lib/anywhere")}
    return kind, {image: _changed(chance, whole[kind])}


def _changed(chance: Random, whole: bytes) -> bytes:
    """`whole` with some fields of its headers changed, and perhaps without its end."""
    image = bytearray(whole)
    for _ in range(chance.randint(1, 3)):
        place, size = _field(chance, image[56])
        value = int.from_bytes(image[place : place + size], "little")
        change = chance.random()
        if change < 0.5:
            value = chance.choice(VALUES)
        elif change < 0.9:
            value += chance.choice(STEPS)
        else:
            value = chance.getrandbits(size * 8)
        image[place : place + size] = (value % (1 << size * 8)).to_bytes(size, "little")
    if chance.random() < 0.1:
        del image[chance.randrange(len(image)) :]
    return bytes(image)


def _field(chance: Random, segments: int) -> tuple[int, int]:
    if chance.random() < 0.4:
        return chance.choice(HEADER_FIELDS)
    place, size = chance.choice(SEGMENT_FIELDS)
    number = chance.randrange(max(1, min(3, segments)))
    return HEADER.size + number * SEGMENT.size + place, size


def _script(chance: Random) -> bytes:
    """A script whose first line is one by chance."""
    names = ("/lib/fixed", "/lib/anywhere", "lib/fixed", "/lib", "/none", "/lib/fixed/x", "")
    name = chance.choice((*names, "/" + "n" * chance.choice((200, 252, 253, 254, 300))))
    blanks = [" " * chance.choice((0, 0, 1, 3, 250)) + chance.choice(("", "\t")) for _ in range(3)]
    option = chance.choice(("", "-x", "a b", "o" * 300, "a\0b"))
    end = chance.choice(("\n", "\n", "", "\0", "\nmore\n"))
    text = f"#!{blanks[0]}{name}{blanks[1] or ' '}{option}{blanks[2]}{end}".encode()
    if chance.random() < 0.2:
        text = text[: chance.randrange(2, len(text) + 1)]
    return text


REFUSALS = (
    *(0, errno.ENOEXEC, errno.ELIBBAD, errno.EPERM, errno.ENOMEM, errno.EEXIST, errno.EINVAL),
    errno.EFAULT,
)
"""Where Linux begins to load a program and then kills the process, this kernel, which has not left
the old one yet, tells it what it is that can't be."""


def judged(expected: dict[int, tuple[str, Verdict]], seed: int, end: str) -> Outcome:
    """What came of a case that ended so."""
    kind, (wanted,) = expected[seed]
    how, _, number = end.partition(" ")
    error = int(number) if how == "errno" else 0
    good = error in REFUSALS if wanted is None else error == wanted or wanted == UNKNOWN
    name = errno.errorcode.get(error, str(error)) if error else how
    failure = "" if good else f"{end}, and Linux gives {errno.errorcode.get(wanted or 0, 'none')}"
    return Outcome(seed, f"{kind}: {name}", failure)


def looked_at(guest: Guest, seeds: Sequence[int]) -> Iterator[Outcome]:
    """Run the images `seeds`."""
    files = dict(OTHERS)
    expected = {}
    for seed in seeds:
        kind, own = damaged(seed)
        files |= own
        expected[seed] = kind, verdict(own[f"images/{seed}"], files)
    yield from guest.outcomes(seeds, files, partial(judged, expected))


def campaign() -> Campaign:
    """Damaged programs, of which each is told by its seed."""
    guest = Guest.made("images.c")
    subject = digest_of((guest.subject + __file__).encode()).hex()
    return Campaign(partial(looked_at, guest), TOGETHER, subject)
