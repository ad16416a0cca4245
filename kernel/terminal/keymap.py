"""Translate keys that are pressed and released to the characters that a terminal sends."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.console.cell import CONSOLES
from kernel.terminal.keycode import CODES, RELEASED, KeyCode
from kernel.terminal.layout import us
from kernel.terminal.queue import CAPACITY, ByteQueue
from kernel.terminal.source import InputSource
from pykasm import *

ESCAPE = 0x1B
KEYS = us()
MAX_TEXT = 1 + max(len(text) for texts in KEYS.values() for text in texts)
"""Bytes of the longest text of a key, with `ESCAPE` before it."""

KERNEL_KEY = KeyCode.F1 + CONSOLES
"""The function key of the kernel's console; those of the others are before it."""

CONTROL_MASK = 0x1F
"""The bits of a character that remain when it is typed with Ctrl (ECMA-48, 5.2). Longer texts begin
with `ESCAPE`, which Ctrl does not change."""

FIRST_CONTROL, LAST_CONTROL = ord("@"), ord("~")


class Modifiers(IntFlag):
    """Modifier keys that are pressed, in the order of their codes, and locks that are on."""

    LEFT_CONTROL = 1 << 0
    LEFT_SHIFT = 1 << 1
    LEFT_ALT = 1 << 2
    LEFT_GUI = 1 << 3
    RIGHT_CONTROL = 1 << 4
    RIGHT_SHIFT = 1 << 5
    RIGHT_ALT = 1 << 6
    RIGHT_GUI = 1 << 7
    SCROLL_LOCK = 1 << 8
    NUM_LOCK = 1 << 9
    CAPS_LOCK = 1 << 10


CONTROL = Modifiers.LEFT_CONTROL | Modifiers.RIGHT_CONTROL
SHIFT = Modifiers.LEFT_SHIFT | Modifiers.RIGHT_SHIFT
ALT = Modifiers.LEFT_ALT | Modifiers.RIGHT_ALT
LOCK_SHIFT = 8
"""The position of the locks, which are in the order of a keyboard's LEDs."""

LOCKS = {
    KeyCode.SCROLL_LOCK: Modifiers.SCROLL_LOCK,
    KeyCode.NUM_LOCK: Modifiers.NUM_LOCK,
    KeyCode.CAPS_LOCK: Modifiers.CAPS_LOCK,
}


class KeyEffect(IntEnum):
    """What a key does besides typing."""

    NOTHING = 0
    LOCK = 1
    """It changes a lock, which the keyboard's LEDs show."""
    MONITOR = 2
    """It asks for the monitor: M after Alt-PrintScreen, while Alt is held (Linux:
    Documentation/admin-guide/sysrq.rst)."""
    SWITCH = 3
    """It puts the console `Keymap.chosen` in front: a function key with Alt."""
    SCROLL_BACK = 4
    SCROLL_FORWARD = 5
    """It looks at rows that have left the screen: PageUp and PageDown with shift."""


class KeyText(Struct):
    """The text of a key, without and with shift; empty for a key that types nothing."""

    plain: Ptr[U8]
    shifted: Ptr[U8]


LAYOUT = [
    KeyText(plain=plain, shifted=shifted)
    for plain, shifted in (KEYS.get(code, ("", "")) for code in range(CODES))
]


class Keymap(Subsystem):
    """The state of a keyboard, and the text that is typed on it. Context: its deferred work."""

    keys = rodata(KeyText * CODES, LAYOUT)
    """By key code."""
    down = bss(U8 * CODES)
    """By key code: whether the key is pressed, 1 or 0."""
    modifiers = data(U32, Modifiers.NUM_LOCK)
    """A `Modifiers`."""
    is_requesting = bss(U8)
    """1 after Alt-PrintScreen, as long as Alt is held: keys ask something of the kernel."""
    chosen = bss(U32)
    """The number of a virtual console, or 0 for that of the kernel."""

    def __init__(self) -> None:
        self.source = bss(InputSource)

    @function
    def press(self, key: U32, queue: Ptr[ByteQueue], is_application: U32) -> U32:
        """Handle the press of `key`, a `KeyCode`, or with RELEASED its release. What it types goes
        to `queue`; if `is_application`, arrows type what is for applications (DECCKM).

        Return its `KeyEffect`. A key that is pressed while it is down is repeated by the
        keyboard: that types again, but does not change a lock again.
        """
        movzx(eax, u8(key))
        with if_(key >= RELEASED):
            mov(self.down[rax], 0)
            tail(self._release_modifier, eax)
        mov(cl, 1)
        xchg(cl, self.down[rax])  # cl: whether it was down already
        with if_((eax >= KeyCode.LEFT_CONTROL) & (eax <= KeyCode.RIGHT_GUI)):
            tail(self._press_modifier, eax)
        for code, lock_bit in LOCKS.items():
            with if_(eax == code):
                with if_(cl != 0):
                    ret(KeyEffect.NOTHING)
                xor(self.modifiers, lock_bit)
                ret(KeyEffect.LOCK)
        with if_((self.modifiers & ALT) & (eax == KeyCode.PRINT_SCREEN)):
            mov(self.is_requesting, 1)
        with if_(self.is_requesting != 0):
            tail(self._request, eax)
        with if_((self.modifiers & ALT) & (eax >= KeyCode.F1) & (eax <= KERNEL_KEY)):
            tail(self._choose, eax)
        with if_(self.modifiers & SHIFT):
            with if_(eax == KeyCode.PAGE_UP):
                ret(KeyEffect.SCROLL_BACK)
            with if_(eax == KeyCode.PAGE_DOWN):
                ret(KeyEffect.SCROLL_FORWARD)
        self._type(eax, queue, is_application)
        ret(KeyEffect.NOTHING)

    @function
    def _choose(self, code: U32) -> U32:
        """Choose the console of a function key. Return `KeyEffect.SWITCH`."""
        sub(code, KeyCode.F1 - 1)
        with if_(code > CONSOLES):
            xor(code, code)
        mov(self.chosen, code)
        ret(KeyEffect.SWITCH)

    @function
    def _request(self, code: U32) -> U32:
        """Return what the key asks of the kernel, a `KeyEffect`. It types nothing."""
        with if_(code == KeyCode.M):
            ret(KeyEffect.MONITOR)
        ret(KeyEffect.NOTHING)

    @function
    def _press_modifier(self, code: U32) -> U32:
        """Note that a modifier key is pressed. Return `KeyEffect.NOTHING`."""
        sub(code, KeyCode.LEFT_CONTROL)
        mov(eax, self.modifiers)
        bts(eax, code)
        mov(self.modifiers, eax)
        ret(KeyEffect.NOTHING)

    @function
    def _release_modifier(self, code: U32) -> U32:
        """Note that a key is released, if it is a modifier. Return `KeyEffect.NOTHING`."""
        sub(code, KeyCode.LEFT_CONTROL)
        with if_(code <= KeyCode.RIGHT_GUI - KeyCode.LEFT_CONTROL):
            mov(eax, self.modifiers)
            btr(eax, code)
            mov(self.modifiers, eax)
            with if_((eax & ALT) == 0):
                mov(self.is_requesting, 0)
        ret(KeyEffect.NOTHING)

    @function
    def _type(self, code: Keep[U32], queue: Keep[Ptr[ByteQueue]], application: Keep[U32]) -> None:
        """Enqueue the text of the key, all of it or, if there is no space, nothing."""
        queue.count(al)
        with if_(al > CAPACITY - MAX_TEXT):  # half an escape sequence would be misread
            ret()
        shifted = self._is_shifted(code)
        key, characters = scratch(Ptr[KeyText]), scratch(Ptr[U8])
        point_at(key, self.keys, u64(code))
        mov(characters, key.plain)
        with if_(shifted):
            mov(characters, key.shifted)
        with if_(at(characters) == 0):
            ret()
        with if_(self.modifiers & ALT):
            mov(al, ESCAPE)
            queue.enqueue(al)
        mov(al, at(characters))
        with if_((self.modifiers & CONTROL) & (al >= FIRST_CONTROL) & (al <= LAST_CONTROL)):
            and_(al, CONTROL_MASK)
        with if_((application != 0) & self._is_arrow(characters)):
            queue.enqueue(al)
            add(characters, 2)
            mov(al, ord("O"))
            queue.enqueue(al)
            mov(al, at(characters))
        with loop():
            queue.enqueue(al)
            inc(characters)
            mov(al, at(characters))
            break_if(al == 0)

    @inline(changes=rcx)
    def _is_arrow(self, characters: Ptr[U8]) -> Condition:
        """Return the condition that this is the text of an arrow: ESC [ and a letter."""
        mov(cl, characters[1])
        with if_(cl == ord("[")):
            mov(cl, characters[2])
        return (cl >= ord("A")) & (cl <= ord("D"))

    @function
    def _is_shifted(self, code: U32) -> Bool:
        """Return whether the key types its shifted text. CapsLock inverts shift for letters,
        NumLock for the keypad."""
        xor(eax, eax)
        with if_(self.modifiers & SHIFT):
            inc(eax)
        mov(ecx, self.modifiers)
        with if_((code >= KeyCode.A) & (code <= KeyCode.Z) & (ecx & Modifiers.CAPS_LOCK)):
            xor(eax, 1)
        with if_((code >= KeyCode.KP_1) & (code <= KeyCode.KP_PERIOD) & (ecx & Modifiers.NUM_LOCK)):
            xor(eax, 1)
        ret(eax)

    @function
    def leds(self) -> U8:
        """Return the keyboard's LEDs: a bit for each lock that is on."""
        mov(eax, self.modifiers)
        shr(eax, LOCK_SHIFT)
        ret(al)
