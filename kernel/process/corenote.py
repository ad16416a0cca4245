"""What the notes of a core file say, in the forms that debuggers know."""

from __future__ import annotations

from enum import IntEnum

from kernel.process.usertimes import TimeVal
from kernel.sched.userstate import NAME_SIZE
from pykasm import *

OWNER_SIZE = 8
"""Bytes of who defines a note, with a zero and what aligns the rest."""

CORE_OWNER, LINUX_OWNER = b"CORE", b"LINUX"
"""Those of notes that other systems have, too, and of those that only Linux has."""


class NoteType(IntEnum):
    """What a note is about (include/uapi/linux/elf.h: NT_PRSTATUS and so on)."""

    THREAD = 1
    FLOATING_POINT = 2
    """What FXSAVE writes (NT_PRFPREG)."""
    PROCESS = 3
    AUXILIARY = 6
    """The auxiliary vector."""
    EXTENDED = 0x202
    """What XSAVE writes (NT_X86_XSTATE)."""
    FILES = int.from_bytes(b"FILE", "big")
    """Which parts of which files are mapped where."""
    SIGNAL = int.from_bytes(b"SIGI", "big")
    """The signal, with all that is told of it."""


class NoteHeader(Struct):
    """What a note begins with: Elf64_Nhdr, and the name behind it (System V ABI, figure 5-3)."""

    name_size: U32
    size: U32
    type: U32 = field(NoteType)
    owner: U32
    """The first four bytes of the name."""
    owner_rest: U32


class CoreRegisters(Struct):
    """Linux's `struct user_regs_struct` (arch/x86/include/asm/user_64.h)."""

    r15: U64
    r14: U64
    r13: U64
    r12: U64
    rbp: U64
    rbx: U64
    r11: U64
    r10: U64
    r9: U64
    r8: U64
    rax: U64
    rcx: U64
    rdx: U64
    rsi: U64
    rdi: U64
    call: I64
    """The number of the system call that it is in; -1 for none."""
    rip: U64
    cs: U64
    rflags: U64
    rsp: U64
    ss: U64
    fs_base: U64
    gs_base: U64
    ds: U64
    es: U64
    fs: U64
    gs: U64


class CoreThread(Struct, size=336):
    """Of a thread: Linux's `struct elf_prstatus` (include/uapi/linux/elfcore.h)."""

    signal: U32
    code: I32
    error: U32
    current_signal: U16
    _unused: U16
    pending: U64
    mask: U64
    number: U32
    parent: U32
    group: U32
    session: U32
    user_time: TimeVal
    system_time: TimeVal
    children_user_time: TimeVal
    children_system_time: TimeVal
    registers: CoreRegisters
    has_floating_point: U32


ARGUMENTS_SIZE = 80
"""Bytes of the arguments that are told, with a zero at the end (ELF_PRARGSZ)."""


class CoreProcess(Struct):
    """Of the process: Linux's `struct elf_prpsinfo` (include/linux/elfcore.h)."""

    state: U8
    state_letter: U8
    is_zombie: U8
    nice: U8
    _unused: U32
    flags: U64
    user: U32
    group: U32
    number: U32
    parent: U32
    process_group: U32
    session: U32
    name: Array[U8] = field(count=NAME_SIZE)
    arguments: Array[U8] = field(count=ARGUMENTS_SIZE)


class CoreMapping(Struct):
    """Which part of a file lies where: a row of `NoteType.FILES`, with addresses, and an offset in
    pages. Before the rows are their number and the size of a page, behind them the names."""

    start: U64
    end: U64
    offset: U64
