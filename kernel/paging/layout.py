"""Where the linker puts the sections of the kernel."""

from dataclasses import replace

from pykasm.link.layout import Layout, OutputSection, kernel_layout

VDSO = OutputSection(".vdso", "r--", (".rodata.Vdso", ".text.Vdso"), place=0)
"""What programs run by themselves. It is linked as if it began at address 0, since each has it
elsewhere."""


def _layout() -> Layout:
    """The kernel's layout, with the section for programs before those that would take its parts."""
    layout = kernel_layout("Start.multiboot2")
    first = next(place for place, one in enumerate(layout.sections) if one.name == ".text")
    return replace(layout, sections=(*layout.sections[:first], VDSO, *layout.sections[first:]))


LAYOUT = _layout()
