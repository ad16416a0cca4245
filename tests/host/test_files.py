"""Names and files of the kernel, against those of the system that the tests run on."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.credentialstore import CredentialStore
from kernel.fs.file import Whence
from kernel.fs.fscontexts import FsContexts
from kernel.fs.lookup import MOST_LINKS
from kernel.fs.mode import FileType
from kernel.fs.openflag import OpenFlag
from kernel.fs.rootfilesystem import RootFileSystem
from tests.host.files_support import FileMachine

PARTS = st.sampled_from(["a", "b", "c", ".", "..", "x" * 255, "y" * 256])
PLAIN = st.sampled_from(["a", "b", "c"])
LONG_NAMES = st.builds(
    lambda first, rest, end: "/".join([first, *rest]) + end,
    PLAIN,
    st.lists(st.one_of(PLAIN, PLAIN, PARTS), max_size=3),
    st.sampled_from(["", "", "", "/", "//"]),
).filter(lambda name: name.split("/").count("..") < 2 and not name.startswith("a/../.."))
"""Of things in the directory where both begin, which none of them leaves."""

NAMES = st.one_of(PLAIN, PLAIN, st.tuples(PLAIN, PLAIN).map("/".join), LONG_NAMES)

STEPS = st.one_of(
    st.tuples(st.just("mkdir"), NAMES),
    st.tuples(st.just("create"), NAMES),
    st.tuples(st.just("read"), NAMES),
    st.tuples(st.just("unlink"), NAMES),
    st.tuples(st.just("rmdir"), NAMES),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("rename"), PLAIN, PLAIN),
    st.tuples(st.just("link"), NAMES, NAMES),
    st.tuples(st.just("symlink"), NAMES, NAMES),
)
TEXT = b"text of a file"


@pytest.fixture(scope="module")
def machine() -> FileMachine:
    machine = FileMachine()
    machine.host.checkpoint()
    return machine


def outcome(action: Callable[[], object]) -> object:
    """What an action of the system gives, or its error as the kernel has it."""
    try:
        return action() or 0
    except OSError as error:
        return -int(error.errno or 0)


class Here:
    """The same steps in a folder of the system."""

    def __init__(self, folder: str) -> None:
        self.folder = os.open(folder, os.O_PATH)

    def mkdir(self, name: str) -> object:
        return outcome(lambda: os.mkdir(name, 0o755, dir_fd=self.folder))

    def create(self, name: str) -> object:
        flags = os.O_CREAT | os.O_RDWR | os.O_TRUNC

        def act() -> int:
            opened = os.open(name, flags, 0o644, dir_fd=self.folder)
            written = os.write(opened, TEXT)
            os.close(opened)
            return written

        return outcome(act)

    def read(self, name: str) -> object:
        def act() -> bytes:
            opened = os.open(name, os.O_RDONLY, dir_fd=self.folder)
            try:
                return os.read(opened, 100)
            finally:
                os.close(opened)

        return outcome(act)

    def unlink(self, name: str) -> object:
        return outcome(lambda: os.unlink(name, dir_fd=self.folder))

    def rmdir(self, name: str) -> object:
        return outcome(lambda: os.rmdir(name, dir_fd=self.folder))

    def rename(self, name: str, new_name: str) -> object:
        return outcome(
            lambda: os.rename(name, new_name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        )

    def link(self, name: str, new_name: str) -> object:
        places = {"src_dir_fd": self.folder, "dst_dir_fd": self.folder}
        return outcome(lambda: os.link(name, new_name, **places, follow_symlinks=False))

    def symlink(self, text: str, name: str) -> object:
        return outcome(lambda: os.symlink(text, name, dir_fd=self.folder))


class There:
    """The same steps in the kernel's root."""

    def __init__(self, machine: FileMachine) -> None:
        self.machine = machine
        for name in ("mkdir", "unlink", "rmdir", "rename", "link", "symlink"):
            setattr(self, name, getattr(machine, name))

    def create(self, name: str) -> object:
        flags = OpenFlag.CREATE | OpenFlag.READ_WRITE | OpenFlag.TRUNCATE
        file = self.machine.open(name, flags)
        if file < 0:
            return file
        written = self.machine.write(file, TEXT)
        self.machine.close(file)
        return written

    def read(self, name: str) -> object:
        file = self.machine.open(name)
        if file < 0:
            return file
        text = self.machine.read(file, 100)
        self.machine.close(file)
        return text or 0


def files_below(folder: str) -> Iterator[str]:
    """All names in a folder, by their paths in it."""
    for at, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield os.path.relpath(os.path.join(at, name), folder)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_names_are_as_elsewhere(machine: FileMachine, steps: list[tuple[str, ...]]) -> None:
    machine.start()
    with tempfile.TemporaryDirectory() as folder:
        here, there = Here(folder), There(machine)
        for name, *arguments in steps:
            expected = getattr(here, name)(*arguments)
            assert getattr(there, name)(*arguments) == expected, (name, arguments)
        for name in files_below(folder):
            known, found = Path(folder, name).lstat(), machine.find(name, 0)
            assert stat.S_IFMT(known.st_mode) == stat.S_IFMT(found.mode)
            assert found.links == known.st_nlink or stat.S_ISDIR(known.st_mode)
        os.close(here.folder)
    machine.remove_all()
    assert machine.used() == machine.at_rest


def test_nothing_is_lost_where_memory_fails(machine: FileMachine) -> None:
    """The n-th allocation fails, and all from there on, for every n."""
    machine.start()
    there = There(machine)
    steps: list[Callable[[], object]] = [
        lambda: there.machine.mkdir("a"),
        lambda: there.create("a/file"),
        lambda: there.machine.symlink("a", "link"),
        lambda: there.machine.link("link/file", "b"),
        lambda: there.machine.rename("b", "a/c"),
        lambda: there.machine.unlink("a/c"),
    ]
    for allowed in range(40):
        for step in steps:
            machine.left = allowed
            result = step()
            machine.left = None
            assert result in (0, len(TEXT)) or -int(str(result)) in set(Errno)
        machine.remove_all()
        assert machine.used() == machine.at_rest


def test_a_copy_of_credentials_without_memory(machine: FileMachine) -> None:
    machine.start()
    store = machine.parts[CredentialStore]
    machine.left = 0
    assert not int(machine.call(store.copy, machine.host.address(store.root)))
    machine.left = None
    copy = machine.call(store.copy, machine.host.address(store.root))
    assert machine.used() != machine.at_rest
    machine.call(store.drop, copy)
    assert machine.used() == machine.at_rest


def test_another_root_without_memory(machine: FileMachine) -> None:
    """Of a file system, its mount, a namespace and a context, each allocation fails in turn."""
    machine.start()
    root, allowed, made = machine.parts[RootFileSystem], 0, 0
    while not made:
        machine.left = allowed
        made = int(machine.call(root._create_context))
        machine.left = None
        assert made or machine.used() == machine.at_rest
        allowed += 1
    assert allowed > 6
    machine.call(machine.parts[FsContexts].drop, made)
    assert machine.used() == machine.at_rest


def test_holes_are_zeros_and_sizes_go_up(machine: FileMachine) -> None:
    machine.start()
    file = machine.open("holes", OpenFlag.CREATE | OpenFlag.READ_WRITE)
    assert machine.seek(file, 10_000) == 10_000
    assert machine.write(file, b"end") == 3
    assert machine.seek(file, 0, Whence.DATA) == 8192
    assert machine.seek(file, 8192, Whence.HOLE) == 10_003
    assert machine.seek(file, 0, Whence.HOLE) == 0
    assert machine.seek(file, 10_003, Whence.DATA) == -Errno.ENXIO
    assert machine.seek(file, -4, Whence.END) == 9_999
    assert machine.read(file, 100) == b"\0end"
    assert machine.seek(file, -1) == -Errno.EINVAL
    assert machine.seek(file, (1 << 63) - 1) == (1 << 63) - 1
    assert machine.write(file, b"x") == -Errno.EINVAL
    assert machine.seek(file, (1 << 62)) == 1 << 62
    assert machine.write(file, b"far") == 3
    machine.close(file)
    machine.remove_all()
    assert machine.used() == machine.at_rest


@pytest.mark.parametrize("place", [PAGE << 6, PAGE << 12, PAGE << 40])
def test_a_page_far_out_alone_leaves_nothing(machine: FileMachine, place: int) -> None:
    machine.start()
    file = machine.open("far", OpenFlag.CREATE | OpenFlag.READ_WRITE)
    assert machine.seek(file, place) == place
    assert machine.write(file, b"far") == 3
    assert machine.seek(file, 0, Whence.DATA) == place
    machine.close(file)
    machine.remove_all()
    assert machine.used() == machine.at_rest


@pytest.mark.parametrize("count", [MOST_LINKS, MOST_LINKS + 1])
def test_links_are_followed_so_often(machine: FileMachine, count: int) -> None:
    machine.start()
    assert machine.mkdir("link0") == 0
    for number in range(count):
        assert machine.symlink(f"link{number}", f"link{number + 1}") == 0
    found = machine.find(f"link{count}")
    assert found == -Errno.ELOOP if count > MOST_LINKS else stat.S_ISDIR(found.mode)


def test_what_was_removed_lives_on_while_it_is_open(machine: FileMachine) -> None:
    machine.start()
    file = machine.open("file", OpenFlag.CREATE | OpenFlag.READ_WRITE)
    assert machine.write(file, b"still there") == 11
    assert machine.unlink("file") == 0
    assert machine.open("file") == -Errno.ENOENT
    assert machine.seek(file, 0) == 0
    assert machine.read(file, 20) == b"still there"
    machine.close(file)
    assert machine.used() == machine.at_rest


@pytest.mark.parametrize(
    ("user", "group", "mode", "flags", "expected"),
    [
        (7, 8, 0o400, OpenFlag(0), 0),
        (7, 8, 0o077, OpenFlag(0), -Errno.EACCES),  # the owner has no more than the owner's
        (9, 8, 0o040, OpenFlag(0), 0),
        (9, 8, 0o404, OpenFlag(0), -Errno.EACCES),
        (9, 9, 0o004, OpenFlag(0), 0),
        (9, 9, 0o004, OpenFlag.READ_WRITE, -Errno.EACCES),
        (9, 9, 0o002, OpenFlag.WRITE_ONLY, 0),
        (0, 0, 0o000, OpenFlag.READ_WRITE, -Errno.EACCES),  # it is capabilities that count
    ],
)
def test_the_mode_decides(
    machine: FileMachine, user: int, group: int, mode: int, flags: OpenFlag, expected: int
) -> None:
    machine.start()
    machine.close(machine.open("file", OpenFlag.CREATE))
    inode = machine.find("file")
    inode.mode, inode.user, inode.group = FileType.REGULAR | mode, 7, 8
    opened = machine.open("file", flags, subject=machine.subject(user, group))
    assert (opened if opened < 0 else 0) == expected
    assert machine.open("file", OpenFlag.READ_WRITE) > 0  # root may
