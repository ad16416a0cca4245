// Locks that inherit priorities, and barriers.
#include "check.h"
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { LOCK = 6, UNLOCK = 7, TRY = 8, LOCK2 = 13, PRIVATE = 128, REALTIME = 256 };
#define WAITERS 0x80000000u
#define DIED 0x40000000u
#define OWNER 0x3FFFFFFFu
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define ENDS (CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

static volatile unsigned *word, *other;
static volatile int *shared;

static long call(volatile unsigned *word, int operation, struct timespec *time) {
    return syscall(SYS_futex, word, operation, 0, time, 0, 0);
}

static unsigned self(void) { return syscall(SYS_gettid); }

static char stacks[3][16384] __attribute__((aligned(16)));
static volatile int threads[3];

static void begin(int number, int (*what)(void *)) {
    clone(what, stacks[number] + 16384, THREAD | ENDS, (void *)(long)number, &threads[number], 0,
          &threads[number]);
}

static void join(int number) {
    int thread;
    while ((thread = threads[number]))
        syscall(SYS_futex, &threads[number], 0, thread, 0, 0, 0);
}

static void until_waited_for(volatile unsigned *word) {
    while (!(*word & WAITERS))
        sched_yield();
}

static void alone(void) {
    *word = 0;
    CHECK(call(word, LOCK, 0) == 0 && *word == self());
    FAILS(call(word, LOCK, 0), EDEADLK);
    FAILS(call(word, TRY, 0), EDEADLK);
    CHECK(call(word, UNLOCK, 0) == 0 && *word == 0);
    FAILS(call(word, UNLOCK, 0), EPERM);
    CHECK(call(word, TRY | PRIVATE, 0) == 0 && *word == self());
    CHECK(call(word, UNLOCK | PRIVATE, 0) == 0 && *word == 0);
    CHECK(call(word, LOCK2, 0) == 0 && call(word, UNLOCK, 0) == 0);
    *word = DIED;
    CHECK(call(word, LOCK, 0) == 0 && *word == (DIED | self()));
    *word = 0x3FFFFFF0;
    FAILS(call(word, LOCK, 0), ESRCH);
    FAILS(call(word, UNLOCK, 0), EPERM);
    *word = 0;
    FAILS(call((void *)8, LOCK, 0), EFAULT);
    FAILS(call((void *)((long)word + 1), LOCK, 0), EINVAL);
}

static volatile int order[3], turns;

static int take_turn(void *argument) {
    setpriority(PRIO_PROCESS, 0, argument == 0 ? 10 : 0);
    shared[1 + (long)argument] = 1;
    if (call(word, LOCK | PRIVATE, 0) || (*word & OWNER) != self())
        order[turns++] = 99;
    order[turns++] = (long)argument;
    call(word, UNLOCK | PRIVATE, 0);
    syscall(SYS_exit, 0);
    return 0;
}

// Who waits gets it in turn; the word has the next one's number at once.
static void waiting(void) {
    *word = 0;
    turns = 0;
    CHECK(call(word, LOCK | PRIVATE, 0) == 0);
    begin(1, take_turn);
    until_waited_for(word);
    CHECK((*word & OWNER) == self() && turns == 0);
    FAILS(call(word, TRY | PRIVATE, 0), EDEADLK);
    CHECK(call(word, UNLOCK | PRIVATE, 0) == 0 && (*word & OWNER) != self());
    join(1);
    CHECK(turns == 1 && order[0] == 1 && *word == 0);
}

static int hold_and_wait(void *argument) {
    if (call(other, LOCK, 0))
        shared[0] = 99;
    shared[0] = 1;
    int result = call(word, LOCK, 0);
    shared[0] = result ? 98 : 2;
    call(word, UNLOCK, 0);
    call(other, UNLOCK, 0);
    syscall(SYS_exit, 0);
    return 0;
}

static void circles(void) {
    *word = *other = shared[0] = 0;
    CHECK(call(word, LOCK, 0) == 0);
    begin(0, hold_and_wait);
    until_waited_for(word);
    CHECK(shared[0] == 1);
    int failed = call(other, LOCK, 0) == -1;  // one of both is told
    CHECK(!failed || errno == EDEADLK);
    if (!failed)
        call(other, UNLOCK, 0);
    CHECK(call(word, UNLOCK, 0) == 0);
    join(0);
    CHECK(shared[0] == (failed ? 2 : 98));
}

static void times(void) {
    *word = 0;
    pid_t child = fork();
    if (!child) {
        call(word, LOCK, 0);
        for (;;)
            pause();
    }
    while (!*word)
        sched_yield();
    struct timespec past = {1, 0}, soon;
    FAILS(call(word, LOCK, &past), ETIMEDOUT);
    FAILS(call(word, LOCK2, &past), ETIMEDOUT);
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 20000000;
    if (soon.tv_nsec >= 1000000000)
        soon.tv_nsec -= 1000000000, soon.tv_sec++;
    FAILS(call(word, LOCK, &soon), ETIMEDOUT);
    FAILS(call(word, TRY, 0), EAGAIN);
    struct timespec bad = {0, 1000000000};
    FAILS(call(word, LOCK, &bad), EINVAL);
    kill(child, SIGKILL);
    CHECK(waitpid(child, 0, 0) == child);
    *word = 0;
}

// The owner ends: with a list of locks, and without one.
static void ends(void) {
    for (int round = 0; round < 2; round++) {
        *word = 0;
        pid_t child = fork();
        if (!child) {
            static long head[3], entry[2];
            head[0] = round ? (long)head : (long)entry | 1;
            entry[0] = (long)head;
            head[1] = (long)word - (long)entry;
            call(word, LOCK, 0);
            if (!round)
                syscall(SYS_set_robust_list, head, sizeof head);
            until_waited_for(word);
            _exit(0);
        }
        while (!*word)
            sched_yield();
        CHECK(call(word, LOCK, 0) == 0);
        CHECK((*word & OWNER) == self() && *word & DIED);
        CHECK(call(word, UNLOCK, 0) == 0 && (*word & OWNER) == 0);
        CHECK(waitpid(child, 0, 0) == child);
    }
}

static volatile unsigned long counts[2];
enum { ROUNDS = 400 };
static int compete(void *argument) {
    for (int i = 0; i < ROUNDS; i++) {
        unsigned free = 0;
        if (!__atomic_compare_exchange_n(word, &free, self(), 0, 5, 5) && call(word, LOCK, 0))
            shared[3] = 1;
        counts[0]++;
        if (i % 50 == 0)
            sched_yield();
        unsigned mine = self();
        if (!__atomic_compare_exchange_n(word, &mine, 0, 0, 5, 5) && call(word, UNLOCK, 0))
            shared[3] = 2;
    }
    syscall(SYS_exit, 0);
    return 0;
}

static void competition(void) {
    *word = counts[0] = shared[3] = 0;
    for (int i = 0; i < 3; i++)
        begin(i, compete);
    for (int i = 0; i < 3; i++)
        join(i);
    CHECK(shared[3] == 0 && counts[0] == 3 * ROUNDS && *word == 0);
}

enum { BARRIER = 324, GLOBAL = 1, GLOBAL_FAST = 2, FAST = 8, REGISTER_FAST = 16, CORE = 32 };

static int barrier(int command, int flags) { return syscall(BARRIER, command, flags, 0); }

static void barriers(void) {
    int known = barrier(0, 0);
    CHECK((known & 0x7F) == 0x7F);
    FAILS(barrier(0, 1), EINVAL);
    FAILS(barrier(1 << 20, 0), EINVAL);
    FAILS(barrier(3, 0), EINVAL);
    CHECK(barrier(GLOBAL, 0) == 0 && barrier(4, 0) == 0 && barrier(GLOBAL_FAST, 0) == 0);
    FAILS(barrier(FAST, 0), EPERM);
    FAILS(barrier(CORE, 0), EPERM);
    CHECK(barrier(REGISTER_FAST, 0) == 0 && barrier(FAST, 0) == 0);
    FAILS(barrier(CORE, 0), EPERM);
    CHECK(barrier(64, 0) == 0 && barrier(CORE, 0) == 0);
}

int main(void) {
    char *memory = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    word = (void *)memory;
    other = (void *)(memory + 64);
    shared = (void *)(memory + 128);
    alone();
    waiting();
    circles();
    times();
    ends();
    competition();
    barriers();
    return 0;
}
