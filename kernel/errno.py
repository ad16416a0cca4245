"""What went wrong, by the numbers of Linux (include/uapi/asm-generic/errno-base.h and errno.h)."""

from __future__ import annotations

from pykasm import *


class Errno(ErrorNumber):
    """Functions that may fail return these negated."""

    EPERM = 1
    ENOENT = 2
    ESRCH = 3
    EINTR = 4
    EIO = 5
    ENXIO = 6
    E2BIG = 7
    ENOEXEC = 8
    EBADF = 9
    ECHILD = 10
    EAGAIN = 11
    ENOMEM = 12
    EACCES = 13
    EFAULT = 14
    EBUSY = 16
    EEXIST = 17
    EXDEV = 18
    ENODEV = 19
    ENOTDIR = 20
    EISDIR = 21
    EINVAL = 22
    ENFILE = 23
    EMFILE = 24
    ENOTTY = 25
    ETXTBSY = 26
    EFBIG = 27
    ENOSPC = 28
    ESPIPE = 29
    EROFS = 30
    EMLINK = 31
    EPIPE = 32
    EDOM = 33
    ERANGE = 34
    EDEADLK = 35
    ENAMETOOLONG = 36
    ENOLCK = 37
    ENOSYS = 38
    ENOTEMPTY = 39
    ELOOP = 40
    ENOMSG = 42
    EIDRM = 43
    ENODATA = 61
    EOVERFLOW = 75
    ELIBBAD = 80
    ENOTSOCK = 88
    EDESTADDRREQ = 89
    EMSGSIZE = 90
    EPROTOTYPE = 91
    ENOPROTOOPT = 92
    EPROTONOSUPPORT = 93
    ESOCKTNOSUPPORT = 94
    EOPNOTSUPP = 95
    EAFNOSUPPORT = 97
    EADDRINUSE = 98
    ECONNRESET = 104
    ENOBUFS = 105
    EISCONN = 106
    ENOTCONN = 107
    ETOOMANYREFS = 109
    ETIMEDOUT = 110
    ECONNREFUSED = 111
    ECANCELED = 125

    # What system calls give that a signal has interrupted, and programs never see: these begin
    # again, perhaps (include/linux/errno.h)

    ERESTARTSYS = 512
    """If there is no handler, or one with SA_RESTART; otherwise it is EINTR."""
    ERESTARTNOINTR = 513
    """In any case."""
    ERESTARTNOHAND = 514
    """If there is no handler."""
    ERESTART_RESTARTBLOCK = 516
    """If there is no handler, by `restart_syscall`."""
