// Policies, priorities, nice values and processors of threads, and what they change.
#include "check.h"
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define CALL(name, ...) syscall(SYS_##name, __VA_ARGS__)
#define BAD ((void *)8)
#define IDLE_POLICY 5
#define RESET 0x40000000

struct attributes {
    unsigned size, policy;
    unsigned long flags;
    int nice;
    unsigned priority;
    unsigned long runtime, deadline, period;
    unsigned least, most;
};

static volatile long *shared;

static int set(int number, int policy, int priority) {
    struct sched_param parameter = {priority};
    return CALL(sched_setscheduler, number, policy, &parameter);
}

static int priority_of(int number) {
    struct sched_param parameter = {-1};
    return CALL(sched_getparam, number, &parameter) ? -1 : parameter.sched_priority;
}

static long time_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int status_of(pid_t child) {
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

// Two children on one processor work for some time; how often each came round.
static int race(int first_policy, int first_priority, int first_nice, long *done) {
    pid_t children[2];
    shared[0] = shared[1] = shared[2] = 0;
    for (int i = 0; i < 2; i++)
        if (!(children[i] = fork())) {
            if (i == 0 && (set(0, first_policy, first_priority) ||
                           setpriority(PRIO_PROCESS, 0, first_nice)))
                _exit(1);
            while (!shared[2])
                ;
            long end = shared[2] + 300;
            while (time_now() < end)
                shared[i]++;
            _exit(0);
        }
    struct timespec nap = {0, 50000000};
    nanosleep(&nap, 0);
    shared[2] = time_now();
    for (int i = 0; i < 2; i++)
        if (status_of(children[i]))
            return -1;
    done[0] = shared[0];
    done[1] = shared[1];
    return 0;
}

// None is admitted here; Linux may admit some.
static void deadlines(void) {
    static const struct attributes wrong[] = {
        {48, 6, 0, 0, 0, 0, 1000000, 1000000}, {48, 6, 0, 0, 0, 1023, 1000000, 1000000},
        {48, 6, 0, 0, 0, 2000000, 1000000, 0}, {48, 6, 0, 0, 0, 20000, 2000000, 1000000},
        {48, 6, 0, 0, 0, 20000, 50000, 0}, {48, 6, 0, 0, 0, 20000, 50000, 1UL << 33},
        {48, 6, 0, 0, 1, 20000, 1000000, 0}};
    for (int i = 0; i < sizeof wrong / sizeof *wrong; i++)
        FAILS(CALL(sched_setattr, 0, &wrong[i], 0), EINVAL);
    FAILS(set(0, 6, 0), EINVAL);
    struct attributes right = {48, 6, 0, 0, 0, 100000, 1000000, 0}, none = {48, SCHED_OTHER};
    CHECK(CALL(sched_setattr, 0, &right, 0) == 0 || errno == EBUSY);
    CHECK(CALL(sched_setattr, 0, &none, 0) == 0);
    CHECK(setresuid(77, 77, 77) == 0);
    FAILS(CALL(sched_setattr, 0, &right, 0), EPERM);
    _exit(0);
}

static void rights(void) {
    struct attributes attributes = {sizeof attributes, SCHED_OTHER, 0, 5};
    CHECK(setresuid(77, 77, 77) == 0);
    FAILS(set(0, SCHED_FIFO, 1), EPERM);
    FAILS(set(getppid(), SCHED_BATCH, 0), EPERM);
    FAILS(CALL(sched_setaffinity, getppid(), sizeof(long), &(long){1}), EPERM);
    CHECK(set(0, SCHED_BATCH, 0) == 0 && set(0, SCHED_OTHER, 0) == 0);
    CHECK(CALL(sched_setattr, 0, &attributes, 0) == 0 && getpriority(PRIO_PROCESS, 0) == 5);
    attributes.nice = 4;
    FAILS(CALL(sched_setattr, 0, &attributes, 0), EPERM);
    CHECK(set(0, SCHED_OTHER | RESET, 0) == 0);
    FAILS(set(0, SCHED_OTHER, 0), EPERM);
    CHECK(set(0, IDLE_POLICY | RESET, 0) == 0);
    FAILS(set(0, SCHED_OTHER | RESET, 0), EPERM);
    _exit(0);
}

static void rights_by_limits(void) {
    struct rlimit most = {10, 10}, nice = {25, 25};
    if (setrlimit(RLIMIT_RTPRIO, &most) && errno == EPERM)
        _exit(0);  // a machine that lets nobody raise limits
    CHECK(setrlimit(RLIMIT_NICE, &nice) == 0);
    CHECK(setresuid(77, 77, 77) == 0 && set(0, SCHED_RR, 10) == 0);
    FAILS(set(0, SCHED_RR, 11), EPERM);
    CHECK(set(0, SCHED_FIFO, 3) == 0 && set(0, SCHED_OTHER, 0) == 0);
    CHECK(setpriority(PRIO_PROCESS, 0, -5) == 0);
    FAILS(setpriority(PRIO_PROCESS, 0, -6), EACCES);
    CHECK(set(0, IDLE_POLICY, 0) == 0 && set(0, SCHED_OTHER, 0) == 0);
    _exit(0);
}

static void heirs(void) {
    CHECK(set(0, SCHED_RR, 7) == 0);
    pid_t child = fork();
    if (!child)
        _exit(CALL(sched_getscheduler, 0) == SCHED_RR && priority_of(0) == 7 ? 0 : 1);
    CHECK(status_of(child) == 0 && set(0, SCHED_RR | RESET, 7) == 0);
    CHECK(CALL(sched_getscheduler, 0) == (SCHED_RR | RESET));
    child = fork();
    if (!child)
        _exit(CALL(sched_getscheduler, 0) == SCHED_OTHER && priority_of(0) == 0 ? 0 : 1);
    CHECK(status_of(child) == 0 && set(0, SCHED_OTHER | RESET, 0) == 0);
    CHECK(setpriority(PRIO_PROCESS, 0, -7) == 0);
    child = fork();
    if (!child)
        _exit(getpriority(PRIO_PROCESS, 0) == 0 ? 0 : 1);
    CHECK(status_of(child) == 0);
    _exit(0);
}

static int in_child(void (*check)(void)) {
    pid_t child = fork();
    if (!child)
        check();
    return status_of(child);
}

int main(void) {
    struct timespec interval;
    struct attributes attributes;
    unsigned long all[16] = {0}, one;
    long done[2];
    shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED && CALL(sched_getaffinity, 0, sizeof all, all) >= 8);

    // Setting and telling
    CHECK(set(0, SCHED_FIFO, 50) == 0 && CALL(sched_getscheduler, 0) == SCHED_FIFO);
    CHECK(priority_of(0) == 50 && CALL(sched_rr_get_interval, 0, &interval) == 0);
    CHECK(interval.tv_sec == 0 && interval.tv_nsec == 0);
    CHECK(set(getpid(), SCHED_RR, 99) == 0 && priority_of(getpid()) == 99);
    CHECK(CALL(sched_rr_get_interval, 0, &interval) == 0 && interval.tv_nsec == 100000000);
    CHECK(CALL(sched_setparam, 0, &(struct sched_param){1}) == 0 && priority_of(0) == 1);
    FAILS(CALL(sched_setparam, 0, &(struct sched_param){0}), EINVAL);
    FAILS(CALL(sched_setparam, 0, &(struct sched_param){100}), EINVAL);
    FAILS(CALL(sched_setparam, 0, BAD), EFAULT);
    FAILS(CALL(sched_setparam, 0, 0), EINVAL);
    FAILS(CALL(sched_setparam, -1, &(struct sched_param){0}), EINVAL);
    FAILS(CALL(sched_setparam, 9999999, &(struct sched_param){0}), ESRCH);
    FAILS(CALL(sched_rr_get_interval, 9999999, &interval), ESRCH);
    FAILS(CALL(sched_rr_get_interval, 0, BAD), EFAULT);
    CHECK(set(0, IDLE_POLICY, 0) == 0 && set(0, SCHED_OTHER, 0) == 0);
    FAILS(set(0, 4, 0), EINVAL);
    FAILS(set(0, -1, 0), EINVAL);
    FAILS(CALL(sched_setscheduler, 0, SCHED_OTHER, BAD), EFAULT);

    // By records
    memset(&attributes, 7, sizeof attributes);
    CHECK(CALL(sched_getattr, 0, &attributes, sizeof attributes, 0) == 0);
    CHECK(attributes.size >= 48 && attributes.policy == 0 && attributes.nice == 0);
    attributes = (struct attributes){48, SCHED_BATCH, 1, 3};
    CHECK(CALL(sched_setattr, 0, &attributes, 0) == 0);
    CHECK(CALL(sched_getattr, 0, &attributes, 48, 0) == 0 && attributes.size == 48);
    CHECK(attributes.policy == SCHED_BATCH && attributes.nice == 3 && attributes.flags == 1);
    attributes = (struct attributes){48, SCHED_RR, 0, 0, 5};
    CHECK(CALL(sched_setattr, 0, &attributes, 0) == 0 && priority_of(0) == 5);
    attributes = (struct attributes){48, SCHED_OTHER};
    CHECK(CALL(sched_setattr, 0, &attributes, 0) == 0);
    attributes.size = 8;
    FAILS(CALL(sched_setattr, 0, &attributes, 0), E2BIG);
    CHECK(attributes.size >= 48);
    attributes = (struct attributes){48, 99};
    FAILS(CALL(sched_setattr, 0, &attributes, 0), EINVAL);
    attributes = (struct attributes){48, SCHED_OTHER, 1UL << 40};
    FAILS(CALL(sched_setattr, 0, &attributes, 0), EINVAL);
    FAILS(CALL(sched_setattr, 0, &attributes, 1), EINVAL);
    FAILS(CALL(sched_setattr, 0, BAD, 0), EFAULT);
    FAILS(CALL(sched_getattr, 0, &attributes, 47, 0), EINVAL);
    FAILS(CALL(sched_getattr, 9999999, &attributes, 48, 0), ESRCH);

    // Who may, and who inherits
    CHECK(in_child(rights) == 0);
    CHECK(in_child(deadlines) == 0);
    CHECK(in_child(rights_by_limits) == 0);
    CHECK(in_child(heirs) == 0);

    // Processors: a thread goes where it may be, at once, and stays there
    int processors = 0;
    for (int i = 0; i < 64; i++)
        if (all[0] >> i & 1) {
            unsigned where = -1;
            one = 1UL << i;
            processors++;
            CHECK(CALL(sched_setaffinity, 0, sizeof one, &one) == 0);
            CHECK(CALL(getcpu, &where, 0, 0) == 0 && where == i);
            for (int j = 0; j < 20; j++)
                sched_yield();
            CHECK(CALL(getcpu, &where, 0, 0) == 0 && where == i);
            unsigned long told[16] = {0};
            CHECK(CALL(sched_getaffinity, 0, sizeof told, told) >= 8 && told[0] == one);
        }
    CHECK(processors >= 1);
    one = 0;
    FAILS(CALL(sched_setaffinity, 0, sizeof one, &one), EINVAL);
    FAILS(CALL(sched_setaffinity, 0, sizeof one, BAD), EFAULT);
    FAILS(CALL(sched_setaffinity, 9999999, sizeof one, all), ESRCH);
    // Another one that runs goes, too
    CHECK(CALL(sched_setaffinity, 0, sizeof all, all) == 0);
    shared[3] = -1;
    pid_t child = fork();
    if (!child)
        for (;;) {
            unsigned where = -1;
            CALL(getcpu, &where, 0, 0);
            shared[3] = where;
        }
    for (int i = 0; i < 64; i++)
        if (all[0] >> i & 1) {
            one = 1UL << i;
            CHECK(CALL(sched_setaffinity, child, sizeof one, &one) == 0);
            long end = time_now() + 20000;
            while (shared[3] != i && time_now() < end)
                sched_yield();
            CHECK(shared[3] == i);
        }
    kill(child, SIGKILL);
    CHECK(waitpid(child, 0, 0) == child);

    // Of who has ended and was not waited for
    CHECK(set(0, SCHED_RR | RESET, 3) == 0);
    child = fork();
    if (!child)
        _exit(0);
    siginfo_t ended;
    struct sched_param last = {7};
    CHECK(waitid(P_PID, child, &ended, WEXITED | WNOWAIT) == 0);
    CHECK(CALL(sched_getscheduler, child) == SCHED_OTHER);
    CHECK(CALL(sched_getparam, child, &last) == 0 && last.sched_priority == 0);
    CHECK(waitpid(child, 0, 0) == child && CALL(sched_getscheduler, child) == -1);

    // What it changes, on one processor
    one = all[0] & -all[0];
    CHECK(CALL(sched_setaffinity, 0, sizeof one, &one) == 0 && set(0, SCHED_FIFO, 90) == 0);
    CHECK(set(0, SCHED_FIFO | RESET, 90) == 0);  // this one always runs when it is ready
    CHECK(race(SCHED_OTHER, 0, 19, done) == 0 && done[0] * 4 < done[1]);
    CHECK(race(SCHED_OTHER, 0, -15, done) == 0 && done[0] > done[1] * 4);
    CHECK(race(IDLE_POLICY, 0, 0, done) == 0 && done[0] * 4 < done[1]);
    CHECK(race(SCHED_BATCH, 0, 0, done) == 0 && done[0] * 4 > done[1] && done[1] * 4 > done[0]);
    return 0;
}
