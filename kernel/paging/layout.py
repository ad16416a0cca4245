"""Where the linker puts the sections of the kernel."""

from pykasm.link.layout import kernel_layout

LAYOUT = kernel_layout("Start.multiboot2")
