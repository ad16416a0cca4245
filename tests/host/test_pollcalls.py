"""Waiting for several files, and asking for names, without memory."""

from __future__ import annotations

from kernel.contents import CONTENTS
from kernel.errno import Errno
from kernel.fs.files import Files
from kernel.fs.polling import Polling
from kernel.mm.heap import Heap
from kernel.mm.pages import Pages
from kernel.process.filecalls import FileCalls
from kernel.process.limits import Resource
from kernel.process.namecalls import NameCalls
from kernel.process.pathcalls import PathCalls
from kernel.process.pollcalls import PollCalls
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
    parts = Parts(CONTENTS, instead=stand_ins(Heap, UserCopy, FileCalls, Files, Polling, UserTimes))
    calls = parts[PollCalls]
    host = Host(calls)
    host.stub(parts[Heap].allocate, lambda size: 0)
    host.stub(parts[UserCopy].copy_in, lambda to, source, length: (0, 0))
    process = host.new(Process)
    host.at(Process, int(process)).limits[Resource.NOFILE].soft = OPEN_LIMIT
    thread = host.new(Thread, user=int(host.new(Task, process=process)))
    host[parts[Scheduler].current] = int(thread)
    assert host.call(calls.poll, 0x1000, 3, 0) == -Errno.ENOMEM
    assert host.call(calls.poll, 0x1000, OPEN_LIMIT + 1, 0) == -Errno.EINVAL
    assert host.call(calls.select, 3, 0, 0, 0, 0) == -Errno.ENOMEM
    assert host.call(calls.select, 2**32 - 1, 0, 0, 0, 0) == -Errno.EINVAL


def test_the_current_directory_without_memory() -> None:
    parts = Parts(CONTENTS, instead=stand_ins(Pages, UserCopy, PathCalls))
    calls = parts[NameCalls]
    host = Host(calls)
    host.stub(parts[Pages].allocate_page, lambda: 0)
    assert host.call(calls.getcwd, 0x1000, 100) == -Errno.ENOMEM
