"""The PS/2 keyboard: scan codes, modifiers, and the controller."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.terminal.keycode import RELEASED, KeyCode
from kernel.terminal.keymap import KeyEffect, Keymap
from kernel.terminal.scancodes import (
    SET_1,
    SET_1_EXTENDED,
    SET_2,
    SET_2_EXTENDED,
    PrefixFlags,
    ScanCodes,
    ScanSet,
    ScanState,
)
from kernel.terminal.source import InputSource
from pykasm import *
from pykasm.hostrun import Host

FIRST_ROWS = {
    0x02: "DIGIT_1 DIGIT_2 DIGIT_3 DIGIT_4 DIGIT_5 DIGIT_6 DIGIT_7 DIGIT_8 DIGIT_9 DIGIT_0 MINUS",
    0x10: "Q W E R T Y U I O P LEFT_BRACKET RIGHT_BRACKET ENTER LEFT_CONTROL",
    0x1E: "A S D F G H J K L SEMICOLON APOSTROPHE GRAVE LEFT_SHIFT BACKSLASH",
    0x2C: "Z X C V B N M COMMA PERIOD SLASH RIGHT_SHIFT KP_ASTERISK LEFT_ALT SPACE CAPS_LOCK",
    0x3B: "F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NUM_LOCK SCROLL_LOCK KP_7 KP_8 KP_9 KP_MINUS",
    0x4B: "KP_4 KP_5 KP_6 KP_PLUS KP_1 KP_2 KP_3 KP_0 KP_PERIOD",
}
"""Set 1 as the first PC had it: keys in the order of their places."""


def set_1(key: KeyCode, up: bool) -> bytes:
    """What a keyboard with set 1 sends."""
    if key is KeyCode.PAUSE:
        return bytes.fromhex("e19dc5" if up else "e11d45")
    prefix, table = (b"", SET_1) if key in SET_1.values() else (b"\xe0", SET_1_EXTENDED)
    code = next(code for code, one in table.items() if one is key)
    return prefix + bytes([code | up << 7])


def set_2(key: KeyCode, up: bool) -> bytes:
    """What a keyboard with set 2 sends."""
    if key is KeyCode.PAUSE:
        return bytes.fromhex("e1f014f077" if up else "e11477")
    prefix, table = (b"", SET_2) if key in SET_2.values() else (b"\xe0", SET_2_EXTENDED)
    code = next(code for code, one in table.items() if one is key)
    return prefix + b"\xf0" * up + bytes([code])


SENDS = {ScanSet.SET_1: set_1, ScanSet.SET_2: set_2}
KEYS = sorted({*SET_2.values(), *SET_2_EXTENDED.values()})


class Desk:
    """The decoder and the keyboard's state."""

    def __init__(self) -> None:
        self.codes, self.keymap = ScanCodes(), Keymap()
        self.host = Host(self.codes, self.keymap)
        self.host.checkpoint()
        self.start(ScanSet.SET_1)

    def start(self, scan_set: ScanSet) -> None:
        """Begin with a keyboard that has the codes of `scan_set`."""
        self.host.reset()
        self.state = self.host.new(ScanState, set=scan_set)
        self.read = 0
        self.is_application = False

    def decode(self, sent: bytes) -> list[int]:
        """The keys that these bytes mean."""
        keys = (self.host.call(self.codes.decode, self.state, byte) for byte in sent)
        return [key for key in keys if key]

    def press(self, *keys: int) -> bytes:
        """Press keys, or with RELEASED let them go; what they type."""
        for key in keys:
            self.effect(key)
        queue = self.host[self.keymap.source].queue
        typed = bytes(
            queue.slots[n % 256]
            for n in range(self.read, self.read + (queue.tail - self.read) % 256)
        )
        self.read = queue.tail
        return typed

    def effect(self, key: int) -> int:
        """Press a key; what it does besides typing."""
        source = int(self.host.address(self.keymap.source)) + offsetof(InputSource, "queue")
        return int(self.host.call(self.keymap.press, key, source, self.is_application))

    def type(self, key: int, *held: int) -> bytes:
        """Type a key while others are `held`; what that types."""
        return self.press(*held, key, key | RELEASED, *(one | RELEASED for one in held))


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


def test_set_1_has_the_keys_where_the_first_pc_had_them() -> None:
    for first, row in FIRST_ROWS.items():
        assert [SET_1[first + n].name for n in range(len(row.split()))] == row.split()


@pytest.mark.parametrize("scan_set", list(ScanSet))
@given(st.lists(st.tuples(st.sampled_from(KEYS), st.booleans()), max_size=20))
def test_keys_are_told_by_their_codes(
    desk: Desk, scan_set: ScanSet, keys: list[tuple[KeyCode, bool]]
) -> None:
    desk.start(scan_set)
    sent = b"".join(SENDS[scan_set](key, up) for key, up in keys)
    assert desk.decode(sent) == [key | up * RELEASED for key, up in keys]


SHIFTED_CURSOR = {
    ScanSet.SET_1: "2a e0aa e04b e0cb e02a aa",
    ScanSet.SET_2: "12 e0f012 e06b e0f06b e012 f012",
}
"""Cursor left while shift is down, of which the keyboard tells as if it were not."""


@pytest.mark.parametrize("scan_set", list(ScanSet))
def test_shifts_that_the_keyboard_makes_up_are_no_keys(desk: Desk, scan_set: ScanSet) -> None:
    desk.start(scan_set)
    shift, left = KeyCode.LEFT_SHIFT, KeyCode.LEFT
    assert desk.decode(bytes.fromhex(SHIFTED_CURSOR[scan_set])) == [
        shift,
        left,
        left | RELEASED,
        shift | RELEASED,
    ]


@pytest.mark.parametrize("scan_set", list(ScanSet))
@given(noise=st.binary(max_size=12))
def test_after_any_noise_and_two_keys_all_is_well_again(
    desk: Desk, scan_set: ScanSet, noise: bytes
) -> None:
    desk.start(scan_set)
    desk.decode(noise)
    desk.decode(SENDS[scan_set](KeyCode.A, False) * 2)
    assert desk.state.prefixes == PrefixFlags(0)
    assert desk.decode(SENDS[scan_set](KeyCode.Q, True)) == [KeyCode.Q | RELEASED]


PLAIN = "`1234567890-=qwertyuiop[]\\asdfghjkl;'zxcvbnm,./ "
SHIFTED = '~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:"ZXCVBNM<>? '
SCAN = [
    0x29,
    *range(0x02, 0x0E),
    *range(0x10, 0x1C),
    0x2B,
    *range(0x1E, 0x29),
    *range(0x2C, 0x36),
    0x39,
]
"""Set 1 for those characters, on a keyboard of the United States."""


def test_the_us_layout(desk: Desk) -> None:
    desk.start(ScanSet.SET_1)
    keys = desk.decode(bytes(SCAN))
    assert b"".join(desk.type(key) for key in keys).decode() == PLAIN
    assert b"".join(desk.type(key, KeyCode.LEFT_SHIFT) for key in keys).decode() == SHIFTED
    assert b"".join(desk.type(key, KeyCode.RIGHT_SHIFT) for key in keys).decode() == SHIFTED


CASES: dict[str, tuple[tuple[int, ...], bytes]] = {
    "enter": ((KeyCode.ENTER,), b"\r"),
    "backspace": ((KeyCode.BACKSPACE,), b"\x7f"),
    "control": ((KeyCode.C, KeyCode.LEFT_CONTROL), b"\x03"),
    "control and shift": ((KeyCode.C, KeyCode.RIGHT_CONTROL, KeyCode.LEFT_SHIFT), b"\x03"),
    "control and a bracket": ((KeyCode.LEFT_BRACKET, KeyCode.LEFT_CONTROL), b"\x1b"),
    "control and a digit": ((KeyCode.DIGIT_1, KeyCode.LEFT_CONTROL), b"1"),
    "control and a cursor key": ((KeyCode.UP, KeyCode.LEFT_CONTROL), b"\x1b[A"),
    "alt": ((KeyCode.B, KeyCode.LEFT_ALT), b"\x1bb"),
    "alt and shift": ((KeyCode.B, KeyCode.RIGHT_ALT, KeyCode.LEFT_SHIFT), b"\x1bB"),
    "delete": ((KeyCode.DELETE,), b"\x1b[3~"),
    "a function key": ((KeyCode.F1,), b"\x1b[[A"),
    "another": ((KeyCode.F5,), b"\x1b[[E"),
    "the last": ((KeyCode.F12,), b"\x1b[24~"),
    "home": ((KeyCode.HOME,), b"\x1b[1~"),
    "end": ((KeyCode.END,), b"\x1b[4~"),
    "alt and a late function key": ((KeyCode.F8, KeyCode.LEFT_ALT), b"\x1b\x1b[19~"),
    "alt and an early one": ((KeyCode.F2, KeyCode.LEFT_ALT), b""),
    "shift and page up": ((KeyCode.PAGE_UP, KeyCode.LEFT_SHIFT), b""),
    "pad with numlock": ((KeyCode.KP_7,), b"7"),
    "pad with numlock and shift": ((KeyCode.KP_7, KeyCode.LEFT_SHIFT), b"\x1b[1~"),
    "pad's middle with shift": ((KeyCode.KP_5, KeyCode.LEFT_SHIFT), b""),
    "gui": ((KeyCode.LEFT_GUI,), b""),
    "a key of no use": ((KeyCode.PRINT_SCREEN,), b""),
    "a key that no layout has": ((255,), b""),
}


@pytest.mark.parametrize("case", CASES)
def test_keys_type_what_a_terminal_sends(desk: Desk, case: str) -> None:
    desk.start(ScanSet.SET_1)
    keys, typed = CASES[case]
    assert desk.type(*keys) == typed


def test_capslock_turns_shift_around_for_letters_alone(desk: Desk) -> None:
    desk.start(ScanSet.SET_1)
    desk.type(KeyCode.CAPS_LOCK)
    assert desk.type(KeyCode.A) + desk.type(KeyCode.DIGIT_1) == b"A1"
    assert (
        desk.type(KeyCode.A, KeyCode.LEFT_SHIFT) + desk.type(KeyCode.DIGIT_1, KeyCode.LEFT_SHIFT)
        == b"a!"
    )
    desk.type(KeyCode.CAPS_LOCK)
    assert desk.type(KeyCode.A) == b"a"


def test_without_numlock_the_pad_moves(desk: Desk) -> None:
    desk.start(ScanSet.SET_1)
    desk.type(KeyCode.NUM_LOCK)
    assert desk.type(KeyCode.KP_4) == b"\x1b[D"
    assert desk.type(KeyCode.KP_4, KeyCode.LEFT_SHIFT) == b"4"


def test_a_repeated_key_types_again_and_a_repeated_lock_does_nothing(desk: Desk) -> None:
    desk.start(ScanSet.SET_1)
    assert desk.press(KeyCode.A, KeyCode.A, KeyCode.A, KeyCode.A | RELEASED) == b"aaa"
    changes = [desk.effect(KeyCode.CAPS_LOCK) for _ in range(3)]
    assert changes == [1, 0, 0]
    assert desk.press(KeyCode.A) == b"A"


def test_one_of_two_shifts_is_enough(desk: Desk) -> None:
    desk.start(ScanSet.SET_1)
    desk.press(KeyCode.LEFT_SHIFT, KeyCode.RIGHT_SHIFT, KeyCode.LEFT_SHIFT | RELEASED)
    assert desk.press(KeyCode.A) == b"A"
    assert desk.press(KeyCode.RIGHT_SHIFT | RELEASED, KeyCode.A) == b"a"


@given(st.lists(st.sampled_from([KeyCode.UP, KeyCode.A, KeyCode.F12]), max_size=120))
def test_a_queue_that_fills_up_keeps_whole_keys(desk: Desk, keys: list[KeyCode]) -> None:
    desk.start(ScanSet.SET_1)
    texts = {KeyCode.UP: b"\x1b[A", KeyCode.A: b"a", KeyCode.F12: b"\x1b[24~"}
    whole = b"".join(texts[key] for key in keys)
    typed = desk.press(*keys)
    assert typed == whole if len(whole) < 200 else whole.startswith(typed)
    ends = {len(b"".join(texts[key] for key in keys[:n])) for n in range(len(keys) + 1)}
    assert len(typed) in ends


PRINT_SCREEN, M = KeyCode.PRINT_SCREEN, KeyCode.M


@pytest.mark.parametrize("alt", [KeyCode.LEFT_ALT, KeyCode.RIGHT_ALT])
@pytest.mark.parametrize("between", [(), (PRINT_SCREEN | RELEASED,)])
def test_alt_print_screen_and_m_ask_for_the_monitor(
    desk: Desk, alt: int, between: tuple[int, ...]
) -> None:
    desk.start(ScanSet.SET_1)
    assert desk.press(alt, PRINT_SCREEN, *between, KeyCode.A) == b""
    assert desk.effect(M) == KeyEffect.MONITOR
    assert desk.press(M | RELEASED, alt | RELEASED, M) == b"m"


def test_arrows_type_what_applications_ask_for(desk: Desk) -> None:
    desk.start(ScanSet.SET_1)
    desk.is_application = True
    arrows = (KeyCode.UP, KeyCode.DOWN, KeyCode.RIGHT, KeyCode.LEFT)
    assert b"".join(desk.type(key) for key in arrows) == b"\x1bOA\x1bOB\x1bOC\x1bOD"
    assert desk.type(KeyCode.UP, KeyCode.LEFT_ALT) == b"\x1b\x1bOA"
    for key, typed in ((KeyCode.HOME, b"\x1b[1~"), (KeyCode.F1, b"\x1b[[A"), (KeyCode.A, b"a")):
        assert desk.type(key) == typed


@pytest.mark.parametrize("held", [(), (KeyCode.LEFT_CONTROL,)])
def test_function_keys_with_alt_choose_consoles(desk: Desk, held: tuple[int, ...]) -> None:
    desk.start(ScanSet.SET_1)
    desk.press(KeyCode.LEFT_ALT, *held)
    for number in range(1, 7):
        assert desk.effect(KeyCode.F1 + number - 1) == KeyEffect.SWITCH
        assert desk.host[desk.keymap.chosen] == number
    assert desk.effect(KeyCode.F7) == KeyEffect.SWITCH
    assert desk.host[desk.keymap.chosen] == 0
    assert desk.effect(KeyCode.F8) == KeyEffect.NOTHING


def test_pages_with_shift_are_those_that_have_left_the_screen(desk: Desk) -> None:
    desk.start(ScanSet.SET_1)
    desk.press(KeyCode.RIGHT_SHIFT)
    assert desk.effect(KeyCode.PAGE_UP) == KeyEffect.SCROLL_BACK
    assert desk.effect(KeyCode.PAGE_DOWN) == KeyEffect.SCROLL_FORWARD
    desk.press(KeyCode.RIGHT_SHIFT | RELEASED)
    assert desk.type(KeyCode.PAGE_UP) == b"\x1b[5~"


@pytest.mark.parametrize("held", [KeyCode.LEFT_CONTROL, KeyCode.LEFT_SHIFT])
def test_print_screen_asks_for_nothing_with_other_keys(desk: Desk, held: int) -> None:
    desk.start(ScanSet.SET_1)
    desk.press(held, PRINT_SCREEN)
    assert desk.effect(M) == KeyEffect.NOTHING
