"""The parts of `kernel/power`, in the order of reading."""

from kernel.power.power import Power
from pykasm import *

CONTENTS: Contents = (
    Power,  # powering off and rebooting
)
