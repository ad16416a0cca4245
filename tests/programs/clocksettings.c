// Setting the time of day, and who waits for it. Only on a kernel made for tests: others have users.
#include "check.h"
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>

#define FAIL_ALLOCATION 0x1000  // a call that no other kernel has

static long seconds(int clock) {
    struct timespec now;
    return syscall(SYS_clock_gettime, clock, &now) ? -1 : now.tv_sec;
}

static int set(int clock, long time, long part) {
    struct timespec wanted = {time, part};
    return syscall(SYS_clock_settime, clock, &wanted);
}

int main(void) {
    struct timex adjustment = {0};
    struct timespec at;
    struct timeval day;
    int status, id;
    FAILS(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &at), EINVAL);
    FAILS(syscall(SYS_clock_settime, 99, &at), EINVAL);
    FAILS(set(CLOCK_REALTIME, -1, 0), EINVAL);
    FAILS(set(CLOCK_REALTIME, 1, 1000000000), EINVAL);
    FAILS(syscall(SYS_clock_settime, CLOCK_REALTIME, 8), EFAULT);
    FAILS(syscall(SYS_settimeofday, 8, 0), EFAULT);
    CHECK(syscall(SYS_adjtimex, &adjustment) >= 0 && adjustment.tick == 10000);
    CHECK(adjustment.time.tv_sec - time(0) <= 1 && time(0) - adjustment.time.tv_sec <= 1);
    FAILS(syscall(SYS_clock_adjtime, 99, &adjustment), EINVAL);
    FAILS(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &adjustment), EOPNOTSUPP);
    FAILS(syscall(SYS_adjtimex, 8), EFAULT);
    pid_t child = fork();
    if (!child) {
        CHECK(setresuid(7, 7, 7) == 0);
        FAILS(set(CLOCK_REALTIME, 2000000000, 0), EPERM);
        FAILS(syscall(SYS_settimeofday, &(struct timeval){2000000000, 0}, 0), EPERM);
        memset(&adjustment, 0, sizeof adjustment);
        CHECK(syscall(SYS_adjtimex, &adjustment) >= 0);
        adjustment.modes = ADJ_SETOFFSET;
        FAILS(syscall(SYS_adjtimex, &adjustment), EPERM);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    if (syscall(FAIL_ALLOCATION, 0) == -1)
        return 0;

    long before = seconds(CLOCK_REALTIME), boot = seconds(CLOCK_MONOTONIC);
    CHECK(set(CLOCK_REALTIME, before + 1000, 0) == 0);
    CHECK(seconds(CLOCK_REALTIME) - before >= 1000 && seconds(CLOCK_REALTIME) - before < 1020);
    CHECK(seconds(CLOCK_MONOTONIC) - boot < 20 && time(0) - before >= 1000);
    CHECK(syscall(SYS_settimeofday, &(struct timeval){before, 5}, 0) == 0);
    CHECK(gettimeofday(&day, 0) == 0 && day.tv_sec - before < 20);
    memset(&adjustment, 0, sizeof adjustment);
    adjustment.modes = ADJ_SETOFFSET | ADJ_NANO;
    adjustment.time.tv_sec = 500;
    CHECK(syscall(SYS_adjtimex, &adjustment) >= 0 && time(0) - before >= 500);
    adjustment.time.tv_sec = -500;
    CHECK(syscall(SYS_adjtimex, &adjustment) >= 0 && time(0) - before < 100);
    FAILS(set(CLOCK_REALTIME, 0, 1), EINVAL);  // the kernel has run for longer

    // Who waits for a point of time of day goes on when that has come; others are not concerned
    sigset_t set_of_one;
    sigemptyset(&set_of_one);
    sigaddset(&set_of_one, SIGALRM);
    sigprocmask(SIG_BLOCK, &set_of_one, 0);
    CHECK(syscall(SYS_timer_create, CLOCK_REALTIME, 0, &id) == 0);
    struct itimerspec setting = {{0, 0}, {time(0) + 5000, 0}};
    CHECK(syscall(SYS_timer_settime, id, TIMER_ABSTIME, &setting, 0) == 0);
    child = fork();
    if (!child) {
        at = (struct timespec){time(0) + 4000, 0};
        if (syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &at, 0))
            _exit(1);
        _exit(time(0) >= at.tv_sec ? 0 : 2);
    }
    struct timespec nap = {0, 50000000}, span = {0, 0};
    nanosleep(&nap, 0);
    CHECK(set(CLOCK_REALTIME, before + 3000, 0) == 0);
    nanosleep(&nap, 0);
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    CHECK(sigtimedwait(&set_of_one, 0, &span) == -1);
    CHECK(syscall(SYS_timer_gettime, id, &setting) == 0 && setting.it_value.tv_sec < 2100);
    CHECK(set(CLOCK_REALTIME, before + 6000, 0) == 0);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    span.tv_sec = 20;
    CHECK(sigtimedwait(&set_of_one, 0, &span) == SIGALRM);
    CHECK(set(CLOCK_REALTIME, before, 0) == 0);
    return 0;
}
