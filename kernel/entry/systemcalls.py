"""The system calls, by their numbers."""

from kernel.errno import Errno
from kernel.exec.execcalls import ExecCalls
from kernel.process.clonecalls import CloneCalls
from kernel.process.filecalls import FileCalls
from kernel.process.groupcalls import GroupCalls
from kernel.process.memorycalls import MemoryCalls
from kernel.process.pathcalls import PathCalls
from kernel.process.privatecalls import PrivateCalls
from kernel.process.processcalls import ProcessCalls
from kernel.process.signalcalls import SignalCalls
from kernel.process.statuscalls import StatusCalls
from kernel.process.vectorcalls import VectorCalls
from kernel.process.waitcalls import WaitCalls
from pykasm import *


class SystemCallHandler(Fn[..., OrErrno[I64]], context="thread"):
    """What a system call does. Its parameters are the program's registers, as far as it needs any;
    its result is what the program gets in rax."""


CALLS = 512
"""How many numbers the table has room for."""

FIRST_PRIVATE = 0x1000
"""Where the numbers of calls begin that Linux does not have."""


class SystemCalls(Subsystem):
    """What each number does, by the numbers of Linux (arch/x86/entry/syscalls/syscall_64.tbl)."""

    def __init__(
        self,
        process: ProcessCalls,
        files: FileCalls,
        paths: PathCalls,
        statuses: StatusCalls,
        memory: MemoryCalls,
        vectors: VectorCalls,
        groups: GroupCalls,
        clones: CloneCalls,
        programs: ExecCalls,
        waits: WaitCalls,
        private: PrivateCalls,
        signals: SignalCalls,
    ) -> None:
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
            16: files.ioctl,
            13: signals.rt_sigaction,
            14: signals.rt_sigprocmask,
            15: signals.rt_sigreturn,
            17: files.pread64,
            18: files.pwrite64,
            19: vectors.readv,
            20: vectors.writev,
            22: files.pipe,
            24: process.sched_yield,
            32: files.dup,
            33: files.dup2,
            34: signals.pause,
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
            217: statuses.getdents64,
            218: process.set_tid_address,
            219: signals.restart_syscall,
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
            292: files.dup3,
            293: files.pipe2,
            295: vectors.preadv,
            296: vectors.pwritev,
            316: paths.renameat2,
            327: vectors.preadv2,
            328: vectors.pwritev2,
            322: programs.execveat,
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
