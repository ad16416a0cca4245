"""Whether an object is consistent in itself, before it is written."""

from __future__ import annotations

from collections.abc import Iterator

from pykasm.errors import DeclarationMistake, Note, SymbolMistake
from pykasm.objects.model import ObjectFile, RelocationKind, Section, Symbol
from pykasm.source import Span, line_span

_FIELD_SIZES = {
    RelocationKind.R_X86_64_64: 8,
    RelocationKind.R_X86_64_PC32: 4,
    RelocationKind.R_X86_64_PLT32: 4,
    RelocationKind.R_X86_64_32: 4,
    RelocationKind.R_X86_64_32S: 4,
    RelocationKind.R_X86_64_16: 2,
    RelocationKind.R_X86_64_PC16: 2,
}


def check_object(obj: ObjectFile) -> None:
    """Raise the first mistake in `obj`.

    `SymbolMistake`: a symbol that is defined twice, has the name of a section or lies outside of
    its section, a described global without a symbol, a relocation outside of its section.
    `DeclarationMistake`: a section that is given twice, or that a symbol or function names and
    the object has not.
    """
    sections: dict[str, Section] = {}
    for section in obj.sections:
        if section.name in sections:
            raise _section_twice(section)
        sections[section.name] = section
        _check_relocations(section)
    known: set[str] = set()
    for symbol in obj.symbols:
        if symbol.name in known or symbol.name in sections:
            raise _name_taken(obj, symbol.name, sections)
        known.add(symbol.name)
        _check_place(obj, symbol, sections)
    _check_described(obj, known, sections)


def _check_relocations(section: Section) -> None:
    size = len(section.data)
    for offset, kind, symbol, _ in section.relocations:
        if not 0 <= offset <= size - _FIELD_SIZES[kind]:
            raise SymbolMistake(
                f"a reference to `{symbol}` lies outside of the contents of `{section.name}`",
                expected=f"{_FIELD_SIZES[kind]} bytes within offsets 0 to {size:#x}",
                got=f"offset {offset:#x}",
                fix="references need contents; a section of zeros has none",
            )


def _check_place(obj: ObjectFile, symbol: Symbol, sections: dict[str, Section]) -> None:
    if symbol.section is None:
        return
    section = sections.get(symbol.section)
    if section is None:
        raise _unknown_section(obj, f"symbol `{symbol.name}`", symbol.section, symbol.name)
    if symbol.offset < 0 or symbol.offset + symbol.size > section.size:
        raise SymbolMistake(
            f"symbol `{symbol.name}` lies outside of its section `{section.name}`",
            expected=f"offsets 0 to {section.size:#x}",
            got=f"{symbol.offset:#x} to {symbol.offset + symbol.size:#x}",
            fix="give the symbol the offset and size that its contents have",
            span=next(_declarations(obj, symbol.name), None),
        )


def _check_described(obj: ObjectFile, known: set[str], sections: dict[str, Section]) -> None:
    """Check that what the debugging information speaks of is there."""
    if obj.debug is None:
        return
    for function in obj.debug.functions:
        if function.section not in sections:
            described = f"function `{function.name}`"
            raise _unknown_section(obj, described, function.section, function.name)
    for variable in obj.debug.variables:
        if variable.symbol not in known:
            raise SymbolMistake(
                f"`{variable.name}` is described, but has no symbol `{variable.symbol}`",
                fix=f"add the symbol to {obj.name}, or leave out the description",
                span=line_span(variable.declared),
            )


def _section_twice(section: Section) -> DeclarationMistake:
    return DeclarationMistake(
        f"section `{section.name}` is given twice",
        expected="one section a name",
        fix="put all contents of that name into one section",
    )


def _name_taken(obj: ObjectFile, name: str, sections: dict[str, Section]) -> SymbolMistake:
    if name in sections:
        what = f"symbol `{name}` has the name of a section of {obj.name}"
        return SymbolMistake(what, fix="give the symbol another name")
    spans = list(_declarations(obj, name))
    return SymbolMistake(
        f"symbol `{name}` is defined twice in {obj.name}",
        mark="first here",
        fix="give one of the two another name",
        span=next(iter(spans), None),
        notes=tuple(Note(span, "and again here") for span in spans[1:]),
    )


def _unknown_section(obj: ObjectFile, what: str, section: str, symbol: str) -> DeclarationMistake:
    return DeclarationMistake(
        f"{what} lies in section `{section}`, which {obj.name} does not have",
        expected="one of " + ", ".join(section.name for section in obj.sections),
        got=section,
        fix=f"add a section `{section}` to the object, or name one that it has",
        span=next(_declarations(obj, symbol), None),
    )


def _declarations(obj: ObjectFile, symbol: str) -> Iterator[Span]:
    """The author's lines that define `symbol`, as far as the debugging information tells."""
    if obj.debug is not None:
        for function in obj.debug.functions:
            if function.name == symbol:
                yield line_span(function.declared)
        for variable in obj.debug.variables:
            if variable.symbol == symbol:
                yield line_span(variable.declared)
