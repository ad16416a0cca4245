"""The table of names: all of them are found, however many there are."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from kernel.fs.dentries import Dentries
from kernel.fs.dentrytable import SEGMENT, DentryTable
from kernel.fs.fscontext import FsContext
from kernel.fs.inode import Dentry
from kernel.fs.namekey import NameKey
from kernel.fs.subject import Subject
from tests.host.files_support import FileMachine

NAMES = SEGMENT + 300


class Names:
    """Entries of the root directory."""

    def __init__(self, machine: FileMachine) -> None:
        self.machine = machine
        self.dentries = machine.parts[Dentries]
        context = machine.host.at(FsContext, int(machine.host.at(Subject, machine.root).context))
        root = context.root.dentry
        self.root = machine.host.at(Dentry, int(root))

    def key(self, number: int) -> int:
        text = f"name {number}".encode()
        key = self.machine.host.new(
            NameKey, parent=int(self.root), text=int(self.machine.host.bytes(text))
        )
        key.length, key.hash = len(text), number * 0x1003F
        return int(key)

    def add(self, number: int) -> int:
        made = self.machine.host.call(self.dentries.create, self.root.superblock, self.key(number))
        self.machine.host.call(self.dentries.add, made)
        return int(made)

    def found(self, numbers: Iterable[int]) -> list[int]:
        find = self.dentries.find
        return [int(self.machine.host.call(find, self.key(one)) or 0) for one in numbers]

    @property
    def buckets(self) -> int:
        return int(self.machine.host[self.machine.parts[DentryTable].count])


@pytest.fixture
def names() -> Names:
    return Names(FileMachine())


def test_all_names_are_found_while_the_table_grows(names: Names) -> None:
    before = names.buckets
    made = [names.add(number) for number in range(NAMES)]
    assert names.found(range(NAMES)) == made
    assert not any(names.found(range(NAMES, NAMES + 20)))
    assert names.buckets > SEGMENT == before


def test_all_names_are_found_without_memory(names: Names) -> None:
    names.machine.blocks = iter(())
    made = [names.add(number) for number in range(NAMES)]
    assert names.found(range(NAMES)) == made
    assert names.buckets == SEGMENT
