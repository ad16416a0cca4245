"""What the linked image looks like: its sections, their places and permissions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import pairwise
from typing import Literal

from pykasm.errors import PykasmError
from pykasm.lang.codemodel import VIRTUAL_BASE
from pykasm.source import Span, author_span

PAGE = 4096
"""The smallest page of the machine (AMD64 APM vol. 2, 5.1), the grain of all permissions."""

LOAD_ADDRESS = 0x100000
"""1 MiB: the first memory that belongs to nobody on a PC."""

Permissions = Literal["r-x", "r--", "rw-", "--x"]

PARAGRAPH = 16
"""The largest alignment that the System V ABI asks of data (AMD64, figure 3.1)."""

SEGMENT_FLAGS: dict[Permissions, int] = {"r-x": 5, "r--": 4, "rw-": 6, "--x": 1}
"""`p_flags` (System V ABI, chapter 5, "Segment Permissions"); writable code has none."""


class Place(Enum):
    """Where the code of a section believes it runs; all are loaded one after the other."""

    PHYSICAL = "at its load address, for code that runs before paging"
    VIRTUAL = "at its load address plus the image's virtual base"


@dataclass(frozen=True, slots=True)
class OutputSection:
    """A section of the image.

    It takes in the sections named in `inputs`, in this order (none: those of its own name), and
    those whose names go on from there: `.text` and `.text.console`. `place` says for which
    address it is linked; a number is that very address. `align` is in bytes. A `nobits` section
    holds zeros only and takes no room in the file. A `note` is also shown to loaders by a PT_NOTE
    segment. `reserve` names a symbol that says how many bytes are kept free at its end. `declared`
    is where the author made it.

    Code can refer to `<symbol>_start` and `<symbol>_end`, where the section lies once the image
    is mapped, to `<symbol>_load`, its physical address, where that is another one, and to
    `<symbol>_size` of a section linked at a number.
    """

    name: str
    permissions: Permissions
    inputs: tuple[str, ...] = ()
    place: Place | int = Place.VIRTUAL
    align: int = PAGE
    nobits: bool = False
    note: bool = False
    reserve: str = ""
    declared: Span | None = field(default_factory=author_span, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.permissions not in SEGMENT_FLAGS:
            raise PykasmError(
                f"{self.name} can't have the permissions {self.permissions!r}\n"
                f"help: one of {', '.join(SEGMENT_FLAGS)}; nothing is both written and run"
            )

    @property
    def patterns(self) -> list[str]:
        """The input sections, each line one statement of a linker script."""
        return [f"{name} {name}.*" for name in self.inputs or (self.name,)]

    def takes(self, name: str) -> bool:
        """Whether an input section called `name` goes into it."""
        return bool(self.taken([name]))

    def taken(self, names: Iterable[str]) -> list[str]:
        """Those of the input sections called `names` that go into it."""
        starts = tuple(f"{one}." for one in self.inputs or (self.name,))
        return [one for one in names if f"{one}.".startswith(starts)]

    @property
    def symbol(self) -> str:
        """What the bounds symbols begin with."""
        return self.name.lstrip(".").replace(".", "_")

    @property
    def fixed(self) -> bool:
        """Whether it is linked at a number."""
        return not isinstance(self.place, Place)

    @property
    def physical(self) -> bool:
        """Whether it is linked at its load address."""
        return self.place is Place.PHYSICAL


@dataclass(frozen=True, slots=True)
class Segment:
    """Sections next to each other that one program header loads."""

    sections: tuple[OutputSection, ...]

    @property
    def name(self) -> str:
        """Its name in the linker script."""
        return self.sections[0].symbol

    @property
    def flags(self) -> int:
        """`p_flags`."""
        return SEGMENT_FLAGS[self.sections[0].permissions]


@dataclass(frozen=True, slots=True)
class Layout:
    """The image: `sections` in the order of their load addresses, from `load_address` on.

    `entry` is the symbol where a boot loader starts it. With `headers`, those of the file are a
    part of the first segment, and the others follow in the file without gaps, as programs have it.
    """

    entry: str
    sections: Sequence[OutputSection] = ()
    load_address: int = LOAD_ADDRESS
    virtual_base: int = VIRTUAL_BASE
    headers: bool = False

    def __post_init__(self) -> None:
        for before, section in pairwise(self.sections):
            if section.physical and not before.physical:
                raise PykasmError(
                    f"{section.name} is linked at its physical address but comes after"
                    f" {before.name}, which is not\n"
                    "help: put all sections with Place.PHYSICAL first in the layout"
                )

    @property
    def segments(self) -> list[Segment]:
        """The sections, cut wherever permissions or places change and after a nobits section,
        which only the end of a segment can hold."""
        segments: list[list[OutputSection]] = []
        for section in self.sections:
            if not segments or not _continues(segments[-1], section):
                segments.append([])
            segments[-1].append(section)
        return [Segment(tuple(sections)) for sections in segments]

    @property
    def bounds(self) -> set[str]:
        """The symbols that the linker script defines."""
        names = {"image_start", "image_end", "image_load_start", "image_load_end"}
        for section in self.sections:
            names |= {f"{section.symbol}_start", f"{section.symbol}_end"}
            if not section.physical:
                names.add(f"{section.symbol}_load")
            if section.fixed:
                names.add(f"{section.symbol}_size")
        return names

    def is_linked_at_number(self, name: str) -> bool:
        """Whether the input section called `name` goes into one that is linked at a number: into
        the first that takes it, as GNU ld does."""
        taking = (section for section in self.sections if section.takes(name))
        return next((section.fixed for section in taking), False)

    def without_empty(self, inputs: Collection[str]) -> Layout:
        """This layout without what none of the sections `inputs` goes into and nothing needs:
        readelf takes a PT_NOTE segment without contents for a mistake, and a program has no
        segments that are empty."""
        kept = [
            section
            for section in self.sections
            if not (section.note or self.headers) or any(section.takes(name) for name in inputs)
        ]
        return replace(self, sections=kept)


def _continues(segment: list[OutputSection], section: OutputSection) -> bool:
    first, last = segment[0], segment[-1]
    same_place = section.place is last.place and not section.fixed
    same_permissions = section.permissions == first.permissions or section.note
    return same_place and same_permissions and (section.nobits or not last.nobits)


SYMBOLS = "symbols"
"""The section of the embedded symbol table, `.symbols`, and of its bounds symbols."""


BOOT_INPUTS = (".multiboot2", ".boot.text", ".boot.rodata")


def kernel_layout(entry: str) -> Layout:
    """The layout of the kernel (see its "Addresses").

    The Multiboot2 header comes first, since loaders look for it in the first 32 KiB of the file
    (Multiboot2 specification, 3.1). The per-CPU template is linked at 0, so that the address of
    a variable in it is the offset from GS; the first processor's copy of it has its place, since it
    is needed before there is memory to hand out. The symbol table comes last, so that nothing moves
    when it is filled in.
    """
    return Layout(
        entry,
        (
            OutputSection(".boot", "r-x", BOOT_INPUTS, Place.PHYSICAL),
            OutputSection(".note.pvh", "r--", place=Place.PHYSICAL, align=4, note=True),
            OutputSection(".boot.data", "rw-", place=Place.PHYSICAL),
            OutputSection(".boot.bss", "rw-", place=Place.PHYSICAL, nobits=True),
            OutputSection(".text", "r-x"),
            OutputSection(".rodata", "r--"),
            OutputSection(".init.text", "r-x"),
            OutputSection(".init.data", "rw-"),
            OutputSection(".data", "rw-"),
            OutputSection(".percpu", "r--", place=0),
            OutputSection(".bss", "rw-", nobits=True),
            OutputSection(".first_percpu", "rw-", nobits=True, reserve="percpu_size"),
            OutputSection(f".{SYMBOLS}", "r--"),
        ),
    )


PROGRAM_ADDRESS = 0x400000
"""Where static programs begin (System V ABI AMD64, 3.3.3, "Virtual Address Space")."""


def program_layout(entry: str) -> Layout:
    """The layout of a static program of Linux, which has no more sections than it needs."""

    rights: dict[str, Permissions] = {".text": "r-x", ".rodata": "r--", ".data": "rw-"}
    sections = (
        *(
            OutputSection(name, may, place=Place.PHYSICAL, align=PARAGRAPH)
            for name, may in rights.items()
        ),
        OutputSection(".bss", "rw-", place=Place.PHYSICAL, align=PARAGRAPH, nobits=True),
    )
    return Layout(entry, sections, PROGRAM_ADDRESS, virtual_base=0, headers=True)
