"""The parts of `kernel/acpi`, in the order of reading."""

from kernel.acpi.fadt import FixedDescription
from kernel.acpi.hpet import HpetDescription
from kernel.acpi.madt import InterruptModel
from kernel.acpi.mcfg import EcamRegions
from kernel.acpi.mptable import MpTable
from kernel.acpi.search import FirmwareSearch
from kernel.acpi.sleeptypes import SleepTypes
from kernel.acpi.tables import AcpiTables
from pykasm import *

CONTENTS: Contents = (
    FirmwareSearch,  # what the BIOS leaves in memory
    AcpiTables,  # the firmware's tables by their signatures
    FixedDescription,  # the fixed ACPI description table (FADT)
    InterruptModel,  # processors and interrupt controllers (MADT)
    MpTable,  # the same from the table of the time before ACPI
    HpetDescription,  # the HPET
    EcamRegions,  # PCI configuration spaces in memory (MCFG)
    SleepTypes,  # the values for powering off (DSDT)
)
