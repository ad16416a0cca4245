"""What the parameters of each system call mean, by its name, as its man-page has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.entry import parameternames as names
from kernel.entry.parameterkind import ParameterForm, ParameterKind, record
from kernel.fs.epoll import EpollEvent
from kernel.fs.filestatus import FileStatus
from kernel.process.filecalls import PipeNumbers
from kernel.process.limits import ResourceLimit
from kernel.process.timespec import TimeSpec
from kernel.signals.signalactions import SignalAction
from kernel.signals.signaltarget import AlternateStack
from pykasm import *

SIGNED = ParameterKind(ParameterForm.SIGNED)
UNSIGNED = ParameterKind(ParameterForm.UNSIGNED)
HEX = ParameterKind(ParameterForm.HEX)
MODE = ParameterKind(ParameterForm.OCTAL)
ADDRESS = ParameterKind(ParameterForm.ADDRESS)
FILE = ParameterKind(ParameterForm.FILE)
DIRECTORY = ParameterKind(ParameterForm.DIRECTORY)
SIGNAL = ParameterKind(ParameterForm.SIGNAL)
TEXT = ParameterKind(ParameterForm.TEXT)
INPUT = ParameterKind(ParameterForm.INPUT)
OUTPUT = ParameterKind(ParameterForm.OUTPUT)
STRINGS = ParameterKind(ParameterForm.STRINGS)
SIGNAL_SET = ParameterKind(ParameterForm.SIGNAL_SET)
LENGTH = ParameterKind(ParameterForm.LENGTH)
OFFSET = ParameterKind(ParameterForm.OFFSET)
PROCESS = ParameterKind(ParameterForm.PROCESS)
USER = ParameterKind(ParameterForm.USER)


def _flags(known: Mapping[str, int], within: int = 0) -> ParameterKind:
    """Return the kind of flags with `known` names; the bits `within` are one value."""
    return ParameterKind(ParameterForm.FLAGS, known, within)


def _value(known: Mapping[str, int]) -> ParameterKind:
    """Return the kind of one of the `known` names."""
    return ParameterKind(ParameterForm.VALUE, known)


IN, OUT = ParameterForm.RECORD_IN, ParameterForm.RECORD_OUT


def _records(kind: type[Struct], **shown: Any) -> tuple[ParameterKind, ParameterKind]:
    """Return the kinds of parameters that point to a `kind` which programs fill in, or get."""
    return record(IN, kind, **shown), record(OUT, kind, **shown)


def _hex(name: str) -> tuple[str, ParameterForm]:
    """Return the field `name` as one that is written in hexadecimal."""
    return name, ParameterForm.HEX


STATUS = record(OUT, FileStatus, st_mode=("mode", ParameterForm.OCTAL), st_size="size")
PIPE = record(OUT, PipeNumbers, read="reader", write="writer")
TIME, TIME_OUT = _records(TimeSpec, tv_sec="seconds", tv_nsec="nanoseconds")
ACTION, ACTION_OUT = _records(
    SignalAction, sa_handler=_hex("handler"), sa_mask=_hex("mask"), sa_flags=_hex("flags")
)
LIMIT, LIMIT_OUT = _records(ResourceLimit, rlim_cur=_hex("soft"), rlim_max=_hex("hard"))
STACK, STACK_OUT = _records(
    AlternateStack, ss_sp=_hex("base"), ss_flags=_hex("flags"), ss_size="size"
)
WATCHED = record(IN, EpollEvent, events=_hex("events"), data=_hex("data"))

OPEN = _flags(names.OPEN, within=3)
AT = _flags(names.AT)
ACCESS = _flags(names.ACCESS)
PROTECTION = _flags(names.PROTECTION)
MAPPING = _flags(names.MAPPING, names.MAPPING_TYPE)
CLONE = _flags(names.CLONE, within=0xFF)
WAITING = _flags(names.WAITING)
CLOCK = _value(names.CLOCKS)
RESOURCE = _value(names.RESOURCES)
POLICY = _value(names.POLICIES)

PERMISSIONS = 0o777
"""The bits of flags that say who may do what."""

PARAMETERS: dict[str, tuple[ParameterKind, ...]] = {
    "read": (FILE, OUTPUT, LENGTH),
    "write": (FILE, INPUT, LENGTH),
    "open": (TEXT, OPEN, MODE),
    "close": (FILE,),
    "stat": (TEXT, STATUS),
    "fstat": (FILE, STATUS),
    "lstat": (TEXT, STATUS),
    "poll": (ADDRESS, LENGTH, SIGNED),
    "lseek": (FILE, OFFSET, _value(names.WHENCE)),
    "mmap": (ADDRESS, LENGTH, PROTECTION, MAPPING, FILE, HEX),
    "mprotect": (ADDRESS, LENGTH, PROTECTION),
    "munmap": (ADDRESS, LENGTH),
    "brk": (ADDRESS,),
    "rt_sigaction": (SIGNAL, ACTION, ACTION_OUT, LENGTH),
    "rt_sigprocmask": (_value(names.MASKING), SIGNAL_SET, ADDRESS, LENGTH),
    "ioctl": (FILE, _value(names.REQUESTS), HEX),
    "pread64": (FILE, OUTPUT, LENGTH, OFFSET),
    "pwrite64": (FILE, INPUT, LENGTH, OFFSET),
    "readv": (FILE, ADDRESS, LENGTH),
    "writev": (FILE, ADDRESS, LENGTH),
    "access": (TEXT, ACCESS),
    "pipe": (PIPE,),
    "select": (UNSIGNED, ADDRESS, ADDRESS, ADDRESS, ADDRESS),
    "mremap": (ADDRESS, LENGTH, LENGTH, _flags(names.REMAPPING), ADDRESS),
    "msync": (ADDRESS, LENGTH, _flags(names.SYNCING)),
    "mincore": (ADDRESS, LENGTH, ADDRESS),
    "madvise": (ADDRESS, LENGTH, _value(names.ADVICE)),
    "dup": (FILE,),
    "dup2": (FILE, FILE),
    "nanosleep": (TIME, ADDRESS),
    "clone": (CLONE, ADDRESS, ADDRESS, ADDRESS, HEX),
    "execve": (TEXT, STRINGS, ADDRESS),
    "exit": (SIGNED,),
    "wait4": (PROCESS, ADDRESS, WAITING, ADDRESS),
    "kill": (PROCESS, SIGNAL),
    "uname": (ADDRESS,),
    "fcntl": (FILE, _value(names.CONTROL), HEX),
    "fsync": (FILE,),
    "fdatasync": (FILE,),
    "truncate": (TEXT, OFFSET),
    "ftruncate": (FILE, OFFSET),
    "getcwd": (ADDRESS, LENGTH),
    "chdir": (TEXT,),
    "fchdir": (FILE,),
    "rename": (TEXT, TEXT),
    "mkdir": (TEXT, MODE),
    "rmdir": (TEXT,),
    "creat": (TEXT, MODE),
    "link": (TEXT, TEXT),
    "unlink": (TEXT,),
    "symlink": (TEXT, TEXT),
    "readlink": (TEXT, OUTPUT, LENGTH),
    "chmod": (TEXT, MODE),
    "fchmod": (FILE, MODE),
    "chown": (TEXT, USER, USER),
    "fchown": (FILE, USER, USER),
    "lchown": (TEXT, USER, USER),
    "umask": (MODE,),
    "gettimeofday": (ADDRESS, ADDRESS),
    "getrlimit": (RESOURCE, LIMIT_OUT),
    "sysinfo": (ADDRESS,),
    "setuid": (USER,),
    "setgid": (USER,),
    "setpgid": (PROCESS, PROCESS),
    "setreuid": (USER, USER),
    "setregid": (USER, USER),
    "getgroups": (LENGTH, ADDRESS),
    "setgroups": (LENGTH, ADDRESS),
    "setresuid": (USER, USER, USER),
    "getresuid": (ADDRESS, ADDRESS, ADDRESS),
    "setresgid": (USER, USER, USER),
    "getresgid": (ADDRESS, ADDRESS, ADDRESS),
    "getpgid": (PROCESS,),
    "setfsuid": (USER,),
    "setfsgid": (USER,),
    "getsid": (PROCESS,),
    "capget": (ADDRESS, ADDRESS),
    "capset": (ADDRESS, ADDRESS),
    "rt_sigpending": (ADDRESS, LENGTH),
    "rt_sigtimedwait": (SIGNAL_SET, ADDRESS, TIME, LENGTH),
    "rt_sigqueueinfo": (PROCESS, SIGNAL, ADDRESS),
    "rt_sigsuspend": (SIGNAL_SET, LENGTH),
    "sigaltstack": (STACK, STACK_OUT),
    "mknod": (TEXT, MODE, HEX),
    "personality": (HEX,),
    "getitimer": (_value(names.INTERVALS), ADDRESS),
    "setitimer": (_value(names.INTERVALS), ADDRESS, ADDRESS),
    "alarm": (UNSIGNED,),
    "getrusage": (_value(names.USAGES), ADDRESS),
    "times": (ADDRESS,),
    "timer_create": (CLOCK, ADDRESS, ADDRESS),
    "timer_settime": (SIGNED, _flags(names.TIMING), ADDRESS, ADDRESS),
    "timer_gettime": (SIGNED, ADDRESS),
    "timer_getoverrun": (SIGNED,),
    "timer_delete": (SIGNED,),
    "get_robust_list": (PROCESS, ADDRESS, ADDRESS),
    "process_vm_readv": (PROCESS, ADDRESS, LENGTH, ADDRESS, LENGTH, HEX),
    "process_vm_writev": (PROCESS, ADDRESS, LENGTH, ADDRESS, LENGTH, HEX),
    "process_madvise": (FILE, ADDRESS, LENGTH, _value(names.ADVICE), HEX),
    "kcmp": (PROCESS, PROCESS, _value(names.COMPARISONS), HEX, HEX),
    "membarrier": (_flags(names.BARRIERS), HEX, UNSIGNED),
    "syslog": (UNSIGNED, OUTPUT, LENGTH),
    "rseq": (ADDRESS, LENGTH, HEX, HEX),
    "futex_waitv": (ADDRESS, UNSIGNED, HEX, TIME, CLOCK),
    "pidfd_open": (PROCESS, OPEN),
    "pidfd_send_signal": (FILE, SIGNAL, ADDRESS, HEX),
    "pidfd_getfd": (FILE, FILE, HEX),
    "sendfile": (FILE, FILE, ADDRESS, LENGTH),
    "flock": (FILE, _flags(names.FILE_LOCKS)),
    "getdents": (FILE, ADDRESS, LENGTH),
    "utime": (TEXT, ADDRESS),
    "utimes": (TEXT, ADDRESS),
    "futimesat": (DIRECTORY, TEXT, ADDRESS),
    "utimensat": (DIRECTORY, TEXT, ADDRESS, AT),
    "ustat": (UNSIGNED, ADDRESS),
    "sysfs": (UNSIGNED, ADDRESS, ADDRESS),
    "statfs": (TEXT, ADDRESS),
    "fstatfs": (FILE, ADDRESS),
    "statx": (DIRECTORY, TEXT, AT, HEX, ADDRESS),
    "mount": (TEXT, TEXT, TEXT, _flags(names.MOUNTING), ADDRESS),
    "pivot_root": (TEXT, TEXT),
    "openat2": (DIRECTORY, TEXT, ADDRESS, LENGTH),
    "unshare": (CLONE,),
    "setns": (FILE, CLONE),
    "umount2": (TEXT, _flags(names.UNMOUNTING)),
    "readahead": (FILE, OFFSET, LENGTH),
    "fadvise64": (FILE, OFFSET, LENGTH, _value(names.FILE_ADVICE)),
    "fallocate": (FILE, _flags(names.ALLOCATING), OFFSET, OFFSET),
    "sync_file_range": (FILE, OFFSET, OFFSET, HEX),
    "syncfs": (FILE,),
    "splice": (FILE, ADDRESS, FILE, ADDRESS, LENGTH, _flags(names.SPLICE)),
    "tee": (FILE, FILE, LENGTH, _flags(names.SPLICE)),
    "vmsplice": (FILE, ADDRESS, LENGTH, _flags(names.SPLICE)),
    "setxattr": (TEXT, TEXT, INPUT, LENGTH, _flags(names.EXTENDED)),
    "lsetxattr": (TEXT, TEXT, INPUT, LENGTH, _flags(names.EXTENDED)),
    "fsetxattr": (FILE, TEXT, INPUT, LENGTH, _flags(names.EXTENDED)),
    "getxattr": (TEXT, TEXT, OUTPUT, LENGTH),
    "lgetxattr": (TEXT, TEXT, OUTPUT, LENGTH),
    "fgetxattr": (FILE, TEXT, OUTPUT, LENGTH),
    "listxattr": (TEXT, OUTPUT, LENGTH),
    "llistxattr": (TEXT, OUTPUT, LENGTH),
    "flistxattr": (FILE, OUTPUT, LENGTH),
    "removexattr": (TEXT, TEXT),
    "lremovexattr": (TEXT, TEXT),
    "fremovexattr": (FILE, TEXT),
    "inotify_init": (),
    "inotify_init1": (OPEN,),
    "inotify_add_watch": (FILE, TEXT, _flags(names.WATCHING)),
    "inotify_rm_watch": (FILE, SIGNED),
    "copy_file_range": (FILE, ADDRESS, FILE, ADDRESS, LENGTH, HEX),
    "epoll_create": (SIGNED,),
    "epoll_create1": (OPEN,),
    "epoll_ctl": (FILE, _value(names.SET_CHANGES), FILE, WATCHED),
    "epoll_wait": (FILE, ADDRESS, LENGTH, SIGNED),
    "epoll_pwait": (FILE, ADDRESS, LENGTH, SIGNED, SIGNAL_SET, LENGTH),
    "epoll_pwait2": (FILE, ADDRESS, LENGTH, TIME, SIGNAL_SET, LENGTH),
    "signalfd": (FILE, SIGNAL_SET, LENGTH),
    "signalfd4": (FILE, SIGNAL_SET, LENGTH, OPEN),
    "timerfd_create": (CLOCK, OPEN),
    "timerfd_settime": (FILE, _flags(names.TIMER_FILES), ADDRESS, ADDRESS),
    "timerfd_gettime": (FILE, ADDRESS),
    "eventfd": (UNSIGNED,),
    "eventfd2": (UNSIGNED, OPEN),
    "memfd_create": (TEXT, _flags(names.MEMORY_FILES)),
    "getpriority": (_value(names.PRIORITIES), PROCESS),
    "setpriority": (_value(names.PRIORITIES), PROCESS, SIGNED),
    "sched_getparam": (PROCESS, ADDRESS),
    "sched_getscheduler": (PROCESS,),
    "sched_get_priority_max": (POLICY,),
    "sched_get_priority_min": (POLICY,),
    "mlock": (ADDRESS, LENGTH),
    "munlock": (ADDRESS, LENGTH),
    "mlockall": (_flags(names.LOCKING_ALL),),
    "prctl": (_value(names.PROCESS_CONTROL), HEX, HEX, HEX, HEX),
    "arch_prctl": (_value(names.ARCHITECTURE), ADDRESS),
    "setrlimit": (RESOURCE, LIMIT),
    "vhangup": (),
    "chroot": (TEXT,),
    "reboot": (_value(names.MAGIC), _value(names.MAGIC), _value(names.REBOOT), ADDRESS),
    "sethostname": (INPUT, LENGTH),
    "setdomainname": (INPUT, LENGTH),
    "iopl": (UNSIGNED,),
    "ioperm": (HEX, LENGTH, UNSIGNED),
    "tkill": (PROCESS, SIGNAL),
    "time": (ADDRESS,),
    "futex": (
        *(ADDRESS, _flags(names.FUTEX, names.FUTEX_OPERATION), UNSIGNED),
        *(ADDRESS, ADDRESS, HEX),
    ),
    "sched_getaffinity": (PROCESS, LENGTH, ADDRESS),
    "getdents64": (FILE, ADDRESS, LENGTH),
    "set_tid_address": (ADDRESS,),
    "clock_gettime": (CLOCK, TIME_OUT),
    "clock_getres": (CLOCK, TIME_OUT),
    "clock_nanosleep": (CLOCK, _flags(names.TIMING), TIME, ADDRESS),
    "exit_group": (SIGNED,),
    "tgkill": (PROCESS, PROCESS, SIGNAL),
    "waitid": (_value(names.WAITED), PROCESS, ADDRESS, WAITING, ADDRESS),
    "openat": (DIRECTORY, TEXT, OPEN, MODE),
    "mkdirat": (DIRECTORY, TEXT, MODE),
    "mknodat": (DIRECTORY, TEXT, MODE, HEX),
    "fchownat": (DIRECTORY, TEXT, USER, USER, AT),
    "newfstatat": (DIRECTORY, TEXT, STATUS, AT),
    "unlinkat": (DIRECTORY, TEXT, _flags(names.AT_REMOVE)),
    "renameat": (DIRECTORY, TEXT, DIRECTORY, TEXT),
    "linkat": (DIRECTORY, TEXT, DIRECTORY, TEXT, AT),
    "symlinkat": (TEXT, DIRECTORY, TEXT),
    "readlinkat": (DIRECTORY, TEXT, OUTPUT, LENGTH),
    "fchmodat": (DIRECTORY, TEXT, MODE),
    "faccessat": (DIRECTORY, TEXT, ACCESS),
    "pselect6": (UNSIGNED, ADDRESS, ADDRESS, ADDRESS, TIME, ADDRESS),
    "ppoll": (ADDRESS, LENGTH, TIME, SIGNAL_SET, LENGTH),
    "set_robust_list": (ADDRESS, LENGTH),
    "dup3": (FILE, FILE, OPEN),
    "pipe2": (PIPE, OPEN),
    "preadv": (FILE, ADDRESS, LENGTH, OFFSET),
    "pwritev": (FILE, ADDRESS, LENGTH, OFFSET),
    "rt_tgsigqueueinfo": (PROCESS, PROCESS, SIGNAL, ADDRESS),
    "prlimit64": (PROCESS, RESOURCE, LIMIT, LIMIT_OUT),
    "getcpu": (ADDRESS, ADDRESS, ADDRESS),
    "renameat2": (DIRECTORY, TEXT, DIRECTORY, TEXT, _flags(names.RENAMING)),
    "getrandom": (OUTPUT, LENGTH, _flags(names.RANDOM)),
    "execveat": (DIRECTORY, TEXT, STRINGS, ADDRESS, AT),
    "mlock2": (ADDRESS, LENGTH, _flags(names.LOCKING)),
    "preadv2": (FILE, ADDRESS, LENGTH, OFFSET, HEX, _flags(names.TRANSFER)),
    "pwritev2": (FILE, ADDRESS, LENGTH, OFFSET, HEX, _flags(names.TRANSFER)),
    "clone3": (ADDRESS, LENGTH),
    "close_range": (UNSIGNED, UNSIGNED, _flags(names.CLOSING)),
    "shmget": (HEX, LENGTH, _flags(names.SEGMENTS, PERMISSIONS)),
    "shmat": (SIGNED, ADDRESS, _flags(names.ATTACHING)),
    "shmctl": (SIGNED, _value(names.SEGMENT_CONTROL), ADDRESS),
    "shmdt": (ADDRESS,),
    "semget": (HEX, SIGNED, _flags(names.IPC_CREATION, PERMISSIONS)),
    "semop": (SIGNED, ADDRESS, LENGTH),
    "semctl": (SIGNED, SIGNED, _value(names.SEMAPHORE_CONTROL), HEX),
    "semtimedop": (SIGNED, ADDRESS, LENGTH, TIME),
    "msgget": (HEX, _flags(names.IPC_CREATION, PERMISSIONS)),
    "msgsnd": (SIGNED, ADDRESS, LENGTH, _flags(names.IPC_WAITING)),
    "msgrcv": (SIGNED, ADDRESS, LENGTH, SIGNED, _flags(names.RECEIVING)),
    "msgctl": (SIGNED, _value(names.MESSAGE_CONTROL), ADDRESS),
    "mq_open": (TEXT, OPEN, MODE, ADDRESS),
    "mq_unlink": (TEXT,),
    "mq_timedsend": (FILE, INPUT, LENGTH, UNSIGNED, TIME),
    "mq_timedreceive": (FILE, OUTPUT, LENGTH, ADDRESS, TIME),
    "mq_notify": (FILE, ADDRESS),
    "mq_getsetattr": (FILE, ADDRESS, ADDRESS),
    "faccessat2": (DIRECTORY, TEXT, ACCESS, _flags(names.AT_ACCESS)),
}
"""Of calls that are not here, the types of the handler's parameters tell; some of these have no
handler yet."""
