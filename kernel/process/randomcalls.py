"""The system call for random bytes."""

from __future__ import annotations

from enum import IntFlag

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.chacha import KEY_WORDS
from kernel.fs.fileio import MOST_BYTES
from kernel.fs.randomness import Randomness
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.sched.thread import INTERRUPTIBLE
from kernel.vm.usercopy import UserCopy
from pykasm import *

BLOCK_BYTES = sizeof(U32) * KEY_WORDS
"""Bytes that come at once."""


class RandomFlag(IntFlag):
    """How random bytes are wanted (include/uapi/linux/random.h: GRND_NONBLOCK and so on). It is all
    the same here: there is always enough."""

    NONBLOCK = 1 << 0
    RANDOM = 1 << 1
    INSECURE = 1 << 2


class RandomCalls(SystemCallGroup):
    """Does what getrandom(2) says."""

    def __init__(self, processes: Processes, randomness: Randomness, copy: UserCopy) -> None:
        self.processes = processes
        self.randomness = randomness
        self.copy = copy

    @function(context="thread", sleeps=True)
    def getrandom(
        self, target: Keep[User[U8]], length: Keep[U64], flags: Untrusted[U32]
    ) -> OrErrno[I64]:
        """Store `length` random bytes at `target`. Return how many there are: less where the
        program's memory ends, or after a page if a signal comes."""
        block, stored, part = local(U8 * BLOCK_BYTES), keep(U64), local(U64)
        fail_if(flags > sum(RandomFlag), Errno.EINVAL)
        and_(flags, RandomFlag.RANDOM | RandomFlag.INSECURE)
        fail_if(flags == RandomFlag.RANDOM | RandomFlag.INSECURE, Errno.EINVAL)
        with if_(length > MOST_BYTES):
            mov(length, MOST_BYTES)
        xor(u32(stored), u32(stored))
        with while_(stored < length):
            self.randomness.next_block(address_of(block))
            mov(rax, length)
            sub(rax, stored)
            with if_(rax > BLOCK_BYTES):
                mov(eax, BLOCK_BYTES)
            mov(part, rax)
            result, left = self.copy.copy_out(target, address_of(block), part)
            with if_(result != 0):
                mov(rcx, part)
                sub(rcx, left)
                add(stored, rcx)
                with if_(stored == 0):
                    movsxd(rax, result)
                    ret(rax)
                ret(stored)
            mov(rax, part)
            add(u64(target), rax)
            add(stored, rax)
            thread = scratch(self.processes.current().thread)
            with if_(((stored & (PAGE - 1)) == 0) & (thread.pending & INTERRUPTIBLE)):
                ret(stored)
        ret(stored)
