"""The hash table of names, which grows with them."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.fs.inode import Dentry
from kernel.mm.pages import Pages
from kernel.paging.addresses import direct
from kernel.structures.list import ListHead
from pykasm import *

MIXER = 0x9E37_79B9_7F4A_7C15
"""2^64 divided by the golden ratio (Knuth, The Art of Computer Programming, vol. 3, 6.4)."""
MIXED_SHIFT = 32
"""Where the bits of a product begin of which buckets are told: all differ in the upper ones."""


class Bucket(Struct):
    """Entries whose hashes have the same lower bits."""

    chain: ListHead = field(elements="Dentry.bucket")


SEGMENT_ORDER = 2
"""log2 of the pages of a segment, which is a part of the table that comes at once."""
SEGMENT_SHIFT = ((PAGE << SEGMENT_ORDER) // sizeof(Bucket)).bit_length() - 1
"""log2 of the buckets of a segment."""
SEGMENT = 1 << SEGMENT_SHIFT
MOST_SEGMENTS = 2048
"""With so many, chains get longer; there is a bucket for two million names."""


class DentryTable(Subsystem):
    """Finds the chain that a name belongs to.

    It grows by linear hashing: a bucket at a time, for each name that is added, is divided into two
    by one more bit of the hashes. So no name waits for the rest of the table to be moved, however
    many there are (Litwin, Linear Hashing, 1980). Context: any.
    """

    segments = bss(Ptr[Bucket] * MOST_SEGMENTS)
    """Null where the table does not reach yet."""
    count = bss(U64)
    """Of buckets; those from there on are still one with others."""
    mask = bss(U64)
    """For the bits of a hash by which the last buckets are told, and all once each is divided."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    @function(init=True)
    def start(self) -> None:
        """Allocate the first segment."""
        self.prepare()
        first = scratch(self.segments[0])
        asserts(first != 0)  # the kernel does not start with so little memory
        left = scratch(U32)
        with for_(left, 0, SEGMENT):
            first.chain.reset()
            add(first, sizeof(Bucket))
        mov(self.count, SEGMENT)
        mov(self.mask, SEGMENT - 1)

    @function
    def prepare(self) -> None:
        """Allocate the segment of the next bucket, if it lacks one and there is memory: else chains
        get longer. Context: without the lock."""
        index = keep(self.count)
        shr(index, SEGMENT_SHIFT)
        with if_((index >= MOST_SEGMENTS) | (self.segments[index] != 0)):
            ret()
        segment = keep(self.pages.allocate(SEGMENT_ORDER))
        with if_(segment == 0):
            ret()
        address = scratch(segment)
        direct(address)
        xor(eax, eax)
        lock.cmpxchg(u64(self.segments[index]), address)
        with if_(~ZF):
            # Another thread was faster
            tail(self.pages.free, segment, SEGMENT_ORDER)
        disown(segment, "it is there for good")

    # Finding

    @inline(changes=(rax, rcx, rdx))
    def bucket_of(self, parent: Ptr[Dentry], hash: U64) -> Ptr[Bucket]:
        """Return where an entry of `parent` with this hash belongs, in a kept register. Context:
        the lock is held."""
        bucket = keep(Ptr[Bucket])
        self._mix(parent, hash)
        mov(rcx, self.mask)
        and_(rax, rcx)
        with if_(rax >= self.count):
            shr(rcx, 1)
            and_(rax, rcx)
        self._locate(bucket)
        return bucket

    @inline(changes=(rax, rcx))
    def _mix(self, parent: Ptr[Dentry], hash: U64) -> None:
        """Leave in rax the bits by which an entry of `parent` with this hash is placed."""
        mov(rax, parent)
        xor(rax, hash)
        mov(rcx, MIXER)
        # Addresses and hashes differ in few bits, of which the multiplication makes upper ones
        imul(rax, rcx)
        shr(rax, MIXED_SHIFT)

    @inline(changes=("bucket", rax, rdx))
    def _locate(self, bucket: Ptr[Bucket]) -> None:
        """Set `bucket` to the address of the one whose number is in rax."""
        mov(rdx, rax)
        shr(rdx, SEGMENT_SHIFT)
        and_(eax, SEGMENT - 1)
        imul(eax, eax, sizeof(Bucket))
        mov(bucket, self.segments[rdx])
        add(bucket, rax)

    # Growing

    @function(holds="Dentries.lock")
    def grow(self) -> None:
        """Divide the next bucket, if it has somewhere to be divided to."""
        number, other, whole = scratch(U64), scratch(Ptr[Bucket]), scratch(Ptr[Bucket])
        mov(number, self.count)
        mov(rdx, number)
        shr(rdx, SEGMENT_SHIFT)
        with if_((rdx >= MOST_SEGMENTS) | (self.segments[rdx] == 0)):
            ret()
        with if_(number > self.mask):
            # All are divided by that many bits: one more from now on
            lea(rax, bare[number + number - 1])
            mov(self.mask, rax)
        mov(rax, number)
        self._locate(other)
        other.chain.reset()
        mov(rcx, self.mask)
        shr(rcx, 1)
        mov(rax, number)
        and_(rax, rcx)
        self._locate(whole)
        inc(self.count)
        with whole.chain.each_removable(Dentry, "bucket", scratch) as dentry:
            name = scratch(dentry.name)
            self._mix(dentry.parent, name.hash)
            release(name)
            and_(rax, self.mask)
            with if_(rax == number):
                link = scratch(address_of(dentry.bucket))
                dentry.bucket.unlink()
                other.chain.append(link)
                release(link)
