"""The parts of `kernel/boot`, in the order of reading."""

from kernel.boot.checks import CpuChecks
from kernel.boot.failure import BootFailure
from kernel.boot.information import BootInformation
from kernel.boot.placement import RecordPlacement
from kernel.boot.report import BootReport
from kernel.boot.tables import BootTables
from pykasm import *

CONTENTS: Contents = (
    BootFailure,  # the last words of a start that can't go on
    CpuChecks,  # whether this processor is good enough
    BootTables,  # page tables and segments to start on
    RecordPlacement,  # memory to keep what the boot loader tells
    BootInformation,  # what the boot loader tells
    BootReport,  # the same in words
)
