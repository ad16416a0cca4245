"""E012: a named value is gone, however its register was destroyed and written again, and however
the value is used. Each function keeps the value in time when it is `careful`."""

from __future__ import annotations

from typing import Any

import pytest

from pykasm import *
from tests.unit.checking import findings


class Callees(Subsystem):
    """What the functions below call."""

    total = bss(U64)
    careful = False

    @function(clobbers=(rax,))
    def same(self, value: U64) -> U64:
        mov(rax, value)
        ret(rax)

    @function
    def other(self, value: U64) -> U64:
        mov(rax, value)
        ret(rax)

    @function
    def pair(self, first: U64, second: U64) -> U64:
        mov(rax, first)
        add(rax, second)
        ret(rax)

    @function
    def seven(self, a: U64, b: U64, c: U64, d: U64, e: U64, f: U64, last: U64) -> U64:
        mov(rax, u64[rbp + 16])
        add(rax, a)
        ret(rax)

    def saved(self, value: Any) -> Any:
        """The value, where it survives if this function is careful."""
        return keep(value) if self.careful else value


# How the register is destroyed, and then holds something again


class CalleeLeavesIt(Callees):
    @function
    def run(self, a: U64, b: U64) -> U64:
        a = self.saved(a)
        result = self.same(self.other(b))
        add(result, a)  # here
        ret(result)


class WrittenByName(Callees):
    @function
    def run(self, a: U64, b: U64) -> U64:
        a = self.saved(a)
        ignore(self.other(b))
        lea(rdi, u64[rax + 5])
        mov(self.total, rdi)
        mov(rax, a)  # here
        ret(rax)


class PartlyWritten(Callees):
    @function
    def run(self, a: U64, b: U64) -> U64:
        a = self.saved(a)
        ignore(self.other(b))
        mov(dil, 5)
        mov(u8[self.total], dil)
        movzx(eax, u8(a))  # here
        ret(rax)


class WrittenOnOnePath(Callees):
    @function
    def run(self, a: U64, b: U64) -> U64:
        a, b = self.saved(a), keep(b)
        with if_(b == 0):
            ignore(self.other(b))
            mov(rdi, b)
            mov(self.total, rdi)
        mov(rax, a)  # here
        ret(rax)


class HoldsAResult(Callees):
    @function
    def run(self, b: U64) -> U64:
        b = keep(b)
        first = self.other(b)
        first = self.saved(first)
        mov(rdi, 1)
        call(self.other)
        mov(self.total, rax)
        mov(rcx, first)  # here
        ret(rcx)


class Popped(Callees):
    @function
    def run(self, a: U64) -> U64:
        a = self.saved(a)
        push(5)
        pop(rdi)
        mov(self.total, rdi)
        mov(rax, a)  # here
        ret(rax)


class PoppedAfterACall(Callees):
    @function
    def run(self, a: U64, b: U64) -> U64:
        a = self.saved(a)
        ignore(self.other(b))
        push(5)
        pop(rdi)
        mov(self.total, rdi)
        mov(rax, a)  # here
        ret(rax)


class RestoredFromAnother(Callees):
    @function
    def run(self, a: U64, b: U64) -> U64:
        a, place = self.saved(a), local(U64)
        mov(place, rsi)
        xor(edi, edi)
        mov(self.total, rdi)
        mov(rdi, place)
        mov(self.total, rdi)
        mov(rax, a)  # here
        ret(rax)


class WrittenByAnInstruction(Callees):
    @function
    def run(self, a: U64, b: U64, c: U64) -> U64:
        c = self.saved(c)
        ignore(self.other(b))
        mov(eax, 7)
        mul(rax)
        mov(self.total, rdx)
        mov(rax, c)  # here
        ret(rax)


# How the value is used


class PassedInPlace(Callees):
    @function
    def run(self, a: U64) -> U64:
        a = self.saved(a)
        first = keep(self.other(a))
        second = self.other(a)  # here
        add(first, second)
        ret(first)


class PassedInPlaceAsSecond(Callees):
    @function
    def run(self, a: U64, b: U64) -> U64:
        b = self.saved(b)
        first = self.other(a)
        ret(self.pair(first, b))  # here


class PassedInPlaceByPointer(Callees):
    @function
    def run(self, a: U64, action: Fn[[U64], U64]) -> U64:
        a, action = self.saved(a), keep(action)
        first = keep(action(a))
        second = action(a)  # here
        add(first, second)
        ret(first)


class PassedInPlaceWhenWrittenAgain(Callees):
    @function
    def run(self, a: U64, b: U64) -> U64:
        a = self.saved(a)
        ignore(self.other(b))
        mov(rdi, rax)
        mov(self.total, rdi)
        ret(self.other(a))  # here


class ReturnedInPlace(Callees):
    @function
    def run(self, a: U64) -> U64:
        first = self.other(a)
        first = self.saved(first)
        mov(rdi, 1)
        call(self.other)
        mov(self.total, rax)
        ret(first)  # here


class PassedOnInPlace(Callees):
    @function
    def run(self, a: U64) -> U64:
        a = self.saved(a)
        ignore(self.other(a))
        tail(self.other, a)  # here


class PassedOnTheStack(Callees):
    @function
    def run(self, a: U64, b: U64) -> U64:
        b = self.saved(b)
        ignore(self.other(a))
        ret(self.seven(1, 2, 3, 4, 5, 6, b))  # here


class PassedInACircle(Callees):
    @function
    def run(self, a: U64, b: U64) -> U64:
        a, b = (keep(a), keep(b)) if self.careful else (a, b)
        mov(rdi, 5)
        mov(self.total, rdi)
        ret(self.pair(b, a))  # here


class Box(Struct):
    """Something with a place in it."""

    first: U64
    second: U64


class PassedByTheAddressOfAPlace(Callees):
    @function
    def run(self, box: Ptr[Box]) -> U64:
        box = self.saved(box)
        ignore(self.other(5))
        ret(self.at(address_of(box.second)))  # here

    @function
    def at(self, place: Ptr[U64]) -> U64:
        mov(rax, place[0])
        ret(rax)


class PushedFromMemory(Callees):
    @function
    def run(self, place: Ptr[U64]) -> U64:
        place = self.saved(place)
        ignore(self.other(5))
        push(place[0])  # here
        pop(rax)
        ret(rax)


class LeftWith(Callees):
    @function
    def code(self) -> I64:
        ret(-5)

    @function
    def run(self, a: U64) -> I64:
        found = self.code()
        found = self.saved(found)
        call(self.code)
        mov(self.total, rax)
        try_(found)  # here
        ret(0)


class CopiedByWords(Callees):
    words = bss(U64 * 4)

    @function
    def run(self, target: Ptr[U64]) -> None:
        target = self.saved(target)
        mov(rdi, target)
        lea(rsi, self.words)
        mov(ecx, 4)
        rep.movsq()
        mov(self.total, u64(target))  # here


class Searched(Callees):
    @function
    def run(self, text: Ptr[U8], limit: U64) -> U64:
        text = self.saved(text)
        mov(rdi, text)
        mov(rcx, limit)
        xor(eax, eax)
        repne.scasb()
        mov(rax, u64(text))  # here
        ret(rax)


class Divided(Callees):
    @function
    def run(self) -> U64:
        number = self.same(7)
        number = self.saved(number)
        mov(rax, number)
        xor(edx, edx)
        mov(ecx, 3)
        div(rcx)
        mov(self.total, number)  # here
        ret(rdx)


class Exchanged(Callees):
    @function
    def run(self, new: Keep[U64]) -> U64:
        old = self.same(7)
        old = self.saved(old)
        mov(rax, old)
        lock.cmpxchg(self.total, new)
        mov(rcx, old)  # here
        add(rax, rcx)
        ret(rax)


SCENES = Callees.__subclasses__()


@pytest.mark.parametrize("scene", SCENES, ids=lambda one: one.__name__)
def test_a_destroyed_value_is_not_used_under_its_name(scene: type[Callees]) -> None:
    found = findings(scene())
    assert found
    assert all("error[E012]: `" in one and "is read after its register was" in one for one in found)
    assert all("  # here" in one for one in found)


@pytest.mark.parametrize("scene", SCENES, ids=lambda one: one.__name__)
def test_a_kept_value_is_used_under_its_name(scene: type[Callees]) -> None:
    careful = scene()
    careful.careful = True
    assert findings(careful) == []
