"""E064: a field is written by code that is not of the subsystems that write it."""

from pykasm import *


class Job(Struct):
    """Something to be done."""

    waiting: U32 = field(written_by="Mended")
    """1 while it is counted."""


class Broken(Subsystem):
    """Ends a job, of which it knows no more than that: the count is wrong from then on."""

    @function
    def run(self, job: Ptr[Job]) -> None:
        """End `job`."""
        mov(job.waiting, 0)


class Mended(Subsystem):
    """Counts jobs, and is the only one to say whether they wait."""

    count = bss(U64)

    @function
    def run(self, job: Ptr[Job]) -> None:
        """End `job`."""
        mov(job.waiting, 0)
        dec(self.count)
