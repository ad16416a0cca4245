// Waits that are moved to locks which inherit priorities, waits for one of several words, and by
// the time of day.
#include "check.h"
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { WAIT, WAKE, REQUEUE = 3, LOCK = 6, UNLOCK, WAIT_BITS = 9, WAIT_MOVED = 11, MOVE, PRIVATE = 128,
       REALTIME = 256, WAITV = 449, WORD = 2, FAIL_ALLOCATION = 0x1000 };
#define WAITERS 0x80000000u
#define OWNER 0x3FFFFFFFu
#define FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | \
               CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

static volatile unsigned *word, *lock, *second;
static volatile int *shared, threads[4];
static volatile long results[4];
static volatile unsigned found[4];
static char stacks[4][16384] __attribute__((aligned(16)));
static struct timespec *volatile until;
static int private;

// The error as a negative number: all threads have one errno.
static long raw(volatile void *a, long operation, long value, const void *time, volatile void *b,
                long c) {
    long result;
    register long r10 __asm__("r10") = (long)time, r8 __asm__("r8") = (long)b, r9 __asm__("r9") = c;
    __asm__ volatile("syscall" : "=a"(result)
                     : "a"(SYS_futex), "D"(a), "S"(operation), "d"(value), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static unsigned self(void) { return syscall(SYS_gettid); }

static int clone_of(int number, int (*what)(void *)) {
    results[number] = 1000;
    return clone(what, stacks[number] + 16384, FLAGS, (void *)(long)number, &threads[number], 0,
                 &threads[number]);
}

static void join(int number) {
    int thread;
    while ((thread = threads[number]))
        raw(&threads[number], WAIT, thread, 0, 0, 0);
}

static long move(int most, unsigned expected) {
    return raw(word, MOVE | private, 1, (void *)(long)most, lock, expected);
}

static int wait_moved(void *argument) {
    long number = (long)argument;
    results[number] = raw(word, WAIT_MOVED | private, 7, until, lock, 0);
    found[number] = *lock;
    if (results[number] == 0)
        raw(lock, UNLOCK | private, 0, 0, 0, 0);
    syscall(SYS_exit, 0);
    return 0;
}

// Until somebody waits for the word.
static void until_waiting(void) {
    while (raw(word, WAKE | private, 1, 0, 0, 0) != -EINVAL)
        sched_yield();
}

static void begin(int count) {
    *word = 7;
    for (int i = 0; i < count; i++) {
        CHECK(clone_of(i, wait_moved) > 0);
        until_waiting();
    }
}

// Moves `count` waits in all, as soon as they are there.
static void move_all(int count) {
    for (int moved = 0; moved < count;) {
        long result = move(100, 7);
        CHECK(result >= 0);
        moved += result;
    }
    CHECK(move(100, 7) == 0);
}

static void refused(void) {
    struct timespec past = {0, 1}, bad = {0, 1000000000};
    *word = 7;
    *lock = 0;
    CHECK(raw(word, WAIT_MOVED, 7, 0, word, 0) == -EINVAL);
    CHECK(raw(word, WAIT_MOVED, 8, 0, lock, 0) == -EAGAIN);
    CHECK(raw(word, WAIT_MOVED, 7, &past, lock, 0) == -ETIMEDOUT);
    CHECK(raw(word, WAIT_MOVED | REALTIME, 7, &past, lock, 0) == -ETIMEDOUT);
    CHECK(raw(word, WAIT_MOVED, 7, &bad, lock, 0) == -EINVAL);
    CHECK(raw(word, WAIT_MOVED, 7, 0, (char *)lock + 1, 0) == -EINVAL);
    CHECK(raw((void *)8, WAIT_MOVED, 7, 0, lock, 0) == -EFAULT);
    CHECK(raw(word, MOVE, 0, 0, lock, 7) == -EINVAL && raw(word, MOVE, 2, 0, lock, 7) == -EINVAL);
    CHECK(raw(word, MOVE, 1, (void *)-1L, lock, 7) == -EINVAL);
    CHECK(raw(word, MOVE, 1, 0, word, 7) == -EINVAL);
    CHECK(move(1, 8) == -EAGAIN && move(1, 7) == 0 && *lock == 0);
    *lock = 0x3FFFFFF0;
    CHECK(move(1, 7) == 0);  // nobody waits
}

// Nobody has the lock: the first one gets it, the others in turn.
static void unowned(void) {
    *lock = 0;
    begin(3);
    CHECK(raw(word, WAKE | private, 1, 0, 0, 0) == -EINVAL);
    CHECK(raw(word, REQUEUE | private, 0, (void *)1, second, 0) == -EINVAL);
    CHECK(raw(word, MOVE | private, 1, (void *)1, second, 7) == -EINVAL);  // they want another one
    CHECK(move(0, 7) == 1);
    join(0);
    CHECK(results[0] == 0);
    move_all(2);
    join(1), join(2);
    CHECK(results[1] == 0 && results[2] == 0 && *lock == 0);
}

static void owned(void) {
    *lock = 0;
    CHECK(raw(lock, LOCK | private, 0, 0, 0, 0) == 0);
    begin(3);
    CHECK(*lock == self());
    move_all(3);
    CHECK(*lock == (self() | WAITERS));
    CHECK(results[0] == 1000 && results[1] == 1000 && results[2] == 1000);
    CHECK(raw(lock, UNLOCK | private, 0, 0, 0, 0) == 0);
    for (int i = 0; i < 3; i++) {
        join(i);
        CHECK(results[i] == 0 && (found[i] & OWNER) != self());
    }
    CHECK(*lock == 0);
    *lock = 0x3FFFFFF0;  // there is no such thread
    begin(1);
    CHECK(move(1, 7) == -ESRCH);
    *lock = 0;
    CHECK(move(1, 7) == 1);
    join(0);
    CHECK(results[0] == 0);
}

static void late(void) {
    struct timespec soon;
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_nsec += 400000000;
    if (soon.tv_nsec >= 1000000000)
        soon.tv_nsec -= 1000000000, soon.tv_sec++;
    *lock = 0;
    CHECK(raw(lock, LOCK | private, 0, 0, 0, 0) == 0);
    until = &soon;
    begin(2);
    move(0, 7);
    join(0), join(1);  // one waited for the word, one for the lock
    until = 0;
    CHECK(results[0] == -ETIMEDOUT && results[1] == -ETIMEDOUT);
    CHECK(raw(lock, UNLOCK | private, 0, 0, 0, 0) == 0 && *lock == 0);
}

static volatile int handled;
static void handle(int number) { handled++; }

static void signals(void) {
    struct sigaction action = {.sa_handler = handle};
    sigaction(SIGUSR1, &action, 0);
    *lock = 0;
    begin(1);
    CHECK(syscall(SYS_tkill, threads[0], SIGUSR1) == 0);
    while (!handled)
        sched_yield();
    until_waiting();  // it has begun again
    CHECK(results[0] == 1000 && raw(lock, LOCK | private, 0, 0, 0, 0) == 0 && move(1, 7) == 1);
    CHECK(syscall(SYS_tkill, threads[0], SIGUSR1) == 0);
    join(0);
    CHECK(handled == 2 && results[0] == -EAGAIN);  // what it waited for had come
    CHECK(raw(lock, UNLOCK | private, 0, 0, 0, 0) == 0);
}

struct entry { unsigned long value, address; unsigned flags, reserved; };

static struct entry entries[129];
static long vector(int count, int flags, struct timespec *time, int clock) {
    long result;
    register long r10 __asm__("r10") = (long)time, r8 __asm__("r8") = clock;
    __asm__ volatile("syscall" : "=a"(result)
                     : "a"(WAITV), "D"(entries), "S"(count), "d"(flags), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

static volatile unsigned words[130];
static int wait_vector(void *argument) {
    results[0] = vector(128, 0, 0, 0);
    syscall(SYS_exit, 0);
    return 0;
}

static int wait_for_ages(void *argument) {
    struct timespec ages = {0x7FFFFFFFFFFFFFFF, 999999999};
    results[0] = raw(&words[0], WAIT | PRIVATE, 0, &ages, 0, 0);
    syscall(SYS_exit, 0);
    return 0;
}

// The longest time does not wrap around.
static void ages(void) {
    words[0] = 0;
    CHECK(clone_of(0, wait_for_ages) > 0);
    while (raw(&words[0], WAKE | PRIVATE, 1, 0, 0, 0) != 1)
        CHECK(results[0] == 1000);
    join(0);
    CHECK(results[0] == 0);
}

static void vectors(void) {
    struct timespec past = {0, 1}, bad = {0, -1};
    for (int i = 0; i < 129; i++)
        entries[i] = (struct entry){i, (long)&words[i], WORD | PRIVATE, 0}, words[i] = i;
    CHECK(vector(0, 0, 0, 0) == -EINVAL && vector(129, 0, 0, 0) == -EINVAL);
    CHECK(vector(1, 1, 0, 0) == -EINVAL && vector(2, 0, &past, 2) == -EINVAL);
    CHECK(vector(2, 0, &bad, 1) == -EINVAL);
    CHECK(vector(128, 0, &past, CLOCK_MONOTONIC) == -ETIMEDOUT);
    CHECK(vector(128, 0, &past, CLOCK_REALTIME) == -ETIMEDOUT);
    FAILS(syscall(WAITV, 8, 1, 0, 0, 0), EFAULT);
    FAILS(syscall(WAITV, 0, 1, 0, 0, 0), EINVAL);
    words[5] = 0;
    CHECK(vector(128, 0, 0, 0) == -EAGAIN);
    words[5] = 5;
    entries[3].flags = PRIVATE;
    CHECK(vector(4, 0, 0, 0) == -EINVAL);
    entries[3].flags = WORD | PRIVATE;
    entries[3].reserved = 1;
    CHECK(vector(4, 0, 0, 0) == -EINVAL);
    entries[3].reserved = 0;
    entries[3].address = 8;
    CHECK(vector(4, 0, &past, CLOCK_MONOTONIC) == -EFAULT);
    entries[3].address = (long)&words[3];
    for (int which = 0; which < 128; which += 61) {
        CHECK(clone_of(0, wait_vector) > 0);
        while (raw(&words[which], WAKE | PRIVATE, 1, 0, 0, 0) != 1)
            sched_yield();
        join(0);
        CHECK(results[0] == which);
        CHECK(raw(&words[which], WAKE | PRIVATE, 1, 0, 0, 0) == 0);  // it waits for none any more
        CHECK(raw(&words[100], WAKE | PRIVATE, 1, 0, 0, 0) == 0);
    }
}

// Who waits until a time of day goes on when that has come.
static void day(void) {
    int status;
    struct timespec at, now, nap = {0, 50000000};
    clock_gettime(CLOCK_REALTIME, &now);
    at = (struct timespec){now.tv_sec + 4000, 0};
    pid_t children[3];
    shared[0] = 0;
    *lock = getpid();
    for (int i = 0; i < 3; i++) {
        if ((children[i] = fork()))
            continue;
        long result;
        if (i == 0)
            result = raw(&shared[0], WAIT_BITS | REALTIME, 0, &at, 0, 1);
        else if (i == 1)
            result = raw(lock, LOCK, 0, &at, 0, 0);
        else {
            entries[0] = (struct entry){0, (long)&shared[0], WORD, 0};
            result = vector(1, 0, &at, CLOCK_REALTIME);
        }
        clock_gettime(CLOCK_REALTIME, &now);
        _exit(result == -ETIMEDOUT && now.tv_sec >= at.tv_sec ? 0 : 1);
    }
    nanosleep(&nap, 0);
    struct timespec later = {now.tv_sec + 2000, 0};
    CHECK(clock_settime(CLOCK_REALTIME, &later) == 0);
    nanosleep(&nap, 0);
    CHECK(waitpid(-1, &status, WNOHANG) == 0);
    later.tv_sec = at.tv_sec + 1;
    CHECK(clock_settime(CLOCK_REALTIME, &later) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0);
    CHECK(clock_settime(CLOCK_REALTIME, &now) == 0);
}

// All on one processor, so that the order in which they run shows their priorities.
static volatile int go, released, starved, begun;

static void as_urgent_as(int thread, int policy, int priority) {
    struct sched_param parameter = {priority};
    CHECK(syscall(SYS_sched_setscheduler, thread, policy, &parameter) == 0);
}

static int own(void *argument) {
    raw(lock, LOCK, 0, 0, 0, 0);
    begun = 1;
    while (!go)
        sched_yield();
    released = 1;
    raw(lock, UNLOCK, 0, 0, 0, 0);
    syscall(SYS_exit, 0);
    return 0;
}

static int own_and_wait(void *argument) {
    raw(second, LOCK, 0, 0, 0, 0);
    begun = 2;
    raw(lock, LOCK, 0, 0, 0, 0);
    raw(lock, UNLOCK, 0, 0, 0, 0);
    raw(second, UNLOCK, 0, 0, 0, 0);
    syscall(SYS_exit, 0);
    return 0;
}

static int wait_second(void *argument) {
    raw(second, LOCK, 0, 0, 0, 0);
    raw(second, UNLOCK, 0, 0, 0, 0);
    syscall(SYS_exit, 0);
    return 0;
}

static int hog(void *argument) {
    for (volatile long i = 0; i < 3000000 && !released; i++)
        ;
    starved = !released;
    syscall(SYS_exit, 0);
    return 0;
}

static void chain(void) {
    unsigned long one = 1;
    struct timespec nap = {0, 1000000};
    CHECK(syscall(SYS_sched_setaffinity, 0, sizeof one, &one) == 0);
    as_urgent_as(0, SCHED_FIFO, 50);
    *lock = *second = 0;
    CHECK(clone_of(0, own) > 0);
    as_urgent_as(threads[0], SCHED_OTHER, 0);
    while (begun != 1)
        nanosleep(&nap, 0);
    CHECK(clone_of(1, own_and_wait) > 0);
    as_urgent_as(threads[1], SCHED_OTHER, 0);
    while (!(*lock & WAITERS))
        nanosleep(&nap, 0);
    CHECK(clone_of(2, wait_second) > 0);
    as_urgent_as(threads[2], SCHED_OTHER, 0);
    while (!(*second & WAITERS))
        nanosleep(&nap, 0);
    CHECK(clone_of(3, hog) > 0);
    as_urgent_as(threads[3], SCHED_FIFO, 10);
    as_urgent_as(threads[2], SCHED_FIFO, 20);  // by way of two others, `own` is so, too
    go = 1;
    for (int i = 0; i < 4; i++)
        join(i);
    CHECK(released && !starved && *lock == 0 && *second == 0);
    as_urgent_as(0, SCHED_OTHER, 0);
}

// Priorities change while a lock is handed over: whom the word names has it, and nobody else.
static int take(void *argument) {
    for (int i = 0; i < 200; i++) {
        if (raw(lock, LOCK | PRIVATE, 0, 0, 0, 0) || (*lock & OWNER) != self())
            starved = 1;
        raw(lock, UNLOCK | PRIVATE, 0, 0, 0, 0);
    }
    syscall(SYS_exit, 0);
    return 0;
}

static void changes(void) {
    starved = 0;
    *lock = 0;
    for (int i = 0; i < 3; i++)
        CHECK(clone_of(i, take) > 0);
    for (unsigned round = 0; threads[0] || threads[1] || threads[2]; round++) {
        struct sched_param urgent = {1 + round % 90}, none = {0};
        int thread = threads[round % 3];
        if (thread)
            syscall(SYS_sched_setscheduler, thread, SCHED_FIFO, &urgent);
        if (thread)
            syscall(SYS_sched_setscheduler, thread, SCHED_OTHER, &none);
    }
    CHECK(!starved && *lock == 0);
}

int main(void) {
    char *memory = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    word = (void *)memory;
    lock = (void *)(memory + 64);
    second = (void *)(memory + 128);
    shared = (void *)(memory + 192);
    refused();
    for (private = 0; private <= PRIVATE; private += PRIVATE)
        unowned(), owned(), late(), signals(), handled = 0;
    ages();
    vectors();
    chain();
    changes();
    if (syscall(FAIL_ALLOCATION, 0) != -1)
        day();
    return 0;
}
