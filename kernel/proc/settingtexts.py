"""Texts about settings of the kernel: `/proc/sys`."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.dentries import Dentries
from kernel.fs.files import Files
from kernel.fs.inode import Inode
from kernel.fs.inodes import Inodes
from kernel.fs.pipe import LARGEST
from kernel.fs.randomness import Randomness
from kernel.fs.textwriter import TextWriter
from kernel.log.level import CONSOLE_LEVEL
from kernel.log.log import Log
from kernel.paging.addresses import USER_START
from kernel.proc.procsource import ProcConstant, ProcSetting, ProcSource, ProcText
from kernel.process.grouplistcalls import MOST_GROUPS
from kernel.process.limitcalls import LimitCalls
from kernel.process.logcalls import LOUD, SILENT
from kernel.process.processids import FIRST_REUSED, PID_MAX, ProcessIds
from kernel.process.systemnamecalls import FIELD_SIZE, SystemNameCalls, SystemNames
from kernel.sched.realtimelimit import WITHOUT_LIMIT, RealTimeLimit
from kernel.text.numbers import Numbers
from kernel.vm.regions import Regions
from pykasm import *

MOST = (1 << 63) - 1
"""What Linux shows where there is no limit but that of the number."""

MOST_32 = (1 << 31) - 1
"""The same for 32 bits."""

LEAST_FILES, MOST_FILES = 64, (1 << 30) - 64
"""To what the greatest limit of open files may be set (fs/file.c: sysctl_nr_open_min and _max)."""

ENTROPY_BITS = 256
"""Of the key of the generator of random numbers."""

UUID_SIZE = 16
HYPHENS = (4, 6, 8, 10)
"""Bytes of a UUID, and before which of them its text has hyphens (RFC 4122, 3)."""

VERSION_PLACE, VARIANT_PLACE = 6, 8
"""Which of its bytes say what it is (RFC 4122, 4.4)."""

CONSTANTS = {
    "kernel/cap_last_cap": int(max(CapabilityBit)),
    "kernel/ngroups_max": MOST_GROUPS,
    "kernel/random/entropy_avail": ENTROPY_BITS,
    "kernel/random/poolsize": ENTROPY_BITS,
    "kernel/tainted": 0,
    "kernel/threads-max": PID_MAX - FIRST_REUSED,
    "vm/mmap_min_addr": USER_START,
    "vm/overcommit_memory": 0,
    "fs/file-max": MOST,
    "fs/pipe-max-size": LARGEST,
}
"""What can't be set here. Memory is lent as `Overcommit` says, the heuristic of Linux."""


class SettingTexts(ProcSource):
    """Writes settings, and takes those that may be changed. Context: thread."""

    boot_identity = bss(U8 * UUID_SIZE)
    """All 0 until somebody asks for it."""

    def __init__(
        self,
        writer: TextWriter,
        numbers: Numbers,
        names: SystemNameCalls,
        randomness: Randomness,
        log: Log,
        files: Files,
        inodes: Inodes,
        dentries: Dentries,
        ids: ProcessIds,
        regions: Regions,
        limits: LimitCalls,
        real_time: RealTimeLimit,
    ) -> None:
        self.real_time = real_time
        self.writer = writer
        self.numbers = numbers
        self.names = names
        self.randomness = randomness
        self.log = log
        self.files = files
        self.inodes = inodes
        self.dentries = dentries
        shown = {
            "kernel/osrelease": self.show_release,
            "kernel/ostype": self.show_type,
            "kernel/version": self.show_build,
            "kernel/random/uuid": self.show_identity,
            "kernel/random/boot_id": self.show_boot_identity,
            "fs/file-nr": self.show_files,
            "fs/inode-nr": self.show_inodes,
            "fs/dentry-state": self.show_entries,
        }
        changed = {
            "kernel/hostname": (self.show_host, self.set_host),
            "kernel/domainname": (self.show_domain, self.set_domain),
            "kernel/printk": (self.show_level, self.set_level),
            "kernel/sched_rt_period_us": (self.show_period, self.set_period),
            "kernel/sched_rt_runtime_us": (self.show_runtime, self.set_runtime),
        }
        self.proc_files = [
            ProcSetting("sys/kernel/pid_max", ids.end, FIRST_REUSED + 1, PID_MAX),
            ProcSetting("sys/vm/max_map_count", regions.most, 0, MOST_32),
            ProcSetting("sys/fs/nr_open", limits.most_files, LEAST_FILES, MOST_FILES),
            *(ProcConstant(f"sys/{path}", str(text)) for path, text in CONSTANTS.items()),
            *(ProcText(f"sys/{path}", show) for path, show in shown.items()),
            *(
                ProcText(f"sys/{path}", show, mode=0o644, store=store)
                for path, (show, store) in changed.items()
            ),
        ]

    # Names

    @inline(changes=CALLER_SAVED)
    def _show_name(self, field_name: str) -> None:
        """Write one of `SystemNames` in a line."""
        place = scratch(Ptr[U8])
        lea(place, self.names.names[offsetof(SystemNames, field_name)])
        self.writer.print("%s\n", place)

    @function
    def show_host(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the name of the machine."""
        self._show_name("node")
        ret(0)

    @function
    def show_domain(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the name of its domain."""
        self._show_name("domain")
        ret(0)

    @function
    def show_release(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the release of the kernel."""
        self._show_name("release")
        ret(0)

    @function
    def show_type(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the name of the system."""
        self._show_name("system")
        ret(0)

    @function
    def show_build(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write which build of the kernel this is."""
        self._show_name("version")
        ret(0)

    @function(context="thread", sleeps=True)
    def set_host(self, inode: Ptr[Inode], text: Ptr[U8]) -> OrErrno[I32]:
        """Set the name of the machine."""
        tail(self._set_name, offsetof(SystemNames, "node"), text)

    @function(context="thread", sleeps=True)
    def set_domain(self, inode: Ptr[Inode], text: Ptr[U8]) -> OrErrno[I32]:
        """Set the name of its domain."""
        tail(self._set_name, offsetof(SystemNames, "domain"), text)

    @function(context="thread", sleeps=True)
    def _set_name(self, place: U64, text: Ptr[U8]) -> OrErrno[I32]:
        """Set the name at `place` in `SystemNames` to the first line of `text`, as far as there is
        room. Returns 0."""
        length = scratch(U64)
        xor(u32(length), u32(length))
        with while_((text[length] != 0) & (text[length] != ord("\n")) & (length < FIELD_SIZE - 1)):
            inc(length)
        self.names.set_name(place, text, length)
        ret(0)

    # The log

    @function
    def show_level(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write which messages are shown on the console: those below the first number. The others
        are what messages without a level have, the least that it may be, and what it was at
        first."""
        level = scratch(self.log.console_limit)
        self.writer.print(f"%u\t{CONSOLE_LEVEL}\t{SILENT}\t{CONSOLE_LEVEL + 1}\n", level)
        ret(0)

    @function
    def set_level(self, inode: Ptr[Inode], text: Ptr[U8]) -> OrErrno[I32]:
        """Set the first of them. Returns 0, or -EINVAL if it is no number from 1 to 8."""
        level = try_(self._parse(text), Errno.EINVAL)
        fail_if(level > LOUD, Errno.EINVAL)
        mov(self.log.console_limit, u32(level))
        ret(0)

    @function
    def _parse(self, text: Ptr[U8]) -> U64:
        """Return the number that `text`, which is changed, begins with; 0 if it is none."""
        place = scratch(text)
        with while_((at(place) != 0) & (at(place) > ord(" "))):
            inc(place)
        mov(at(place), 0)
        value, good = self.numbers.parse(text)
        with if_(~good):
            ret(0)
        ret(value)

    # Real-time policies (sched(7))

    @function
    def show_period(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the microseconds of their period."""
        self.writer.print("%u\n", u64(self.real_time.period))
        ret(0)

    @function
    def set_period(self, inode: Ptr[Inode], text: Ptr[U8]) -> OrErrno[I32]:
        """Set it. Returns 0, or -EINVAL if it is no such number, or less than the runtime."""
        period = try_(self._parse(text), Errno.EINVAL)
        fail_if(period > MOST_32, Errno.EINVAL)
        fail_if(i64(period) < self.real_time.runtime, Errno.EINVAL)
        mov(self.real_time.period, i64(period))
        ret(0)

    @function
    def show_runtime(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write how many microseconds of it are theirs, or that there is no limit."""
        with if_(self.real_time.runtime == WITHOUT_LIMIT):
            self.writer.print(f"{WITHOUT_LIMIT}\n")
            ret(0)
        self.writer.print("%u\n", u64(self.real_time.runtime))
        ret(0)

    @function
    def set_runtime(self, inode: Ptr[Inode], text: Keep[Ptr[U8]]) -> OrErrno[I32]:
        """Set that. Returns 0, or -EINVAL if it is no such number, or more than the period."""
        with if_((text[0] == ord("-")) & (text[1] == ord("1")) & (text[2] <= ord(" "))):
            mov(self.real_time.runtime, WITHOUT_LIMIT)
            ret(0)
        runtime = scratch(self._parse(text))
        with if_((runtime == 0) & (text[0] != ord("0"))):
            ret(-Errno.EINVAL)
        fail_if(runtime > u64(self.real_time.period), Errno.EINVAL)
        mov(self.real_time.runtime, i64(runtime))
        ret(0)

    # Counts

    @function
    def show_files(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write how many files are open, how many of their records are free, and how many there may
        be (proc(5), file-nr)."""
        self.writer.print(f"%u\t0\t{MOST}\n", self.files.count)
        ret(0)

    @function
    def show_inodes(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write how many inodes are in memory, and how many of their records are free."""
        self.writer.print("%u\t0\n", self.inodes.count)
        ret(0)

    @function
    def show_entries(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write how many directory entries are in memory; the rest is about those that are given
        back when memory is short: none."""
        self.writer.print("%u\t0\t0\t0\t0\t0\n", self.dentries.count)
        ret(0)

    # Random identities

    @function
    def show_identity(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write another UUID each time."""
        block = local(U8 * (2 * UUID_SIZE))
        self._make_identity(address_of(block))
        self._show_identity(address_of(block))
        ret(0)

    @function
    def show_boot_identity(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the UUID that this start of the machine has."""
        block = local(U8 * (2 * UUID_SIZE))
        with if_(u8(self.boot_identity[VERSION_PLACE]) == 0):
            self._make_identity(address_of(block))
            lea(rsi, block)
            lea(rdi, self.boot_identity)
            mov(ecx, UUID_SIZE)
            rep.movsb()
        self._show_identity(address_of(self.boot_identity))
        ret(0)

    @function
    def _make_identity(self, block: Keep[Ptr[U8]]) -> None:
        """Make a random UUID at `block` (RFC 4122, 4.4)."""
        self.randomness.next_block(block)
        for place, mask, bits in ((VERSION_PLACE, 0x0F, 0x40), (VARIANT_PLACE, 0x3F, 0x80)):
            mov(al, block[place])
            and_(al, mask)
            or_(al, bits)
            mov(block[place], al)

    @function
    def _show_identity(self, block: Keep[Ptr[U8]]) -> None:
        """Write the UUID at `block`."""
        for place in range(UUID_SIZE):
            if place in HYPHENS:
                self.writer.print("-")
            movzx(eax, block[place])
            self.writer.print("%02x", rax)
        self.writer.print("\n")
