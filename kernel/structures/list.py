"""Lists whose links lie in the things that are listed."""

from __future__ import annotations

from typing import Any, TypeVar

from pykasm import *

T = TypeVar("T")


class ListHead(Struct):
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
        """Put `link` first in this list; at a link: behind it."""
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
        mov(cast(rax, Ptr[ListHead]).next, rcx)
        mov(cast(rcx, Ptr[ListHead]).previous, rax)

    @inline(changes=rax)
    def is_empty(self) -> Condition:
        """The condition that nothing is in this list."""
        lea(rax, self)
        return self.next == rax


@inline
def _join(link: Ptr[ListHead], before: Any, behind: Any) -> None:
    """Put `link` between the links at `before` and `behind`; its own pointers are right before it
    can be found."""
    mov(link.next, behind)
    mov(link.previous, before)
    mov(cast(before, Ptr[ListHead]).next, link)
    mov(cast(behind, Ptr[ListHead]).previous, link)


@inline(changes="link")
def container(link: Ptr[Any], kind: type[T], field: str) -> Ptr[T]:
    """The struct of type `kind` that `link` is the `field` of; the register of `link` becomes its
    address."""
    offset = offsetof(kind, field)
    if offset:
        sub(u64(link), offset)
    made: Ptr[T] = cast(link, Ptr[kind])  # type: ignore[valid-type]
    return made
