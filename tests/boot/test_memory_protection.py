"""The address space that the kernel makes, read from the page tables of a running machine."""

import re
from dataclasses import dataclass

import pytest

from kernel.cpu.control import Cr0, Cr4, Efer
from kernel.cpu.pagetable import PAGE, PageShift
from kernel.mm.paging import VIDEO_MEMORY
from kernel.paging.addresses import Area
from kernel.paging.layout import LAYOUT
from pykasm.link.layout import OutputSection
from pykasm.machine.images import Images
from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.session import Machine
from pykasm.machine.symbols import SymbolTable

ENTRY = re.compile(r"^([0-9a-f]{16}): ([0-9a-f]{16}) ([-X])([-G])([-P])..([-C])([-T])([-U])([-W])")
"""A line of QEMU's `info tlb` (target/i386/monitor.c, print_pte)."""

SECTIONS = [one for one in LAYOUT.sections if not one.physical]
LOWER_HALF_END = 1 << 47


@dataclass(frozen=True)
class Page:
    """A mapping; `large` if it is not of the smallest size."""

    address: int
    physical: int
    executable: bool
    large: bool
    uncached: bool
    user: bool
    writable: bool


def pages_of(machine: Machine) -> list[Page]:
    """All pages that the machine's page tables map."""
    machine.expect_prompt()
    listing = machine.qmp("human-monitor-command", **{"command-line": "info tlb"})
    return [
        Page(
            int(found[1], 16),
            int(found[2], 16),
            executable=found[3] == "-",
            large=found[5] == "P",
            uncached=found[6] + found[7] == "CT",
            user=found[8] == "U",
            writable=found[9] == "W",
        )
        for found in map(ENTRY.match, listing.splitlines())
        if found
    ]


def control_register(machine: Machine, name: str) -> int:
    """The value of a control register, by its name in QEMU's `info registers`."""
    machine.expect_prompt()
    listing = machine.qmp("human-monitor-command", **{"command-line": "info registers"})
    found = re.search(rf"\b{name}=([0-9a-f]+)", listing)
    assert found, listing
    return int(found[1], 16)


@pytest.fixture
def pages(machine: MakeMachine) -> list[Page]:
    """Those of a machine with all features."""
    return pages_of(machine(cpu="max"))


@pytest.fixture
def symbols(kernel_images: Images) -> SymbolTable:
    """The kernel's."""
    return SymbolTable.from_elf(kernel_images.project.kernel)


def section_pages(pages: list[Page], section: OutputSection, symbols: SymbolTable) -> list[Page]:
    """The pages of a section in the image."""
    start, end = (symbols.address(f"{section.symbol}_{bound}") for bound in ("start", "end"))
    return [page for page in pages if start <= page.address < end]


def test_no_page_is_both_writable_and_executable(pages: list[Page]) -> None:
    assert pages
    assert [page for page in pages if page.writable and page.executable] == []


def test_the_lower_half_is_empty(pages: list[Page]) -> None:
    assert min(page.address for page in pages) >= Area.DIRECT_MAP > LOWER_HALF_END


def test_no_page_is_for_user_mode(pages: list[Page]) -> None:
    assert [page for page in pages if page.user] == []


@pytest.mark.parametrize("section", SECTIONS, ids=[one.name for one in SECTIONS])
def test_a_section_has_the_permissions_of_the_layout(
    pages: list[Page], symbols: SymbolTable, section: OutputSection
) -> None:
    for page in section_pages(pages, section, symbols):
        assert page.executable == (section.permissions == "r-x")
        assert page.writable == (section.permissions == "rw-")


@pytest.mark.parametrize("name", [".text", ".rodata", ".data", ".bss", ".symbols"])
def test_a_section_is_mapped(pages: list[Page], symbols: SymbolTable, name: str) -> None:
    [section] = [one for one in SECTIONS if one.name == name]
    assert section_pages(pages, section, symbols)


@pytest.mark.parametrize("name", [".init.text", ".init.data"])
def test_what_only_starting_up_needs_is_gone(
    pages: list[Page], symbols: SymbolTable, name: str
) -> None:
    [section] = [one for one in SECTIONS if one.name == name]
    assert symbols.address(f"{section.symbol}_start") < symbols.address(f"{section.symbol}_end")
    assert section_pages(pages, section, symbols) == []


@pytest.mark.parametrize("name", [".init.text", ".init.data"])
def test_memory_that_only_starting_up_needs_can_be_written_for_other_uses(
    pages: list[Page], symbols: SymbolTable, name: str
) -> None:
    [section] = [one for one in SECTIONS if one.name == name]
    start = Area.DIRECT_MAP + symbols.address(f"{section.symbol}_load")
    size = symbols.address(f"{section.symbol}_end") - symbols.address(f"{section.symbol}_start")
    freed = [page for page in pages if start <= page.address < start + size]
    assert len(freed) == -(-size // PAGE)
    assert all(page.writable and not page.executable for page in freed)


def test_the_interrupt_table_is_read_only(pages: list[Page], symbols: SymbolTable) -> None:
    table = symbols.address("Interrupts.table")
    [page] = [page for page in pages if page.address <= table < page.address + PAGE]
    assert not page.writable


def test_only_the_image_is_executable(pages: list[Page]) -> None:
    assert min(page.address for page in pages if page.executable) > Area.IMAGE


def test_the_direct_map_can_not_write_what_the_image_can_not(pages: list[Page]) -> None:
    protected = {page.physical for page in pages if page.address > Area.IMAGE and not page.writable}
    aliases = [page for page in pages if page.address < Area.RUNTIME and page.physical in protected]
    assert len(aliases) == len(protected) > 0
    assert [page for page in aliases if page.writable] == []


@pytest.mark.parametrize("stack", ["boot", "nmi", "double_fault", "machine_check"])
def test_a_stack_has_a_guard_page_below_it(
    pages: list[Page], symbols: SymbolTable, stack: str
) -> None:
    mapped = {page.address for page in pages}
    guard = symbols.address(f"Stacks.{stack}")
    assert guard not in mapped
    assert {guard - PAGE, guard + PAGE} <= mapped | {symbols.address("bss_start") - PAGE}


def test_video_memory_is_not_cached(pages: list[Page]) -> None:
    start, end = VIDEO_MEMORY
    video = [page for page in pages if start <= page.address - Area.DIRECT_MAP < end]
    assert len(video) == (end - start) // PAGE
    assert all(page.uncached for page in video)


@pytest.mark.parametrize(("cpu", "shift"), [("max", PageShift.HUGE), ("qemu64", PageShift.LARGE)])
def test_the_direct_map_has_the_largest_pages_above_4_gib_too(
    machine: MakeMachine, cpu: str, shift: PageShift
) -> None:
    made = machine(cpu=cpu, memory=3 * 1024)  # of which QEMU puts 1 GiB there
    start, end = (gib << PageShift.HUGE for gib in (4, 5))
    pages = [page for page in pages_of(made) if start <= page.address - Area.DIRECT_MAP < end]
    assert [page.physical for page in pages] == list(range(start, end, 1 << shift))
    assert all(page.large for page in pages)


def test_read_only_pages_hold_for_the_kernel_too(machine: MakeMachine) -> None:
    assert control_register(machine(), "CR0") & Cr0.WP


def test_nx_is_on(machine: MakeMachine) -> None:
    assert control_register(machine(), "EFER") & Efer.NXE


def test_all_defences_that_the_processor_has_are_on(machine: MakeMachine) -> None:
    defences = Cr4.SMEP | Cr4.SMAP | Cr4.UMIP
    assert control_register(machine(cpu="max"), "CR4") & defences == defences


@pytest.mark.parametrize(
    ("feature", "bit"), [("smep", Cr4.SMEP), ("smap", Cr4.SMAP), ("umip", Cr4.UMIP)]
)
def test_a_defence_that_the_processor_lacks_stays_off(
    machine: MakeMachine, feature: str, bit: Cr4
) -> None:
    assert not control_register(machine(cpu=f"max,-{feature}"), "CR4") & bit


def test_a_processor_without_nx_is_not_asked_for_it(machine: MakeMachine) -> None:
    assert not control_register(machine(cpu="max,-nx"), "EFER") & Efer.NXE
