"""The order in which each processor but the first starts."""

from kernel.clock.localtimer import LocalTimer
from kernel.cpu.descriptors import Descriptors
from kernel.cpu.protection import Protection
from kernel.entry.interrupts import Interrupts
from kernel.entry.machinechecks import MachineChecks
from kernel.entry.userentry import UserEntry
from kernel.interrupts.localapic import LocalApic
from kernel.irq.deferred import Deferred
from kernel.mm.pagemagazines import PageMagazines
from kernel.sched.scheduler import Scheduler
from pykasm import *


class SecondarySteps(Steps):
    """It has its variables and runs on the stack of its idle thread. Interrupts are off."""

    order = (
        Descriptors.load,  # segments, and stacks for faults
        Interrupts.use,  # the gates, which all processors share
        Protection.enable,  # W^X and the like
        LocalApic.start,  # its interrupt controller
        PageMagazines.start_processor,  # its cache of pages
        Scheduler.start_processor,  # its run queue
        Deferred.start_processor,  # what handlers leave here
        LocalTimer.start,  # its interrupt at a time
        UserEntry.start_processor,  # system calls
        MachineChecks.start_processor,  # errors of its hardware
    )
