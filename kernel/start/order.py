"""The order in which the kernel starts on the first processor.

It is written down, since it does not follow from who uses whom: gates are loaded before what they
lead to is ready, so that a fault on the way is reported.
"""

from kernel.acpi.madt import InterruptModel
from kernel.acpi.mcfg import EcamRegions
from kernel.acpi.mptable import MpTable
from kernel.acpi.tables import AcpiTables
from kernel.boot.report import BootReport
from kernel.console.emulator import Emulator
from kernel.console.screen import TextScreen
from kernel.console.serial import Serial
from kernel.cpu.descriptors import Descriptors
from kernel.cpu.features import Features
from kernel.cpu.percpu import PerCpu
from kernel.cpu.protection import Protection
from kernel.display.bochs import BochsDisplay
from kernel.display.ramfb import RamFramebuffer
from kernel.entry.interrupts import Interrupts
from kernel.entry.machinechecks import MachineChecks
from kernel.entry.tracedentry import TracedEntry
from kernel.entry.userentry import UserEntry
from kernel.exec.addresslayouts import AddressLayouts
from kernel.exec.vdsomapping import VdsoMapping
from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.credentialstore import CredentialStore
from kernel.fs.dentrytable import DentryTable
from kernel.fs.devicenodes import DeviceNodes
from kernel.fs.initramfs import Initramfs
from kernel.fs.namespacefiles import NamespaceFiles
from kernel.fs.randomness import Randomness
from kernel.fs.rootfilesystem import RootFileSystem
from kernel.ipc.mqueuefs import Mqueuefs
from kernel.irq.deferred import Deferred
from kernel.irq.lines import Lines
from kernel.mm.paging import Paging
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.mm.slabs import Slabs
from kernel.net.passedfilestore import PassedFileStore
from kernel.pci.bus import PciBus
from kernel.pci.configuration import ConfigurationSpace
from kernel.process.daysettings import DaySettings
from kernel.process.logreader import LogReader
from kernel.process.memorykiller import MemoryKiller
from kernel.process.memorylimits import MemoryLimits
from kernel.processors.processors import Processors
from kernel.processors.stop import Stop
from kernel.pty.ptydirectory import PtyDirectory
from kernel.sched.loadaverages import LoadAverages
from kernel.smp.calls import Calls
from kernel.start.secondaries import Secondaries
from kernel.sysfs.sysfs import Sysfs
from kernel.terminal.keyboard import Keyboard
from kernel.terminal.serial import SerialInput
from kernel.threads.idle import Idle
from kernel.threads.threads import Threads
from kernel.time.timekeeping import Timekeeping
from kernel.tty.consoleterminal import ConsoleTerminal
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.overcommit import Overcommit
from kernel.vt.virtualconsoles import VirtualConsoles
from pykasm import *


class EarlySteps(Steps):
    """Nothing is known of the machine yet but its processor, not even how much memory it has."""

    order = (
        PerCpu.start_first,  # this processor's variables
        Descriptors.start_first,  # segments, and stacks for faults
        Interrupts.load,  # from here on a fault is reported
        Features.read,  # what the processor can do
        Serial.start,  # on the serial line
        TextScreen.start,  # and on the screen
        Emulator.start,  # which is blank
    )


class MainSteps(Steps):
    """The boot record is filled. Interrupts are off."""

    order = (
        Paging.start,  # the kernel's own page tables, and all of memory
        RuntimeMappings.start,  # mappings
        Slabs.start,  # objects
        Protection.enable,  # W^X and the like, which the page tables are ready for
        BootReport.print,  # what the boot loader told
        AcpiTables.start,  # the firmware's tables
        InterruptModel.start,  # processors and interrupt controllers
        MpTable.start,  # those of firmware without ACPI
        Lines.start,  # the controllers of devices, all silent
        Processors.enter,  # this is the first of all processors
        Calls.start,  # what others may ask of it
        Stop.start,  # even to stop
        EcamRegions.start,  # where devices are configured
        ConfigurationSpace.start,  # how
        PciBus.start,  # and which there are
        BochsDisplay.start,  # a display, where nothing shows the screen yet
        RamFramebuffer.start,  # or another one
        Timekeeping.start,  # the clock, and timers
        MachineChecks.start_processor,  # errors of the hardware
        Threads.start,  # what runs here becomes a thread
        AddressSpaces.start,  # programs' memory
        Overcommit.start,  # and how much they may have
        MemoryKiller.start,  # or who of them ends
        UserEntry.start,  # and their system calls
        Idle.start_first,  # a thread for when there is nothing to do
        Deferred.start_first,  # and one for what handlers leave
        SerialInput.start,  # people on the serial line
        Keyboard.start,  # and at the keyboard
    )


class LateSteps(Steps):
    """Interrupts are on."""

    order = (
        Secondaries.start,  # the other processors
        Lines.spread,  # devices interrupt those too
        LoadAverages.start,  # and how much all of them have to do
        CredentialStore.start,  # rights
        DentryTable.start,  # names
        Randomness.start,  # a first key
        AddressLayouts.start,  # whether programs lie at random places
        VdsoMapping.start,  # what they can do by themselves
        RootFileSystem.start,  # files
        AnonymousFiles.start,  # and those without names
        Mqueuefs.start,  # and message queues
        NamespaceFiles.start,  # and for what is seen of mounts
        Initramfs.start,  # and what the boot loader brings of them
        DeviceNodes.start,  # and names of devices
        Sysfs.start,  # and what is told of them
        PtyDirectory.start,  # and of pseudo-terminals
        PassedFileStore.start,  # who closes files that nobody has taken
        ConsoleTerminal.start,  # of which one is where people are
        VirtualConsoles.start,  # and others share its screen
        TracedEntry.start,  # whose calls are printed
        MemoryLimits.start,  # what stacks may lock
        LogReader.start,  # who waits for messages of the kernel
        DaySettings.start,  # and for a time of day
    )
