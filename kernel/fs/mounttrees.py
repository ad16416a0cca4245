"""Trees of mounts, which are copied, attached and removed as a whole."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.dentries import Dentries
from kernel.fs.inode import Dentry
from kernel.fs.mount import Mount, MountFlag, MountNamespace
from kernel.fs.mounts import MOST_MOUNTS, Mounts
from kernel.fs.path import Path
from kernel.fs.paths import Paths
from kernel.fs.peergroups import PeerGroups
from kernel.structures.tree import LEFT, RIGHT, Trees
from kernel.sync.mutex import Mutex
from pykasm import *


class CopyMode(IntEnum):
    """What copies of mounts have to do with those of which they are."""

    LIKE = 0
    """They are in the same groups, and follow the same ones. None is made of an unbindable one."""
    NAMESPACE = 1
    """So, but also of those."""
    PEER = 2
    FOLLOWER = 3
    SHARED_FOLLOWER = 4
    """Each follows its original, and is the first one of a group."""


UNUSED = 2
"""References to a mount that nobody uses: the namespace's, and that of who looks."""


class MountTrees(Subsystem):
    """Changes what is mounted, here and wherever it is passed on to.

    `lock` is held by who changes what is mounted; below that, `Mounts.lock` for each step. So a
    tree in a namespace that somebody is in stays as it is meanwhile. Namespaces that nobody is in
    any more go without `lock`. Context: thread.
    """

    lock = bss(Mutex)

    def __init__(
        self, mounts: Mounts, groups: PeerGroups, trees: Trees, paths: Paths, dentries: Dentries
    ) -> None:
        self.mounts = mounts
        self.groups = groups
        self.trees = trees
        self.paths = paths
        self.dentries = dentries

    # Going through

    @function(holds="mounts.lock")
    def _next(self, tree: Ptr[Mount], mount: Ptr[Mount]) -> OrNull[Ptr[Mount]]:
        """Return the mount after `mount` in `tree`, each before those on it; null after the
        last."""
        node = scratch(mount.children.first)
        with if_(node != 0):
            ret(container_of(node, Mount, "place"))
        tail(self._next_beside, tree, mount)

    @function(holds="mounts.lock")
    def _next_beside(self, tree: Keep[Ptr[Mount]], mount: Keep[Ptr[Mount]]) -> OrNull[Ptr[Mount]]:
        """Return the mount after `mount` in `tree` that does not lie on it; null after the last."""
        with while_(mount != tree):
            node = self.trees.next(address_of(mount.place))
            with if_(node != 0):
                found = scratch(container_of(scratch(node), Mount, "place"))
                ret(found)
            above = scratch(mount.parent)
            asserts(above != 0)  # `tree` comes first
            mov(mount, above)
        ret(0)

    @function
    def next_in(self, tree: Keep[Ptr[Mount]], mount: Keep[Ptr[Mount]]) -> OrNull[Ptr[Mount]]:
        """Return the mount after `mount` in `tree`, each before those on it; null after the
        last."""
        found = keep(OrNull[Ptr[Mount]])
        with self.mounts.lock.held():
            mov(found, self._next(tree, mount))
        ret(found)

    @function
    def _leaf_of(self, tree: Ptr[Mount]) -> Ptr[Mount]:
        """Return a mount of `tree` on which nothing is mounted."""
        leaf = scratch(tree)
        with self.mounts.lock.held(), loop():
            node = scratch(leaf.children.first)
            break_if(node == 0)
            mov(leaf, container_of(node, Mount, "place"))
        ret(leaf)

    @function
    def has_unbindable(self, tree: Keep[Ptr[Mount]]) -> Bool:
        """Return whether a mount of `tree` is unbindable."""
        mount = keep(Ptr[Mount])
        mov(mount, tree)
        with loop():
            with if_(mount.flags & MountFlag.UNBINDABLE):
                ret(True)
            next = self.next_in(tree, mount)
            with if_(next == 0):
                ret(False)
            mov(mount, next)

    # Copying

    @function(context="thread")
    def copy(
        self, source: Keep[Ptr[Mount]], root: Keep[Ptr[Dentry]], mode: Keep[U32]
    ) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a copy of the tree `source`, as far as it is seen at `root`, by a `CopyMode`. It
        is attached nowhere. Returns null without memory."""
        made, mount = keep(try_(self.copy_one(source, root, mode))), keep(Ptr[Mount])
        mov(mount, source)
        with loop():
            next = self._next_copied(source, root, mount, mode)
            with if_(next == 0):
                ret(made)
            mov(mount, next)
            with if_(~self._copy_onto(mount, mode)):
                self.discard(made)
                ret(0)

    @function(context="thread")
    def copy_one(
        self, mount: Keep[Ptr[Mount]], root: Keep[Ptr[Dentry]], mode: Keep[U32]
    ) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a copy of `mount`, as far as it is seen at `root`, without those on it."""
        made = keep(try_(self.mounts.clone(mount, root)))
        # `_copy_onto` finds by that where the copy of what lies on it belongs
        mov(mount.copy, made)
        with self.mounts.lock.held():
            with if_(mode <= CopyMode.PEER):
                self.groups.imitate(made, mount)
            with else_():
                self.groups.follow(made, mount)
                with if_(mode == CopyMode.SHARED_FOLLOWER):
                    self.groups.share(made)
        ret(made)

    @function
    def _next_copied(
        self,
        tree: Keep[Ptr[Mount]],
        root: Keep[Ptr[Dentry]],
        mount: Keep[Ptr[Mount]],
        mode: Keep[U32],
    ) -> OrNull[Ptr[Mount]]:
        """Return the next mount in `tree` after `mount` that is to be copied."""
        found = keep(OrNull[Ptr[Mount]])
        with self.mounts.lock.held():
            mov(found, self._next(tree, mount))
            with while_(found != 0):
                break_if(self._is_copied(tree, root, found, mode))
                # Nor is anything on one that is not copied
                mov(found, self._next_beside(tree, found))
        ret(found)

    @function
    def _is_copied(self, tree: Ptr[Mount], root: Ptr[Dentry], mount: Ptr[Mount], mode: U32) -> Bool:
        """Return whether `mount`, below the root of `tree`, is copied with what is seen at
        `root`."""
        with if_((mode != CopyMode.NAMESPACE) & (mount.flags & MountFlag.UNBINDABLE)):
            ret(False)
        with if_(mount.parent != tree):
            ret(True)
        tail(self.dentries.lies_in, mount.point, root)

    @function(context="thread")
    def _copy_onto(self, mount: Keep[Ptr[Mount]], mode: Keep[U32]) -> Bool:
        """Copy `mount` onto the copy of what it is mounted on. Returns whether there was memory."""
        made = keep(try_(self.copy_one(mount, mount.root, mode)))
        parent, point = scratch(mount.parent), keep(mount.point)
        asserts((parent != 0) & (point != 0))
        onto = keep(parent.copy)
        asserts(onto != 0)  # it was copied before
        disown(made, "the tree has it")
        with self.mounts.lock.held():
            self.mounts.attach(made, onto, point)
        ret(True)

    @function(context="thread")
    def discard(self, tree: Keep[Owned[Ptr[Mount]]]) -> None:
        """Free a tree that is in no namespace."""
        place, leaf = local(Path), keep(Ptr[Mount])
        with loop():
            mov(leaf, self._leaf_of(tree))
            mov(u64(place.mount), 0)
            mov(u64(place.dentry), 0)
            with self.mounts.lock.held():
                # Leaves first: what is on a mount has a reference to it
                self.mounts.detach(leaf, address_of(place))
                self.groups.isolate(leaf)
            self.paths.drop(address_of(place))
            break_if(leaf == tree)
            take_over(leaf, "the tree had it")
            self.mounts.drop(leaf)
        self.mounts.drop(tree)

    # Attaching

    @function(context="thread")
    def graft(self, tree: Keep[Ptr[Mount]], place: Keep[Ptr[Path]]) -> OrErrno[I32]:
        """Attach `tree` at `place`, in the namespace that it is in, and copies of it where that is
        passed on to; one that is attached somewhere else is moved. Returns 0; -ENOMEM, -ENOSPC if
        there are too many, or -ENOENT if the place was removed, and nothing has changed."""
        parent, result = keep(place.mount), keep(I32)
        asserts(parent != 0)
        self.groups.collect(parent)
        mov(parent.offered, tree)
        with if_(parent.group != 0):
            # What lies on a shared mount is passed on too, and so has to have a group before it is
            # copied
            self._share_all(tree)
        mov(result, self._offer(parent, place))
        # All that can fail for want of memory is done: now places may have gone, and nothing else
        with if_(result == 0):
            mov(result, self._attach(tree, parent, place))
        self._settle_targets(parent, place, result)
        self._settle(tree, result)
        self.groups.forget(parent)
        ret(result)

    @function
    def _share_all(self, tree: Keep[Ptr[Mount]]) -> None:
        """Make all mounts of `tree` shared."""
        mount = keep(OrNull[Ptr[Mount]])
        with self.mounts.lock.held():
            mov(mount, tree)
            with while_(mount != 0):
                with if_(mount.group == 0):
                    self.groups.share(mount)
                    or_(mount.flags, MountFlag.NEWLY_SHARED)
                mov(mount, self._next(tree, mount))

    @function
    def _settle(self, tree: Keep[Ptr[Mount]], result: Keep[I32]) -> None:
        """Forget which mounts of `tree` are newly shared; these are so no more if `result` is an
        error."""
        mount = keep(OrNull[Ptr[Mount]])
        with self.mounts.lock.held():
            mov(mount, tree)
            with while_(mount != 0):
                with if_(mount.flags & MountFlag.NEWLY_SHARED):
                    and_(mount.flags, ~int(MountFlag.NEWLY_SHARED) & 0xFFFF_FFFF)
                    with if_(result != 0):
                        mov(mount.group, 0)
                mov(mount, self._next(tree, mount))

    @function(context="thread")
    def _offer(self, parent: Keep[Ptr[Mount]], place: Keep[Ptr[Path]]) -> OrErrno[I32]:
        """Offer copies of what is offered to `parent` to all that were collected from it and see
        `place`. Returns 0, -ENOMEM or -ENOSPC."""
        target, tree = keep(Ptr[Mount]), keep(parent.offered)
        mov(target, parent)
        asserts(tree != 0)
        with if_(tree.namespace == 0):
            # One that is moved is counted already
            fail_if(~self._has_room(parent.namespace, tree), Errno.ENOSPC)
        with loop():
            next = self.groups.next_target(target)
            with if_(next == 0):
                ret(0)
            mov(target, next)
            point = scratch(place.dentry)
            asserts(point != 0)
            with if_(self.groups.is_reached(target, point)):
                fail_if(~self._has_room(target.namespace, tree), Errno.ENOSPC)
                fail_if(~self._offer_copy(target), Errno.ENOMEM)

    @function
    def _has_room(
        self, namespace: Keep[OrNull[Ptr[MountNamespace]]], tree: Keep[Ptr[Mount]]
    ) -> Bool:
        """Return whether the mounts of `tree` have room in `namespace`."""
        mount, count = keep(OrNull[Ptr[Mount]]), keep(U64)
        with if_(namespace == 0):
            ret(True)
        mov(count, namespace.count)
        mov(mount, tree)
        with while_(mount != 0):
            inc(count)
            mov(mount, self.next_in(tree, mount))
        ret(count <= MOST_MOUNTS)

    @function(context="thread")
    def _offer_copy(self, target: Keep[Ptr[Mount]]) -> Bool:
        """Offer a copy of what was offered to those that pass it on to `target`. Returns whether
        there was memory."""
        found, is_peer = self.groups.source_of(target)
        source = keep(found)
        with if_(source == 0):
            ret(True)  # who would have passed it on is gone
        mov(ecx, CopyMode.PEER)
        with if_(is_peer == 0):
            mov(ecx, CopyMode.FOLLOWER)
            with if_(target.group != 0):
                mov(ecx, CopyMode.SHARED_FOLLOWER)
        made = try_(self.copy(source, source.root, ecx))
        disown(made, "it is offered")
        mov(target.offered, made)
        ret(True)

    @function(context="thread")
    def _settle_targets(
        self, parent: Keep[Ptr[Mount]], place: Keep[Ptr[Path]], result: Keep[I32]
    ) -> None:
        """Attach what was offered to all but `parent`; free it if `result` is an error, or if
        that can't be."""
        target = keep(Ptr[Mount])
        mov(target, parent)
        with loop():
            next = self.groups.next_target(target)
            break_if(next == 0)
            mov(target, next)
            tree = keep(target.offered)
            continue_if(tree == 0)
            mov(eax, result)
            with if_(eax == 0):
                mov(eax, self._attach(tree, target, place))
            with if_(eax != 0):
                take_over(tree, "it was offered")
                self.discard(tree)
            release(tree)

    @function(context="thread")
    def _attach(
        self, tree: Keep[Ptr[Mount]], parent: Keep[Ptr[Mount]], place: Keep[Ptr[Path]]
    ) -> OrErrno[I32]:
        """Attach `tree` to `parent` at the entry of `place`, and put it into the namespace if it is
        in none. Returns 0; -ENOENT if one of both has gone meanwhile."""
        old, result, point = local(Path), keep(I32), keep(place.dentry)
        mov(u64(old.mount), 0)
        mov(u64(old.dentry), 0)
        asserts(point != 0)
        with self.mounts.lock.held():
            mov(result, -Errno.ENOENT)
            with if_((parent.namespace != 0) & (lambda: ~self.mounts.is_lost(point))):
                xor(result, result)
                self.mounts.detach(tree, address_of(old))
                # In one step under the lock: no walk finds neither place, or both
                self.mounts.attach(tree, parent, point)
                self._enlist(tree, parent.namespace)
        self.paths.drop(address_of(old))
        # Without the lock, as that may free mounts and entries
        ret(result)

    @function(holds="mounts.lock")
    def _enlist(self, tree: Keep[Ptr[Mount]], namespace: Keep[OrNull[Ptr[MountNamespace]]]) -> None:
        """Put all mounts of `tree` that are in no namespace into `namespace`."""
        mount = keep(OrNull[Ptr[Mount]])
        asserts(namespace != 0)
        mov(mount, tree)
        with while_(mount != 0):
            with if_(mount.namespace == 0):
                self.mounts.enlist(mount, namespace)
            mov(mount, self._next(tree, mount))

    @function(context="thread")
    def plant(self, tree: Keep[Owned[Ptr[Mount]]], namespace: Keep[Ptr[MountNamespace]]) -> None:
        """Make `tree` all that there is in `namespace`, which is new."""
        with self.mounts.lock.held():
            mov(namespace.root, tree)
            self._enlist(tree, namespace)
        disown(tree, "the namespace has it")

    # Removing

    @function(context="thread")
    def remove(self, mount: Keep[Ptr[Mount]], references: Keep[U32]) -> Bool:
        """Remove `mount` from its namespace; if `references` is not 0, only if it has just so many
        and nothing is mounted on it. Returns whether it was removed."""
        place, removed = local(Path), keep(Bool)
        mov(u64(place.mount), 0)
        mov(u64(place.dentry), 0)
        with self.mounts.lock.held():
            xor(removed, removed)
            mov(eax, mount.references.count)
            # Counted under the lock: walks that come to it gain their reference under it
            with if_((references == 0) | ((eax == references) & (mount.children.root == 0))):
                mov(removed, self.mounts.delist(mount))
            with if_(removed != 0):
                self.mounts.pull_out(mount, address_of(place))
                self.groups.isolate(mount)
        self.paths.drop(address_of(place))
        with if_(removed != 0):
            take_over(mount, "the namespace had it")
            self.mounts.drop(mount)
        ret(removed)

    @function(context="thread")
    def prune(self, tree: Keep[Ptr[Mount]]) -> None:
        """Unmount all of `tree`, here and wherever that is passed on to, whoever uses it."""
        leaf = keep(Ptr[Mount])
        with loop():
            mov(leaf, self._leaf_of(tree))
            ignore(self.unmount(leaf, 0), "it is gone in any case")
            break_if(leaf == tree)

    @function(context="thread")
    def unmount(self, mount: Keep[Ptr[Mount]], references: Keep[U32]) -> Bool:
        """Unmount `mount`, on which nothing is mounted, here and wherever that is passed on to; if
        `references` is not 0, only if it has just so many, and nobody uses it anywhere. Returns
        whether this is done."""
        place, result = local(Path), keep(Bool)
        mov(u64(place.mount), 0)
        mov(u64(place.dentry), 0)
        with if_(~self.mounts.point_of(mount, address_of(place))):
            tail(self.remove, mount, references)
        parent = keep(place.mount)
        asserts(parent != 0)
        self.groups.collect(parent)
        xor(result, result)
        with if_((references == 0) | (lambda: ~self._is_used(address_of(place)))):
            # It was collected itself, as a peer of what it is mounted on
            with if_((references != 0) & (mount.next_target != 0)):
                inc(references)  # that of the list
            mov(result, self.remove(mount, references))
        with if_(result != 0):
            self._remove_others(address_of(place))
        self.groups.forget(parent)
        self.paths.drop(address_of(place))
        ret(result)

    @function(context="thread")
    def _remove_others(self, place: Keep[Ptr[Path]]) -> None:
        """Remove what is mounted at `place` on all that were collected from there; not if other
        mounts are on it."""
        target = keep(place.mount)
        asserts(target != 0)
        with loop():
            next = self.groups.next_target(target)
            break_if(next == 0)
            mov(target, next)
            point = scratch(place.dentry)
            asserts(point != 0)
            child = keep(self.mounts.child_at(target, point))
            continue_if(child == 0)
            with if_(~self._others_on(child)):
                ignore(self.remove(child, 0), "somebody else may have done so")
            self.mounts.drop(child)
            release(child)

    @function(context="thread")
    def _is_used(self, place: Keep[Ptr[Path]]) -> Bool:
        """Return whether somebody uses what `_remove_others` would remove."""
        target, used = keep(place.mount), keep(Bool)
        asserts(target != 0)
        xor(used, used)
        with loop():
            next = self.groups.next_target(target)
            break_if(next == 0)
            mov(target, next)
            point = scratch(place.dentry)
            asserts(point != 0)
            child = keep(self.mounts.child_at(target, point))
            continue_if(child == 0)
            with if_(self._is_in_use(child)):
                mov(used, 1)
            self.mounts.drop(child)
            release(child)
        ret(used)

    @function
    def _is_in_use(self, mount: Keep[Ptr[Mount]]) -> Bool:
        """Return whether `mount` has more references than those of its namespace, the caller, the
        list of targets, and what is mounted on its root. One with others on it is not looked
        at."""
        expected = scratch(U32)
        with if_(self._others_on(mount)):
            ret(False)
        with self.mounts.lock.held():
            mov(expected, UNUSED)
            with if_(mount.next_target != 0):
                inc(expected)
            with if_(mount.children.root != 0):
                inc(expected)
        ret(mount.references.count > expected)

    @function
    def _others_on(self, mount: Ptr[Mount]) -> Bool:
        """Return whether something is mounted on `mount` elsewhere than on its root."""
        mount, result = scratch(mount), scratch(Bool)
        with self.mounts.lock.held():
            xor(result, result)
            node = scratch(mount.children.root)
            with if_(node != 0):
                mov(rax, u64(mount.root))
                with if_((node.key != rax) | (node.child[LEFT] != 0) | (node.child[RIGHT] != 0)):
                    inc(result)
        ret(result)
