"""The parts of `kernel/display`, in the order of reading."""

from kernel.display.bochs import BochsDisplay
from kernel.display.firmwareconfig import FirmwareConfig
from kernel.display.ramfb import RamFramebuffer
from pykasm import *

CONTENTS: Contents = (
    BochsDisplay,  # the display of Bochs and QEMU on the PCI bus
    FirmwareConfig,  # what QEMU hands to firmware
    RamFramebuffer,  # a framebuffer in memory, asked for in there
)
