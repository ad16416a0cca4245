"""Control registers, model-specific registers and flags, by the names of the AMD64 APM."""

from enum import IntEnum, IntFlag


class Cr0(IntFlag):
    """CR0 (AMD64 APM vol. 2, 3.1.1)."""

    PE = 1 << 0
    """Protection enable."""
    MP = 1 << 1
    """Monitor coprocessor: `wait` heeds TS too."""
    EM = 1 << 2
    """Emulation: there is no x87."""
    TS = 1 << 3
    """Task switched: x87, SSE and AVX instructions are exceptions."""
    ET = 1 << 4
    """Extension type; always 1."""
    NE = 1 << 5
    """Numeric error: x87 errors are exceptions rather than external interrupts."""
    WP = 1 << 16
    """Write protect: the kernel too respects read-only pages."""
    PG = 1 << 31
    """Paging."""


class Cr4(IntFlag):
    """CR4 (AMD64 APM vol. 2, 3.1.3)."""

    PAE = 1 << 5
    """Physical-address extension; long mode insists on it."""
    MCE = 1 << 6
    """Machine-check enable: without it, a machine check shuts the processor down."""
    PGE = 1 << 7
    """Page-global enable."""
    OSFXSR = 1 << 9
    """The system saves SSE's registers."""
    OSXMMEXCPT = 1 << 10
    """It handles SSE's exceptions."""
    UMIP = 1 << 11
    """User-mode instruction prevention: no sgdt, sidt, sldt, smsw, str outside of the kernel."""
    FSGSBASE = 1 << 16
    """Programs may read and write the bases of FS and GS by rdfsbase and so on."""
    OSXSAVE = 1 << 18
    """The system uses XSAVE."""
    SMEP = 1 << 20
    """Supervisor-mode execution prevention: the kernel runs no code from user pages."""
    SMAP = 1 << 21
    """Supervisor-mode access prevention: the kernel touches user pages only where it says so."""


class DebugStatus(IntFlag):
    """DR6 (AMD64 APM vol. 2, 13.1.1.3)."""

    NONE = 0xFFFF_0FF0
    """Bits that are always 1."""
    BS = 1 << 14
    """The exception came after a single step."""


class Msr(IntEnum):
    """Numbers of model-specific registers (AMD64 APM vol. 2, appendix A)."""

    APIC_BASE = 0x1B
    PAT = 0x277
    """What kinds of memory the flags of page-table entries stand for (AMD64 APM vol. 2, 7.8.2)."""
    TSC_DEADLINE = 0x6E0
    """When the local APIC's timer goes off in TSC-deadline mode (Intel SDM vol. 3A, 11.5.4.1)."""
    EFER = 0xC000_0080
    STAR = 0xC000_0081
    """The selectors that `syscall` and `sysret` load (AMD64 APM vol. 2, 6.1.1)."""
    LSTAR = 0xC000_0082
    """Where 64-bit code enters the kernel by `syscall`."""
    CSTAR = 0xC000_0083
    """Where 32-bit code does; it faults on processors of Intel's."""
    SF_MASK = 0xC000_0084
    """The flags that `syscall` clears."""
    FS_BASE = 0xC000_0100
    GS_BASE = 0xC000_0101
    KERNEL_GS_BASE = 0xC000_0102
    """What `swapgs` exchanges GS_BASE with: in the kernel, the program's."""


class Efer(IntFlag):
    """EFER (AMD64 APM vol. 2, 3.1.7)."""

    SCE = 1 << 0
    """System-call extensions: there are `syscall` and `sysret`."""
    LME = 1 << 8
    """Long mode enable."""
    NXE = 1 << 11
    """No-execute enable."""


class RFlags(IntFlag):
    """RFLAGS (AMD64 APM vol. 2, 3.1.6)."""

    CF = 1 << 0
    ALWAYS = 1 << 1
    """Set whatever is loaded."""
    PF = 1 << 2
    AF = 1 << 4
    ZF = 1 << 6
    SF = 1 << 7
    TF = 1 << 8
    IF = 1 << 9
    DF = 1 << 10
    OF = 1 << 11
    IOPL = 3 << 12
    """The privilege level up to which `in`, `out`, `cli` and `sti` are allowed."""
    NT = 1 << 14
    """Nested task: `iretq` faults."""
    RF = 1 << 16
    """Resume: no breakpoint at the next instruction."""
    AC = 1 << 18
    ID = 1 << 21
    """Can be changed exactly where there is a CPUID instruction (AMD64 APM vol. 3, 3.1)."""
