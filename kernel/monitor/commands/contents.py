"""The parts of `kernel/monitor/commands`, in the order of reading."""

from kernel.monitor.commands.acpi import AcpiCommands
from kernel.monitor.commands.cpus import CpuCommands
from kernel.monitor.commands.crash import CrashCommands
from kernel.monitor.commands.files import FileCommands
from kernel.monitor.commands.irq import InterruptCommands
from kernel.monitor.commands.log import LogCommands
from kernel.monitor.commands.machinechecks import MachineCheckCommands
from kernel.monitor.commands.maps import MapsCommands
from kernel.monitor.commands.memory import MemoryCommands
from kernel.monitor.commands.pci import PciCommands
from kernel.monitor.commands.power import PowerCommands
from kernel.monitor.commands.processes import ProcessCommands
from kernel.monitor.commands.processor import ProcessorCommands
from kernel.monitor.commands.programs import ProgramCommands
from kernel.monitor.commands.spaces import SpaceCommands
from kernel.monitor.commands.symbols import SymbolCommands
from kernel.monitor.commands.threads import ThreadCommands
from kernel.monitor.commands.time import TimeCommands
from kernel.monitor.commands.trace import TraceCommands
from pykasm import *

CONTENTS: Contents = (
    MemoryCommands,  # mem, peek
    PciCommands,  # pci
    MapsCommands,  # maps
    ProcessorCommands,  # regs
    CpuCommands,  # cpus
    SymbolCommands,  # sym
    CrashCommands,  # crash
    PowerCommands,  # reboot, poweroff
    TimeCommands,  # time
    ThreadCommands,  # threads
    LogCommands,  # dmesg
    InterruptCommands,  # irq
    MachineCheckCommands,  # mce
    AcpiCommands,  # acpi
    FileCommands,  # ls, cat
    ProgramCommands,  # run, resume
    ProcessCommands,  # ps, kill
    SpaceCommands,  # faults, regions
    TraceCommands,  # trace
)
