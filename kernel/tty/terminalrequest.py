"""What programs ask of terminals."""

from __future__ import annotations

from enum import IntEnum


class TerminalRequest(IntEnum):
    """What `ioctl` does with terminals (include/uapi/asm-generic/ioctls.h; ioctl_tty(2))."""

    TCGETS = 0x5401
    TCSETS = 0x5402
    TCSETSW = 0x5403
    TCSETSF = 0x5404
    TCSBRK = 0x5409
    TCXONC = 0x540A
    TCFLSH = 0x540B
    TIOCEXCL = 0x540C
    TIOCNXCL = 0x540D
    TIOCSCTTY = 0x540E
    TIOCGPGRP = 0x540F
    TIOCSPGRP = 0x5410
    TIOCOUTQ = 0x5411
    TIOCSTI = 0x5412
    TIOCGWINSZ = 0x5413
    TIOCSWINSZ = 0x5414
    FIONREAD = 0x541B
    TIOCPKT = 0x5420
    TIOCNOTTY = 0x5422
    TIOCSETD = 0x5423
    TIOCGETD = 0x5424
    TCSBRKP = 0x5425
    TIOCGSID = 0x5429
    TCGETS2 = 0x802C_542A
    TCSETS2 = 0x402C_542B
    TCSETSW2 = 0x402C_542C
    TCSETSF2 = 0x402C_542D
    TIOCGPTN = 0x8004_5430
    TIOCSPTLCK = 0x4004_5431
    TIOCGDEV = 0x8004_5432
    TIOCSIG = 0x4004_5436
    TIOCVHANGUP = 0x5437
    TIOCGPKT = 0x8004_5438
    TIOCGPTLCK = 0x8004_5439
    TIOCGEXCL = 0x8004_5440
    TIOCGPTPEER = 0x5441
