"""The parts of `kernel/acpi`, in the order of reading."""

from kernel.acpi.fadt import FixedDescription
from kernel.acpi.hpet import HpetDescription
from kernel.acpi.madt import InterruptModel
from kernel.acpi.mcfg import EcamRegions
from kernel.acpi.sleeptypes import SleepTypes
from kernel.acpi.tables import AcpiTables
from pykasm import *

CONTENTS: Contents = (
    AcpiTables,  # the firmware's tables
    FixedDescription,  # the board (FADT)
    InterruptModel,  # processors and interrupt controllers (MADT)
    HpetDescription,  # the HPET
    EcamRegions,  # where PCI configuration spaces are in memory (MCFG)
    SleepTypes,  # what switches the machine off (DSDT)
)
