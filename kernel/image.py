"""The kernel's table of contents: every subsystem, given what it uses."""

from kernel.acpi.fadt import FixedDescription
from kernel.acpi.hpet import HpetDescription
from kernel.acpi.madt import InterruptModel
from kernel.acpi.mcfg import EcamRegions
from kernel.acpi.sleeptypes import SleepTypes
from kernel.acpi.tables import AcpiTables
from kernel.boot.checks import CpuChecks
from kernel.boot.failure import BootFailure
from kernel.boot.information import BootInformation
from kernel.boot.placement import RecordPlacement
from kernel.boot.report import BootReport
from kernel.boot.tables import BootTables
from kernel.clock.boottimer import BootTimer
from kernel.clock.clock import Clock
from kernel.clock.localtimer import LocalTimer
from kernel.clock.timers import Timers
from kernel.console.console import Console
from kernel.console.output import SerialOutput
from kernel.console.serial import Serial
from kernel.console.vga import TEXT_BUFFER, TextScreen
from kernel.cpu.descriptors import Descriptors
from kernel.cpu.exceptions import Vector
from kernel.cpu.features import Features
from kernel.cpu.percpu import PerCpu
from kernel.cpu.protection import Protection
from kernel.cpu.stacks import Stacks
from kernel.debug.backtrace import Backtrace
from kernel.debug.faults import Faults
from kernel.debug.lockorder import LockOrder
from kernel.debug.lockwatch import LockWatch
from kernel.debug.panic import Panic
from kernel.debug.reportheader import ReportHeader
from kernel.entry.exceptions import Exceptions
from kernel.entry.interrupts import Interrupts
from kernel.interrupts.dispatcher import Dispatcher
from kernel.interrupts.localapic import LocalApic
from kernel.interrupts.pic import Pic
from kernel.irq.deferred import Deferred
from kernel.irq.ioapic import IoApics
from kernel.irq.lines import Lines
from kernel.log.log import Log
from kernel.mm.arena import Arena, Range
from kernel.mm.buddy import Buddy
from kernel.mm.directmap import DirectMap
from kernel.mm.early import EarlyFrames
from kernel.mm.entrychanger import EntryChanger
from kernel.mm.entryfiller import EntryFiller
from kernel.mm.faultinjection import FaultInjection
from kernel.mm.freeranges import FreeRanges
from kernel.mm.heap import Heap
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.mappings import Mappings
from kernel.mm.pages import Pages
from kernel.mm.pagesplitter import PageSplitter
from kernel.mm.pagetables import PageTables
from kernel.mm.paging import Paging
from kernel.mm.reclaim import Reclaim
from kernel.mm.records import Records
from kernel.mm.redzone import RedZones
from kernel.mm.runtime import Runtime
from kernel.mm.sections import Sections
from kernel.mm.slablayer import SlabLayer
from kernel.mm.slabs import Slabs
from kernel.mm.tablewalker import TableWalker
from kernel.monitor.addresses import Addresses
from kernel.monitor.commands.acpi import AcpiCommands
from kernel.monitor.commands.cpus import CpuCommands
from kernel.monitor.commands.crash import CrashCommands
from kernel.monitor.commands.irq import InterruptCommands
from kernel.monitor.commands.log import LogCommands
from kernel.monitor.commands.maps import MapsCommands
from kernel.monitor.commands.memory import MemoryCommands
from kernel.monitor.commands.pci import PciCommands
from kernel.monitor.commands.power import PowerCommands
from kernel.monitor.commands.processor import ProcessorCommands
from kernel.monitor.commands.selftest import SelfTestCommands
from kernel.monitor.commands.symbols import SymbolCommands
from kernel.monitor.commands.threads import ThreadCommands
from kernel.monitor.commands.time import TimeCommands
from kernel.monitor.history import History
from kernel.monitor.keys import Keys
from kernel.monitor.line import LineEditor
from kernel.monitor.monitor import Monitor
from kernel.paging.addresses import Area
from kernel.paging.entryformat import EntryFormat
from kernel.paging.walk import PageWalk
from kernel.pci.bus import PciBus
from kernel.pci.capabilities import PciCapabilities
from kernel.pci.classes import PciClassNames
from kernel.pci.configuration import ConfigurationSpace
from kernel.pci.msi import Msi
from kernel.pci.resources import PciResources
from kernel.power.power import Power
from kernel.processors.processors import Processors
from kernel.processors.stop import Stop
from kernel.sched.preemption import Preemption
from kernel.sched.scheduler import Scheduler
from kernel.sched.sleep import Sleep
from kernel.sched.switch import Switch
from kernel.sched.ticks import Ticks
from kernel.sched.waiting import Waiting
from kernel.sched.xstate import ExtendedState
from kernel.selftest.basics import BasicTests
from kernel.selftest.benchmarks import Benchmarks
from kernel.selftest.deferred import DeferredTests
from kernel.selftest.handovers import HandOvers
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
from kernel.selftest.shortage import ShortageTests
from kernel.selftest.smp import SmpTests
from kernel.selftest.space import SpaceTests
from kernel.selftest.stress import StressTests
from kernel.selftest.stuck import StuckTests
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
from kernel.smp.calls import Calls
from kernel.smp.tlb import Tlb
from kernel.start.init import Init
from kernel.start.resources import ProcessorResources
from kernel.start.secondaries import Secondaries
from kernel.start.secondary import SecondaryStart
from kernel.start.start import Start
from kernel.start.trampoline import Trampoline
from kernel.structures.tree import Trees
from kernel.sync.condition import ConditionVariables
from kernel.sync.mutex import Mutexes
from kernel.sync.once import Onces
from kernel.sync.rwlock import ReadWriteLocks
from kernel.sync.semaphore import Semaphores
from kernel.terminal.backlog import Backlog
from kernel.terminal.input import Input
from kernel.terminal.keyboard import Keyboard
from kernel.terminal.keymap import Keymap
from kernel.terminal.ps2 import Ps2Controller
from kernel.terminal.scancodes import ScanCodes
from kernel.terminal.serial import SerialInput
from kernel.text.numbers import Numbers
from kernel.text.strings import Strings
from kernel.text.symbols import Symbols
from kernel.threads.areas import SaveAreas
from kernel.threads.idle import Idle
from kernel.threads.stacks import ThreadStacks
from kernel.threads.threads import Threads
from kernel.time.calendar import Calendar
from kernel.time.calibration import Calibration
from kernel.time.hpet import Hpet
from kernel.time.pit import Pit
from kernel.time.pmtimer import PmTimer
from kernel.time.refinement import Refinement
from kernel.time.rtc import RealTimeClock
from kernel.time.timekeeping import Timekeeping
from kernel.time.tscsync import TscSync
from kernel.time.wallclock import WallClock
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.demandpaging import DemandPaging
from kernel.vm.pagefaults import PageFaults
from kernel.vm.regions import Regions
from kernel.vm.useraccess import UserAccess
from kernel.vm.usercopy import UserCopy
from kernel.vm.userpages import UserPages
from kernel.vm.userranges import UserRanges
from pykasm import *
from pykasm.link.layout import kernel_layout


def image() -> Image:
    """All of the kernel, in the order in which it is linked.

    It is long, but a table of contents: each part is made of those above it. In pieces, they would
    have to be handed on by names that say nothing new.
    """
    layout = kernel_layout("Start.multiboot2")  # where the linker puts everything
    # The console
    symbols = Symbols()  # names and lines of addresses
    numbers = Numbers()  # numbers as text
    serial = Serial()  # the serial line
    output = SerialOutput(serial)  # and what it has still to send
    screen = TextScreen(Area.DIRECT_MAP + TEXT_BUFFER)  # the screen, where it shows text
    console = Console(output, screen, numbers, symbols)  # both of them
    # When something is wrong
    placement = RecordPlacement()  # memory to keep what the boot loader tells
    information = BootInformation(placement)  # what that is
    stacks = Stacks()  # those of the first processor
    walk = PageWalk()  # what an address leads to
    faults = Faults(console, walk)  # exceptions in words
    trap = symbol("Interrupts.common")  # what calls all handlers
    backtrace = Backtrace(console, symbols, walk, trap)  # who called whom
    per_cpu = PerCpu()  # variables of which each processor has its own
    log = Log(console, per_cpu, numbers, symbols)  # what the kernel says of itself
    apic = LocalApic()  # each processor's own interrupt controller
    dispatcher = Dispatcher(apic)  # vectors and who is called
    processors = Processors(per_cpu, apic)  # all that run the kernel
    stop = Stop(processors, apic, dispatcher)  # the end of all others
    # The processor
    features = Features()  # what CPUID shows
    descriptors = Descriptors(per_cpu, stacks)  # segments and interrupt stacks
    protection = Protection(features)  # the processor's own defences
    # Clocks and alarms
    boot_timer = BootTimer()  # how long it takes to start
    clock = Clock(boot_timer)  # nanoseconds since then
    alarm = LocalTimer(features, apic, clock)  # each processor's interrupt at a time
    trees = Trees()  # things in the order of numbers
    timers = Timers(per_cpu, clock, alarm, trees)  # what is to be done when
    # Which thread runs where
    preemption = Preemption()  # may this processor turn to another thread, and should it?
    switch = Switch(processors)  # how it does
    ticks = Ticks(preemption, clock, timers)  # when its turn is over
    extended = ExtendedState(features)  # registers that few threads use
    scheduler = Scheduler(
        per_cpu, preemption, switch, ticks, extended, apic, dispatcher
    )  # which thread runs
    calls = Calls(processors, apic, scheduler, dispatcher)  # what others are to do
    # The end
    report_header = ReportHeader(console, walk, per_cpu, processors, scheduler)  # who runs
    panic = Panic(
        console, log, faults, report_header, backtrace, information, stop
    )  # the report of what went wrong
    order = LockOrder(console)  # in which order spin locks are taken
    watch = LockWatch(per_cpu, processors, order, console, panic)  # and who holds which
    # Memory
    free_ranges = FreeRanges(information)  # what was free at the start
    frames = EarlyFrames(free_ranges, panic)  # pages before there is an allocator
    entries = EntryFormat(features)  # what page tables may hold
    buddy = Buddy()  # blocks of pages, split and joined
    sections = Sections(free_ranges, frames, entries, walk, buddy)  # memory that waits to be used
    fault_injection = FaultInjection()  # failures on purpose
    pages = Pages(sections, buddy, walk, per_cpu, fault_injection)  # physical memory
    tlb = Tlb(processors, calls, scheduler)  # what processors remember of page tables
    walker = TableWalker(entries)  # the entries of an address
    page_tables = PageTables(entries, frames, pages)  # the tables of a space, made and freed
    splitter = PageSplitter(page_tables)  # large pages into smaller ones
    filler = EntryFiller(walker, page_tables)  # entries where there were none
    changer = EntryChanger(walker, page_tables, splitter)  # others where there were some
    mapper = Mapper(entries, filler, changer, page_tables, tlb)  # mapping and unmapping
    kernel_space = KernelSpace(frames, walker, page_tables)  # the kernel's own tables
    direct_map = DirectMap(
        information, entries, kernel_space, mapper, walk
    )  # all physical memory, and device registers
    paging = Paging(
        layout,
        stacks,
        information,
        entries,
        free_ranges,
        kernel_space,
        page_tables,
        mapper,
        pages,
        direct_map,
    )  # the address space
    records = Records(pages, Range)  # what describes ranges of addresses
    arena = Arena(trees, records)  # addresses for mappings
    runtime = Runtime(
        arena, kernel_space, mapper, walker, page_tables, pages, direct_map
    )  # mappings made while running
    mappings = Mappings(walker)  # what is mapped
    zones = RedZones(console, panic)  # wrong uses of the heap
    slab_layer = SlabLayer(pages, zones)  # pages cut into objects of one size
    slabs = Slabs(slab_layer, per_cpu, zones, fault_injection)  # and those at hand
    heap = Heap(slabs, pages)  # memory of any size
    # The firmware
    acpi = AcpiTables(information, direct_map, log)  # its tables
    fixed = FixedDescription(acpi)  # the board
    model = InterruptModel(acpi, log)  # processors and interrupt controllers
    sleep = SleepTypes()  # what switches the machine off
    power = Power(information, acpi, fixed, sleep, console)  # switching off, and starting again
    # Interrupts
    io_apics = IoApics(model, direct_map)  # those of the devices
    pic = Pic()  # the old ones
    lines = Lines(
        information, dispatcher, apic, io_apics, pic, model, direct_map, processors
    )  # how devices interrupt
    # The time
    hpet_description = HpetDescription(acpi)
    hpet = Hpet(hpet_description, direct_map, log)  # what counts at a known rate
    pm_timer = PmTimer(fixed)
    pit = Pit()
    references = [one.reference for one in (hpet, pm_timer, pit)]
    calibration = Calibration(clock, references)  # the clock's rate, measured by these
    calendar = Calendar()  # years, months and days
    rtc = RealTimeClock(fixed)  # what goes on while the machine is off
    wall = WallClock(clock, rtc, calendar)  # the time of day
    refinement = Refinement(calibration, clock, timers, log)  # ever better rates
    timekeeping = Timekeeping(
        hpet, pm_timer, pit, rtc, calibration, alarm, timers, refinement, log, dispatcher
    )  # how these start
    # The lives of threads
    waiting = Waiting(scheduler, timers)  # how threads wait, and are woken
    thread_stacks = ThreadStacks(runtime)  # stacks with the records of threads
    areas = SaveAreas(extended, pages)  # memory for the registers that few use
    threads = Threads(scheduler, thread_stacks, waiting, areas)  # from creation to the end
    idle = Idle(per_cpu, scheduler, threads, panic)  # when nothing else wants to run
    deferred = Deferred(
        panic, dispatcher, scheduler, waiting, threads, clock
    )  # what handlers leave
    sleeping = Sleep(waiting, clock)  # waiting for a time
    mutexes = Mutexes(scheduler, waiting)  # one thread at a time
    semaphores = Semaphores(scheduler, waiting)  # so many at a time
    conditions = ConditionVariables(scheduler, waiting, mutexes)  # until something is so
    rwlocks = ReadWriteLocks(scheduler, waiting)  # many readers, or one writer
    onces = Onces(scheduler, waiting)  # by whoever comes first
    # The memory of programs
    access = UserAccess(protection)  # what touches it
    page_faults = PageFaults(access, features, panic)  # what survives when that fails
    user_pages = UserPages(
        entries, walker, page_tables, pages, tlb
    )  # pages that programs may share
    user_ranges = UserRanges(walker, page_tables, user_pages)  # and ranges of them
    regions = Regions(trees, slabs)  # stretches of a program's addresses
    address_spaces = AddressSpaces(
        kernel_space,
        page_tables,
        pages,
        user_pages,
        user_ranges,
        regions,
        rwlocks,
        scheduler,
        slabs,
    )  # what programs see of memory
    demand_paging = DemandPaging(
        entries, pages, user_pages, regions, rwlocks
    )  # what makes pages when they are touched
    user_copy = UserCopy(
        access, address_spaces, demand_paging
    )  # copies between them and the kernel
    # Vectors
    handlers = {**dispatcher.handlers(), Vector.PAGE_FAULT: page_faults.handle}
    exceptions = Exceptions(panic.exception, handlers)  # who handles which vector
    interrupts = Interrupts(exceptions, deferred, scheduler, protection)  # 256 gates
    # Devices
    ecam = EcamRegions(acpi, direct_map, log)  # where configuration spaces are in memory
    configuration = ConfigurationSpace(ecam, direct_map)  # reading and writing them
    capabilities = PciCapabilities(configuration)  # what functions can do
    resources = PciResources(configuration)  # where they answer
    pci = PciBus(ecam, configuration, capabilities, resources, heap)  # all of them
    msi = Msi(configuration, dispatcher, lines, runtime)  # interrupts without lines
    classes = PciClassNames()  # what they are called
    # Input
    input = Input(scheduler, waiting)  # what people type
    backlog = Backlog(output, scheduler, waiting, clock, timers)  # who has more to say
    serial_input = SerialInput(log, serial, backlog, input, lines)  # on the serial line
    scan_codes = ScanCodes()  # keys of what keyboards send
    keymap = Keymap()  # the keyboard's state, and what is typed on it
    ps2 = Ps2Controller()  # what it is plugged into
    keyboard = Keyboard(log, ps2, scan_codes, keymap, input, lines, deferred)  # the keyboard itself
    # People
    strings = Strings()  # texts, and the words in them
    history = History(strings)  # lines typed before
    keys = Keys()  # what was typed on the terminal
    editor = LineEditor(console, input, keys, history)  # a line at a time
    addresses = Addresses(numbers, symbols)  # addresses as people type them
    report = BootReport(console, log, information)  # what the boot loader told, in words
    on_memory = MemoryCommands(console, report, numbers, addresses, walk, pages, slabs)  # mem, peek
    on_maps = MapsCommands(console, kernel_space, mappings)  # maps
    on_processor = ProcessorCommands(panic)  # regs
    on_symbols = SymbolCommands(console, symbols, addresses)  # sym
    on_failure = CrashCommands(console, strings, numbers, processors, calls)  # crash
    on_cpus = CpuCommands(console, processors, calls, scheduler, dispatcher, clock)  # cpus
    on_power = PowerCommands(power)  # reboot, poweroff
    on_threads = ThreadCommands(console, threads)  # threads
    on_time = TimeCommands(console, features, clock, calibration, wall, calendar, timers)  # time
    on_log = LogCommands(console, log, clock, strings)  # dmesg
    on_interrupts = InterruptCommands(
        console, numbers, processors, dispatcher, lines, apic, deferred
    )  # irq
    on_acpi = AcpiCommands(console, acpi, model, fixed, hpet_description, ecam)  # acpi
    basics = BasicTests()  # the least that a kernel does
    reclaim = Reclaim(
        slabs, pages, processors, calls, [thread_stacks.shrink]
    )  # what was kept for later
    hog = MemoryHog(pages)  # memory that tests take away
    memory_tests = MemoryTests(
        console,
        pages,
        reclaim,
        entries,
        kernel_space,
        mapper,
        walker,
        mappings,
        runtime,
        slabs,
        paging,
        hog,
    )  # pages and mappings
    heap_tests = HeapTests(heap, slabs, hog)  # memory of any size
    time_tests = TimeTests(console, clock, calibration, timers, pages)  # the clock and timers
    pool = ThreadPool(scheduler, threads)  # threads for tests
    thread_tests = ThreadTests(console, pool, sleeping, clock)  # lives and turns of threads
    hand_overs = HandOvers(console, pool, waiting, mutexes)  # from one thread to another
    sync_tests = SyncTests(console, pool, mutexes, semaphores, conditions, rwlocks, onces)
    wait_tests = WaitTests(
        console, pool, clock, waiting, semaphores, conditions, mutexes, rwlocks
    )  # what else ends a wait
    lock_tests = LockTests(console, watch)  # who holds which
    extended_tests = ExtendedStateTests(console, pool, threads, clock)  # registers of many threads
    pci_tests = PciTests(console, pci, msi, runtime, clock)  # interrupts by messages
    interrupt_tests = InterruptTests(console, dispatcher, apic, lines)  # and lines
    space_tests = SpaceTests(
        console, address_spaces, user_copy, pages, pool, hog
    )  # programs' memory
    shortage_tests = ShortageTests(
        console,
        fault_injection,
        pages,
        slabs,
        heap,
        runtime,
        scheduler,
        thread_stacks,
        threads,
        areas,
        address_spaces,
        user_copy,
        direct_map,
    )  # when there is no more
    loads = {
        "memory": MemoryLoad(console, pool, heap, pages, runtime),
        "mappings": MappingLoad(
            console, pool, pages, kernel_space, mapper, walker, runtime, rwlocks
        ),
        "threads": ThreadLoad(console, pool, sleeping),
        "timers": TimerLoad(console, pool, clock, timers, heap),
        "locks": LockLoad(console, pool, mutexes, semaphores, conditions, rwlocks),
    }  # what many threads do at once
    stress_tests = StressTests(console, pool, clock, loads)  # one by one, and mixed
    stuck_tests = StuckTests(pool, semaphores)  # for the watchdog
    leaking_tests = LeakingTests(heap, pages, runtime)  # for the ledgers
    smp_tests = SmpTests(
        console,
        processors,
        calls,
        scheduler,
        threads,
        kernel_space,
        mapper,
        walker,
        runtime,
        pool,
        clock,
    )  # several processors
    deferred_tests = DeferredTests(console, deferred, scheduler, smp_tests)  # left for later
    tested = (
        basics,
        heap_tests,
        memory_tests,
        time_tests,
        thread_tests,
        sync_tests,
        wait_tests,
        extended_tests,
        smp_tests,
        deferred_tests,
        interrupt_tests,
        pci_tests,
        space_tests,
        shortage_tests,
        stress_tests,
        stuck_tests,
        leaking_tests,
        lock_tests,
    )
    measured = (
        basics,
        heap_tests,
        memory_tests,
        time_tests,
        hand_overs,
        sync_tests,
        lock_tests,
        extended_tests,
        smp_tests,
        deferred_tests,
        interrupt_tests,
        space_tests,
    )
    leak_checks = threads.leak_checks + memory_tests.leak_checks  # what all tests leave as it was
    traces = ThreadTraces(console, backtrace, threads)  # what all threads do
    watchdog = Watchdog(console, panic, traces, clock, timers)  # for tests that do not end
    self_tests = SelfTests(
        console, watchdog, strings, tested, leak_checks, [reclaim.run]
    )  # in the running kernel
    benchmarks = Benchmarks(console, scheduler, strings, measured)  # and what its operations cost
    on_tests = SelfTestCommands(self_tests, benchmarks)  # test, bench
    on_pci = PciCommands(console, numbers, pci, classes)  # pci
    families = (
        on_memory,
        on_pci,
        on_maps,
        on_processor,
        on_cpus,
        on_symbols,
        on_failure,
        on_power,
        on_time,
        on_threads,
        on_log,
        on_interrupts,
        on_acpi,
        on_tests,
    )
    monitor = Monitor(console, editor, strings, boot_timer, families)  # the prompt
    # Starting
    failure = BootFailure()  # the last words of a start that can't go on
    checks = CpuChecks(failure)  # is this processor good enough?
    tables = BootTables()  # page tables and segments to start on
    comparison = TscSync(clock, log)  # do processors agree about the time?
    secondary_start = SecondaryStart(
        per_cpu,
        processors,
        scheduler,
        idle,
        comparison,
        steps=(
            descriptors.load,
            interrupts.use,
            protection.enable,
            apic.start,
            pages.start_processor,
            scheduler.start_processor,
            deferred.start_processor,
            alarm.start,
        ),
    )  # what each processor but the first starts with
    trampoline = Trampoline(
        tables, free_ranges, entries, kernel_space, secondary_start
    )  # and before that
    processor_resources = ProcessorResources(
        per_cpu, descriptors, runtime, idle, deferred, threads
    )  # what each of them needs
    secondaries = Secondaries(
        model,
        apic,
        clock,
        log,
        processors,
        trampoline,
        secondary_start,
        processor_resources,
        comparison,
    )  # how they are woken
    first = (
        per_cpu.start_first,
        descriptors.start_first,
        interrupts.load,
        serial.start,
        screen.start,
    )  # what nothing needs to be known for
    then = (
        features.read,
        paging.start,
        runtime.start,
        slabs.start,
        protection.enable,
        report.print,
        acpi.start,
        model.start,
        lines.start,
        processors.enter,
        calls.start,
        stop.start,
        ecam.start,
        configuration.start,
        pci.start,
        timekeeping.start,
        threads.start,
        address_spaces.start,
        idle.start_first,
        deferred.start_first,
        serial_input.start,
        keyboard.start,
    )  # the order in which all else starts
    last = (secondaries.start, lines.spread)  # what needs interrupts
    init_ = Init(information, log, paging, monitor, first, then, last)
    start = Start(
        boot_timer, stacks, checks, tables, failure, init_
    )  # from the loader to 64-bit code
    return Image(
        entry=(start.multiboot2, start.pvh),
        subsystems=[
            *(one for one in locals().values() if isinstance(one, Subsystem)),
            *loads.values(),
        ],
        on_assert=panic.assertion_failed,
        on_lock=watch,
        layout=layout,
    )
