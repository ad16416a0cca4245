// Timers that programs make: by each clock, for processes and threads, overruns, errors, the end.
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define OWN_PROCESS 2
#define OWN_THREAD 3
#define THREAD_ID 4

struct event {
    union sigval value;
    int signal, notification, thread, rest[11];
};

static int create(int clock, int notification, int signal, int value) {
    struct event event = {.value.sival_int = value, .signal = signal, .notification = notification};
    int id;
    event.thread = syscall(SYS_gettid);
    return syscall(SYS_timer_create, clock, &event, &id) ? -1 : id;
}

static int set(int id, int flags, long value, long interval) {
    struct itimerspec setting = {{interval / 1000000000, interval % 1000000000},
                                 {value / 1000000000, value % 1000000000}};
    return syscall(SYS_timer_settime, id, flags, &setting, 0);
}

static long left(int id) {
    struct itimerspec setting;
    if (syscall(SYS_timer_gettime, id, &setting))
        return -1;
    return setting.it_value.tv_sec * 1000000000 + setting.it_value.tv_nsec;
}

static long now(int clock) {
    struct timespec time;
    syscall(SYS_clock_gettime, clock, &time);
    return time.tv_sec * 1000000000 + time.tv_nsec;
}

static int wait_for(int number, siginfo_t *info, long nanoseconds) {
    struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return sigtimedwait(&set, info, &limit);
}

static volatile int stop, other_timer = -1, other;

static void *own_timer(void *argument) {
    other = syscall(SYS_gettid);
    other_timer = create(CLOCK_MONOTONIC, THREAD_ID, SIGRTMIN + 3, 5);
    siginfo_t info;
    int got = wait_for(SIGRTMIN + 3, &info, 20000000000);
    while (!stop)
        ;
    return (void *)(long)(got == SIGRTMIN + 3 && info.si_value.sival_int == 5);
}

#define SECOND 1000000000L
#define MILLI 1000000L

// By the processor time of another process, which goes on while that runs
static void by_another(void) {
    siginfo_t info;
    pid_t child = fork();
    if (!child)
        for (;;)
            ;
    int all = ~child << 3 | 2, program = ~child << 3 | 1;
    int id = create(all, SIGEV_SIGNAL, SIGUSR2, 4), second = create(program, SIGEV_SIGNAL, SIGUSR1, 5);
    CHECK(id >= 0 && second >= 0 && left(id) == 0);
    long start = now(all);
    CHECK(set(id, 0, 20 * MILLI, 10 * MILLI) == 0 && left(id) > 0);
    for (int i = 0; i < 3; i++)
        CHECK(wait_for(SIGUSR2, &info, 20 * SECOND) == SIGUSR2 && info.si_value.sival_int == 4);
    CHECK(now(all) - start >= 40 * MILLI);
    long next = left(id);
    CHECK(next > 0 && next <= 10 * MILLI);
    CHECK(set(second, 0, 10 * MILLI, 0) == 0);
    CHECK(wait_for(SIGUSR1, &info, 20 * SECOND) == SIGUSR1 && info.si_timerid == second);
    CHECK(set(second, TIMER_ABSTIME, 1, 0) == 0);  // it is over already
    CHECK(wait_for(SIGUSR1, &info, 20 * SECOND) == SIGUSR1);
    CHECK(kill(child, SIGSTOP) == 0 && waitpid(child, 0, WUNTRACED) == child);
    CHECK(set(id, 0, 5 * MILLI, 0) == 0);
    wait_for(SIGUSR2, &info, 0);  // one that was sent before
    CHECK(wait_for(SIGUSR2, &info, 50 * MILLI) == -1);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, 0, 0) == child);
    FAILS(set(id, 0, MILLI, 0), ESRCH);
    FAILS(create(all, SIGEV_SIGNAL, SIGUSR2, 4), EINVAL);
    CHECK(syscall(SYS_timer_delete, id) == 0);  // the other one goes with the program
}

int main(int count, char **arguments) {
    siginfo_t info;
    int ids[2], status;
    if (count > 1)  // another program has none of them
        return left(0) == -1 && errno == EINVAL && create(CLOCK_MONOTONIC, 0, SIGUSR1, 0) >= 0 ? 0 : 99;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, 0);

    // Each clock, once, by spans and by points of time
    static const int clocks[] = {0, 1, 7, 11};
    for (int i = 0; i < 4; i++) {
        int id = create(clocks[i], SIGEV_SIGNAL, SIGRTMIN + 1, 70 + i);
        CHECK(id >= 0 && left(id) == 0);
        long start = now(clocks[i]);
        CHECK(set(id, 0, 3 * MILLI, 0) == 0 && left(id) <= 3 * MILLI);
        CHECK(wait_for(SIGRTMIN + 1, &info, 20 * SECOND) == SIGRTMIN + 1);
        CHECK(now(clocks[i]) - start >= 3 * MILLI && left(id) == 0);
        CHECK(info.si_code == SI_TIMER && info.si_value.sival_int == 70 + i);
        CHECK(info.si_timerid == id && info.si_overrun == 0);
        start = now(clocks[i]);
        CHECK(set(id, TIMER_ABSTIME, start + 2 * MILLI, 0) == 0);
        CHECK(wait_for(SIGRTMIN + 1, &info, 20 * SECOND) == SIGRTMIN + 1);
        CHECK(now(clocks[i]) - start >= 2 * MILLI);
        CHECK(set(id, TIMER_ABSTIME, start, 0) == 0);  // it is over already
        CHECK(wait_for(SIGRTMIN + 1, &info, 20 * SECOND) == SIGRTMIN + 1);
        CHECK(syscall(SYS_timer_delete, id) == 0);
        FAILS(syscall(SYS_timer_delete, id), EINVAL);
    }

    // Intervals: one signal, and how often there would have been others
    int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 1);
    long start = now(1);
    CHECK(set(id, TIMER_ABSTIME, start + MILLI, MILLI) == 0);
    struct timespec nap = {0, 20500000};
    nanosleep(&nap, 0);
    long next = left(id);
    CHECK(next > 0 && next <= MILLI);
    CHECK(wait_for(SIGUSR1, &info, 0) == SIGUSR1);
    CHECK(info.si_overrun >= 18 && syscall(SYS_timer_getoverrun, id) == info.si_overrun);
    CHECK(wait_for(SIGUSR1, &info, 20 * SECOND) == SIGUSR1);
    struct itimerspec former, zero = {0};
    CHECK(syscall(SYS_timer_settime, id, 0, &zero, &former) == 0);
    CHECK(former.it_interval.tv_nsec == MILLI && left(id) == 0);
    CHECK(syscall(SYS_timer_getoverrun, id) == 0);
    // What it has sent goes with it
    CHECK(set(id, 0, 1, 0) == 0);
    nap.tv_nsec = MILLI;
    nanosleep(&nap, 0);
    CHECK(syscall(SYS_timer_delete, id) == 0 && wait_for(SIGUSR1, &info, 0) == -1);

    // Nothing is sent, but it can be asked
    id = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
    CHECK(set(id, 0, 5 * SECOND, 0) == 0 && left(id) > 4 * SECOND);
    CHECK(set(id, 0, MILLI, 0) == 0);
    nap.tv_nsec = 2 * MILLI;
    nanosleep(&nap, 0);
    CHECK(left(id) == 0);
    start = now(1);
    CHECK(set(id, 0, MILLI, 10 * MILLI) == 0);
    nanosleep(&nap, 0);
    CHECK(left(id) > 0 && left(id) <= 10 * MILLI);
    CHECK(syscall(SYS_timer_delete, id) == 0);

    // By default, SIGALRM with the number
    CHECK(syscall(SYS_timer_create, CLOCK_REALTIME, 0, &id) == 0 && set(id, 0, MILLI, 0) == 0);
    CHECK(wait_for(SIGALRM, &info, 20 * SECOND) == SIGALRM && info.si_value.sival_int == id);
    CHECK(info.si_timerid == id);

    // For one thread; when that has ended, for nobody
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, own_timer, 0) == 0);
    while (other_timer < 0)
        usleep(1000);
    CHECK(set(other_timer, 0, MILLI, 0) == 0);
    int by_thread = create((~other << 3) | 6, SIGEV_SIGNAL, SIGUSR2, 2);
    CHECK(by_thread >= 0 && set(by_thread, 0, 20 * MILLI, 0) == 0);
    CHECK(wait_for(SIGUSR2, &info, 20 * SECOND) == SIGUSR2 && info.si_timerid == by_thread);
    int by_process = create(OWN_PROCESS, SIGEV_SIGNAL, SIGUSR2, 3);
    CHECK(set(by_process, 0, 10 * MILLI, 10 * MILLI) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(wait_for(SIGUSR2, &info, 20 * SECOND) == SIGUSR2 && info.si_value.sival_int == 3);
    next = left(by_process);
    CHECK(next > 0 && next <= 10 * MILLI);
    CHECK(syscall(SYS_timer_delete, by_process) == 0);
    void *result;
    stop = 1;
    CHECK(pthread_join(thread, &result) == 0 && result == (void *)1);
    CHECK(set(other_timer, 0, MILLI, MILLI) == 0);
    FAILS(set(by_thread, 0, MILLI, 0), ESRCH);
    nanosleep(&nap, 0);
    CHECK(wait_for(SIGRTMIN + 3, &info, 0) == -1);
    CHECK(syscall(SYS_timer_delete, other_timer) == 0 && syscall(SYS_timer_delete, by_thread) == 0);

    // A thread's own time does not go on while it sleeps
    id = create(OWN_THREAD, SIGEV_SIGNAL, SIGUSR1, 0);
    CHECK(set(id, 0, 15 * MILLI, 0) == 0);
    nap.tv_nsec = 30 * MILLI;
    nanosleep(&nap, 0);
    CHECK(wait_for(SIGUSR1, &info, 0) == -1 && left(id) > 0);
    while (wait_for(SIGUSR1, &info, 0) == -1)
        ;
    CHECK(left(id) == 0);

    by_another();

    // Errors
    FAILS(create(CLOCK_MONOTONIC_RAW, 0, SIGUSR1, 0), EOPNOTSUPP);
    FAILS(create(99, 0, SIGUSR1, 0), EINVAL);
    FAILS(create(CLOCK_MONOTONIC, 0, 65, 0), EINVAL);
    FAILS(create(CLOCK_MONOTONIC, 0, 0, 0), EINVAL);
    FAILS(create(CLOCK_MONOTONIC, 9, SIGUSR1, 0), EINVAL);
    FAILS(create((~9999999 << 3) | 6, 0, SIGUSR1, 0), EINVAL);
    struct event event = {.signal = SIGUSR1, .notification = THREAD_ID, .thread = 9999999};
    FAILS(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, ids), EINVAL);
    FAILS(syscall(SYS_timer_create, CLOCK_MONOTONIC, 8, ids), EFAULT);
    FAILS(syscall(SYS_timer_create, CLOCK_MONOTONIC, 0, 8), EFAULT);
    FAILS(set(id, 0, SECOND, -1), EINVAL);
    FAILS(set(9999, 0, SECOND, 0), EINVAL);
    FAILS(syscall(SYS_timer_settime, id, 0, 0, 0), EINVAL);
    FAILS(syscall(SYS_timer_settime, id, 0, 8, 0), EFAULT);
    FAILS(syscall(SYS_timer_gettime, id, 8), EFAULT);
    FAILS(syscall(SYS_timer_gettime, -1, &former), EINVAL);
    FAILS(syscall(SYS_timer_getoverrun, 9999), EINVAL);

    // A child has none of them; it may have no more than its signals
    pid_t child = fork();
    if (!child) {
        struct rlimit limit = {8, 8};
        FAILS(set(id, 0, SECOND, 0), EINVAL);
        CHECK(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
        int number = 0;
        while (create(CLOCK_MONOTONIC, 0, SIGUSR1, 0) >= 0)
            number++;
        _exit(number <= 8 && errno == EAGAIN ? 0 : 98);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (status)
        return WEXITSTATUS(status);
    CHECK(create(CLOCK_MONOTONIC, 0, SIGUSR1, 0) >= 0);
    CHECK(set(id, 0, 1, 1) == 0);
    execl(arguments[0], arguments[0], "second", (char *)0);
    return 97;
}
