"""The parts of `kernel/pci`, in the order of reading."""

from kernel.pci.bus import PciBus
from kernel.pci.capabilities import PciCapabilities
from kernel.pci.classes import PciClassNames
from kernel.pci.configuration import ConfigurationSpace
from kernel.pci.msi import Msi
from kernel.pci.resources import PciResources
from pykasm import *

CONTENTS: Contents = (
    ConfigurationSpace,  # reading and writing the registers of devices
    PciCapabilities,  # what devices can do
    PciResources,  # at which addresses they answer
    PciBus,  # all devices
    Msi,  # interrupts without lines (MSI, MSI-X)
    PciClassNames,  # what devices are called
)
