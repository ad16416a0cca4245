"""The system calls, by their numbers."""

from typing import Any

from kernel.errno import Errno
from kernel.exec.execcalls import ExecCalls
from kernel.process.advicecalls import AdviceCalls
from kernel.process.clonecalls import CloneCalls
from kernel.process.filecalls import FileCalls
from kernel.process.futexcalls import FutexCalls
from kernel.process.groupcalls import GroupCalls
from kernel.process.memorycalls import MemoryCalls
from kernel.process.pathcalls import PathCalls
from kernel.process.privatecalls import PrivateCalls
from kernel.process.processcalls import ProcessCalls
from kernel.process.signalcalls import SignalCalls
from kernel.process.statuscalls import StatusCalls
from kernel.process.timecalls import TimeCalls
from kernel.process.vectorcalls import VectorCalls
from kernel.process.waitcalls import WaitCalls
from pykasm import *
from pykasm.lang.function import Function


class SystemCallHandler(Fn[..., OrErrno[I64]], context="thread"):
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
    22: FileCalls.pipe,
    24: ProcessCalls.sched_yield,
    25: MemoryCalls.mremap,
    26: AdviceCalls.msync,
    27: AdviceCalls.mincore,
    28: AdviceCalls.madvise,
    32: FileCalls.dup,
    33: FileCalls.dup2,
    34: SignalCalls.pause,
    39: ProcessCalls.getpid,
    56: CloneCalls.clone,
    57: CloneCalls.fork,
    58: CloneCalls.vfork,
    59: ExecCalls.execve,
    60: ProcessCalls.exit,
    61: WaitCalls.wait4,
    72: FileCalls.fcntl,
    76: StatusCalls.truncate,
    77: StatusCalls.ftruncate,
    80: PathCalls.chdir,
    81: PathCalls.fchdir,
    82: PathCalls.rename,
    83: PathCalls.mkdir,
    84: PathCalls.rmdir,
    85: PathCalls.creat,
    86: PathCalls.link,
    87: PathCalls.unlink,
    88: PathCalls.symlink,
    90: StatusCalls.chmod,
    91: StatusCalls.fchmod,
    92: StatusCalls.chown,
    93: StatusCalls.fchown,
    94: StatusCalls.lchown,
    95: PathCalls.umask,
    109: GroupCalls.setpgid,
    110: GroupCalls.getppid,
    111: GroupCalls.getpgrp,
    112: GroupCalls.setsid,
    121: GroupCalls.getpgid,
    124: GroupCalls.getsid,
    127: SignalCalls.rt_sigpending,
    128: SignalCalls.rt_sigtimedwait,
    130: SignalCalls.rt_sigsuspend,
    131: SignalCalls.sigaltstack,
    149: AdviceCalls.mlock,
    150: AdviceCalls.munlock,
    151: AdviceCalls.mlockall,
    152: AdviceCalls.munlockall,
    158: ProcessCalls.arch_prctl,
    186: ProcessCalls.gettid,
    217: StatusCalls.getdents64,
    218: ProcessCalls.set_tid_address,
    219: SignalCalls.restart_syscall,
    231: ProcessCalls.exit_group,
    247: WaitCalls.waitid,
    257: PathCalls.openat,
    258: PathCalls.mkdirat,
    260: StatusCalls.fchownat,
    262: StatusCalls.newfstatat,
    263: PathCalls.unlinkat,
    264: PathCalls.renameat,
    265: PathCalls.linkat,
    266: PathCalls.symlinkat,
    268: StatusCalls.fchmodat,
    292: FileCalls.dup3,
    293: FileCalls.pipe2,
    295: VectorCalls.preadv,
    296: VectorCalls.pwritev,
    316: PathCalls.renameat2,
    322: ExecCalls.execveat,
    325: AdviceCalls.mlock2,
    327: VectorCalls.preadv2,
    328: VectorCalls.pwritev2,
    435: CloneCalls.clone3,
}
"""What does each system call, by its number in Linux (arch/x86/entry/syscalls/syscall_64.tbl)."""

CALLS = 512
"""How many numbers the table has room for."""

FIRST_PRIVATE = 0x1000
"""Where the numbers of calls begin that Linux does not have."""


class SystemCalls(Subsystem):
    """What each number does."""

    def __init__(
        self,
        process: ProcessCalls,
        files: FileCalls,
        paths: PathCalls,
        statuses: StatusCalls,
        memory: MemoryCalls,
        advice: AdviceCalls,
        vectors: VectorCalls,
        groups: GroupCalls,
        clones: CloneCalls,
        programs: ExecCalls,
        waits: WaitCalls,
        times: TimeCalls,
        futexes: FutexCalls,
        private: PrivateCalls,
        signals: SignalCalls,
    ) -> None:
        subsystems = (
            process,
            files,
            paths,
            statuses,
            memory,
            advice,
            vectors,
            groups,
            clones,
            programs,
            waits,
            signals,
        )
        owners: dict[type, Subsystem] = {type(one): one for one in subsystems}
        rows = {number: getattr(owners[one.owner], one.name) for number, one in NUMBERS.items()}
        rows = {
            0: files.read,
            1: files.write,
            2: paths.open,
            3: files.close,
            4: statuses.stat,
            5: statuses.fstat,
            6: statuses.lstat,
            8: files.lseek,
            9: memory.mmap,
            10: memory.mprotect,
            11: memory.munmap,
            12: memory.brk,
            13: signals.rt_sigaction,
            14: signals.rt_sigprocmask,
            15: signals.rt_sigreturn,
            16: files.ioctl,
            17: files.pread64,
            18: files.pwrite64,
            19: vectors.readv,
            20: vectors.writev,
            22: files.pipe,
            24: process.sched_yield,
            32: files.dup,
            33: files.dup2,
            34: signals.pause,
            35: times.nanosleep,
            39: process.getpid,
            56: clones.clone,
            57: clones.fork,
            58: clones.vfork,
            59: programs.execve,
            60: process.exit,
            61: waits.wait4,
            72: files.fcntl,
            76: statuses.truncate,
            77: statuses.ftruncate,
            80: paths.chdir,
            81: paths.fchdir,
            82: paths.rename,
            83: paths.mkdir,
            84: paths.rmdir,
            85: paths.creat,
            86: paths.link,
            87: paths.unlink,
            88: paths.symlink,
            90: statuses.chmod,
            91: statuses.fchmod,
            92: statuses.chown,
            93: statuses.fchown,
            94: statuses.lchown,
            95: paths.umask,
            96: times.gettimeofday,
            109: groups.setpgid,
            110: groups.getppid,
            111: groups.getpgrp,
            112: groups.setsid,
            121: groups.getpgid,
            124: groups.getsid,
            127: signals.rt_sigpending,
            128: signals.rt_sigtimedwait,
            130: signals.rt_sigsuspend,
            131: signals.sigaltstack,
            158: process.arch_prctl,
            186: process.gettid,
            201: times.time,
            202: futexes.futex,
            217: statuses.getdents64,
            218: process.set_tid_address,
            219: signals.restart_syscall,
            228: times.clock_gettime,
            229: times.clock_getres,
            230: times.clock_nanosleep,
            231: process.exit_group,
            247: waits.waitid,
            257: paths.openat,
            258: paths.mkdirat,
            260: statuses.fchownat,
            262: statuses.newfstatat,
            263: paths.unlinkat,
            264: paths.renameat,
            265: paths.linkat,
            266: paths.symlinkat,
            268: statuses.fchmodat,
            273: futexes.set_robust_list,
            292: files.dup3,
            293: files.pipe2,
            295: vectors.preadv,
            296: vectors.pwritev,
            316: paths.renameat2,
            322: programs.execveat,
            327: vectors.preadv2,
            328: vectors.pwritev2,
            435: clones.clone3,
        }
        self.handlers = rodata(
            SystemCallHandler * CALLS, [rows.get(number, self.missing) for number in range(CALLS)]
        )
        self.private = [private.fail_allocation]
        self.private_handlers = rodata(SystemCallHandler * len(self.private), self.private)

    @function(context="thread")
    def missing(self) -> OrErrno[I64]:
        """Do nothing: there is no such call."""
        ret(-Errno.ENOSYS)
