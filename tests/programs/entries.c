// System calls with registers that no compiler would leave so, and steps over them.
#include "check.h"
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_GS 0x1004
#define END 0x7FFFFFFFF000
#define PAGE 4096
#define CARRY 0x1
#define TRAP 0x100
#define DIRECTION 0x400
#define NESTED 0x4000
#define ALIGNMENT 0x40000

// Does getppid with this rsp and rbp and these flags; leaves the flags and rsp behind the call.
static volatile long flags_after, rsp_after, rbp_after;
long hostile(long rsp, long rbp, long flags);
__asm__(
    "hostile: push %rbx; push %rbp; push %r12\n"
    "mov %rsp, %r12; mov %rdi, %rbx; mov %rsi, %rbp\n"
    "push %rdx; popf; mov %rbx, %rsp; mov $110, %eax; syscall\n"
    "mov %rsp, rsp_after(%rip); mov %rbp, rbp_after(%rip); mov %r12, %rsp\n"
    "pushf; pop flags_after(%rip); push $2; popf\n"
    "pop %r12; pop %rbp; pop %rbx; ret\n");

static const long stacks[] = {0, 1, 8, PAGE, END - 1, END, END + PAGE, 1L << 47, -1L << 47, 1L << 62,
                              -1, -8, -PAGE, 0xFFFFFFFF80000000, 0xFFFF888000000000};

static void pointers(void) {
    long parent = getppid();
    for (unsigned i = 0; i < sizeof stacks / sizeof *stacks; i++) {
        CHECK(hostile(stacks[i], ~stacks[i], 2) == parent);
        CHECK(rsp_after == stacks[i] && rbp_after == ~stacks[i]);
    }
}

static void flags(void) {
    static const long bits[] = {CARRY, DIRECTION, NESTED, ALIGNMENT, 0x8D5, 0x200000};
    long parent = getppid();
    for (int set = 0; set < 64; set++) {
        long wanted = 0x202;
        for (int i = 0; i < 6; i++)
            wanted |= set >> i & 1 ? bits[i] : 0;
        CHECK(hostile(8, 8, wanted) == parent);
        CHECK(flags_after == wanted);
    }
    // nobody may have these
    hostile(8, 8, 0x202 | 0x3000 | 0x10000 | 0x100000 | 0x80000);
    CHECK((flags_after & ~0x10000) == 0x202);
}

// Segments that hold nothing, or something else than usual. `set` loads it, `get` reads it.
#define SEGMENT(name)                                                                              \
    static void set_##name(int value) { __asm__ volatile("mov %0, %%" #name : : "r"(value)); }     \
    static int get_##name(void) { int is; __asm__ volatile("mov %%" #name ", %0" : "=r"(is));      \
                                  return is & 0xFFFF; }
SEGMENT(ds) SEGMENT(es) SEGMENT(gs)

static void yield_to_others(int times) {
    while (times--)
        syscall(SYS_sched_yield);
}

static void segments(void) {
    // others that hold nothing, 1 to 3, may become 0 at any interrupt
    static const int usual[] = {0, 0x33, 0, 0x2B, 0x2B};
    int others[2];
    CHECK(pipe(others) == 0);
    pid_t child = fork();  // changes them all the time, on the same processor
    if (!child) {
        close(others[1]);
        cpu_set_t one = {.__bits = {1}};
        sched_setaffinity(0, sizeof one, &one);
        char byte;
        for (int i = 0; ; i++) {
            set_ds(usual[i % 5]), set_es(usual[(i + 1) % 5]), set_gs(usual[(i + 2) % 5]);
            yield_to_others(1);
        }
    }
    cpu_set_t one = {.__bits = {1}};
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    for (int i = 0; i < 25; i++) {
        set_ds(usual[i % 5]), set_es(usual[i / 5]), set_gs(usual[(i + 2) % 5]);
        syscall(SYS_getppid);
        yield_to_others(20);
        CHECK(get_ds() == usual[i % 5] && get_es() == usual[i / 5]);
        CHECK(get_gs() == usual[(i + 2) % 5]);
    }
    for (int i = 0; i < 64; i++) {
        set_ds(i & 3), set_es(i >> 2 & 3), set_gs(i >> 4);
        yield_to_others(1);
        CHECK(!(get_ds() & ~3) && !(get_es() & ~3) && !(get_gs() & ~3));
    }
    set_ds(0), set_es(0), set_gs(0);
    kill(child, SIGKILL);
    CHECK(waitpid(child, 0, 0) == child);
}

static void catch(int number, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(number, &action, 0) == 0);
}

static volatile int signals;
static void count(int number, siginfo_t *info, void *context) { signals++; }

// Skips the two bytes of `mov al, [rcx]` that fault.
static void skip(int number, siginfo_t *info, void *context) {
    signals++;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

// GS with a base that looks like one of the kernel's, where programs may set it themselves.
static void bases(void) {
    FAILS(syscall(SYS_arch_prctl, ARCH_SET_GS, 1L << 47), EPERM);
    FAILS(syscall(SYS_arch_prctl, ARCH_SET_GS, -1L << 47), EPERM);
    FAILS(syscall(SYS_arch_prctl, ARCH_SET_FS, END), EPERM);
    CHECK(syscall(SYS_arch_prctl, ARCH_SET_GS, END - 1) == 0);
    long base = 0;
    CHECK(syscall(SYS_arch_prctl, ARCH_GET_GS, &base) == 0 && base == END - 1);
    CHECK(syscall(SYS_arch_prctl, ARCH_SET_GS, 0L) == 0);
    if (!(getauxval(AT_HWCAP2) & 2))
        return;
    static const long odd[] = {1, END, -1L << 47, 0xFFFFFFFF80000000, 0xFFFF800000000000, -1};
    catch(SIGUSR1, count), catch(SIGSEGV, skip);
    for (int i = 0; i < 6; i++) {
        signals = 0;
        __asm__ volatile("wrgsbase %0" : : "r"(odd[i]));
        syscall(SYS_kill, getpid(), SIGUSR1);
        __asm__ volatile("mov (%%rcx), %%al" : : "c"(8) : "rax");
        yield_to_others(3);
        for (volatile int spin = 0; spin < 100000; spin++)
            ;
        CHECK(signals == 2 && syscall(SYS_getppid) == getppid());
        __asm__ volatile("rdgsbase %0" : "=r"(base));
        CHECK(base == odd[i]);
        pid_t child = fork();
        if (!child) {
            __asm__ volatile("rdgsbase %0" : "=r"(base));
            _exit(base != odd[i]);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    __asm__ volatile("wrgsbase %0" : : "r"(0L));
}

// A call in the last bytes that programs may have: behind it is no place to go on.
static void edge(void) {
    char *last = mmap((void *)(END - PAGE), PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (last != (char *)END - PAGE)
        return;  // the stack is there
    memcpy(last + PAGE - 2, "\x0F\x05", 2);
    pid_t child = fork();
    if (!child) {
        signal(SIGSEGV, SIG_DFL);
        long rax = SYS_getppid;
        __asm__ volatile("jmp *%1" : "+a"(rax) : "r"(last + PAGE - 2) : "rcx", "r11");
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && (status & 0x7F) == SIGSEGV);
    CHECK(munmap(last, PAGE) == 0);
}

// Steps

static char *trace[64];
static volatile int steps, step_code, wrong_steps;

static void note_step(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    wrong_steps += info->si_code != TRAP_TRACE || info->si_addr != (void *)registers[REG_RIP];
    wrong_steps += registers[REG_TRAPNO] != 1;
    if (steps < 64)
        trace[steps++] = (char *)registers[REG_RIP];
    long flags;
    __asm__ volatile("pushf; pop %0" : "=r"(flags));
    wrong_steps += (flags & TRAP) != 0;
}

extern char step_0[], step_1[], step_2[], step_3[], step_4[], step_5[], step_6[];
static void step_over_calls(void) {
    catch(SIGTRAP, note_step);
    __asm__ volatile(
        "pushf; orq $0x100, (%%rsp); popf\n"
        "step_0: mov $110, %%eax\n"
        "step_1: syscall\n"
        "step_2: nop\n"
        "step_3: mov $-1, %%eax\n"
        "step_4: syscall\n"
        "step_5: nop\n"
        "step_6: pushf; andq $~0x100, (%%rsp); popf\n"
        : : : "rax", "rcx", "r11", "memory", "cc");
    // what stands behind a call is done before the next trap: `iretq` leads back to it
    static char *const expected[] = {step_1, step_3, step_4, step_6};
    CHECK(wrong_steps == 0);
    for (int i = 0; i < 4; i++)
        CHECK(trace[i] == expected[i]);
    CHECK(steps >= 6 && steps <= 7);
}

// QEMU has `iretq` read the stack as the kernel does, which SMAP forbids: there it never ends.
static int has_smap(void) {
    unsigned eax = 7, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return ebx >> 20 & 1;
}

extern char over_iret[], over_signal[], over_fault[];
static void step_over_iret(void) {
    if (has_smap())
        return;
    steps = 0;
    __asm__ volatile(
        "mov %%rsp, %%r8; mov %%ss, %%eax; push %%rax; push %%r8; pushf; orq $0x100, (%%rsp)\n"
        "mov %%cs, %%eax; push %%rax; lea 1f(%%rip), %%rax; push %%rax; iretq\n"
        "1: nop\n"
        "over_iret: nop; pushf; andq $~0x100, (%%rsp); popf\n"
        : : : "rax", "r8", "memory", "cc");
    CHECK(wrong_steps == 0 && trace[0] == over_iret && steps == 5);
}

// Over a call that ends with a signal, and over a fault.
static void step_over_signals(void) {
    long none;
    catch(SIGUSR1, count);
    signals = 0;
    steps = 0;
    __asm__ volatile(
        "pushf; orq $0x100, (%%rsp); popf\n"
        "syscall; nop\n"
        "over_signal: pushf; andq $~0x100, (%%rsp); popf\n"
        : "=a"(none) : "0"(SYS_kill), "D"(getpid()), "S"(SIGUSR1) : "rcx", "r11", "memory", "cc");
    CHECK(wrong_steps == 0 && signals == 1 && none == 0);
    CHECK(trace[0] == over_signal);
    steps = 0;
    catch(SIGSEGV, skip);
    __asm__ volatile(
        "pushf; orq $0x100, (%%rsp); popf\n"
        "mov (%%rcx), %%al\n"
        "nop\n"
        "over_fault: pushf; andq $~0x100, (%%rsp); popf\n"
        : : "c"(8) : "rax", "memory", "cc");
    CHECK(wrong_steps == 0 && signals == 2 && trace[0] == over_fault);
}

// Whatever has the trap flag set when it enters the kernel ends like this, or goes on.
static void step_into(const char *bytes, int size) {
    char *code = mmap(0, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED);
    // mov eax, ss; pushf; or dword [rsp], TRAP; popf
    memcpy(code, "\x8C\xD0\x9C\x81\x0C\x24\x00\x01\x00\x00\x9D", 11);
    memcpy(code + 11, bytes, size);
    memcpy(code + 11 + size, "\x0F\x0B", 2);  // ud2
    pid_t child = fork();
    if (!child) {
        signal(SIGTRAP, SIG_DFL);
        signal(SIGSEGV, SIG_DFL);
        ((void (*)(void))code)();
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    munmap(code, PAGE);
}

int main(void) {
    pointers();
    flags();
    bases();
    segments();
    edge();
    step_over_calls();
    step_over_iret();
    step_over_signals();
    step_into("\xCD\x80", 2);              // int 0x80
    step_into("\x0F\x34", 2);              // sysenter
    step_into("\xCD\x03", 2);
    step_into("\xCC", 1);
    step_into("\x8E\xD0\xCC", 3);      // mov ss, eax; int3
    step_into("\x8E\xD0\x0F\x05", 4);  // mov ss, eax; syscall
    step_into("\x8E\xD0\xCD\x80", 4);
    step_into("\x8E\xD0\x0F\x34", 4);
    return 0;
}
