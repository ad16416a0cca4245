"""The parts of `kernel/sysfs`, in the order of reading."""

from kernel.sysfs.sysdevices import SysDevices
from kernel.sysfs.sysdirectories import SysDirectories
from kernel.sysfs.sysfs import Sysfs
from kernel.sysfs.syslinks import SysLinks
from kernel.sysfs.syspci import SysPci
from kernel.sysfs.sysprocessors import SysProcessors
from kernel.sysfs.syssettings import SysSettings
from kernel.sysfs.systree import SysTree
from pykasm import *

CONTENTS: Contents = (
    SysTree,  # what there is, each under a name
    SysDirectories,  # names for programs
    SysLinks,  # from one directory to another
    Sysfs,  # the file system
    SysProcessors,  # processors
    SysPci,  # what is on the PCI bus
    SysDevices,  # what has a special file
    SysSettings,  # how the kernel is set
)
