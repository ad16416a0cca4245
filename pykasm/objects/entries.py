"""Writing debugging information entries (DWARF 5, 2.1 and 7.5)."""

from __future__ import annotations

from pykasm.objects.debug import DebugType
from pykasm.objects.model import Section, SectionFlags
from pykasm.objects.shapes import Shape
from pykasm.objects.strings import StringTable
from pykasm.objects.writer import SectionWriter
from pykasm.source import Source

_NO_MORE_ENTRIES = 0  # where the code of a shape would stand
_REFERENCE_SIZE = 4


class EntryWriter(SectionWriter):
    """`.debug_info` while it is written.

    An entry is begun with its shape, followed by the values of the shape's attributes. A type
    may be referred to before it is written; `types` are those referred to, in order.
    """

    def __init__(self, files: dict[str, int]) -> None:
        super().__init__(".debug_info")
        self.types: dict[DebugType, int] = {}
        self._strings = StringTable()
        self._files = files
        self._references: list[tuple[int, DebugType]] = []

    def begin(self, shape: Shape) -> None:
        """Begin an entry."""
        self.data.append(shape.code)

    def begin_type(self, shape: Shape, described: DebugType) -> None:
        """Begin the entry that references to `described` mean."""
        self.types[described] = len(self.data)
        self.data.append(shape.code)

    def end_children(self) -> None:
        """End the entries inside another one."""
        self.data.append(_NO_MORE_ENTRIES)

    def name(self, text: str) -> None:
        """A string, kept in `.debug_str`."""
        self.section_offset(".debug_str", self._strings.add(text))

    def declared(self, source: Source) -> None:
        """The file and line of a declaration."""
        self.uleb(self._files[source.file])
        self.uleb(source.line)

    def type(self, target: DebugType) -> None:
        """A reference to the entry of `target`."""
        self.types.setdefault(target, 0)
        self._references.append((len(self.data), target))
        self.data += bytes(_REFERENCE_SIZE)

    def resolve(self) -> None:
        """Fill in the references, after every type has been written."""
        for place, target in self._references:
            number = self.types[target].to_bytes(_REFERENCE_SIZE, "little")
            self.data[place : place + _REFERENCE_SIZE] = number

    def string_section(self) -> Section:
        """`.debug_str`; the linker merges equal strings of all objects."""
        flags = SectionFlags.MERGE | SectionFlags.STRINGS
        return Section(".debug_str", flags, data=self._strings.data, entry_size=1)
