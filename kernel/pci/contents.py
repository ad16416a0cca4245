"""The parts of `kernel/pci`, in the order of reading."""

from kernel.pci.bus import PciBus
from kernel.pci.capabilities import PciCapabilities
from kernel.pci.classes import PciClassNames
from kernel.pci.configuration import ConfigurationSpace
from kernel.pci.msi import Msi
from kernel.pci.resources import PciResources
from pykasm import *

CONTENTS: Contents = (
    ConfigurationSpace,  # access to configuration spaces
    PciCapabilities,  # capability lists
    PciResources,  # base address registers
    PciBus,  # enumeration of all functions
    Msi,  # message-signalled interrupts (MSI, MSI-X)
    PciClassNames,  # names of class codes
)
