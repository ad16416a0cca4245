"""The system calls, by their numbers."""

from collections.abc import Sequence
from typing import Any

from kernel.errno import Errno
from kernel.exec.execcalls import ExecCalls
from kernel.net.connectioncalls import ConnectionCalls
from kernel.net.optioncalls import OptionCalls
from kernel.net.socketcalls import SocketCalls
from kernel.net.socketmessagecalls import SocketMessageCalls
from kernel.process.advicecalls import AdviceCalls
from kernel.process.affinitycalls import AffinityCalls
from kernel.process.barriercalls import BarrierCalls
from kernel.process.capabilitycalls import CapabilityCalls
from kernel.process.clocksettingcalls import ClockSettingCalls
from kernel.process.clonecalls import CloneCalls
from kernel.process.comparisoncalls import ComparisonCalls
from kernel.process.controlcalls import ControlCalls
from kernel.process.entrycalls import EntryCalls
from kernel.process.epollcalls import EpollCalls
from kernel.process.eventcalls import EventCalls
from kernel.process.extendedattributecalls import ExtendedAttributeCalls
from kernel.process.extendedstatuscalls import ExtendedStatusCalls
from kernel.process.filecalls import FileCalls
from kernel.process.filesystemcalls import FileSystemCalls
from kernel.process.fscontextcalls import FsContextCalls
from kernel.process.futexcalls import FutexCalls
from kernel.process.futexvectorcalls import FutexVectorCalls
from kernel.process.groupcalls import GroupCalls
from kernel.process.grouplistcalls import GroupListCalls
from kernel.process.identitycalls import IdentityCalls
from kernel.process.inotifycalls import InotifyCalls
from kernel.process.intervalcalls import IntervalCalls
from kernel.process.killcalls import KillCalls
from kernel.process.limitcalls import LimitCalls
from kernel.process.lockcalls import LockCalls
from kernel.process.logcalls import LogCalls
from kernel.process.machinecalls import MachineCalls
from kernel.process.memorycalls import MemoryCalls
from kernel.process.messagecalls import MessageCalls
from kernel.process.messagequeuecalls import MessageQueueCalls
from kernel.process.mountcalls import MountCalls
from kernel.process.namecalls import NameCalls
from kernel.process.namespacecalls import NamespaceCalls
from kernel.process.pathcalls import PathCalls
from kernel.process.personalitycalls import PersonalityCalls
from kernel.process.pidfdcalls import PidfdCalls
from kernel.process.pollcalls import PollCalls
from kernel.process.prioritycalls import PriorityCalls
from kernel.process.privatecalls import PrivateCalls
from kernel.process.processcalls import ProcessCalls
from kernel.process.processmemorycalls import ProcessMemoryCalls
from kernel.process.randomcalls import RandomCalls
from kernel.process.restartablecalls import RestartableCalls
from kernel.process.schedulingcalls import SchedulingCalls
from kernel.process.semaphorecalls import SemaphoreCalls
from kernel.process.sharedmemorycalls import SharedMemoryCalls
from kernel.process.signalcalls import SignalCalls
from kernel.process.spacecalls import SpaceCalls
from kernel.process.splicecalls import SpliceCalls
from kernel.process.stampcalls import StampCalls
from kernel.process.statuscalls import StatusCalls
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.systemnamecalls import SystemNameCalls
from kernel.process.timecalls import TimeCalls
from kernel.process.timercalls import TimerCalls
from kernel.process.timerfilecalls import TimerFileCalls
from kernel.process.transfercalls import TransferCalls
from kernel.process.usagecalls import UsageCalls
from kernel.process.vectorcalls import VectorCalls
from kernel.process.waitcalls import WaitCalls
from kernel.tty.terminalcalls import TerminalCalls
from pykasm import *
from pykasm.lang.function import Function
from pykasm.lang.stubs import stub_address


class SystemCallHandler(Fn[..., OrErrno[I64]], context="thread", untrusted=True):
    """What a system call does. Its parameters are the program's registers, as far as it needs any;
    its result is what the program gets in rax."""


NUMBERS: dict[int, Function[Any]] = {
    0: FileCalls.read,
    1: FileCalls.write,
    2: PathCalls.open,
    3: FileCalls.close,
    4: StatusCalls.stat,
    5: StatusCalls.fstat,
    6: StatusCalls.lstat,
    7: PollCalls.poll,
    8: FileCalls.lseek,
    9: MemoryCalls.mmap,
    10: MemoryCalls.mprotect,
    11: MemoryCalls.munmap,
    12: MemoryCalls.brk,
    13: SignalCalls.rt_sigaction,
    14: SignalCalls.rt_sigprocmask,
    15: SignalCalls.rt_sigreturn,
    16: FileCalls.ioctl,
    17: FileCalls.pread64,
    18: FileCalls.pwrite64,
    19: VectorCalls.readv,
    20: VectorCalls.writev,
    21: NameCalls.access,
    22: FileCalls.pipe,
    23: PollCalls.select,
    24: ProcessCalls.sched_yield,
    25: MemoryCalls.mremap,
    26: AdviceCalls.msync,
    27: AdviceCalls.mincore,
    28: AdviceCalls.madvise,
    29: SharedMemoryCalls.shmget,
    30: SharedMemoryCalls.shmat,
    31: SharedMemoryCalls.shmctl,
    32: FileCalls.dup,
    33: FileCalls.dup2,
    34: SignalCalls.pause,
    35: TimeCalls.nanosleep,
    36: IntervalCalls.getitimer,
    37: IntervalCalls.alarm,
    38: IntervalCalls.setitimer,
    39: ProcessCalls.getpid,
    40: TransferCalls.sendfile,
    41: SocketCalls.socket,
    42: ConnectionCalls.connect,
    43: ConnectionCalls.accept,
    44: SocketMessageCalls.sendto,
    45: SocketMessageCalls.recvfrom,
    46: SocketMessageCalls.sendmsg,
    47: SocketMessageCalls.recvmsg,
    48: SocketCalls.shutdown,
    49: ConnectionCalls.bind,
    50: ConnectionCalls.listen,
    51: ConnectionCalls.getsockname,
    52: ConnectionCalls.getpeername,
    53: SocketCalls.socketpair,
    54: OptionCalls.setsockopt,
    55: OptionCalls.getsockopt,
    56: CloneCalls.clone,
    57: CloneCalls.fork,
    58: CloneCalls.vfork,
    59: ExecCalls.execve,
    60: ProcessCalls.exit,
    61: WaitCalls.wait4,
    62: KillCalls.kill,
    63: SystemNameCalls.uname,
    64: SemaphoreCalls.semget,
    65: SemaphoreCalls.semop,
    66: SemaphoreCalls.semctl,
    67: SharedMemoryCalls.shmdt,
    68: MessageCalls.msgget,
    69: MessageCalls.msgsnd,
    70: MessageCalls.msgrcv,
    71: MessageCalls.msgctl,
    72: FileCalls.fcntl,
    73: LockCalls.flock,
    74: FileCalls.fsync,
    75: FileCalls.fdatasync,
    76: StatusCalls.truncate,
    77: StatusCalls.ftruncate,
    78: StatusCalls.getdents,
    79: NameCalls.getcwd,
    80: FsContextCalls.chdir,
    81: FsContextCalls.fchdir,
    82: EntryCalls.rename,
    83: EntryCalls.mkdir,
    84: EntryCalls.rmdir,
    85: PathCalls.creat,
    86: EntryCalls.link,
    87: EntryCalls.unlink,
    88: EntryCalls.symlink,
    89: NameCalls.readlink,
    90: StatusCalls.chmod,
    91: StatusCalls.fchmod,
    92: StatusCalls.chown,
    93: StatusCalls.fchown,
    94: StatusCalls.lchown,
    95: FsContextCalls.umask,
    96: TimeCalls.gettimeofday,
    97: LimitCalls.getrlimit,
    98: UsageCalls.getrusage,
    99: SchedulingCalls.sysinfo,
    100: UsageCalls.times,
    102: IdentityCalls.getuid,
    103: LogCalls.syslog,
    104: IdentityCalls.getgid,
    105: IdentityCalls.setuid,
    106: IdentityCalls.setgid,
    107: IdentityCalls.geteuid,
    108: IdentityCalls.getegid,
    109: GroupCalls.setpgid,
    110: GroupCalls.getppid,
    111: GroupCalls.getpgrp,
    112: GroupCalls.setsid,
    113: IdentityCalls.setreuid,
    114: IdentityCalls.setregid,
    115: GroupListCalls.getgroups,
    116: GroupListCalls.setgroups,
    117: IdentityCalls.setresuid,
    118: IdentityCalls.getresuid,
    119: IdentityCalls.setresgid,
    120: IdentityCalls.getresgid,
    121: GroupCalls.getpgid,
    122: IdentityCalls.setfsuid,
    123: IdentityCalls.setfsgid,
    124: GroupCalls.getsid,
    125: CapabilityCalls.capget,
    126: CapabilityCalls.capset,
    127: SignalCalls.rt_sigpending,
    128: SignalCalls.rt_sigtimedwait,
    129: KillCalls.rt_sigqueueinfo,
    130: SignalCalls.rt_sigsuspend,
    131: SignalCalls.sigaltstack,
    132: StampCalls.utime,
    133: EntryCalls.mknod,
    135: PersonalityCalls.personality,
    136: FileSystemCalls.ustat,
    137: MountCalls.statfs,
    138: MountCalls.fstatfs,
    139: FileSystemCalls.sysfs,
    140: PriorityCalls.getpriority,
    141: PriorityCalls.setpriority,
    142: SchedulingCalls.sched_setparam,
    143: SchedulingCalls.sched_getparam,
    144: SchedulingCalls.sched_setscheduler,
    145: SchedulingCalls.sched_getscheduler,
    146: SchedulingCalls.sched_get_priority_max,
    147: SchedulingCalls.sched_get_priority_min,
    148: SchedulingCalls.sched_rr_get_interval,
    149: AdviceCalls.mlock,
    150: AdviceCalls.munlock,
    151: AdviceCalls.mlockall,
    152: AdviceCalls.munlockall,
    153: TerminalCalls.vhangup,
    155: NamespaceCalls.pivot_root,
    157: ControlCalls.prctl,
    158: ProcessCalls.arch_prctl,
    159: ClockSettingCalls.adjtimex,
    160: LimitCalls.setrlimit,
    161: FsContextCalls.chroot,
    162: FileCalls.sync,
    165: MountCalls.mount,
    166: MountCalls.umount2,
    164: ClockSettingCalls.settimeofday,
    169: MachineCalls.reboot,
    170: SystemNameCalls.sethostname,
    171: SystemNameCalls.setdomainname,
    172: MachineCalls.iopl,
    173: MachineCalls.ioperm,
    186: ProcessCalls.gettid,
    187: SpaceCalls.readahead,
    188: ExtendedAttributeCalls.setxattr,
    189: ExtendedAttributeCalls.lsetxattr,
    190: ExtendedAttributeCalls.fsetxattr,
    191: ExtendedAttributeCalls.getxattr,
    192: ExtendedAttributeCalls.lgetxattr,
    193: ExtendedAttributeCalls.fgetxattr,
    194: ExtendedAttributeCalls.listxattr,
    195: ExtendedAttributeCalls.llistxattr,
    196: ExtendedAttributeCalls.flistxattr,
    197: ExtendedAttributeCalls.removexattr,
    198: ExtendedAttributeCalls.lremovexattr,
    199: ExtendedAttributeCalls.fremovexattr,
    200: KillCalls.tkill,
    201: TimeCalls.time,
    202: FutexCalls.futex,
    203: AffinityCalls.sched_setaffinity,
    204: AffinityCalls.sched_getaffinity,
    213: EpollCalls.epoll_create,
    217: StatusCalls.getdents64,
    218: ProcessCalls.set_tid_address,
    219: SignalCalls.restart_syscall,
    220: SemaphoreCalls.semtimedop,
    221: SpaceCalls.fadvise64,
    222: TimerCalls.timer_create,
    223: TimerCalls.timer_settime,
    224: TimerCalls.timer_gettime,
    225: TimerCalls.timer_getoverrun,
    226: TimerCalls.timer_delete,
    227: ClockSettingCalls.clock_settime,
    228: TimeCalls.clock_gettime,
    229: TimeCalls.clock_getres,
    230: TimeCalls.clock_nanosleep,
    231: ProcessCalls.exit_group,
    232: EpollCalls.epoll_wait,
    233: EpollCalls.epoll_ctl,
    234: KillCalls.tgkill,
    235: StampCalls.utimes,
    240: MessageQueueCalls.mq_open,
    241: MessageQueueCalls.mq_unlink,
    242: MessageQueueCalls.mq_timedsend,
    243: MessageQueueCalls.mq_timedreceive,
    244: MessageQueueCalls.mq_notify,
    245: MessageQueueCalls.mq_getsetattr,
    247: WaitCalls.waitid,
    253: InotifyCalls.inotify_init,
    254: InotifyCalls.inotify_add_watch,
    255: InotifyCalls.inotify_rm_watch,
    257: PathCalls.openat,
    258: EntryCalls.mkdirat,
    259: EntryCalls.mknodat,
    260: StatusCalls.fchownat,
    261: StampCalls.futimesat,
    262: StatusCalls.newfstatat,
    263: EntryCalls.unlinkat,
    264: EntryCalls.renameat,
    265: EntryCalls.linkat,
    266: EntryCalls.symlinkat,
    267: NameCalls.readlinkat,
    268: StatusCalls.fchmodat,
    269: NameCalls.faccessat,
    270: PollCalls.pselect6,
    271: PollCalls.ppoll,
    272: NamespaceCalls.unshare,
    273: FutexCalls.set_robust_list,
    274: FutexCalls.get_robust_list,
    275: SpliceCalls.splice,
    276: SpliceCalls.tee,
    277: SpaceCalls.sync_file_range,
    278: SpliceCalls.vmsplice,
    280: StampCalls.utimensat,
    281: EpollCalls.epoll_pwait,
    282: EventCalls.signalfd,
    283: TimerFileCalls.timerfd_create,
    284: EventCalls.eventfd,
    285: SpaceCalls.fallocate,
    286: TimerFileCalls.timerfd_settime,
    287: TimerFileCalls.timerfd_gettime,
    288: ConnectionCalls.accept4,
    289: EventCalls.signalfd4,
    290: EventCalls.eventfd2,
    291: EpollCalls.epoll_create1,
    292: FileCalls.dup3,
    293: FileCalls.pipe2,
    294: InotifyCalls.inotify_init1,
    295: VectorCalls.preadv,
    296: VectorCalls.pwritev,
    297: KillCalls.rt_tgsigqueueinfo,
    299: SocketMessageCalls.recvmmsg,
    302: LimitCalls.prlimit64,
    305: ClockSettingCalls.clock_adjtime,
    306: MountCalls.syncfs,
    307: SocketMessageCalls.sendmmsg,
    308: NamespaceCalls.setns,
    309: MachineCalls.getcpu,
    310: ProcessMemoryCalls.process_vm_readv,
    311: ProcessMemoryCalls.process_vm_writev,
    312: ComparisonCalls.kcmp,
    314: SchedulingCalls.sched_setattr,
    315: SchedulingCalls.sched_getattr,
    316: EntryCalls.renameat2,
    318: RandomCalls.getrandom,
    319: EventCalls.memfd_create,
    322: ExecCalls.execveat,
    324: BarrierCalls.membarrier,
    325: AdviceCalls.mlock2,
    326: TransferCalls.copy_file_range,
    327: VectorCalls.preadv2,
    328: VectorCalls.pwritev2,
    332: ExtendedStatusCalls.statx,
    334: RestartableCalls.rseq,
    424: KillCalls.pidfd_send_signal,
    434: PidfdCalls.pidfd_open,
    435: CloneCalls.clone3,
    436: FileCalls.close_range,
    437: PathCalls.openat2,
    438: PidfdCalls.pidfd_getfd,
    439: NameCalls.faccessat2,
    440: ProcessMemoryCalls.process_madvise,
    441: EpollCalls.epoll_pwait2,
    449: FutexVectorCalls.futex_waitv,
}
"""What does each system call, by its number in Linux (arch/x86/entry/syscalls/syscall_64.tbl)."""

CALLS = 512
"""How many numbers the table has room for."""

FIRST_PRIVATE = 0x1000
"""Where the numbers of calls begin that Linux does not have."""


ARGUMENTS = (edi, esi, edx, ecx, r8d, r9d)
"""The lower halves of where functions find arguments (System V ABI AMD64 supplement, 3.2.3)."""


class SystemCalls(Subsystem):
    """What each number does."""

    def __init__(self, groups: Sequence[SystemCallGroup], private: PrivateCalls) -> None:
        owners: dict[type, Subsystem] = {type(one): one for one in groups}
        self.rows = {
            number: getattr(owners[one.owner], one.name)
            for number, one in NUMBERS.items()
            if one.owner in owners  # the smallest image has few
        }
        self.handlers = rodata(SystemCallHandler * CALLS, [self._entry(n) for n in range(CALLS)])
        self.private = [private.fail_allocation]
        self.private_handlers = rodata(SystemCallHandler * len(self.private), self.private)

    @function(context="thread")
    def missing(self) -> OrErrno[I64]:
        """Do nothing: there is no such call."""
        ret(-Errno.ENOSYS)

    def _entry(self, number: int) -> object:
        """What a call of this number goes to: its function, or a stub in front of it."""
        if number not in self.rows:
            return self.missing
        if not _narrow(NUMBERS[number]):
            return self.rows[number]
        return stub_address(self._unit_name(), f"enter_{NUMBERS[number].name}")

    @emits
    def _make_stubs(self) -> None:
        """Clear the upper halves of arguments of 32 bits: programs leave anything there, and
        functions find them cleared."""
        for number, handler in self.rows.items():
            narrow = _narrow(NUMBERS[number])
            if narrow:
                with stub(f"enter_{NUMBERS[number].name}"):
                    for place in narrow:
                        mov(ARGUMENTS[place], ARGUMENTS[place])
                    jmp(handler)


def _narrow(handler: Function[Any]) -> list[int]:
    """Return which parameters of `handler` have 32 bits."""
    sizes = [sizeof(one.type) for one in handler.signature().parameters]
    assert all(size in (sizeof(U32), sizeof(U64)) for size in sizes)
    return [place for place, size in enumerate(sizes) if size == sizeof(U32)]
