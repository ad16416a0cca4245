// Clocks, and waits for a time.
#include "check.h"
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static long since(struct timespec *start, int clock) {
    struct timespec now;
    syscall(SYS_clock_gettime, clock, &now);
    return (now.tv_sec - start->tv_sec) * 1000000000 + now.tv_nsec - start->tv_nsec;
}

int main(void) {
    struct timespec start, span = {0, 20000000}, rest = {7, 7}, again;
    struct timeval day = {0};
    static const int clocks[] = {0, 1, 4, 5, 6, 7, 11};
    for (int i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        CHECK(syscall(SYS_clock_gettime, clocks[i], &start) == 0 && start.tv_nsec < 1000000000);
        CHECK(syscall(SYS_clock_gettime, clocks[i], &again) == 0);
        CHECK(again.tv_sec > start.tv_sec ||
              again.tv_sec == start.tv_sec && again.tv_nsec >= start.tv_nsec);
        CHECK(syscall(SYS_clock_getres, clocks[i], &again) == 0 && again.tv_sec == 0);
    }
    FAILS(syscall(SYS_clock_gettime, 10, &start), EINVAL);
    FAILS(syscall(SYS_clock_gettime, 99, &start), EINVAL);
    FAILS(syscall(SYS_clock_getres, 99, 0), EINVAL);
    CHECK(syscall(SYS_clock_getres, 1, 0) == 0);
    FAILS(syscall(SYS_clock_gettime, 1, 8), EFAULT);
    CHECK(syscall(SYS_clock_gettime, 0, &start) == 0 && start.tv_sec > 1700000000);
    CHECK(syscall(SYS_gettimeofday, &day, 0) == 0 && day.tv_usec < 1000000);
    CHECK(day.tv_sec - start.tv_sec >= 0 && day.tv_sec - start.tv_sec < 5);
    CHECK(syscall(SYS_time, 0) >= day.tv_sec);
    FAILS(syscall(SYS_gettimeofday, 8, 0), EFAULT);

    syscall(SYS_clock_gettime, 1, &start);
    CHECK(syscall(SYS_nanosleep, &span, &rest) == 0 && rest.tv_sec == 7);
    CHECK(since(&start, 1) >= 20000000);
    syscall(SYS_clock_gettime, 1, &start);
    start.tv_nsec += 30000000;
    if (start.tv_nsec >= 1000000000)
        start.tv_sec++, start.tv_nsec -= 1000000000;
    CHECK(syscall(SYS_clock_nanosleep, 1, TIMER_ABSTIME, &start, 0) == 0 && since(&start, 1) >= 0);
    CHECK(syscall(SYS_clock_nanosleep, 1, TIMER_ABSTIME, &start, 0) == 0);
    syscall(SYS_clock_gettime, 0, &start);
    start.tv_sec -= 5;
    CHECK(syscall(SYS_clock_nanosleep, 0, TIMER_ABSTIME, &start, 0) == 0);
    FAILS(syscall(SYS_clock_nanosleep, 4, 0, &span, 0), EOPNOTSUPP);
    FAILS(syscall(SYS_clock_nanosleep, 99, 0, &span, 0), EINVAL);
    span.tv_nsec = 1000000000;
    FAILS(syscall(SYS_nanosleep, &span, 0), EINVAL);
    span = (struct timespec){-1, 0};
    FAILS(syscall(SYS_nanosleep, &span, 0), EINVAL);
    FAILS(syscall(SYS_nanosleep, 8, 0), EFAULT);
    return 0;
}
