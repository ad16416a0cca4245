"""Signals, as static programs of C see them. All of these pass on Linux, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.boot.test_programs import MakeMachine, compiled, started

COMMON = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define CHECK(condition) do { if (!(condition)) return __LINE__; } while (0)
#define CHILD(...) ({ pid_t made_ = fork(); if (!made_) { __VA_ARGS__; _exit(0); } made_; })

static int ended(pid_t child) {
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return status & ~0x80;
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigaction(number, &action, 0);
}

static uint64_t blocked(void) {
    uint64_t set = 0;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, &set, 8);
    return set;
}
"""

FRAMES = (
    COMMON
    + r"""
static uintptr_t frame, interrupted;
static siginfo_t *told;
static ucontext_t *context;
static unsigned char stack[8192], seen[128];
static struct { uint32_t magic, extended; uint64_t components; uint32_t size; } marks;
static uint32_t end_mark;
static uint64_t flags, link_, mask;

static void note(int number, siginfo_t *info, void *ucontext) {
    frame = (uintptr_t)__builtin_frame_address(0) + 8;
    told = info, context = ucontext;
    char *extended = (char *)context->uc_mcontext.fpregs;
    memcpy(&marks, extended + 464, sizeof marks);
    memcpy(&end_mark, extended + marks.size, sizeof end_mark);
    flags = context->uc_flags, link_ = (uintptr_t)context->uc_link;
    memcpy(&mask, &context->uc_sigmask, 8);
    interrupted = context->uc_mcontext.gregs[REG_RSP];
}

/* Has a signal come with the red zone full, and tells whether it is as it was. */
static int red_zone(long number) {
    long same;
    __asm__ volatile(
        "mov $0x1122334455667788, %%r8\n lea -128(%%rsp), %%rdi\n mov $16, %%ecx\n"
        "1: mov %%r8, (%%rdi)\n add $8, %%rdi\n dec %%ecx\n jnz 1b\n"
        "mov %[call], %%eax\n mov %[pid], %%rdi\n mov %[number], %%rsi\n syscall\n"
        "lea -128(%%rsp), %%rdi\n mov $16, %%ecx\n xor %%eax, %%eax\n"
        "2: cmp %%r8, (%%rdi)\n sete %%dl\n movzx %%dl, %%edx\n add %%rdx, %%rax\n"
        "add $8, %%rdi\n dec %%ecx\n jnz 2b\n"
        : "=&a"(same) : [call] "i"(SYS_kill), [pid] "rm"((long)getpid()), [number] "r"(number)
        : "rcx", "rdx", "rdi", "rsi", "r8", "r11", "memory");
    return same == 16;
}

int main(void) {
    sigset_t set;
    handle(SIGUSR1, note, 0);
    raise(SIGUSR1);
    CHECK(frame % 16 == 8);
    CHECK((uintptr_t)context == frame + 8 && (uintptr_t)told == frame + 312);
    CHECK(flags == 7 && link_ == 0 && mask == 0);
    CHECK(marks.magic == 0x46505853 && marks.extended == marks.size + 4);
    CHECK((marks.components & 3) == 3 && marks.size >= 576 && end_mark == 0x46505845);
    CHECK((uintptr_t)context->uc_mcontext.fpregs % 64 == 0);
    CHECK((uintptr_t)context->uc_mcontext.fpregs - frame - 440 < 64 + 16);
    CHECK((uintptr_t)context->uc_mcontext.fpregs + marks.size + 4 <= interrupted - 128);
    CHECK((context->uc_mcontext.gregs[REG_CSGSFS] & 0xffff) == 0x33);
    CHECK((context->uc_mcontext.gregs[REG_CSGSFS] >> 48 & 0xffff) == 0x2b);
    CHECK(told->si_signo == SIGUSR1 && told->si_errno == 0 && told->si_code == SI_TKILL);
    CHECK(told->si_pid == getpid());
    CHECK(red_zone(SIGUSR1));
    sigemptyset(&set), sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, 0);
    kill(getpid(), SIGUSR1);
    CHECK(mask == 1 && told->si_code == SI_USER && blocked() == 1);

    /* On a stack of its own, up to its end */
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack}, before;
    CHECK(sigaltstack(&own, 0) == 0);
    handle(SIGUSR2, note, SA_ONSTACK);
    raise(SIGUSR2);
    CHECK(frame > (uintptr_t)stack && frame < (uintptr_t)stack + sizeof stack);
    uintptr_t end = (uintptr_t)stack + sizeof stack;
    CHECK((uintptr_t)context->uc_mcontext.fpregs + marks.size + 4 <= end);
    CHECK(sigaltstack(0, &before) == 0 && before.ss_sp == stack && before.ss_flags == 0);
    own.ss_size = 2047;
    CHECK(syscall(SYS_sigaltstack, &own, 0) == -1 && errno == ENOMEM);
    own.ss_flags = 4;
    CHECK(syscall(SYS_sigaltstack, &own, 0) == -1 && errno == EINVAL);
    own.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&own, 0) == 0);

    /* Where there is no room for it */
    pid_t child = CHILD({
        own.ss_sp = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        own.ss_size = 4096, own.ss_flags = 0;
        sigaltstack(&own, 0);
        raise(SIGUSR2);
    });
    CHECK(ended(child) == SIGSEGV);
    return 0;
}
"""
)
"""Exits with the number of the first line whose check fails."""

HOSTILE = (
    COMMON
    + r"""
static int trick;
static uint64_t flags_after;
static volatile sig_atomic_t traps;

static void change(int number, siginfo_t *info, void *ucontext) {
    ucontext_t *context = ucontext;
    greg_t *registers = context->uc_mcontext.gregs;
    char *extended = (char *)context->uc_mcontext.fpregs;
    uint64_t wide = ~0ULL;
    switch (trick) {
    case 1: registers[REG_CSGSFS] = (registers[REG_CSGSFS] & ~0xffffLL) | 0x08; break;
    case 2: registers[REG_CSGSFS] = (registers[REG_CSGSFS] & ~0xffffLL) | 0x2b; break;
    case 3: registers[REG_CSGSFS] &= 0xffffffffffffLL; break;
    case 4: registers[REG_RIP] = 0x800000000000; break;
    case 5: registers[REG_RIP] = 0xffffffff80000000; break;
    case 6: memcpy(extended + 24, &wide, 4); break; /* MXCSR */
    case 7: memcpy(extended + 512, &wide, 8); break; /* XSTATE_BV */
    case 8: memcpy(extended + 520, &wide, 8); break; /* XCOMP_BV */
    case 9: memcpy(extended + 528, &wide, 8); break; /* reserved */
    case 10: context->uc_mcontext.fpregs = (void *)0xffff800000000000; break;
    case 11: context->uc_mcontext.fpregs = (void *)8; break;
    case 12: context->uc_mcontext.fpregs = (void *)(extended + 8); break;
    case 20: context->uc_mcontext.fpregs = 0; break;
    case 21: memset(extended + 464, 0, 48); break; /* no marks: x87 and SSE alone */
    case 22: registers[REG_EFL] |= 0x3000 | 0x4000 | 0x20000 | 0x100000; /* IOPL NT VM VIP */
             registers[REG_EFL] &= ~0x200; break;
    case 23: registers[REG_EFL] |= 0x100; break; /* TF */
    case 24: memset(&context->uc_sigmask, 0xff, 8); break;
    case 25: context->uc_stack.ss_flags = 77; break; /* as it was, then */
    }
}

static void trap(int number, siginfo_t *info, void *ucontext) {
    ((ucontext_t *)ucontext)->uc_mcontext.gregs[REG_EFL] &= ~0x100;
    traps += info->si_code == TRAP_TRACE;
}

static pid_t tricked(int number) {
    return CHILD({
        trick = number;
        raise(SIGUSR1);
        __asm__ volatile("pushf\n pop %0" : "=r"(flags_after));
        if (number == 24 && blocked() != ~(1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1))) _exit(1);
        if (number == 23 && traps == 0) _exit(1);
        if (number == 22) _exit(flags_after & (0x3000 | 0x4000) ? 1 : !(flags_after & 0x200));
    });
}

int main(void) {
    handle(SIGUSR1, change, 0);
    handle(SIGTRAP, trap, 0);
    for (int number = 1; number <= 12; number++)
        CHECK(ended(tricked(number)) == SIGSEGV);
    for (int number = 20; number <= 25; number++)
        CHECK(ended(tricked(number)) == 0);
    static const uintptr_t places[] = {8, 0x7ffffffff000, 0xffff800000000000};
    for (int i = 0; i < 3; i++) {
        pid_t child = CHILD(__asm__ volatile("mov %0, %%rsp\n mov %1, %%eax\n syscall"
            :: "r"(places[i]), "i"(SYS_rt_sigreturn)));
        CHECK(ended(child) == SIGSEGV);
    }
    return 0;
}
"""
)

CALLS = (
    COMMON
    + r"""
static volatile sig_atomic_t calls;
static int ends[2], ready[2];

static void count(int number, siginfo_t *info, void *context) { calls++; }

/* Reads a byte that the parent writes once it has sent a signal; what `read` gave. */
static pid_t reader(int flags) {
    return CHILD({
        char byte;
        handle(SIGUSR1, count, flags);
        write(ready[1], "r", 1);
        ssize_t got = read(ends[0], &byte, 1);
        _exit(calls * 16 + (got == 1 ? 1 : errno == EINTR ? 2 : 3));
    });
}

static void wait_ready(void) {
    char byte;
    read(ready[0], &byte, 1);
    for (int i = 0; i < 200; i++) sched_yield(); /* most likely it waits by now */
}

int main(void) {
    CHECK(pipe(ends) == 0 && pipe(ready) == 0);

    pid_t child = reader(SA_RESTART);
    wait_ready();
    kill(child, SIGUSR1);
    for (int i = 0; i < 200; i++) sched_yield();
    write(ends[1], "x", 1);
    CHECK(ended(child) == (16 + 1) << 8);

    /* Stopped and told to go on, a call without a handler begins again */
    child = reader(0);
    wait_ready();
    int status;
    kill(child, SIGSTOP);
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    CHECK(WSTOPSIG(status) == SIGSTOP);
    kill(child, SIGCONT);
    CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
    write(ends[1], "x", 1);
    CHECK(ended(child) == 1 << 8);

    /* A stopped one dies of SIGKILL alone */
    child = CHILD(for (;;) pause());
    kill(child, SIGSTOP);
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    kill(child, SIGTERM);
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    kill(child, SIGKILL);
    CHECK(ended(child) == SIGKILL);

    /* One that never asks for anything, too */
    child = CHILD({ write(ready[1], "r", 1); for (;;) {} });
    wait_ready();
    kill(child, SIGTERM);
    CHECK(ended(child) == SIGTERM);

    /* Masks that last for a wait */
    uint64_t usr1 = 1UL << (SIGUSR1 - 1), none = 0;
    handle(SIGUSR1, count, 0);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, 0, 8);
    raise(SIGUSR1);
    CHECK(calls == 0);
    CHECK(syscall(SYS_rt_sigsuspend, &none, 8) == -1 && errno == EINTR && calls == 1);
    CHECK(blocked() == usr1);

    /* Waits for what is blocked */
    siginfo_t info;
    union sigval value = {.sival_int = 77};
    CHECK(sigqueue(getpid(), SIGUSR1, value) == 0);
    CHECK(syscall(SYS_rt_sigtimedwait, &usr1, &info, 0, 8) == SIGUSR1);
    CHECK(info.si_code == SI_QUEUE && info.si_value.sival_int == 77 && info.si_pid == getpid());
    child = CHILD({ for (int i = 0; i < 100; i++) sched_yield(); kill(getppid(), SIGUSR1); });
    CHECK(syscall(SYS_rt_sigtimedwait, &usr1, &info, 0, 8) == SIGUSR1 && info.si_pid == child);
    CHECK(ended(child) == 0 && calls == 1);

    /* What parents are told */
    uint64_t chld = 1UL << (SIGCHLD - 1);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &chld, 0, 8);
    handle(SIGCHLD, count, 0);
    child = CHILD(_exit(5));
    CHECK(syscall(SYS_rt_sigtimedwait, &chld, &info, 0, 8) == SIGCHLD);
    CHECK(info.si_pid == child && info.si_code == CLD_EXITED && info.si_status == 5);
    CHECK(ended(child) == 5 << 8);
    child = CHILD(raise(SIGKILL));
    CHECK(syscall(SYS_rt_sigtimedwait, &chld, &info, 0, 8) == SIGCHLD);
    CHECK(info.si_pid == child && info.si_code == CLD_KILLED && info.si_status == SIGKILL);
    CHECK(ended(child) == SIGKILL);
    signal(SIGCHLD, SIG_IGN);
    child = CHILD(_exit(6));
    CHECK(waitpid(child, &status, 0) == -1 && errno == ECHILD);
    return 0;
}
"""
)

FAULTS = (
    COMMON
    + r"""
static sigjmp_buf back;
static siginfo_t told;
static ucontext_t context;

static void note(int number, siginfo_t *info, void *ucontext) {
    told = *info;
    context = *(ucontext_t *)ucontext;
    siglongjmp(back, 1);
}

#define FAULT(number, code, ...) \
    (memset(&told, 0, sizeof told), sigsetjmp(back, 1) || (({ __VA_ARGS__; }), 0), \
     told.si_signo == (number) && told.si_code == (code))

int main(void) {
    volatile char *page = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile int zero = 0;
    uint16_t control = 0x37f & ~4; /* division by zero is not masked */
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) handle(numbers[i], note, 0);
    munmap((void *)(page + 4096), 4096);
    CHECK(FAULT(SIGSEGV, SEGV_MAPERR, page[4100] = 1) && told.si_addr == page + 4100);
    CHECK(context.uc_mcontext.gregs[REG_TRAPNO] == 14);
    CHECK((char *)context.uc_mcontext.gregs[REG_CR2] == page + 4100);
    CHECK(context.uc_mcontext.gregs[REG_ERR] == 6);
    CHECK(FAULT(SIGSEGV, SEGV_ACCERR, page[5] = 1) && told.si_addr == page + 5);
    CHECK(FAULT(SIGSEGV, SEGV_ACCERR, ((void (*)(void))page)()) && told.si_addr == page);
    CHECK(FAULT(SIGSEGV, SI_KERNEL, *(volatile char *)0x800000000000) && told.si_addr == 0);
    CHECK(FAULT(SIGSEGV, SI_KERNEL, __asm__ volatile("cli")) && told.si_addr == 0);
    CHECK(FAULT(SIGFPE, FPE_INTDIV, zero = 7 / zero));
    CHECK(told.si_addr == (void *)context.uc_mcontext.gregs[REG_RIP]);
    CHECK(FAULT(SIGILL, ILL_ILLOPN, __asm__ volatile("ud2")));
    CHECK(told.si_addr == (void *)context.uc_mcontext.gregs[REG_RIP]);
    CHECK(FAULT(SIGTRAP, SI_KERNEL, __asm__ volatile("int3")));
    CHECK(FAULT(SIGTRAP, TRAP_TRACE, __asm__ volatile("pushf\n orl $0x100, (%rsp)\n popf\n nop")));
    CHECK(FAULT(SIGFPE, FPE_FLTDIV, __asm__ volatile(
        "fldcw %0\n fldz\n fld1\n fdiv %%st(1)\n fwait" : : "m"(control))));

    /* One that is blocked or ignored ends the program all the same */
    pid_t child = CHILD({ signal(SIGILL, SIG_IGN); __asm__ volatile("ud2"); });
    CHECK(ended(child) == SIGILL);
    child = CHILD({
        sigset_t set;
        sigfillset(&set), sigprocmask(SIG_BLOCK, &set, 0);
        *(volatile char *)8;
    });
    CHECK(ended(child) == SIGSEGV);
    return 0;
}
"""
)


@pytest.mark.parametrize(
    "source", [FRAMES, HOSTILE, CALLS, FAULTS], ids=["frames", "hostile", "calls", "faults"]
)
def test_signals_are_as_linux_has_them(machine: MakeMachine, tmp_path: Path, source: str) -> None:
    kernel = started(machine, tmp_path, tried=compiled(tmp_path, "tried", source))
    assert kernel.command("run /bin/tried").splitlines()[-1] == "tried[1]: exit status 0"
