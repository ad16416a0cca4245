"""The parts of `kernel/power`, in the order of reading."""

from kernel.power.power import Power
from kernel.power.registers import GenericRegisters
from kernel.power.reset import Reset
from kernel.power.softoff import SoftOff
from pykasm import *

CONTENTS: Contents = (
    GenericRegisters,  # registers that tables tell of
    SoftOff,  # the ACPI state in which the machine is off
    Reset,  # the ways to reset the machine
    Power,  # powering off and rebooting
)
