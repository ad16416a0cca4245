"""Changes of a task's credentials."""

from __future__ import annotations

from kernel.fs.credentials import Credentials
from kernel.fs.credentialstore import CredentialStore
from kernel.process.dumpsettings import DumpSettings
from kernel.process.processes import Processes
from pykasm import *


class CredentialChanges(Subsystem):
    """Gives the task that runs other credentials: they are shared, so it changes a copy, and has
    that instead (credentials(7)). Context: thread."""

    def __init__(
        self, processes: Processes, settings: DumpSettings, store: CredentialStore
    ) -> None:
        self.processes = processes
        self.settings = settings
        self.store = store

    @function(context="thread")
    def copy(self) -> Owned[OrNull[Ptr[Credentials]]]:
        """Return a copy of the task's credentials, for `commit` or `abandon`; null without
        memory."""
        task = self.processes.current()
        tail(self.store.copy, task.credentials)

    @function(context="thread")
    def commit(self, credentials: Keep[Owned[Ptr[Credentials]]]) -> None:
        """Make `credentials` those of the task. If it is somebody else then, others may not look
        into it, and its parent's end does not concern it (prctl(2), PR_SET_DUMPABLE,
        PR_SET_PDEATHSIG)."""
        task = keep(self.processes.current())
        process = keep(task.process)
        with process.lock.held():
            xchg(task.credentials, credentials)
        former, new = scratch(credentials), scratch(task.credentials)
        mov(eax, task.number)
        with if_(eax == process.number):
            mov(eax, new.user)
            mov(process.user, eax)
        for name in ("effective_user", "effective_group", "fs_user", "fs_group"):
            mov(eax, getattr(former, name))
            with if_(eax != getattr(new, name)):
                mov(eax, self.settings.secure)
                mov(process.dumpable, eax)
                mov(task.parent_death_signal, 0)
        self.store.drop(credentials)

    @function
    def abandon(self, credentials: Owned[Ptr[Credentials]]) -> None:
        """Drop `credentials`, which are not to be the task's."""
        tail(self.store.drop, credentials)
