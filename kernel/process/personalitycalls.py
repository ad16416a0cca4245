"""The system call for how a program's surroundings look."""

from __future__ import annotations

from kernel.process.identitycalls import UNCHANGED
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from pykasm import *

NO_RANDOMIZE = 0x0004_0000
"""Programs that it runs lie always at the same places (include/uapi/linux/personality.h:
ADDR_NO_RANDOMIZE)."""

STICKY_TIMEOUTS = 0x0400_0000
"""Calls that wait for files leave the timeouts that they are given as they are (the same)."""

LINUX_32 = 0x08
"""The lowest byte of the personality of programs that see a machine of 32 bits (the same:
PER_LINUX32)."""


class PersonalityCalls(SystemCallGroup):
    """Does what personality(2) says."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes

    @function(context="thread")
    def personality(self, value: U32) -> OrErrno[I64]:
        """Set the personality to `value`, unless that is UNCHANGED. Return what it was."""
        task = self.processes.current()
        mov(eax, task.personality)
        with if_(i32(value) != UNCHANGED):
            mov(task.personality, value)
        ret(rax)
