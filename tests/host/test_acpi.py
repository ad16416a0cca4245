"""Finding ACPI tables and the way to switch off, with sound and damaged tables."""

import re
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.acpi.sleeptypes import NOT_FOUND, SleepTypes
from kernel.acpi.structures import Fadt, FadtFlags, TableHeader, signature
from kernel.acpi.tables import AcpiTables
from kernel.boot.information import BootInformation
from kernel.console.serial import COM1, LineStatus, UartRegister
from kernel.debug.emulator import DEBUG_EXIT_PORT, ExitValue
from kernel.mm.directmap import DirectMap
from kernel.pci.configuration import ADDRESS_ENABLE, ADDRESS_PORT, DATA_PORT, NO_RESPONSE
from kernel.power.power import Power
from kernel.power.reset import RESET_CONTROL
from kernel.processors.stop import Stop
from kernel.terminal.ps2 import NO_CONTROLLER, Ps2Command, Ps2Port, Ps2Status
from pykasm import *
from pykasm.hostrun import HostStop
from tests.host.console_support import Paper, host_for, parts_on, written

PHYSICAL, ROOM = 0x10000, 1 << 17
"""The memory that the firmware of the tests has."""
BIOS_AREAS = ((0, 0x1000), (0x80000, 0xA0000), (0xE0000, 0x100000))
"""What a BIOS tells programs is there."""
ROOT = PHYSICAL
PM1A, PM1B, SMI, RESET = 0x604, 0x608, 0xB2, 0xCF9
SLP_EN, SCI_EN = 1 << 13, 1
TIMEOUT = 20


class Firmware:
    """A host with the subsystems, and a machine's memory and ports."""

    def __init__(self) -> None:
        self.paper: Any = Paper()
        parts = parts_on(self.paper, DirectMap)
        self.record, self.tables = parts[BootInformation], parts[AcpiTables]
        self.sleep, self.power, self.memory = parts[SleepTypes], parts[Power], parts[DirectMap]
        self.power.soft_off.timeout = self.power.reset.timeout = self.power.timeout = TIMEOUT
        self.host = host_for(self.power)
        for name in ("image_load_start", "image_load_end"):
            self.host.define(name, 0)
        self.host.stub(parts[DirectMap].map_read_only, lambda start, length: start)
        self.host.map(PHYSICAL, ROOM)
        for start, end in BIOS_AREAS:
            self.host.map(start, end - start)
        for final in (parts[Stop].halt, self.power.reset.by_triple_fault):
            self.host.stub(final)
        self.host.stub(parts[Stop].others, lambda: None)
        self.host.on_in(COM1 + UartRegister.LSR, lambda _: LineStatus.TEMT)
        self.pci(NO_RESPONSE)
        self.host.on_in(Ps2Port.STATUS, lambda _: NO_CONTROLLER)
        self.host.stub(self.paper.flush, self.flush)
        self.host.checkpoint()

    def install(self, layout: dict[int, bytes], root: int = ROOT) -> None:
        """Start over with these bytes at these physical addresses, and find the root."""
        self.host.reset()
        self.outs: list[tuple[int, int]] = []
        self.selected: list[int] = []
        self.flushed = False
        for address, contents in layout.items():
            self.host.write(address, contents)
        self.host[self.record.acpi_root] = root
        self.host.call(self.tables._find_root, root)

    def find(self, name: str) -> int:
        """Where the table `name` is, 0 for nowhere."""
        return int(self.host.call(self.tables.find, signature(name), 36))

    def port(self, port: int, value: Callable[[], int] = lambda: 0) -> None:
        """Make `port` exist: reads give `value`, writes are kept in `outs`."""
        self.host.on_in(port, lambda _: value())
        self.host.on_out(port, lambda where, what: self.outs.append((where, what)))

    def pci(self, identity: int) -> None:
        """Give all functions of the PCI bus this `identity`; `selected` are those asked."""
        self.host.on_in(DATA_PORT, lambda _: identity)
        self.host.on_out(ADDRESS_PORT, lambda _, what: self.selected.append(what))

    def register(self, size: int = 2) -> int:
        """Make a register in memory, where no memory is; return its address."""
        place = int(self.host.bytes(bytes(size), fenced=True))
        self.host.stub(
            self.memory.map_registers,
            lambda start, length: place if (start, length) == (place, size) else 0,
        )
        return place

    def flush(self) -> None:
        """Answer for the console."""
        assert self.flushed or not self.outs, "the end begins before all that was said is out"
        self.flushed = True

    def ends(self, function: Any) -> list[Any]:
        """What `function`, which never returns, writes to ports; last, the name of its end."""
        with pytest.raises(HostStop) as stopped:
            self.host.call(function)
        assert self.flushed
        self.said = written(self.host, self.paper).decode("latin-1")
        return [*self.outs, stopped.value.function]


def checked(contents: bytes, at: int, size: int | None = None) -> bytes:
    """`contents` with a checksum over its first `size` bytes at offset `at`."""
    made = bytearray(contents)
    made[at] = 0
    made[at] = -sum(made[:size]) % 256
    return bytes(made)


def table(name: str, body: bytes = b"", length: int | None = None) -> bytes:
    """A table with a right checksum; `length` is what it claims."""
    claimed = 36 + len(body) if length is None else length
    head = struct.pack("<4sIBB6s8sIII", name.encode(), claimed, 1, 0, b"pykasm", b"test", 0, 0, 0)
    return checked(head + body, 9)


def root_pointer(rsdt: int, xsdt: int = 0, revision: int = 0) -> bytes:
    """A root pointer with right checksums."""
    raw = struct.pack("<8sB6sBIIQB3s", b"RSD PTR ", 0, b"pykasm", revision, rsdt, 36, xsdt, 0, b"")
    return checked(checked(raw, 8, 20), 32)


def rsdt(*entries: int) -> bytes:
    return table("RSDT", b"".join(struct.pack("<I", one) for one in entries))


def xsdt(*entries: int) -> bytes:
    return table("XSDT", b"".join(struct.pack("<Q", one) for one in entries))


@pytest.fixture(scope="module")
def firmware() -> Firmware:
    return Firmware()


RSDT, XSDT, FADT, DSDT, OTHER = (PHYSICAL + n * 0x1000 for n in range(1, 6))


def test_tables_are_found_through_the_rsdt(firmware: Firmware) -> None:
    firmware.install(
        {
            ROOT: root_pointer(RSDT),
            RSDT: rsdt(FADT, OTHER),
            FADT: table("FACP"),
            OTHER: table("APIC", b"x"),
        }
    )
    assert (firmware.find("FACP"), firmware.find("APIC")) == (FADT, OTHER)
    assert firmware.find("HPET") == 0


def test_the_xsdt_counts_where_there_is_one(firmware: Firmware) -> None:
    layout = {
        ROOT: root_pointer(RSDT, XSDT, revision=2),
        RSDT: rsdt(FADT),
        XSDT: xsdt(OTHER, FADT),
        FADT: table("FACP"),
        OTHER: table("APIC"),
    }
    firmware.install(layout)
    assert (firmware.find("FACP"), firmware.find("APIC")) == (FADT, OTHER)


@pytest.mark.parametrize(
    "damage",
    [
        {XSDT: b"RSDT"},
        {XSDT + 9: b"\x55"},
        {XSDT + 4: b"\xff\xff\xff\xff"},
        {ROOT: root_pointer(RSDT, 1 << 40, revision=2)},
        {ROOT + 32: b"\x55"},
    ],
)
def test_a_damaged_xsdt_leaves_the_rsdt(firmware: Firmware, damage: dict[int, bytes]) -> None:
    layout = {
        ROOT: root_pointer(RSDT, XSDT, revision=2),
        RSDT: rsdt(FADT),
        XSDT: xsdt(OTHER),
        FADT: table("FACP"),
        OTHER: table("APIC"),
    }
    firmware.install({**layout, **damage})
    assert (firmware.find("FACP"), firmware.find("APIC")) == (FADT, 0)


@pytest.mark.parametrize(
    ("address", "damage"),
    [
        (ROOT, b"RSD PTR?"),
        (ROOT + 8, b"\x55"),
        (RSDT, b"XXXX"),
        (RSDT + 9, b"\x55"),
        (RSDT + 4, b"\x23\0\0\0"),
        (RSDT + 4, b"\0\0\0\0"),
        (RSDT + 4, b"\1\0\0\1"),
    ],
)
def test_a_damaged_root_means_no_tables(firmware: Firmware, address: int, damage: bytes) -> None:
    layout = {ROOT: root_pointer(RSDT), RSDT: rsdt(FADT), FADT: table("FACP")}
    firmware.install({**layout, address: damage})
    assert firmware.find("FACP") == 0


@pytest.mark.parametrize("root", [1 << 36, (1 << 64) - 1, (1 << 36) - 35])
def test_a_root_where_no_memory_can_be_means_no_tables(firmware: Firmware, root: int) -> None:
    firmware.install({}, root)
    assert firmware.find("FACP") == 0


@given(
    entries=st.lists(st.sampled_from([0, FADT, OTHER, DSDT]), max_size=9),
    spare=st.binary(max_size=7),
)
def test_entries_are_followed_in_order_and_bad_ones_passed_by(
    firmware: Firmware, entries: list[int], spare: bytes
) -> None:
    body = b"".join(struct.pack("<I", one) for one in entries) + spare[: len(spare) % 4]
    firmware.install(
        {
            ROOT: root_pointer(RSDT),
            RSDT: table("RSDT", body),
            FADT: table("FACP"),
            OTHER: table("FACP", b"second"),
            DSDT: b"FACP" + bytes(32),
        }
    )
    sound = [one for one in entries if one in (FADT, OTHER)]
    assert firmware.find("FACP") == (sound[0] if sound else 0)


def test_a_table_shorter_than_its_header_is_passed_by(firmware: Firmware) -> None:
    short = checked(table("FACP", length=35), 9, size=35)
    firmware.install({ROOT: root_pointer(RSDT), RSDT: rsdt(FADT), FADT: short})
    assert firmware.find("FACP") == 0


EBDA, EBDA_SEGMENT = 0x9F400, struct.pack("<H", 0x9F40)


@pytest.mark.parametrize("where", [EBDA, EBDA + 0x3E0, 0x9FC00, 0x9FFD0, 0xE0000, 0xFFFD0])
@pytest.mark.parametrize("root", [0, ROOT], ids=["not named", "not there"])
def test_a_root_that_the_loader_does_not_name_is_searched_for(
    firmware: Firmware, where: int, root: int
) -> None:
    layout = {
        0x40E: EBDA_SEGMENT,
        (0xF0000 if where == 0xE0000 else where - 16): b"RSD PTR ",  # with a wrong checksum
        where: root_pointer(RSDT),
        RSDT: rsdt(FADT),
        FADT: table("FACP", bytes(80)),
    }
    firmware.install(layout, root)
    assert firmware.find("FACP") == 0
    assert warnings(firmware) == []
    assert firmware.host[firmware.record.acpi_root] == where
    assert firmware.find("FACP") == FADT


@pytest.mark.parametrize(
    ("where", "segment"), [(EBDA + 8, EBDA), (EBDA + 0x400, EBDA), (0x20000, 0x20000)]
)
def test_a_root_elsewhere_is_not_found(firmware: Firmware, where: int, segment: int) -> None:
    layout = {0x40E: struct.pack("<H", segment >> 4), where: root_pointer(RSDT), RSDT: rsdt()}
    firmware.install(layout, 0)
    assert warnings(firmware) == []
    assert firmware.host[firmware.record.acpi_root] == 0


def test_bios_areas_that_can_not_be_mapped_are_not_searched(firmware: Firmware) -> None:
    firmware.install({EBDA: root_pointer(RSDT), 0x40E: EBDA_SEGMENT, RSDT: rsdt()}, 0)
    firmware.host.stub(firmware.memory.map_read_only, lambda start, length: 0)
    assert warnings(firmware) == []
    assert firmware.host[firmware.record.acpi_root] == 0


def warnings(firmware: Firmware) -> list[int]:
    """The addresses of tables that a start warns of."""
    firmware.host.call(firmware.tables.start)
    said = written(firmware.host, firmware.paper).decode("latin-1")
    return [int(one, 16) for one in re.findall("the table at 0x([0-9a-f]+) is damaged", said)]


SOUND_TABLES = {
    ROOT: root_pointer(RSDT),
    RSDT: rsdt(FADT, OTHER, 0),
    FADT: table("FACP", bytes(80)),
    OTHER: table("APIC", bytes(8)),
}


def test_sound_tables_are_not_warned_of(firmware: Firmware) -> None:
    firmware.install(SOUND_TABLES)
    assert warnings(firmware) == []


@pytest.mark.parametrize(
    "damage",
    [b"\x55", table("APIC", bytes(7)), table("HPET"), table("APIC", length=8), b"APIC\xff\xff"],
    ids=["checksum", "too short", "too short for another", "shorter than a header", "length"],
)
def test_a_damaged_table_is_warned_of_once(firmware: Firmware, damage: bytes) -> None:
    firmware.install({**SOUND_TABLES, OTHER: damage})
    assert warnings(firmware) == [OTHER]


PLACES = [
    start + offset
    for start in (ROOT, RSDT, FADT, OTHER)
    for offset in range(60)
    if start == ROOT or offset not in (6, 7)  # lengths beyond this machine's memory
]


@given(changes=st.dictionaries(st.sampled_from(PLACES), st.integers(0, 255), max_size=6))
def test_whatever_is_damaged_only_sound_tables_are_found(
    firmware: Firmware, changes: dict[int, int]
) -> None:
    firmware.install({**SOUND_TABLES, **{at: bytes([byte]) for at, byte in changes.items()}})
    warnings(firmware)
    for name in ("FACP", "APIC", "HPET"):
        found = firmware.find(name)
        if found:
            length = int.from_bytes(firmware.host.read(found + 4, 4), "little")
            assert sum(firmware.host.read(found, length)) % 256 == 0


# Soft off

NUMBER = {0: b"\0", 1: b"\1", 5: b"\x0a\5", 7: b"\x0a\7", 255: b"\x0a\xff"}


def s5(first: bytes, second: bytes, path: bytes = b"", length: bytes = b"\6") -> bytes:
    """The declaration of the soft-off values."""
    return b"\x08" + path + b"_S5_\x12" + length + b"\4" + first + second + b"\0\0"


def soft_off(firmware: Firmware, code: bytes) -> int:
    """What is found in a definition block with this code; its end is the end of memory."""
    firmware.host.reset()
    block = table("DSDT", code)
    where = PHYSICAL + ROOM - len(block)
    firmware.host.write(where, block)
    header = firmware.host.at(TableHeader, where)
    return int(firmware.host.call(firmware.sleep.soft_off, header))


@pytest.mark.parametrize("first", NUMBER)
@pytest.mark.parametrize("second", NUMBER)
@pytest.mark.parametrize("path", [b"", b"\\"])
@pytest.mark.parametrize("length", [b"\6", b"\x46\0", b"\xc6\0\0\0"])
def test_the_values_for_soft_off_are_read(
    firmware: Firmware, first: int, second: int, path: bytes, length: bytes
) -> None:
    declaration = s5(NUMBER[first], NUMBER[second], path, length)
    code = b"\x10\x42_S5_\x08\x5c_S5_" + declaration + b"\x08_S4_"
    assert soft_off(firmware, code) == NOT_FOUND
    assert soft_off(firmware, b"\x10\x42_S5_" + declaration + b"\x08_S4_") == first | second << 8


@given(
    code=st.lists(
        st.sampled_from(
            [b"\x08", b"\\", b"_S5_", b"\x12", b"\6", b"\xc6", b"\4", b"\x0a", b"\0", b"S"]
        ),
        max_size=14,
    )
)
def test_no_code_makes_reading_leave_the_block(firmware: Firmware, code: list[bytes]) -> None:
    values = soft_off(firmware, b"".join(code))
    assert values == NOT_FOUND or values < 1 << 16


@pytest.mark.parametrize("left_out", range(2, 11))
def test_a_declaration_that_the_block_cuts_off_is_not_taken(
    firmware: Firmware, left_out: int
) -> None:
    declaration = s5(b"\x0a\5", b"\x0a\6")
    assert soft_off(firmware, declaration[: -left_out - 1]) == NOT_FOUND


def test_values_that_are_no_small_numbers_are_not_taken(firmware: Firmware) -> None:
    assert soft_off(firmware, s5(b"\x0b\5\0", b"\0")) == NOT_FOUND
    assert soft_off(firmware, s5(b"FOO_", b"\0")) == NOT_FOUND


# Power


def fixed(**values: Any) -> bytes:
    """A fixed table with these fields."""
    body = bytearray(sizeof(Fadt) - 36)
    for name, value in values.items():
        start = offsetof(Fadt, name) - 36
        kind = Fadt._field(name).type
        raw = value if isinstance(value, bytes) else value.to_bytes(kind._size, "little")
        body[start : start + len(raw)] = raw
    return table("FACP", bytes(body))


def machine(fadt: bytes, code: bytes = s5(b"\x0a\5", b"\x0a\6")) -> dict[int, bytes]:
    """The memory of a machine with this fixed table and this code."""
    return {ROOT: root_pointer(RSDT), RSDT: rsdt(FADT), FADT: fadt, DSDT: table("DSDT", code)}


def generic(space: int, address: int) -> bytes:
    """A generic address structure."""
    return struct.pack("<BBBBQ", space, 8, 0, 1, address)


OFF_BY_EMULATOR = [(DEBUG_EXIT_PORT, ExitValue.POWEROFF), "Stop.halt"]
SOUND = {"dsdt": DSDT, "pm1a_control": PM1A, "pm1b_control": PM1B}


def test_switching_off_writes_the_sleep_state_to_both_registers(firmware: Firmware) -> None:
    firmware.install(machine(fixed(**SOUND)))
    firmware.port(PM1A, lambda: SCI_EN | 7 << 10)
    firmware.port(PM1B)
    firmware.port(DEBUG_EXIT_PORT)
    assert firmware.ends(firmware.power.power_off) == [
        (PM1A, SLP_EN | 5 << 10 | SCI_EN),
        (PM1B, SLP_EN | 6 << 10),
        *OFF_BY_EMULATOR,
    ]


def test_the_64_bit_address_of_the_code_counts(firmware: Firmware) -> None:
    firmware.install(machine(fixed(dsdt=OTHER, x_dsdt=DSDT, pm1a_control=PM1A)))
    firmware.port(PM1A)
    firmware.port(DEBUG_EXIT_PORT)
    off = firmware.ends(firmware.power.power_off)
    assert off == [(PM1A, SLP_EN | 5 << 10), *OFF_BY_EMULATOR]


def test_the_firmware_is_asked_for_acpi_mode_first(firmware: Firmware) -> None:
    answers = iter([0, 0, 0, SCI_EN, SCI_EN])
    firmware.install(machine(fixed(**{**SOUND, "smi_command": SMI, "acpi_enable": 0xF1})))
    firmware.port(PM1A, lambda: next(answers))
    for port in (PM1B, SMI, DEBUG_EXIT_PORT):
        firmware.port(port)
    assert firmware.ends(firmware.power.power_off)[:2] == [
        (SMI, 0xF1),
        (PM1A, SLP_EN | 5 << 10 | SCI_EN),
    ]


def test_a_firmware_that_does_not_answer_is_not_waited_for_long(firmware: Firmware) -> None:
    firmware.install(machine(fixed(**{**SOUND, "smi_command": SMI, "acpi_enable": 0xF1})))
    for port in (PM1A, PM1B, SMI, DEBUG_EXIT_PORT):
        firmware.port(port)
    assert firmware.ends(firmware.power.power_off)[-2:] == OFF_BY_EMULATOR


@pytest.mark.parametrize(
    "layout",
    [
        {},
        machine(fixed(pm1a_control=PM1A)),
        machine(table("FACP", bytes(20))),
        machine(fixed(**SOUND), code=b""),
        {**machine(fixed(**SOUND)), DSDT: table("XXXX", s5(b"\0", b"\0"))},
        {**machine(fixed(**SOUND)), DSDT + 9: b"\x55"},
    ],
    ids=["no tables", "no code", "short", "no values", "other table", "bad checksum"],
)
def test_without_the_way_in_the_tables_the_emulator_is_left(
    firmware: Firmware, layout: dict[int, bytes]
) -> None:
    firmware.install(layout)
    firmware.port(DEBUG_EXIT_PORT)
    assert firmware.ends(firmware.power.power_off) == OFF_BY_EMULATOR


def test_under_test_the_emulator_is_left_at_once(firmware: Firmware) -> None:
    firmware.install(machine(fixed(**SOUND)))
    firmware.host[firmware.record.command_line] = b"test"
    firmware.port(DEBUG_EXIT_PORT)
    assert firmware.ends(firmware.power.power_off) == OFF_BY_EMULATOR


def test_a_machine_that_can_not_be_switched_off_says_so_and_halts(firmware: Firmware) -> None:
    firmware.install({})
    firmware.port(DEBUG_EXIT_PORT)
    assert firmware.ends(firmware.power.power_off) == OFF_BY_EMULATOR
    assert "no way is known to switch this machine off; it is halted\n" in firmware.said


@pytest.mark.parametrize("name", ["pm1a_control", "pm1b_control"])
def test_the_wide_address_of_a_control_register_counts(firmware: Firmware, name: str) -> None:
    other = "pm1b_control" if name == "pm1a_control" else "pm1a_control"
    wide = {f"x_{name}": generic(1, 0x1804), f"x_{other}": generic(1, 0)}
    firmware.install(machine(fixed(**SOUND, **wide), code=s5(b"\x0a\5", b"\x0a\5")))
    ports = {0x1804, SOUND[other]}
    for port in (*ports, DEBUG_EXIT_PORT):
        firmware.port(port)
    assert {out[0] for out in firmware.ends(firmware.power.power_off)[:2]} == ports


def test_a_control_register_may_lie_in_memory(firmware: Firmware) -> None:
    firmware.install({})
    place = firmware.register()
    wide = {"x_pm1a_control": generic(0, place), "x_pm1b_control": generic(3, place)}
    for address, contents in machine(fixed(dsdt=DSDT, **wide)).items():
        firmware.host.write(address, contents)
    firmware.host.write(place, (7 << 10 | SCI_EN).to_bytes(2, "little"))
    firmware.host.call(firmware.tables._find_root, ROOT)
    firmware.port(DEBUG_EXIT_PORT)
    assert firmware.ends(firmware.power.power_off) == OFF_BY_EMULATOR
    assert firmware.host.read(place, 2) == (SLP_EN | 5 << 10 | SCI_EN).to_bytes(2, "little")


def test_the_values_may_stand_in_another_definition_block(firmware: Firmware) -> None:
    layout = machine(fixed(dsdt=DSDT, pm1a_control=PM1A), code=b"")
    layout[RSDT] = rsdt(FADT, OTHER)
    firmware.install({**layout, OTHER: table("SSDT", s5(b"\x0a\3", b"\x0a\3"))})
    firmware.port(PM1A)
    firmware.port(DEBUG_EXIT_PORT)
    off = firmware.ends(firmware.power.power_off)
    assert off == [(PM1A, SLP_EN | 3 << 10), *OFF_BY_EMULATOR]


# Hardware-reduced ACPI

SLEEP_CONTROL = 0x3C0
REDUCED = {"dsdt": DSDT, "flags": FadtFlags.HW_REDUCED_ACPI}


def test_hardware_reduced_acpi_switches_off_by_its_sleep_control(firmware: Firmware) -> None:
    control = generic(1, SLEEP_CONTROL)
    firmware.install(machine(fixed(**REDUCED, pm1a_control=PM1A, sleep_control=control)))
    firmware.port(SLEEP_CONTROL)
    firmware.port(DEBUG_EXIT_PORT)
    off = firmware.ends(firmware.power.power_off)
    assert off == [(SLEEP_CONTROL, 1 << 5 | 5 << 2), *OFF_BY_EMULATOR]


def test_the_sleep_control_may_lie_in_memory(firmware: Firmware) -> None:
    firmware.install({})
    place = firmware.register(1)
    for address, contents in machine(fixed(**REDUCED, sleep_control=generic(0, place))).items():
        firmware.host.write(address, contents)
    firmware.host.call(firmware.tables._find_root, ROOT)
    firmware.port(DEBUG_EXIT_PORT)
    assert firmware.ends(firmware.power.power_off) == OFF_BY_EMULATOR
    assert firmware.host.read(place, 1) == bytes([1 << 5 | 5 << 2])


@pytest.mark.parametrize(
    "fadt",
    [
        fixed(**REDUCED),
        fixed(**REDUCED, sleep_control=generic(1, 0x1_03C0)),
        fixed(**REDUCED, sleep_control=generic(0, PM1A)),
        fixed(**REDUCED, sleep_control=generic(10, SLEEP_CONTROL)),
        table("FACP", fixed(**REDUCED, sleep_control=generic(1, SLEEP_CONTROL))[36:250]),
    ],
    ids=["none", "no port", "no register", "another space", "cut off"],
)
def test_a_sleep_control_that_can_not_be_is_not_touched(firmware: Firmware, fadt: bytes) -> None:
    firmware.install(machine(fadt))
    firmware.register()
    firmware.port(DEBUG_EXIT_PORT)
    assert firmware.ends(firmware.power.power_off) == OFF_BY_EMULATOR


@pytest.mark.parametrize("fields", [{}, {"flags": FadtFlags.HW_REDUCED_ACPI}], ids=["PM1", "sleep"])
def test_registers_that_can_not_be_mapped_are_not_touched(
    firmware: Firmware, fields: dict[str, Any]
) -> None:
    place = generic(0, 0xFED0_0000)
    wide = {"x_pm1a_control": place, "x_pm1b_control": place, "sleep_control": place}
    firmware.install(machine(fixed(dsdt=DSDT, **wide, **fields)))
    firmware.host.stub(firmware.memory.map_registers, lambda start, length: 0)
    firmware.port(DEBUG_EXIT_PORT)
    assert firmware.ends(firmware.power.power_off) == OFF_BY_EMULATOR


# Reset

RESET_BY_KEYBOARD = [(Ps2Port.COMMAND, Ps2Command.PULSE_RESET), "Reset.by_triple_fault"]
RESETTING = {"flags": FadtFlags.RESET_REG_SUP, "reset_value": 15}


def test_rebooting_writes_the_reset_register_first(firmware: Firmware) -> None:
    firmware.install(machine(fixed(reset_register=generic(1, RESET), **RESETTING)))
    firmware.port(RESET)
    firmware.port(Ps2Port.COMMAND)
    assert firmware.ends(firmware.power.reboot) == [(RESET, 15), *RESET_BY_KEYBOARD]


def test_the_reset_register_may_lie_in_memory(firmware: Firmware) -> None:
    firmware.install({})
    place = firmware.register(1)
    fadt = fixed(reset_register=generic(0, place), **RESETTING)
    for address, contents in machine(fadt).items():
        firmware.host.write(address, contents)
    firmware.host.call(firmware.tables._find_root, ROOT)
    assert firmware.ends(firmware.power.reboot) == ["Reset.by_triple_fault"]
    assert firmware.host.read(place, 1) == bytes([15])


def test_the_reset_register_may_lie_in_configuration_space(firmware: Firmware) -> None:
    firmware.install(machine(fixed(reset_register=generic(2, 0x1F_0002_00AE), **RESETTING)))
    firmware.port(DATA_PORT + 2)
    assert firmware.ends(firmware.power.reboot) == [(DATA_PORT + 2, 15), "Reset.by_triple_fault"]
    assert firmware.selected[0] == ADDRESS_ENABLE | 0x1F << 11 | 2 << 8 | 0xAE


@pytest.mark.parametrize(
    "fadt",
    [
        fixed(reset_register=generic(1, RESET), reset_value=15),
        fixed(reset_register=generic(0, RESET), **RESETTING),
        fixed(reset_register=generic(1, 0x1_0000), **RESETTING),
        fixed(reset_register=generic(2, 0x1F_0002_0100), **RESETTING),
        fixed(reset_register=generic(10, RESET), **RESETTING),
        fixed(**RESETTING),
        fixed(**RESETTING)[:100],
        table("FACP", fixed(reset_register=generic(1, RESET), **RESETTING)[36:128]),
    ],
    ids=[
        *("not supported", "in memory", "no port", "extended", "another space"),
        *("none", "damaged", "short"),
    ],
)
def test_without_a_reset_register_the_keyboard_controller_resets(
    firmware: Firmware, fadt: bytes
) -> None:
    firmware.install(machine(fadt))
    firmware.register()
    firmware.port(Ps2Port.COMMAND)
    assert firmware.ends(firmware.power.reboot) == RESET_BY_KEYBOARD


def test_a_busy_keyboard_controller_is_not_waited_for_long(firmware: Firmware) -> None:
    firmware.install({})
    firmware.port(Ps2Port.COMMAND, lambda: Ps2Status.INPUT_FULL)
    assert firmware.ends(firmware.power.reboot) == RESET_BY_KEYBOARD


def test_a_chipset_with_pci_has_a_reset_control_register(firmware: Firmware) -> None:
    firmware.install({})
    firmware.pci(0x29C0_8086)
    firmware.port(RESET_CONTROL)
    assert firmware.ends(firmware.power.reboot) == [
        (RESET_CONTROL, 2),
        (RESET_CONTROL, 6),
        "Reset.by_triple_fault",
    ]


def test_before_the_last_way_to_reset_it_is_told_that_no_other_works(firmware: Firmware) -> None:
    firmware.install({})
    assert firmware.ends(firmware.power.reboot) == ["Reset.by_triple_fault"]
    assert "no register resets this machine" in firmware.said
