"""Waiting for several files, and asking for names, without memory."""

from __future__ import annotations

from kernel.contents import CONTENTS
from kernel.errno import Errno
from kernel.fs.files import Files
from kernel.fs.filetable import FileTable
from kernel.fs.polling import Polling
from kernel.mm.heap import Heap
from kernel.mm.pages import Pages
from kernel.process.filecalls import FileCalls
from kernel.process.limits import Resource
from kernel.process.namecalls import NameCalls
from kernel.process.pathcalls import PathCalls
from kernel.process.pollcalls import FEW, PollCalls
from kernel.process.process import Process
from kernel.process.task import Task
from kernel.process.usertimes import UserTimes
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from kernel.vm.usercopy import UserCopy
from pykasm import *
from pykasm.hostrun import Host, stand_ins

OPEN_LIMIT = 1024


def test_polling_without_memory() -> None:
    def ask_for_nothing(place: int, source: int, length: int) -> tuple[int, int]:
        host.write(place, b"\xff" * length)
        return 0, 0

    parts = Parts(CONTENTS, instead=stand_ins(Heap, UserCopy, FileCalls, Files, Polling, UserTimes))
    calls = parts[PollCalls]
    host = Host(calls)
    host.stub(parts[Heap].allocate, lambda size: 0)
    host.stub(
        parts[UserTimes].after_milliseconds, lambda number, place: host.write(place, b"\1" * 8)
    )
    host.map(0x1000, 0x1000)
    host.stub(parts[UserCopy].copy_in, ask_for_nothing)
    process = host.new(Process)
    host.at(Process, int(process)).limits[Resource.NOFILE].soft = OPEN_LIMIT
    table = host.new(FileTable)
    host.at(FileTable, int(table)).references.count = 1
    thread = host.new(Thread, user=int(host.new(Task, process=process, files=table)))
    host[parts[Scheduler].current] = int(thread)
    assert host.call(calls.poll, 0x1000, 3, 0) == 0
    assert host.call(calls.poll, 0x1000, 3, -1) == -Errno.ENOMEM  # to wait with
    assert host.call(calls.poll, 0x1000, FEW + 1, 0) == -Errno.ENOMEM
    assert host.call(calls.poll, 0x1000, OPEN_LIMIT + 1, 0) == -Errno.EINVAL
    assert host.call(calls.select, 3, 0, 0, 0, 0) == -Errno.ENOMEM
    assert host.call(calls.select, 2**32 - 1, 0, 0, 0, 0) == -Errno.EINVAL


def test_the_current_directory_without_memory() -> None:
    parts = Parts(CONTENTS, instead=stand_ins(Pages, UserCopy, PathCalls))
    calls = parts[NameCalls]
    host = Host(calls)
    host.stub(parts[Pages].allocate_page, lambda: 0)
    assert host.call(calls.getcwd, 0x1000, 100) == -Errno.ENOMEM
