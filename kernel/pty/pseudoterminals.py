"""The pseudo-terminals that there are."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.inode import Inode, SuperBlock
from kernel.fs.superblocks import SuperBlocks
from kernel.locks.spinlock import SpinLock
from kernel.mm.heap import Heap
from kernel.process.session import ControllingTerminal
from kernel.pty.pseudoterminal import DevptsInstance, PseudoTerminal
from kernel.pty.ptydriver import PtyDriver
from kernel.structures.list import ListHead
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import ANYTHING
from kernel.sync.pollqueues import PollQueues
from kernel.tty.lineinput import LineInput
from kernel.tty.terminal import Terminal, TerminalDriver
from kernel.tty.termios import Termios2, first_termios
from pykasm import *

MAJOR = 136
"""The first driver number of slaves (Documentation/admin-guide/devices.txt)."""

MINOR_MASK, MINOR_SHIFT, MAJOR_SHIFT = 0xFF, 12, 8
"""Where a device number as programs see it has the lower bits of the number at its driver, by how
many bits the others are further up, and where that of the driver is (makedev(3))."""


class PseudoTerminals(LeakChecks):
    """Makes pseudo-terminals, counts who has them open, and frees them. Context: thread."""

    lock = bss(SpinLock)
    """Guards numbers, and who has what open."""
    count = bss(U64)

    def __init__(
        self,
        driver: PtyDriver,
        superblocks: SuperBlocks,
        input: LineInput,
        queues: PollQueues,
        mutexes: Mutexes,
        heap: Heap,
    ) -> None:
        self.superblocks = superblocks
        self.input = input
        self.queues = queues
        self.mutexes = mutexes
        self.heap = heap
        self.first_modes = rodata(Termios2, first_termios())
        self.driver = rodata(
            TerminalDriver,
            TerminalDriver(
                room=driver.room,
                send=driver.send,
                open=self.open,
                close=self.close,
                free=self.free,
            ),
        )
        self.leak_checks = [leak_check("pseudo-terminals", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of pseudo-terminals."""
        ret(self.count)

    # Making and freeing

    @function(context="thread", sleeps=True)
    def create(
        self, superblock: Keep[Ptr[SuperBlock]], instance: Keep[Ptr[DevptsInstance]]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[PseudoTerminal]]]]:
        """Make a pseudo-terminal with the lowest number that is free in `instance`, and a locked
        slave. Returns 0 and it, with one reference; -ENOSPC if there are as many as there may be,
        or -ENOMEM, and null."""
        terminal = keep(self._allocate())
        with if_(terminal == 0):
            ret(-Errno.ENOMEM, 0)
        mov(terminal.instance, instance)
        mov(terminal.is_locked, 1)
        with if_(~self._enter(instance, terminal)):
            self.heap.free(u64(terminal))
            ret(-Errno.ENOSPC, 0)
        superblock.references.gain()
        mov(terminal.superblock, superblock)
        self._set_modes(terminal)
        mov(eax, terminal.number)
        mov(ecx, eax)
        and_(ecx, MINOR_MASK)
        and_(eax, ~MINOR_MASK & 0xFFFF_FFFF)
        shl(eax, MINOR_SHIFT)
        or_(eax, ecx)
        or_(eax, MAJOR << MAJOR_SHIFT)
        mov(terminal.job.device, eax)
        lock.inc(self.count)
        ret(0, terminal)

    @function(context="thread")
    def _set_modes(self, terminal: Keep[Ptr[PseudoTerminal]]) -> None:
        """Set the modes that terminals begin with. Nobody else can have the lock, so it is not
        waited for, whatever locks the caller holds."""
        with if_(self.mutexes.try_lock(address_of(terminal.lock))):
            self.input.set_modes(terminal, address_of(self.first_modes))
            mov(terminal.changes, 0)
            self.mutexes.unlock(address_of(terminal.lock))

    @function
    def _allocate(self) -> Owned[OrNull[Ptr[PseudoTerminal]]]:
        """Return one without a number, or null without memory."""
        made = scratch(cast(try_(self.heap.allocate(sizeof(PseudoTerminal))), Ptr[PseudoTerminal]))
        mov(rdx, made)
        zero(made)
        terminal = scratch(cast(rdx, Ptr[PseudoTerminal]))
        terminal.job.references.start()
        lea(rax, self.driver)
        mov(terminal.driver, rax)
        ret(terminal)

    @function(context="thread")
    def _enter(
        self, instance: Keep[Ptr[DevptsInstance]], terminal: Keep[Ptr[PseudoTerminal]]
    ) -> Bool:
        """Give `terminal` a number, unless there are as many as there may be. Returns whether it
        has one."""
        entered = keep(U32)
        xor(entered, entered)
        with self.lock.held():
            mov(eax, instance.count)
            with if_(eax < instance.options.most):
                inc(instance.count)
                self._number(instance, terminal)
                inc(entered)
        ret(entered != 0)

    @function(holds="lock")
    def _number(self, instance: Ptr[DevptsInstance], terminal: Ptr[PseudoTerminal]) -> None:
        """Give `terminal` the lowest number that no other one of `instance` has."""
        number, link = scratch(U32), scratch(Ptr[ListHead])
        lea(link, terminal.link)
        xor(number, number)
        with instance.terminals.each(PseudoTerminal, "link", scratch) as other:
            with if_(other.number != number):
                mov(terminal.number, number)
                other.link.append(link)
                ret()
            inc(number)
        mov(terminal.number, number)
        instance.terminals.append(link)

    @function(context="thread")
    def free(self, terminal: Keep[Owned[Ptr[Terminal]]]) -> None:
        """Free `terminal`, as `FreeTerminal` says, and its number."""
        pty, superblock = scratch(cast(terminal, Ptr[PseudoTerminal])), keep(Ptr[SuperBlock])
        mov(superblock, pty.superblock)
        with self.lock.held():
            pty.link.unlink()
            instance = scratch(pty.instance)
            dec(instance.count)
        self.heap.free(u64(terminal))
        lock.dec(self.count)
        self.superblocks.drop(superblock)

    # Who has the slave open

    @function(context="thread")
    def open(self, terminal: Ptr[Terminal]) -> OrErrno[I32]:
        """Count one more file of the slave, as `OpenTerminal` says."""
        pty, result = scratch(cast(terminal, Ptr[PseudoTerminal])), scratch(I32)
        mov(result, -Errno.EIO)
        with self.lock.held(), if_((pty.is_closed == 0) & (pty.is_locked == 0)):
            inc(pty.slaves)
            mov(pty.is_left, 0)
            xor(result, result)
        ret(result)

    @function(context="thread")
    def close(self, terminal: Keep[Ptr[Terminal]]) -> None:
        """Count one less; tell the master if it was the last."""
        pty = keep(cast(terminal, Ptr[PseudoTerminal]))
        with self.lock.held():
            dec(pty.slaves)
            with if_(ZF):
                mov(pty.is_left, 1)
        self.queues.announce(address_of(terminal.typist), ANYTHING)

    @function(context="thread")
    def end(self, pty: Ptr[PseudoTerminal], inode: Ptr[Inode]) -> None:
        """Refuse further opens of the slave that `inode` leads to: its master is closed."""
        pty, inode = scratch(pty), scratch(inode)
        with self.lock.held():
            mov(pty.is_closed, 1)
            mov(inode.private, 0)

    @function(context="thread")
    def gain(self, inode: Ptr[Inode]) -> Owned[OrNull[Ptr[ControllingTerminal]]]:
        """Return a reference to the terminal whose slave `inode` is; null once its master is
        closed."""
        inode, job = scratch(inode), scratch(Ptr[ControllingTerminal])
        with self.lock.held():
            xor(u32(job), u32(job))
            pty = scratch(cast(inode.private, Ptr[PseudoTerminal]))
            with if_(pty != 0):
                lea(job, pty.job)
                job.references.gain()
        ret(job)
