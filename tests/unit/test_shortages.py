"""Who asks for memory, and where it is seen that they can do without."""

from __future__ import annotations

from pathlib import Path

import pytest

from pykasm.build.pipeline import assembled
from pykasm.build.project import Project
from pykasm.build.stages import Stages
from pykasm.check.build import Build

ROOT = Path(__file__).resolve().parents[2]

SOURCES = {
    "Arena.allocate",
    "Arena.start",
    "Deferred.make",
    "EarlyFrames.allocate",
    "Heap.allocate",
    "Idle.make",
    "Idle.start",
    "Mapper.map",
    "PageTables.allocate",
    "LargePages.allocate",
    "Pages.allocate",
    "Pages.allocate_at_hand",
    "Pages.allocate_low",
    "Pages.allocate_page",
    "Pages.allocate_zeroed",
    "DirectMap.map_read_only",
    "DirectMap.map",
    "DirectMap.map_registers",
    "DirectMap.claim_registers",
    "RecordPool.allocate",
    "Regions.add",
    "Regions.allocate",
    "RuntimeMappings.allocate",
    "RuntimeMappings.map_device",
    "ProcessorResources.allocate",
    "Slabs.allocate",
    "Slabs._allocate_checked",
    "ThreadStacks.allocate",
    "Threads.create",
    "Threads.make",
    "UserPages.slot",
}
"""Functions whose result may say that memory is out."""

TRIALS = ("ShortageTests.", "ProgramShortageTests.")
"""Who runs operations by `Shortages`."""

LITTLE = "tests/boot/test_memory.py::test_a_machine_with_too_little_memory_says_so"
NO_ARCHIVE = "tests/host/test_initramfs.py::test_without_memory_nothing_is_decompressed"
NO_AREAS = "tests/host/test_acpi.py::test_bios_areas_that_can_not_be_mapped_are_not_searched"
NO_APIC = "tests/host/test_interrupts.py::test_without_an_io_apic_the_old_controllers_serve"
NO_CONSOLE = "tests/host/test_terminals.py::" + (
    "test_without_memory_for_its_thread_the_kernel_says_so"
)
NO_DIRECTORY = "tests/host/test_pollcalls.py::test_the_current_directory_without_memory"
NO_ENTRIES = "tests/host/test_pollcalls.py::test_polling_without_memory"
NO_DEVICE = "tests/boot/test_interrupts.py::" + (
    "test_tables_that_lead_where_no_device_can_be_are_warned_of"
)
NO_DISPLAY = "tests/host/test_displays.py::" + (
    "test_a_display_that_can_not_be_mapped_shows_nothing"
)
NO_EARLY = "tests/host/test_early_frames.py::test_without_memory_the_kernel_says_so"
NO_FILES = "tests/host/test_files.py::test_nothing_is_lost_where_memory_fails"
NO_FIRMWARE = "tests/host/test_acpi.py::test_a_root_where_no_memory_can_be_means_no_tables"
NO_LIST = "tests/host/test_vectorcalls.py::test_only_a_long_list_needs_memory"
NO_MAPPING = "tests/host/test_runtime.py::test_without_memory_at_the_start_there_is_nothing_later"
NO_MESSAGE = "tests/host/test_msi.py::test_without_memory_nothing_is_attached"
NO_MP_TABLE = "tests/host/test_mptable.py::test_what_can_not_be_mapped_is_not_read"
NO_PICTURE = "tests/host/test_displays.py::test_without_memory_none_is_asked_for"
NO_REGISTERS = "tests/host/test_acpi.py::test_registers_that_can_not_be_mapped_are_not_touched"
NO_CALL = "tests/boot/test_processes.py::test_programs_find_all_as_linux_has_it"
NO_RECORD = "tests/host/test_pci.py::test_functions_without_memory_for_a_record_are_counted"
NO_RESOURCES = "tests/host/test_resources.py::test_without_one_part_the_others_are_given_back"
NO_ROOT = "tests/host/test_files.py::test_another_root_without_memory"
NO_WATCH = "tests/host/test_programwatch.py::" + (
    "test_without_memory_for_a_thread_the_end_is_waited_for_at_once"
)
NO_START = "tests/host/test_secondaries.py::test_without_memory_the_rest_stays_asleep"
NO_TABLES = "tests/host/test_paging.py::test_without_memory_for_tables_nothing_can_be_reached"

ELSEWHERE = {
    "CoreDumps._dump": NO_CALL,
    "CoreDumps._open": NO_CALL,
    "ProcessNotifications._create": NO_CALL,
    "PosixQueues.allocate_message": NO_CALL,
    "SharedSegments._allocate": NO_CALL,
    "SemaphoreUndos.get": NO_CALL,
    "SemaphoreUndos.create": NO_CALL,
    "SemaphoreSets._allocate": NO_CALL,
    "SemaphoreCalls._set_all": NO_CALL,
    "SemaphoreCalls._operate": NO_CALL,
    "SemaphoreCalls._get_all": NO_CALL,
    "MessageQueues._create": NO_CALL,
    "MessageQueues.allocate": NO_CALL,
    "AcpiTables._map": NO_FIRMWARE,
    "Arena.start": NO_MAPPING,
    "BochsDisplay._open": NO_DISPLAY,
    "CredentialStore.make_groups": NO_CALL,
    "Deferred.make": NO_RESOURCES,
    "Deferred.start_first": LITTLE,
    "PassedFileStore.start": LITTLE,
    "VdsoMapping._add_page": LITTLE,
    "Devpts._make_root": NO_CALL,
    "EpollItems.create": NO_CALL,
    "Epolls.create": NO_CALL,
    "EventCounters.create": NO_CALL,
    "UnixSockets.create": NO_CALL,
    "ControlMessages.take": NO_CALL,
    "TimerFiles.create": NO_CALL,
    "ExtendedAttributes.create": NO_CALL,
    "FirmwareSearch.find": NO_AREAS,
    "FirmwareSearch._find_in": NO_AREAS,
    "FutexVectorCalls.futex_waitv": NO_CALL,
    "GenericRegisters.read_word": NO_REGISTERS,
    "GenericRegisters.write_byte": NO_REGISTERS,
    "GenericRegisters.write_word": NO_REGISTERS,
    "Hpet.start": NO_DEVICE,
    "Idle.make": NO_RESOURCES,
    "Idle.start": LITTLE,
    "Idle.start_first": LITTLE,
    "Inflate.run": NO_ARCHIVE,
    "IoApics.start": NO_APIC,
    "Lines.start": NO_APIC,
    "KernelSpace.start": NO_EARLY,
    "MountNamespaces.create": NO_ROOT,
    "Mounts._make": NO_ROOT,
    "MpTable._find": NO_MP_TABLE,
    "Msi._map_table": NO_MESSAGE,
    "DirectMap.claim_registers": NO_TABLES,
    "DirectMap.map_framebuffer": NO_TABLES,
    "DirectMap.map_read_only": NO_TABLES,
    "Notices.create": NO_CALL,
    "Notices.watch": NO_CALL,
    "Paging._map_direct": NO_EARLY,
    "Paging._map_section": NO_EARLY,
    "Paging.start": NO_EARLY,
    "PciBus._scan_function": NO_RECORD,
    "RamFramebuffer._open": NO_PICTURE,
    "RuntimeMappings.start": NO_MAPPING,
    "ProcessMemoryCalls._find_and_copy": NO_CALL,
    "ProcessorResources.allocate": NO_RESOURCES,
    "SaveAreas.copy": NO_CALL,
    "Secondaries._start_one": NO_START,
    "Splicing.fill": NO_CALL,
    "SuperBlocks.create": NO_ROOT,
    "SysTree._add": LITTLE,
    "Tmpfs._set_text": NO_FILES,
    "RecordLocks._try": NO_CALL,
    "Transfers.run": NO_CALL,
    "VectorCalls.take": NO_LIST,
    "ConsoleTerminal.start": NO_CONSOLE,
    "VirtualConsoles.start": NO_CONSOLE,
    "ProgramWatch.begin": NO_WATCH,
    "NameCalls.getcwd": NO_DIRECTORY,
    "NameCalls._read_made_link": NO_CALL,
    "PollCalls._allocate": NO_ENTRIES,
    "PollCalls._poll_many": NO_ENTRIES,
    "PosixTimers.allocate": NO_CALL,
}
"""Who asks only while the kernel starts, for a device that not every machine has, or for a program:
the test that refuses them memory."""


@pytest.fixture(scope="module")
def askers() -> set[str]:
    """Functions of the kernel, but for its tests, that ask for memory, and not on behalf of what
    TRIALS try with each allocation failing in turn."""
    units = assembled(Project.load(ROOT), Stages())
    summaries = Build.of(units.program, units.assembled).analysis.summaries
    calls = {symbol: {call.callee for call in one.calls} for symbol, one in summaries.items()}
    tried = {symbol for symbol in calls if symbol.startswith(TRIALS)}
    waiting = [*tried]
    for symbol in waiting:  # grows
        more = calls.get(symbol, set()) - tried
        tried |= more
        waiting += more
    tests = {
        type(one).__name__
        for one in units.image.subsystems
        if type(one).__module__.startswith("kernel.selftest")
    }
    assert set(calls) >= SOURCES
    return {
        symbol
        for symbol, callees in calls.items()
        if callees & SOURCES and symbol not in tried and symbol.split(".")[0] not in tests
    }


def test_everybody_who_asks_for_memory_is_refused_it_in_a_test(askers: set[str]) -> None:
    assert askers == set(ELSEWHERE)


@pytest.mark.parametrize("test", sorted(set(ELSEWHERE.values())))
def test_the_tests_named_are_there(test: str) -> None:
    file, name = test.split("::")
    assert f"def {name}(" in (ROOT / file).read_text()
