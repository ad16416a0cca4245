"""Lists whose links lie in the things that are listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, TypeVar

from pykasm import *

T = TypeVar("T")


class ListHead(Struct, link=True):
    """A link of a circular list, or its head, which is the link that belongs to no element.

    Going in and out needs no memory and takes the same time whatever the list's length. A head is
    `reset` before its first use. Locking is up to the list's owner; where elements are only ever
    added, who goes forward needs no lock. The methods change rax and rcx and leave all other
    registers as they are; links are given in registers.
    """

    next: Ptr[ListHead]
    previous: Ptr[ListHead]

    @inline(changes=rax)
    def reset(self) -> None:
        """Make this an empty list, or a link that is in no list."""
        lea(rax, self)
        mov(self.next, rax)
        mov(self.previous, rax)

    @inline(changes=(rax, rcx))
    def prepend(self, link: Ptr[ListHead]) -> None:
        """Put `link` first in this list; at a link: after it."""
        lea(rax, self)
        mov(rcx, self.next)
        _join(link, rax, rcx)

    @inline(changes=(rax, rcx))
    def append(self, link: Ptr[ListHead]) -> None:
        """Put `link` last in this list; at a link: before it."""
        lea(rcx, self)
        mov(rax, self.previous)
        _join(link, rax, rcx)

    @inline(changes=(rax, rcx))
    def unlink(self) -> None:
        """Take this link out of its list; its own pointers stay as they are."""
        mov(rax, self.previous)
        mov(rcx, self.next)
        _link(rax, rcx)

    @inline(changes=rax)
    @contextmanager
    def each(
        self, kind: type[T], field: str, place: Callable[[Any], Any] = keep
    ) -> Iterator[Ptr[T]]:
        """Run the block for each struct of type `kind` in this list, whose links are its `field`.

        The block gets its address in a register from `place`, `keep` or `scratch`. It may add
        structs, and those after the present one are walked over, too. It must not remove the
        present one: see `each_removable`.
        """
        element = place(Ptr[kind])  # type: ignore[valid-type]
        lea(element, container_of(self, kind, field))  # as if the head were in a struct, too
        with while_(lambda: self._advance(element, field)):
            _enclose(element, kind, field)
            yield element
        release(element)

    @inline(changes=rax)
    @contextmanager
    def each_removable(
        self, kind: type[T], field: str, place: Callable[[Any], Any] = keep
    ) -> Iterator[Ptr[T]]:
        """Do what `each` does for a block that may remove or free its struct, and no other."""
        container_of(self, kind, field)  # a mistake for what is not in this list
        link, element = place(self.next), place(Ptr[kind])  # type: ignore[valid-type]
        with while_(lambda: self._is_element(link)):
            mov(u64(element), link)
            mov(link, link.next)
            _enclose(element, kind, field)
            yield element
        release(link, element)

    @inline(changes=("element", rax))
    def _advance(self, element: Any, field: str) -> Condition:
        """Turn `element` into the address of the next link; whether that is no head."""
        mov(u64(element), attrgetter(field)(element).next)
        return self._is_element(element)

    @inline(changes=rax)
    def _is_element(self, link: Any) -> Condition:
        """Return whether the pointer `link` does not lead to the head."""
        lea(rax, self)
        return u64(link) != rax

    @inline(changes=rax)
    def is_empty(self) -> Condition:
        """Return the condition that nothing is in this list."""
        lea(rax, self)
        return self.next == rax


@inline
def _join(link: Ptr[ListHead], before: Ptr[ListHead], after: Ptr[ListHead]) -> None:
    """Put `link` between the links at `before` and `after`; its own pointers are right before it
    can be found."""
    mov(link.next, after)
    mov(link.previous, before)
    mov(before.next, link)
    mov(after.previous, link)


@inline
def _link(before: Ptr[ListHead], after: Ptr[ListHead]) -> None:
    """Make these two neighbours."""
    mov(before.next, after)
    mov(after.previous, before)


@inline(changes="link")
def _enclose(link: Any, kind: type[Any], field: str) -> None:
    """Turn the address of a link into that of the struct of type `kind` that has it."""
    if offset := offsetof(kind, field):
        sub(u64(link), offset)
