"""The parts of the kernel, folder by folder, each above those that it stands on."""

from kernel.acpi.contents import CONTENTS as ACPI
from kernel.boot.contents import CONTENTS as BOOT
from kernel.clock.contents import CONTENTS as CLOCK
from kernel.console.contents import CONTENTS as CONSOLE
from kernel.cpu.contents import CONTENTS as CPU
from kernel.debug.contents import CONTENTS as DEBUG
from kernel.display.contents import CONTENTS as DISPLAY
from kernel.entry.contents import CONTENTS as ENTRY
from kernel.exec.contents import CONTENTS as EXEC
from kernel.fs.contents import CONTENTS as FS
from kernel.futex.contents import CONTENTS as FUTEX
from kernel.interrupts.contents import CONTENTS as INTERRUPTS
from kernel.ipc.contents import CONTENTS as IPC
from kernel.irq.contents import CONTENTS as IRQ
from kernel.log.contents import CONTENTS as LOG
from kernel.mm.contents import CONTENTS as MM
from kernel.monitor.commands.contents import CONTENTS as COMMANDS
from kernel.monitor.contents import CONTENTS as MONITOR
from kernel.net.contents import CONTENTS as NET
from kernel.paging.contents import CONTENTS as PAGING
from kernel.pci.contents import CONTENTS as PCI
from kernel.power.contents import CONTENTS as POWER
from kernel.proc.contents import CONTENTS as PROC
from kernel.process.contents import CONTENTS as PROCESS
from kernel.processors.contents import CONTENTS as PROCESSORS
from kernel.pty.contents import CONTENTS as PTY
from kernel.sched.contents import CONTENTS as SCHED
from kernel.selftest.contents import CONTENTS as SELFTEST
from kernel.signals.contents import CONTENTS as SIGNALS
from kernel.smp.contents import CONTENTS as SMP
from kernel.start.contents import CONTENTS as START
from kernel.structures.contents import CONTENTS as STRUCTURES
from kernel.sync.contents import CONTENTS as SYNC
from kernel.sysfs.contents import CONTENTS as SYSFS
from kernel.terminal.contents import CONTENTS as TERMINAL
from kernel.text.contents import CONTENTS as TEXT
from kernel.threads.contents import CONTENTS as THREADS
from kernel.time.contents import CONTENTS as TIME
from kernel.tty.contents import CONTENTS as TTY
from kernel.users.contents import CONTENTS as USERS
from kernel.vm.contents import CONTENTS as VM
from kernel.vt.contents import CONTENTS as VT
from pykasm import *

CONTENTS: Contents = (
    *STRUCTURES,  # lists and search trees whose links lie in what they hold
    *CPU,  # the processor: registers, tables, per-CPU variables
    *PAGING,  # the plan of the address space, and what page tables may say
    *INTERRUPTS,  # interrupt vectors and who is called for each; the local APIC
    *CLOCK,  # nanoseconds since the start, and timers
    *TEXT,  # how numbers, addresses and messages become text
    *CONSOLE,  # where text goes: the serial line and the screen
    *LOG,  # what the kernel has to say of itself, kept in memory
    *BOOT,  # what boot loaders leave, and the code that runs at physical addresses
    *PROCESSORS,  # the processors that run the kernel, and how all of them are stopped
    *SCHED,  # the scheduler: which thread runs on which processor, and how it waits
    *DEBUG,  # reports of faults: what, where, registers, who called; the order of locks
    *SMP,  # what processors have each other do: calls, and TLB shoot-down
    *MM,  # the kernel's memory: pages, slabs, heap, and mappings made while running
    *THREADS,  # the lives of threads, from creation to the end
    *SYNC,  # locks and conditions that threads wait for asleep
    *VM,  # the memory of programs: address spaces, their regions, page faults, user copies
    *ACPI,  # the firmware's description of the machine (ACPI)
    *IRQ,  # interrupts of devices: I/O APICs, shared lines, work deferred from handlers
    *TIME,  # hardware clocks, how they correct each other, and the time of day
    *FUTEX,  # waiting for words of programs' memory to change
    *USERS,  # what users have, counted over all of their processes
    *SIGNALS,  # what programs are told by signals
    *FS,  # files: names, inodes, what is open, and what is kept of it in memory
    *IPC,  # what programs share by keys and names
    *PCI,  # the PCI bus and what is on it
    *DISPLAY,  # displays without a picture
    *TERMINAL,  # what people type, and serial output by interrupts
    *POWER,  # switching the machine off, and starting it again
    *PROCESS,  # programs that run
    *NET,  # sockets: ends of connections between programs
    *EXEC,  # programs in files
    *TTY,  # terminals
    *PTY,  # pseudo-terminals
    *VT,  # virtual consoles
    *PROC,  # what is told of all that, as files
    *SYSFS,  # what there is of devices, and how the kernel is set, as files
    *ENTRY,  # the ways into the kernel: gates for vectors, system calls, what they lead to
    *MONITOR,  # the prompt for looking into the running kernel
    *COMMANDS,  # its commands
    *SELFTEST,  # tests and benchmarks that run inside the kernel
    *START,  # from the jump of the boot loader to the prompt
)
