"""The parts of `kernel/boot`, in the order of reading."""

from kernel.boot.bootscreen import BootScreen
from kernel.boot.bootwindow import BootWindow
from kernel.boot.checks import CpuChecks
from kernel.boot.failure import BootFailure
from kernel.boot.information import BootInformation
from kernel.boot.loaderframebuffer import LoaderFramebuffer
from kernel.boot.loadermap import LoaderMap
from kernel.boot.placement import RecordPlacement
from kernel.boot.report import BootReport
from kernel.boot.tables import BootTables
from pykasm import *

CONTENTS: Contents = (
    BootScreen,  # a text on the loader's framebuffer, before there is a console
    BootFailure,  # messages of a start that fails early
    CpuChecks,  # what the processor must have
    BootTables,  # page tables and segments to boot with
    LoaderMap,  # the memory map as a loader left it
    RecordPlacement,  # memory for the boot record
    BootInformation,  # the boot record, from Multiboot2 or PVH
    BootWindow,  # a way to what lies above 4 GiB
    LoaderFramebuffer,  # the screen, where the loader has left one
    BootReport,  # the boot record, printed
)
