"""Changes of how threads of programs are chosen to run."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.process.limits import Resource
from kernel.process.policies import LEAST_NICE, MOST_NICE, MOST_PRIORITY, Policies, Policy
from kernel.process.prioritylocks import PriorityLocks
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.task import Task
from pykasm import *

REAL_TIME = (Policy.FIFO, Policy.ROUND_ROBIN)

NICE_OFFSET = 20
"""What RLIMIT_NICE is for a nice value of 0; one less for each that is higher."""


class PolicyRequest(Struct):
    """What is to become of a thread."""

    policy: U32 = field(Policy)
    priority: U32
    nice: I32
    resets: U32
    """1 for RESET_ON_FORK."""
    keeps_policy: U32
    """1 if the policy is to stay, and whether it is reset."""
    keeps_nice: U32
    has_deadline: U32
    """1 if it comes with times that go together for DEADLINE."""
    keeps_all: U32
    """1 if priority and nice value are to stay, too."""


class PolicyChanges(Subsystem):
    """Changes policies, if the task that runs may do that (sched(7), "Privileges and resource
    limits"). Context: thread."""

    def __init__(self, processes: Processes, policies: Policies, locks: PriorityLocks) -> None:
        self.processes = processes
        self.policies = policies
        self.locks = locks

    @function(context="thread", holds="process.lock")
    def change(
        self, process: Keep[Ptr[Process]], task: Keep[Ptr[Task]], request: Keep[Ptr[PolicyRequest]]
    ) -> OrErrno[I64]:
        """Do what `request` says with `task`, one of `process`. Returns 0, -EINVAL, -EPERM or
        -EBUSY."""
        try_(self._check(request))
        try_(self._allow(process, task, request))
        # There is no processor time that could be kept free for it
        fail_if(request.policy == Policy.DEADLINE, Errno.EBUSY)
        for own, name in (
            ("policy", "policy"),
            ("real_time_priority", "priority"),
            ("resets_policy", "resets"),
            ("nice", "nice"),
        ):
            mov(eax, u32(getattr(request, name)))
            mov(u32(getattr(task, own)), eax)
        self.policies.apply(task)
        self.locks.pass_on(task)
        ret(0)

    @function
    def _check(self, request: Ptr[PolicyRequest]) -> OrErrno[I64]:
        """Return 0 if the parts of `request` go together, with the nearest nice value that there
        is; else -EINVAL."""
        with if_(request.nice < LEAST_NICE):
            mov(request.nice, LEAST_NICE)
        with if_(request.nice > MOST_NICE):
            mov(request.nice, MOST_NICE)
        priority, policy = scratch(request.priority), scratch(request.policy)
        with if_((policy == Policy.DEADLINE) & (request.has_deadline != 0)):
            fail_if(priority != 0, Errno.EINVAL)
            ret(0)
        for one in REAL_TIME:
            with if_(policy == one):
                dec(priority)
                fail_if(priority >= MOST_PRIORITY, Errno.EINVAL)
                ret(0)
        fail_if(
            (policy != Policy.OTHER) & (policy != Policy.BATCH) & (policy != Policy.IDLE),
            Errno.EINVAL,
        )
        fail_if(priority != 0, Errno.EINVAL)
        ret(0)

    @function(holds="process.lock")
    def _allow(
        self, process: Ptr[Process], task: Ptr[Task], request: Ptr[PolicyRequest]
    ) -> OrErrno[I64]:
        """Return 0 if the task that runs may do what `request` says with `task`; else -EPERM."""
        own, other = scratch(self.processes.current().credentials), scratch(task.credentials)
        with if_(own.effective & (1 << CapabilityBit.SYS_NICE)):
            ret(0)
        mov(eax, own.effective_user)
        fail_if((eax != other.user) & (eax != other.effective_user), Errno.EPERM)
        release(own, other)
        mov(eax, request.resets)
        fail_if((task.resets_policy != 0) & (eax == 0), Errno.EPERM)
        policy = scratch(request.policy)
        fail_if(policy == Policy.DEADLINE, Errno.EPERM)
        with if_(request.priority != 0):
            limit = scratch(process.limits[Resource.RTPRIO].soft)
            fail_if((policy != task.policy) & (limit == 0), Errno.EPERM)
            mov(eax, request.priority)
            fail_if((eax > task.real_time_priority) & (rax > limit), Errno.EPERM)
            ret(0)
        nice = scratch(request.nice)
        with if_((nice < task.nice) | ((task.policy == Policy.IDLE) & (policy != Policy.IDLE))):
            mov(eax, NICE_OFFSET)
            sub(eax, nice)
            fail_if(rax > process.limits[Resource.NICE].soft, Errno.EPERM)
        ret(0)
