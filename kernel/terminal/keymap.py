"""From keys going down and up to what a terminal would send."""

from __future__ import annotations

from enum import IntFlag

from kernel.terminal.keycode import CODES, RELEASED, KeyCode
from kernel.terminal.layout import us
from kernel.terminal.queue import ROOM
from kernel.terminal.source import InputSource
from pykasm import *

ESCAPE = 0x1B
KEYS = us()
LONGEST = 1 + max(len(text) for texts in KEYS.values() for text in texts)
"""Bytes of a key's text, with `ESCAPE` before it."""

CONTROL_MASK = 0x1F
"""The bits of a character that are left when it is typed with Ctrl (ECMA-48, 5.2). Longer texts
begin with `ESCAPE`, which Ctrl leaves alone."""

FIRST_CONTROLLED, LAST_CONTROLLED = ord("@"), ord("~")


class Modifiers(IntFlag):
    """Modifier keys that are down, in the order of their codes, and locks that are on."""

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
"""The locks' first bit; their order is that of a keyboard's lights."""

LOCKS = {
    KeyCode.SCROLL_LOCK: Modifiers.SCROLL_LOCK,
    KeyCode.NUM_LOCK: Modifiers.NUM_LOCK,
    KeyCode.CAPS_LOCK: Modifiers.CAPS_LOCK,
}


class KeyText(Struct):
    """What a key stands for, without and with shift; empty for one that types nothing."""

    plain: Ptr[U8]
    shifted: Ptr[U8]


LAYOUT = [
    KeyText(plain=plain, shifted=shifted)
    for plain, shifted in (KEYS.get(code, ("", "")) for code in range(CODES))
]


class Keymap(Subsystem):
    """One keyboard's state, and what is typed on it. Context: that keyboard's
    deferred work."""

    keys = rodata(KeyText * CODES, LAYOUT)
    down = bss(U8 * CODES)
    """Which keys are down: 1 or 0."""
    held = data(U32, Modifiers.NUM_LOCK)

    def __init__(self) -> None:
        self.source = bss(InputSource)

    @function
    def press(self, key: U32) -> U32:
        """A key (a `KeyCode`) goes down, or up with RELEASED. 1 if that changed a lock, else 0.

        A key that goes down while it is down is repeated by the keyboard: it types again, but is
        no new press of a lock.
        """
        movzx(eax, u8(key))
        with if_(key >= RELEASED):
            mov(self.down[rax], 0)
            tail(self.let_modifier_go, eax)
        mov(cl, 1)
        xchg(cl, self.down[rax])
        with if_((eax >= KeyCode.LEFT_CONTROL) & (eax <= KeyCode.RIGHT_GUI)):
            tail(self.hold_modifier, eax)
        for code, lock_bit in LOCKS.items():
            with if_(eax == code):
                with if_(cl != 0):
                    ret(0)
                xor(self.held, lock_bit)
                ret(1)
        self.type(eax)
        ret(0)

    @function
    def hold_modifier(self, code: U32) -> U32:
        """A modifier key goes down; 0."""
        sub(code, KeyCode.LEFT_CONTROL)
        mov(eax, self.held)
        bts(eax, code)
        mov(self.held, eax)
        ret(0)

    @function
    def let_modifier_go(self, code: U32) -> U32:
        """A key goes up, perhaps a modifier; 0."""
        sub(code, KeyCode.LEFT_CONTROL)
        with if_(code <= KeyCode.RIGHT_GUI - KeyCode.LEFT_CONTROL):
            mov(eax, self.held)
            btr(eax, code)
            mov(self.held, eax)
        ret(0)

    @function
    def type(self, code: Keep[U32]) -> None:
        """Append what the key stands for now, all of it or, if there is no room, nothing."""
        self.source.queue.count(al)
        with if_(al > ROOM - LONGEST):
            ret()
        shifted = self.is_shifted(code)
        key, characters = scratch(Ptr[KeyText]), scratch(Ptr[U8])
        point_at(key, self.keys, u64(code))
        mov(characters, key.plain)
        with if_(shifted != 0):
            mov(characters, key.shifted)
        with if_(at(characters) == 0):
            ret()
        with if_(self.held & ALT):
            mov(al, ESCAPE)
            self.source.queue.append(al)
        mov(al, at(characters))
        with if_((self.held & CONTROL) & (al >= FIRST_CONTROLLED) & (al <= LAST_CONTROLLED)):
            and_(al, CONTROL_MASK)
        with loop():
            self.source.queue.append(al)
            inc(characters)
            mov(al, at(characters))
            break_if(al == 0)

    @function
    def is_shifted(self, code: U32) -> U32:
        """Whether the key's upper meaning counts: 1 or 0. CapsLock turns shift around for
        letters, NumLock for the pad."""
        xor(eax, eax)
        with if_(self.held & SHIFT):
            inc(eax)
        mov(ecx, self.held)
        with if_((code >= KeyCode.A) & (code <= KeyCode.Z) & (ecx & Modifiers.CAPS_LOCK)):
            xor(eax, 1)
        with if_(
            (code >= KeyCode.PAD_1) & (code <= KeyCode.PAD_PERIOD) & (ecx & Modifiers.NUM_LOCK)
        ):
            xor(eax, 1)
        ret(eax)

    @function
    def lights(self) -> U8:
        """The keyboard's lights: a bit for each lock that is on."""
        mov(eax, self.held)
        shr(eax, LOCK_SHIFT)
        ret(al)
