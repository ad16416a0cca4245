// What programs have used: processor time by clocks and in sums, its limit, memory, switches.
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

#define OWN_PROCESS 2
#define OWN_THREAD 3
#define PROFILE 0
#define VIRTUAL 1
#define SCHEDULED 2
#define CLOCK(number, kind) ((~(number) << 3) | (kind))
#define THREAD_CLOCK(number) (CLOCK(number, SCHEDULED) | 4)

static long read_clock(int clock) {
    struct timespec now = {0};
    return syscall(SYS_clock_gettime, clock, &now) ? -1 : now.tv_sec * 1000000000 + now.tv_nsec;
}

static void burn(long nanoseconds) {
    long start = read_clock(OWN_THREAD);
    while (read_clock(OWN_THREAD) - start < nanoseconds)
        for (volatile int i = 0; i < 1000; i++)
            ;
}

static long time_of(struct rusage *usage) {
    return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
           usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
}

static volatile int number, stop;

static void *work(void *argument) {
    number = syscall(SYS_gettid);
    while (!stop)
        ;
    return 0;
}

static volatile int warned;

static void warn(int signal) { warned++; }

int main(void) {
    struct timespec span = {0, 20000000}, at;
    struct rusage usage, thread;
    int status, pipe_ends[2];

    // Clocks
    for (int i = 0; i < 3; i++) {
        CHECK(read_clock(CLOCK(0, i)) >= 0 && read_clock(CLOCK(getpid(), i)) >= 0);
        CHECK(read_clock(CLOCK(0, i) | 4) >= 0);
        CHECK(syscall(SYS_clock_getres, CLOCK(0, i), &at) == 0 && at.tv_sec == 0);
        CHECK(i == SCHEDULED ? at.tv_nsec == 1 : at.tv_nsec > 1);
    }
    FAILS(syscall(SYS_clock_gettime, CLOCK(0, 3), &at), EINVAL);
    FAILS(syscall(SYS_clock_gettime, CLOCK(9999999, 2), &at), EINVAL);
    FAILS(syscall(SYS_clock_getres, CLOCK(9999999, 2), &at), EINVAL);
    FAILS(syscall(SYS_clock_gettime, THREAD_CLOCK(9999998), &at), EINVAL);
    FAILS(syscall(SYS_clock_gettime, OWN_THREAD, 8), EFAULT);
    long before = read_clock(OWN_PROCESS), thread_before = read_clock(OWN_THREAD);
    nanosleep(&span, 0);
    CHECK(read_clock(OWN_PROCESS) - before < 15000000);
    burn(10000000);
    CHECK(read_clock(OWN_THREAD) - thread_before >= 10000000);
    before = read_clock(OWN_THREAD);
    CHECK(read_clock(OWN_PROCESS) >= before);
    int backwards = 0;
    for (int i = 0; i < 1000; i++) {
        long first = read_clock(OWN_PROCESS);
        backwards += read_clock(OWN_PROCESS) < first;
    }
    CHECK(backwards == 0);

    // Waits by them: this thread sleeps while another one works
    FAILS(syscall(SYS_clock_nanosleep, OWN_THREAD, 0, &span, 0), EOPNOTSUPP);
    FAILS(syscall(SYS_clock_nanosleep, CLOCK(0, 2) | 4, 0, &span, 0), EINVAL);
    pthread_t other;
    CHECK(pthread_create(&other, 0, work, 0) == 0);
    while (!number)
        usleep(1000);
    before = read_clock(OWN_PROCESS);
    thread_before = read_clock(THREAD_CLOCK(number));
    CHECK(syscall(SYS_clock_nanosleep, OWN_PROCESS, 0, &span, 0) == 0);
    CHECK(read_clock(OWN_PROCESS) - before >= 20000000);
    CHECK(syscall(SYS_clock_nanosleep, THREAD_CLOCK(number), 0, &span, 0) == 0);
    CHECK(read_clock(THREAD_CLOCK(number)) - thread_before >= 20000000);
    before = read_clock(OWN_PROCESS) + 20000000;
    at = (struct timespec){before / 1000000000, before % 1000000000};
    CHECK(syscall(SYS_clock_nanosleep, OWN_PROCESS, TIMER_ABSTIME, &at, 0) == 0);
    CHECK(read_clock(OWN_PROCESS) >= before);
    signal(SIGALRM, warn);
    ualarm(5000, 0);
    at = (struct timespec){1000, 0};
    FAILS(syscall(SYS_clock_nanosleep, OWN_PROCESS, 0, &at, &at), EINTR);
    CHECK(at.tv_sec == 999 && warned == 1);
    stop = 1;
    pthread_join(other, 0);
    before = read_clock(OWN_PROCESS);
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0 && time_of(&usage) >= before / 1000);
    CHECK(getrusage(RUSAGE_THREAD, &thread) == 0 && time_of(&thread) < time_of(&usage));

    // Memory
    long size = 8 << 20;
    char *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 1, size);
    CHECK(munmap(memory, size) == 0 && getrusage(RUSAGE_SELF, &usage) == 0);
    CHECK(usage.ru_maxrss >= size >> 11 && usage.ru_maxrss < 4 * size >> 10);
    CHECK(usage.ru_minflt > 0 && usage.ru_majflt == 0);

    // Switches
    CHECK(pipe(pipe_ends) == 0);
    getrusage(RUSAGE_SELF, &usage);
    pid_t child = fork();
    if (!child) {
        struct rusage fresh;
        CHECK(getrusage(RUSAGE_SELF, &fresh) == 0 && time_of(&fresh) < time_of(&usage));
        CHECK(getrusage(RUSAGE_CHILDREN, &fresh) == 0 && time_of(&fresh) == 0);
        burn(30000000);
        _exit(0);
    }
    char byte;
    close(pipe_ends[1]);
    CHECK(read(pipe_ends[0], &byte, 1) == 0);
    CHECK(getrusage(RUSAGE_SELF, &thread) == 0 && thread.ru_nvcsw > usage.ru_nvcsw);

    // Children: when they have been waited for, and by how they are
    siginfo_t info;
    CHECK(syscall(SYS_waitid, P_PID, child, &info, WEXITED | WNOWAIT, &usage) == 0);
    CHECK(time_of(&usage) >= 30000);
    CHECK(getrusage(RUSAGE_CHILDREN, &thread) == 0 && time_of(&thread) == 0);
    FAILS(syscall(SYS_wait4, child, &status, 0, 8), EFAULT);
    CHECK(getrusage(RUSAGE_CHILDREN, &thread) == 0 && time_of(&thread) == time_of(&usage));
    CHECK(status == 0);
    struct tms ticks;
    CHECK(times(&ticks) > 0 && ticks.tms_cutime + ticks.tms_cstime >= 2);
    FAILS(syscall(SYS_times, 8), EFAULT);
    signal(SIGCHLD, SIG_IGN);
    child = fork();
    if (!child) {
        burn(30000000);
        _exit(0);
    }
    FAILS(waitpid(child, 0, 0), ECHILD);
    CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0 && time_of(&usage) == time_of(&thread));
    signal(SIGCHLD, SIG_DFL);
    FAILS(getrusage(5, &usage), EINVAL);
    FAILS(getrusage(RUSAGE_THREAD, (void *)8), EFAULT);

    // A limit of seconds: told of each, then ended
    child = fork();
    if (!child) {
        struct rlimit limit = {1, 3};
        warned = 0;
        signal(SIGXCPU, warn);
        setrlimit(RLIMIT_CPU, &limit);
        while (warned < 2)
            ;
        CHECK(getrlimit(RLIMIT_CPU, &limit) == 0 && limit.rlim_cur == 3);
        for (;;)
            ;
    }
    CHECK(wait4(child, &status, 0, &usage) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && time_of(&usage) >= 2000000);
    return 0;
}
