"""Copying what programs are started with."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.errno import Errno
from kernel.exec.argumentlist import MOST_PAGES, MOST_TEXT, ArgumentList
from kernel.mm.pages import Pages
from kernel.paging.addresses import Area, direct
from kernel.vm.usercopy import UserCopy
from pykasm import *

EMPTY = "\0"
"""A text without characters."""


class ArgumentLists(Subsystem):
    """Operations on `ArgumentList`. Context: thread."""

    def __init__(self, pages: Pages, copy: UserCopy) -> None:
        self.pages = pages
        self.copy = copy

    @function
    def create(self) -> Owned[OrNull[Ptr[ArgumentList]]]:
        """Return a list without texts, or null without memory."""
        page = try_(self.pages.allocate_zeroed())
        direct(page)
        ret(cast(page, Ptr[ArgumentList]))

    @function
    def free(self, list: Keep[Owned[Ptr[ArgumentList]]]) -> None:
        """Free `list` with all of its texts."""
        number = keep(U64)
        with for_(number, 0, MOST_PAGES):
            page = scratch(list.pages[number])
            break_if(page == 0)
            self.pages.free_page(page)
        page = u64(list)
        mov(rax, Area.DIRECT_MAP)
        sub(page, rax)
        self.pages.free_page(page)

    # Where texts are

    @function
    def at(self, list: Ptr[ArgumentList], position: U64) -> tuple[U64, U64]:
        """Return the address of the byte at `position`, for which there is a page, and how many
        bytes its page has from there on."""
        number = scratch(position)
        shr(number, PageShift.PAGE)
        mov(rax, list.pages[number])
        direct(rax)
        mov(rcx, position)
        and_(rcx, PAGE - 1)
        add(rax, rcx)
        neg(rcx)
        add(rcx, PAGE)
        ret(rax, rcx)

    @function
    def end_of(self, list: Keep[Ptr[ArgumentList]], position: Keep[U64]) -> U64:
        """Return where the text after the one that begins at `position` does."""
        with loop():
            start, room = self.at(list, position)
            mov(rcx, room)
            mov(rdi, start)
            mov(rdx, start)
            xor(eax, eax)
            repne.scasb()
            sete(al)  # it ended at a zero, not at the end of the page
            sub(rdi, rdx)
            add(position, rdi)
            with if_(al != 0):
                ret(position)

    # Adding texts

    @function
    def _make_room(self, list: Keep[Ptr[ArgumentList]]) -> OrErrno[I32]:
        """Give the end of the texts a page. Returns 0; -E2BIG if there are too many, or
        -ENOMEM."""
        number = keep(list.size)
        shr(number, PageShift.PAGE)
        fail_if(number >= MOST_PAGES, Errno.E2BIG)
        with if_(list.pages[number] == 0):
            page = try_(self.pages.allocate_page(), Errno.ENOMEM)
            mov(list.pages[number], page)
            disown(page, "the list has it")
        ret(0)

    @function
    def _count(self, list: Ptr[ArgumentList]) -> None:
        """Note that an argument has been added."""
        with if_(list.argument_count == 0):
            mov(rax, list.size)
            mov(list.first_end, rax)
        inc(list.argument_count)

    @function
    def add(self, list: Keep[Ptr[ArgumentList]], argument: Keep[Ptr[U8]]) -> OrErrno[I32]:
        """Add the kernel's text `argument`. Returns 0, -E2BIG or -ENOMEM."""
        mov(rdi, argument)
        mov(rcx, -1)
        xor(eax, eax)
        repne.scasb()
        sub(rdi, argument)
        try_(self._append(list, u64(argument), rdi))
        self._count(list)
        ret(0)

    @function
    def _append(
        self, list: Keep[Ptr[ArgumentList]], source: Keep[U64], length: Keep[U64]
    ) -> OrErrno[I32]:
        """Add `length` bytes at the kernel's `source`. Returns 0, -E2BIG or -ENOMEM."""
        with while_(length != 0):
            try_(self._make_room(list))
            target, room = self.at(list, list.size)
            mov(rdi, target)
            mov(rcx, room)
            with if_(rcx > length):
                mov(rcx, length)
            add(list.size, rcx)
            sub(length, rcx)
            mov(rsi, source)
            rep.movsb()
            mov(source, rsi)
        ret(0)

    @function
    def add_rest(
        self, list: Keep[Ptr[ArgumentList]], other: Keep[Ptr[ArgumentList]]
    ) -> OrErrno[I32]:
        """Add all texts of `other` but the first, which is an argument. Returns 0, -E2BIG or
        -ENOMEM."""
        position, part = keep(other.first_end), keep(U64)
        with while_(lambda: position < other.size):
            source, room = self.at(other, position)
            mov(part, other.size)
            sub(part, position)
            with if_(part > room):
                mov(part, room)
            try_(self._append(list, source, part))
            add(position, part)
        mov(eax, other.argument_count)
        dec(eax)
        add(list.argument_count, eax)
        mov(eax, other.environment_count)
        mov(list.environment_count, eax)
        ret(0)

    # Those of programs

    @function(context="thread", sleeps=True)
    def take(
        self,
        list: Keep[Ptr[ArgumentList]],
        arguments: User[U64],
        environment: Keep[User[U64]],
    ) -> OrErrno[I32]:
        """Fill `list`, an empty one, with the texts to which the program's pointers lead, up to a
        null in both arrays; a null instead of an array is one without texts. Returns 0, -E2BIG,
        -ENOMEM or -EFAULT."""
        count = try_(self._take_all(list, arguments))
        mov(list.argument_count, u32(count))
        with if_(list.argument_count == 0):  # programs rely on one (execve(2))
            try_(self.add(list, text("")))
        mov(list.first_end, self.end_of(list, 0))
        count = try_(self._take_all(list, environment))
        mov(list.environment_count, u32(count))
        ret(0)

    @function(context="thread", sleeps=True)
    def _take_all(self, list: Keep[Ptr[ArgumentList]], pointers: Keep[User[U64]]) -> OrErrno[I32]:
        """Add the texts to which `pointers` lead. Returns how many, or an error."""
        count, source = keep(I32), local(User[U8])
        xor(count, count)
        with while_(pointers != 0):
            place = address_of(source)
            result, left = self.copy.copy_in(place, cast(pointers, User[U8]), sizeof(U64))
            ignore(left)
            with if_(result != 0):
                ret(result)
            break_if(source == 0)
            try_(self._take_one(list, source))
            add(u64(pointers), sizeof(U64))
            inc(count)
        ret(count)

    @function(context="thread", sleeps=True)
    def _take_one(self, list: Keep[Ptr[ArgumentList]], source: Keep[User[U8]]) -> OrErrno[I32]:
        """Add the text at the program's `source`. Returns 0, or an error."""
        left, room, target = keep(U64), keep(U64), local(U64)
        mov(left, MOST_TEXT)
        with while_(left != 0):
            try_(self._make_room(list))
            address, bytes = self.at(list, list.size)
            mov(target, address)
            mov(room, bytes)
            with if_(room > left):
                mov(room, left)
            length = self.copy.copy_in_string(target, source, room)
            with if_(length >= 0):
                inc(length)  # its end
                add(list.size, u64(length))
                ret(0)
            with if_(length != -Errno.ENAMETOOLONG):
                ret(i32(length))
            add(list.size, room)
            add(u64(source), room)
            sub(left, room)
        ret(-Errno.E2BIG)
