"""Mounts to which others pass on what is mounted below them."""

from __future__ import annotations

from kernel.fs.dentries import Dentries
from kernel.fs.inode import Dentry
from kernel.fs.mount import Mount, MountFlag
from kernel.fs.mounts import Mounts
from pykasm import *


class PeerGroups(Subsystem):
    """Groups of mounts that show the same, and mounts that follow such a group
    (Documentation/filesystems/sharedsubtree.rst of Linux). Context: thread.

    Who changes what is mounted holds `MountTrees.lock`. Only those leave their group without it
    that are in a namespace which nobody is in any more.
    """

    next_group = bss(U64)

    def __init__(self, mounts: Mounts, dentries: Dentries) -> None:
        self.mounts = mounts
        self.dentries = dentries

    # Joining and leaving

    @function(holds="mounts.lock")
    def share(self, mount: Ptr[Mount]) -> None:
        """Make `mount` the first one of a group, unless it is in one."""
        with if_(mount.group == 0):
            inc(self.next_group)
            mov(rax, self.next_group)
            mov(mount.group, rax)
            and_(mount.flags, ~int(MountFlag.UNBINDABLE))

    @function(holds="mounts.lock")
    def imitate(self, copy: Ptr[Mount], mount: Ptr[Mount]) -> None:
        """Put `copy`, which is in no group, into that of `mount`, and have it follow whom that
        follows."""
        copy, mount = scratch(copy), scratch(mount)
        mov(rax, mount.group)
        with if_(rax != 0):
            mov(copy.group, rax)
            link = scratch(address_of(copy.peers))
            mount.peers.prepend(link)
            release(link)
        mov(rax, mount.master)
        with if_(rax != 0):
            mov(copy.master, rax)
            link = scratch(address_of(copy.slave))
            mount.slave.prepend(link)
            release(link)

    @function(holds="mounts.lock")
    def follow(self, copy: Ptr[Mount], mount: Ptr[Mount]) -> None:
        """Have `copy`, which follows nobody, follow `mount`."""
        copy, mount = scratch(copy), scratch(mount)
        mov(copy.master, mount)
        link = scratch(address_of(copy.slave))
        mount.slaves.append(link)
        release(link)

    @function(holds="mounts.lock")
    def enslave(self, mount: Keep[Ptr[Mount]]) -> None:
        """Have `mount` leave its group, and follow those that were in it, or else whom it followed
        already. Who followed it follows these from then on."""
        master = keep(self._peer_like(mount))
        with if_(master == 0):
            mov(master, mount.master)
        mov(mount.group, 0)
        mount.peers.unlink()
        mount.peers.reset()
        self._hand_over(mount, master)
        mount.slave.unlink()
        mount.slave.reset()
        mov(mount.master, 0)
        with if_(master != 0):
            tail(self.follow, mount, master)

    @function(holds="mounts.lock")
    def _peer_like(self, mount: Ptr[Mount]) -> OrNull[Ptr[Mount]]:
        """Return another one of the group of `mount`, one with the same root if there is any; or
        null."""
        mount, found = scratch(mount), scratch(OrNull[Ptr[Mount]])
        xor(u32(found), u32(found))
        with mount.peers.each(Mount, "peers", scratch) as peer:
            mov(found, peer)
            mov(rax, peer.root)
            break_if(rax == mount.root)
        ret(found)

    @function(holds="mounts.lock")
    def _hand_over(self, mount: Keep[Ptr[Mount]], master: Keep[OrNull[Ptr[Mount]]]) -> None:
        """Have who follows `mount` follow `master`; nobody if that is null."""
        with mount.slaves.each_removable(Mount, "slave") as follower:
            follower.slave.unlink()
            follower.slave.reset()
            mov(follower.master, 0)
            with if_(master != 0):
                self.follow(follower, master)

    @function(holds="mounts.lock")
    def isolate(self, mount: Keep[Ptr[Mount]]) -> None:
        """Have `mount` be in no group, and follow nobody."""
        self.enslave(mount)
        mount.slave.unlink()
        mount.slave.reset()
        mov(mount.master, 0)

    # Passing on

    @function
    def collect(self, mount: Ptr[Mount]) -> None:
        """List all to which `mount` passes something on, each with a reference, by `next_target`
        from `mount` on: a group follows those whom it follows. `forget` ends it."""
        mount, member, last = scratch(mount), scratch(Ptr[Mount]), scratch(Ptr[Mount])
        mov(member, mount)
        mov(last, mount)
        with self.mounts.lock.held():
            mov(mount.next_target, mount)
            self._list_peers(mount, last)
            with loop():
                with (
                    member.slaves.each(Mount, "slave", scratch) as follower,
                    if_(follower.next_target == 0),
                ):
                    self._list(follower, last)
                    self._list_peers(follower, last)
                next = scratch(member.next_target)
                asserts(next != 0)  # it is in the list
                break_if(next == member)
                mov(member, next)
                release(next)

    @inline(changes=(rax, "last"))
    def _list_peers(self, mount: Ptr[Mount], last: Ptr[Mount]) -> None:
        """List the peers of `mount` after `last`, which the last one of them becomes."""
        with mount.peers.each(Mount, "peers", scratch) as peer, if_(peer.next_target == 0):
            self._list(peer, last)

    @inline(changes="last")
    def _list(self, mount: Ptr[Mount], last: Ptr[Mount]) -> None:
        """List `mount` after `last`, which it becomes."""
        mount.references.gain()
        disown(mount, "the list has it")
        mov(last.next_target, mount)
        mov(mount.next_target, mount)
        mov(last, mount)

    @function
    def next_target(self, target: Ptr[Mount]) -> OrNull[Ptr[Mount]]:
        """Return the next one that was listed after `target`, or null."""
        next = scratch(target.next_target)
        with if_(next == target):
            ret(0)
        ret(next)

    @function(context="thread")
    def forget(self, mount: Keep[Ptr[Mount]]) -> None:
        """End the list that `collect` made."""
        target = keep(Ptr[Mount])
        mov(target, mount)
        with loop():
            next = keep(self.next_target(target))
            mov(target.next_target, 0)
            mov(target.offered, 0)
            with if_(target != mount):
                take_over(target, "the list had it")
                self.mounts.drop(target)
            break_if(next == 0)
            mov(target, next)
            release(next)

    @function
    def is_reached(self, target: Ptr[Mount], point: Ptr[Dentry]) -> Bool:
        """Return whether the entry `point` is seen by way of `target`, which is attached."""
        fail_if(target.namespace == 0)
        tail(self.dentries.lies_in, point, target.root)

    @function
    def source_of(self, target: Keep[Ptr[Mount]]) -> tuple[OrNull[Ptr[Mount]], Bool]:
        """Return what was offered to a peer of `target`, and true; or else to whom it follows, and
        false."""
        found, is_peer = keep(OrNull[Ptr[Mount]]), keep(Bool)
        with self.mounts.lock.held():
            mov(is_peer, 1)
            mov(found, self._offered_to_group(target))
            member = keep(target.master)
            with while_((found == 0) & (member != 0)):
                xor(is_peer, is_peer)
                mov(found, member.offered)
                with if_(found == 0):
                    mov(found, self._offered_to_group(member))
                mov(member, member.master)
        ret(found, is_peer)

    @function(holds="mounts.lock")
    def _offered_to_group(self, mount: Ptr[Mount]) -> OrNull[Ptr[Mount]]:
        """Return what was offered to some peer of `mount`, or null. That before it was listed
        before it, too, as a rule."""
        mount, found = scratch(mount), scratch(OrNull[Ptr[Mount]])
        before = container_of(scratch(mount.peers.previous), Mount, "peers")
        mov(found, before.offered)
        release(before)
        with if_(found == 0), mount.peers.each(Mount, "peers", scratch) as peer:
            mov(found, peer.offered)
            break_if(found != 0)
        ret(found)
