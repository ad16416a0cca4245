// Parts of programs that are executed without an interruption, or begin again.
#include "check.h"
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

enum { RSEQ = 334, UNREGISTER = 1, SIGNATURE = 0x53053053, BARRIER = 324, RESTART = 128,
       REGISTER_RESTART = 256, ON_PROCESSOR = 1 };
#define FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | \
               CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

struct area {
    unsigned first, processor;
    unsigned long section;
    unsigned flags, node, concurrency, padding;
} __attribute__((aligned(32)));

struct section {
    unsigned version, flags;
    unsigned long start, length, abort;
} __attribute__((aligned(32)));

static volatile struct area area, other;
static volatile int started, stop;
extern char begins[], ends[], given_up[], wrong[];
static struct section good = {0, 0}, bad;

__asm__(".text\n"
        ".long 0x53053053\n"
        "given_up: movl $1, %eax\n ret\n"
        ".long 0x53053054\n"
        "wrong: movl $2, %eax\n ret\n"
        ".globl spin\n"
        "spin: movq %rsi, 8(%rdi)\n"  // from here on the kernel knows of the section
        "begins: movl $1, started(%rip)\n"
        "1: pause\n"
        "cmpl $0, stop(%rip)\n"
        "je 1b\n"
        "ends: xorl %eax, %eax\n ret\n");
int spin(volatile struct area *area, struct section *section);

static long call(volatile void *area, unsigned length, int flags, unsigned signature) {
    return syscall(RSEQ, area, length, flags, signature);
}

static long use(volatile struct area *area) { return call(area, 32, 0, SIGNATURE); }

// It finds the section given up.
static volatile int handled;
static void handle(int number, siginfo_t *info, void *context) {
    char *at = (char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    CHECK(at < begins || at >= ends);
    handled = 1;
}

static void registering(void) {
    FAILS(call(&area, 32, 2, SIGNATURE), EINVAL);
    FAILS(call(&area, 31, 0, SIGNATURE), EINVAL);
    FAILS(call((char *)&area + 8, 32, 0, SIGNATURE), EINVAL);
    FAILS(call((void *)(1L << 62), 32, 0, SIGNATURE), EFAULT);
    FAILS(call(&area, 32, UNREGISTER, SIGNATURE), EINVAL);
    area.processor = area.first = 99;
    CHECK(use(&area) == 0 && area.processor == area.first && area.processor < 64);
    CHECK(area.node == 0 && area.concurrency < 64);
    FAILS(use(&area), EBUSY);
    FAILS(use(&other), EINVAL);
    FAILS(call(&area, 64, 0, SIGNATURE), EINVAL);
    FAILS(call(&area, 32, 0, 7), EPERM);
    FAILS(call(&area, 32, UNREGISTER, 7), EPERM);
    FAILS(call(&area, 64, UNREGISTER, SIGNATURE), EINVAL);
    FAILS(call(&other, 32, UNREGISTER, SIGNATURE), EINVAL);
    FAILS(call(&area, 32, UNREGISTER | 2, SIGNATURE), EINVAL);
    CHECK(call(&area, 32, UNREGISTER, SIGNATURE) == 0 && area.processor == -1u && area.first == 0);
    FAILS(call(&area, 32, UNREGISTER, SIGNATURE), EINVAL);
    CHECK(use(&area) == 0);
}

// It is told where it runs, wherever it is moved.
static void moving(void) {
    unsigned long set;
    for (int round = 0; round < 20; round++) {
        set = 1 << round % 2;
        if (syscall(SYS_sched_setaffinity, 0, sizeof set, &set))
            continue;
        CHECK(area.processor == round % 2 && area.first == round % 2);
        CHECK(sched_getcpu() == round % 2);
    }
    set = 3;
    CHECK(syscall(SYS_sched_setaffinity, 0, sizeof set, &set) == 0);
}

static char stacks[2][16384] __attribute__((aligned(16)));
static volatile int thread;
static void begin(int (*what)(void *), void *argument) {
    CHECK(clone(what, stacks[1] + 16384, FLAGS, argument, &thread, 0, &thread) > 0);
}

static void join(void) {
    int number;
    while ((number = thread))
        syscall(SYS_futex, &thread, 0, number, 0, 0, 0);
}

static volatile int caller;
static int interrupt(void *argument) {
    while (!started)
        sched_yield();
    syscall(SYS_tkill, caller, SIGUSR1);
    syscall(SYS_exit, 0);
    return 0;
}

static void by_signal(void) {
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, 0);
    caller = syscall(SYS_gettid);
    started = handled = 0;
    begin(interrupt, 0);
    while (!handled)
        CHECK(spin(&area, &good) == 1 && area.section == 0);
    join();
    stop = 1;
    while (spin(&area, &good))
        ;  // as a rule nobody interrupts it
    stop = 0;
    area.section = 0;
}

static int compete(void *argument) {
    while (!stop)
        ;
    syscall(SYS_exit, 0);
    return 0;
}

static void by_preemption(void) {
    unsigned long set = 1, all = 3;
    CHECK(syscall(SYS_sched_setaffinity, 0, sizeof set, &set) == 0);
    stop = 0;
    begin(compete, 0);
    CHECK(spin(&area, &good) == 1 && area.section == 0);
    stop = 1;
    join();
    stop = 0;
    CHECK(syscall(SYS_sched_setaffinity, 0, sizeof all, &all) == 0);
}

static volatile int result, refused;
static int spin_elsewhere(void *argument) {
    unsigned long set = 2;
    syscall(SYS_sched_setaffinity, 0, sizeof set, &set);
    refused = call(&area, 32, UNREGISTER, SIGNATURE) != -1;  // it has none of its own
    use(&other);
    result = spin(&other, &good);
    syscall(SYS_exit, 0);
    return 0;
}

static int barrier(int command, int flags, int processor) {
    return syscall(BARRIER, command, flags, processor);
}

static void by_barrier(void) {
    unsigned long set = 1, all = 3;
    CHECK((barrier(0, 0, 0) & (RESTART | REGISTER_RESTART)) == (RESTART | REGISTER_RESTART));
    FAILS(barrier(RESTART, 0, 0), EPERM);
    FAILS(barrier(REGISTER_RESTART, ON_PROCESSOR, 0), EINVAL);
    CHECK(barrier(REGISTER_RESTART, 0, 0) == 0 && barrier(RESTART, 0, 0) == 0);
    FAILS(barrier(RESTART, 2, 0), EINVAL);
    CHECK(barrier(RESTART, ON_PROCESSOR, 1000) == 0);
    if (syscall(SYS_sched_setaffinity, 0, sizeof set, &set))
        return;
    for (int round = 0; round < 4; round++) {
        started = result = 0;
        begin(spin_elsewhere, 0);
        while (!started)
            ;
        CHECK(barrier(RESTART, round % 2, 1) == 0);
        join();
        CHECK(result == 1 && !refused && other.section == 0);
    }
    CHECK(syscall(SYS_sched_setaffinity, 0, sizeof all, &all) == 0);
}

// What it can't use ends the program.
static int killed(void (*what)(void)) {
    int status;
    pid_t child = fork();
    if (!child) {
        what();
        for (int i = 0; i < 1000; i++) {
            syscall(SYS_tkill, getpid(), SIGUSR1);
            sched_yield();
        }
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void nothing(void) {}
static void wrong_signature(void) { bad = good, bad.abort = (long)wrong, area.section = (long)&bad; }
static void wrong_version(void) { bad = good, bad.version = 1, area.section = (long)&bad; }
static void wrong_abort(void) { bad = good, bad.abort = (long)begins, area.section = (long)&bad; }
static void wrong_start(void) { bad = good, bad.start = 1L << 62, area.section = (long)&bad; }
static void wrong_length(void) { bad = good, bad.length = -1L, area.section = (long)&bad; }
static void nowhere(void) { area.section = 8; }
static void outside(void) { area.section = 1L << 62; }
static void gone(void) {
    CHECK(call(&area, 32, UNREGISTER, SIGNATURE) == 0);
    void *memory = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(use(memory) == 0);
    munmap(memory, 4096);
}
static void never_there(void) {
    CHECK(call(&area, 32, UNREGISTER, SIGNATURE) == 0);
    if (use((void *)4096))
        raise(SIGSEGV);  // some versions of Linux look at once
}
static void inherited(void) {
    FAILS(use(&area), EBUSY);
    CHECK(area.processor < 64);
}

static void refusing(void) {
    CHECK(killed(nothing) == 0 && killed(inherited) == 0);
    CHECK(killed(wrong_signature) == SIGSEGV && killed(wrong_version) == SIGSEGV);
    CHECK(killed(wrong_abort) == SIGSEGV && killed(wrong_start) == SIGSEGV);
    CHECK(killed(wrong_length) == SIGSEGV && killed(nowhere) == SIGSEGV);
    CHECK(killed(outside) == SIGSEGV && killed(gone) == SIGSEGV && killed(never_there) == SIGSEGV);
}

int main(int count, char **arguments) {
    int status;
    if (count > 1)  // a new program has none
        return use(&other) != 0;
    good = (struct section){0, 0, (long)begins, ends - begins, (long)given_up};
    registering();
    moving();
    by_signal();
    by_preemption();
    by_barrier();
    refusing();
    pid_t child = fork();
    if (!child) {
        execv(arguments[0], (char *[]){arguments[0], "again", 0});
        _exit(99);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    return 0;
}
