"""Names of class codes (PCI Code and ID Assignment Specification 1.11, 1)."""

from __future__ import annotations

from pykasm import *

ANY = 0xFF
"""The subclass in the entry of a whole class."""

NAMES = {
    (0x00, ANY): "old device",
    (0x00, 0x01): "old VGA controller",
    (0x01, ANY): "storage controller",
    (0x01, 0x00): "SCSI controller",
    (0x01, 0x01): "IDE controller",
    (0x01, 0x02): "floppy controller",
    (0x01, 0x04): "RAID controller",
    (0x01, 0x06): "SATA controller",
    (0x01, 0x07): "SAS controller",
    (0x01, 0x08): "NVM controller",
    (0x02, ANY): "network controller",
    (0x02, 0x00): "Ethernet controller",
    (0x03, ANY): "display controller",
    (0x03, 0x00): "VGA controller",
    (0x04, ANY): "multimedia device",
    (0x04, 0x01): "audio device",
    (0x04, 0x03): "HD audio device",
    (0x05, ANY): "memory controller",
    (0x06, ANY): "bridge",
    (0x06, 0x00): "host bridge",
    (0x06, 0x01): "ISA bridge",
    (0x06, 0x04): "PCI bridge",
    (0x07, ANY): "communication controller",
    (0x07, 0x00): "serial controller",
    (0x07, 0x03): "modem",
    (0x08, ANY): "system device",
    (0x08, 0x00): "interrupt controller",
    (0x08, 0x01): "DMA controller",
    (0x08, 0x02): "timer",
    (0x08, 0x03): "real-time clock",
    (0x08, 0x05): "SD host controller",
    (0x09, ANY): "input device",
    (0x0A, ANY): "docking station",
    (0x0B, ANY): "processor",
    (0x0C, ANY): "serial bus controller",
    (0x0C, 0x03): "USB controller",
    (0x0C, 0x05): "SMBus controller",
    (0x0D, ANY): "wireless controller",
    (0x0E, ANY): "intelligent controller",
    (0x0F, ANY): "satellite controller",
    (0x10, ANY): "encryption controller",
    (0x11, ANY): "signal processing controller",
    (0x12, ANY): "processing accelerator",
    (0x13, ANY): "instrumentation",
    (0x40, ANY): "coprocessor",
    (0xFF, ANY): "device without a class",
}


class ClassName(Struct):
    """The name of a class, or of one of its subclasses."""

    base_class: U8
    subclass: U8
    name: Ptr[U8]


class PciClassNames(Subsystem):
    """Look up names of classes. Context: any."""

    names = rodata(
        ClassName * len(NAMES),
        [
            ClassName(base_class=base, subclass=subclass, name=name)
            for (base, subclass), name in NAMES.items()
        ],
    )

    @function
    def find(self, base_class: U8, subclass: U8) -> Ptr[U8]:
        """Return the name of the subclass, or else of the class, as a string."""
        row, best = scratch(Ptr[ClassName]), scratch(Ptr[U8])
        lea(row, self.names)
        mov(best, text("unknown device"))
        with for_(scratch(U32), 0, len(NAMES)):
            with if_(row.base_class == base_class):
                with if_(row.subclass == subclass):
                    ret(row.name)
                with if_(row.subclass == ANY):
                    mov(best, row.name)
            add(row, sizeof(ClassName))
        ret(best)
