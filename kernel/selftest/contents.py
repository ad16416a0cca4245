"""The parts of `kernel/selftest`, in the order of reading."""

from kernel.selftest.basics import BasicTests
from kernel.selftest.benchmarks import Benchmarks
from kernel.selftest.commands import SelfTestCommands
from kernel.selftest.deferred import DeferredTests
from kernel.selftest.heap import HeapTests
from kernel.selftest.interrupts import InterruptTests
from kernel.selftest.leaking import LeakingTests
from kernel.selftest.lockload import LockLoad
from kernel.selftest.locks import LockTests
from kernel.selftest.mappingload import MappingLoad
from kernel.selftest.memory import MemoryTests
from kernel.selftest.memoryhog import MemoryHog
from kernel.selftest.memoryload import MemoryLoad
from kernel.selftest.pci import PciTests
from kernel.selftest.programfile import ProgramFileTests
from kernel.selftest.programs import ProgramTests
from kernel.selftest.programshortage import ProgramShortageTests
from kernel.selftest.shortage import ShortageTests
from kernel.selftest.shortages import Shortages
from kernel.selftest.smp import SmpTests
from kernel.selftest.space import SpaceTests
from kernel.selftest.stress import StressTests
from kernel.selftest.stuck import StuckTests
from kernel.selftest.switches import SwitchBenchmarks
from kernel.selftest.sync import SyncTests
from kernel.selftest.tests import SelfTests
from kernel.selftest.threadload import ThreadLoad
from kernel.selftest.threadpool import ThreadPool
from kernel.selftest.threads import ThreadTests
from kernel.selftest.threadtraces import ThreadTraces
from kernel.selftest.time import TimeTests
from kernel.selftest.timerload import TimerLoad
from kernel.selftest.waits import WaitTests
from kernel.selftest.watchdog import Watchdog
from kernel.selftest.xstate import ExtendedStateTests
from pykasm import *

CONTENTS: Contents = (
    SelfTests,  # all tests: finds them, runs them and counts
    Benchmarks,  # the same for what operations cost
    SelfTestCommands,  # test, bench
    Watchdog,  # ends tests that do not end
    ThreadTraces,  # what all threads do
    ThreadPool,  # threads for tests
    MemoryHog,  # memory that tests take away
    BasicTests,  # the least that a kernel does
    HeapTests,  # memory of any size
    MemoryTests,  # pages and mappings
    TimeTests,  # the clock and timers
    ThreadTests,  # lives and turns of threads
    SwitchBenchmarks,  # from one thread to another
    SyncTests,  # locks that threads wait for asleep
    WaitTests,  # what else ends a wait than what is waited for
    LockTests,  # who holds which spin lock
    ExtendedStateTests,  # x87, SSE and AVX registers of many threads
    SmpTests,  # several processors
    DeferredTests,  # work left for later
    InterruptTests,  # interrupts by lines
    PciTests,  # interrupts by messages
    SpaceTests,  # the memory of programs
    ProgramTests,  # tiny programs, and how they end
    ProgramFileTests,  # a program of the initramfs, and what it leaves behind
    Shortages,  # what each allocation of an operation does when it fails
    ShortageTests,  # when there is no more memory for the kernel
    ProgramShortageTests,  # nor for programs
    StressTests,  # what many threads do at once, one by one and mixed
    MemoryLoad,  # they allocate and free
    MappingLoad,  # they map and unmap
    ThreadLoad,  # they make threads
    TimerLoad,  # they arm and cancel timers
    LockLoad,  # they lock and wait
    StuckTests,  # tests that do not end, for the watchdog
    LeakingTests,  # tests that leave something behind, to see that it is found
)
