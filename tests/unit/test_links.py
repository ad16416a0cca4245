"""Links know what they link: elements of one kind of list don't get into another."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from kernel.structures.list import ListHead
from kernel.structures.tree import Tree, TreeNode, Trees
from pykasm import *
from pykasm.errors import DeclarationMistake
from pykasm.hostrun import Host
from pykasm.lang.structs import fields_of
from tests.unit.checking import findings_in
from tests.unit.messages import message_of


class Task(Struct):
    """Something in a list of all, in that of the ready ones, and in a tree."""

    number: U64
    listed: ListHead
    ready: ListHead
    by_time: TreeNode
    by_number: TreeNode


class Tasks(Subsystem):
    """Lists and finds tasks."""

    all = bss(ListHead, elements="Task.listed")
    ready = bss(ListHead * 4, elements="Task.ready")
    times = bss(Tree, elements="Task.by_time")

    def __init__(self) -> None:
        self.trees = Trees()

    @function(exported=True)
    def add(self, task: Ptr[Task], priority: U64) -> None:
        """Put `task` into all lists, and into the tree."""
        task, link = keep(task), scratch(Ptr[ListHead])
        self.all.reset()
        lea(link, task.listed)
        self.all.append(link)
        queue, number = scratch(Ptr[ListHead]), scratch(priority)
        point_at(queue, self.ready, number)
        ready = scratch(address_of(task.ready))
        queue.reset()
        queue.append(ready)
        self.trees.insert(address_of(self.times), address_of(task.by_time))

    @function(exported=True)
    def soonest(self) -> U64:
        """Return the number of the task with the smallest time; 0 if there is none."""
        node = self.trees.at_least(address_of(self.times), 0)
        with if_(node == 0):
            ret(0)
        ret(container_of(node, Task, "by_time").number)

    @function(exported=True)
    def sum(self) -> U64:
        """Return the sum of all numbers."""
        total = scratch(U64)
        xor(u32(total), u32(total))
        with self.all.each(Task, "listed", scratch) as task:
            add(total, task.number)
        ret(total)


def test_elements_are_found_by_their_links() -> None:
    tasks = Tasks()
    host = Host(tasks, tasks.trees)
    host.call(tasks.add, host.new(Task, number=7), 2)
    assert host.call(tasks.sum) == 7
    assert host.call(tasks.soonest) == 7
    image = Image(entry=tasks.add, subsystems=[tasks, tasks.trees])
    assert not [one for one in findings_in(image) if "error" in one]


class OtherLink(Tasks):
    """Puts a task into the list of all by its other link."""

    @function
    def wrong(self, task: Ptr[Task]) -> None:
        """Do it."""
        link = scratch(address_of(task.ready))
        self.all.append(link)


class OtherTree(Tasks):
    """Puts a task into the tree by its other node."""

    @function
    def wrong(self, task: Ptr[Task]) -> None:
        """Do it."""
        self.trees.insert(address_of(self.times), address_of(task.by_number))


class OtherContainer(Tasks):
    """Takes the node for another one."""

    @function
    def wrong(self) -> U64:
        """Do it."""
        node = self.trees.at_least(address_of(self.times), 0)
        ret(container_of(node, Task, "by_number").number)


class OtherElements(Tasks):
    """Takes the elements of a list for others."""

    @function
    def wrong(self) -> None:
        """Do it."""
        with self.all.each_removable(Task, "ready") as task:
            inc(task.number)


class OtherSuccessor(Tasks):
    """Goes on from one list to another."""

    @function
    def wrong(self, task: Ptr[Task]) -> None:
        """Do it."""
        link = scratch(task.listed.next)
        mov(task.ready.next, link)


class Untold(Struct):
    """The head of a list that does not say of what."""

    tasks: ListHead


class UntoldElements(Subsystem):
    """Puts a task there."""

    @function
    def wrong(self, head: Ptr[Untold], task: Ptr[Task]) -> None:
        """Do it."""
        link = scratch(address_of(task.listed))
        head.tasks.append(link)


@pytest.mark.parametrize(
    ("wrong", "expected", "got"),
    [
        (
            OtherLink,
            "`link` linked by `Task.listed`, as `OtherLink.all` is",
            "link: Ptr[ListHead[Task.ready]]",
        ),
        (
            OtherTree,
            "`address_of(task.by_number)` linked by `Task.by_time`, as "
            "`address_of(OtherTree.times)` is",
            "address_of(task.by_number): Ptr[TreeNode[Task.by_number]]",
        ),
        (OtherContainer, "Ptr[TreeNode[Task.by_number]]", "node: Ptr[TreeNode[Task.by_time]]"),
        (
            OtherElements,
            "Ptr[ListHead[Task.ready]]",
            "OtherElements.all: ListHead[Task.listed]",
        ),
        (
            OtherSuccessor,
            "a Ptr[ListHead[Task.ready]]",
            "link: Ptr[ListHead[Task.listed]]",
        ),
        (
            UntoldElements,
            "`link` linked by `Untold.tasks`, as `head.tasks` is",
            "link: Ptr[ListHead[Task.listed]]",
        ),
    ],
)
def test_elements_of_one_list_are_none_of_another(wrong: Any, expected: str, got: str) -> None:
    message = message_of(wrong)
    assert f"\nexpected: {expected}\n" in message
    assert f"\ngot: {got}" in message


def test_a_head_says_what_its_elements_are() -> None:
    assert 'help: `elements="Task.listed"` where a list begins says' in message_of(UntoldElements)


def test_a_list_that_is_a_datum_says_what_is_in_it() -> None:
    with pytest.raises(DeclarationMistake, match="this list does not say what is in it"):
        bss(ListHead)


def test_only_lists_have_elements() -> None:
    class Numbers(Struct):
        first: U64 = field(elements="Task.listed")

    with pytest.raises(DeclarationMistake, match=r"`Numbers\.first` is neither a list nor a link"):
        list(fields_of(Numbers))


def test_types_of_links_stay_the_same_when_builds_keep_them() -> None:
    kind: Any = next(one.type for one in fields_of(Task) if one.name == "listed")
    assert pickle.loads(pickle.dumps(kind)) is kind
    assert pickle.loads(pickle.dumps(Ptr[kind])) is Ptr[kind]
