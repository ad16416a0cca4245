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

static long long nanoseconds(int clock) {
    struct timespec now;
    CHECK(syscall(SYS_clock_gettime, clock, &now) == 0);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int adjust(struct timex *adjustment, unsigned modes) {
    adjustment->modes = modes;
    return syscall(SYS_adjtimex, adjustment);
}

// How fast `clock` goes, in parts of a thousand of what the machine's counter has
static long rate(int clock) {
    long long raw = nanoseconds(CLOCK_MONOTONIC_RAW), time = nanoseconds(clock), passed;
    do passed = nanoseconds(CLOCK_MONOTONIC_RAW) - raw; while (passed < 100000000);
    return (nanoseconds(clock) - time) * 1000 / passed;
}

static void rates(void) {
    struct timex asked = {0};
    struct timespec by_page, by_call;
    CHECK(rate(CLOCK_MONOTONIC) >= 997 && rate(CLOCK_MONOTONIC) <= 1003);
    asked.tick = 11001;
    FAILS(adjust(&asked, ADJ_TICK), EINVAL);
    asked.tick = 8999;
    FAILS(adjust(&asked, ADJ_TICK), EINVAL);
    asked.tick = 11000;
    CHECK(adjust(&asked, ADJ_TICK) == TIME_ERROR && asked.tick == 11000);
    CHECK(rate(CLOCK_MONOTONIC) >= 1090 && rate(CLOCK_REALTIME) >= 1090);
    CHECK(rate(CLOCK_BOOTTIME) <= 1110);
    clock_gettime(CLOCK_MONOTONIC, &by_page);  // libc asks the page
    CHECK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &by_call) == 0);
    CHECK(by_call.tv_sec - by_page.tv_sec < 10);
    clock_gettime(CLOCK_MONOTONIC_RAW, &by_page);
    CHECK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC_RAW, &by_call) == 0);
    CHECK(by_call.tv_sec - by_page.tv_sec >= 0 && by_call.tv_sec - by_page.tv_sec < 10);
    asked.tick = 9000;
    CHECK(adjust(&asked, ADJ_TICK) == TIME_ERROR && rate(CLOCK_MONOTONIC) <= 910);
    asked.tick = 10000;
    asked.freq = 1000 << 16;
    CHECK(adjust(&asked, ADJ_TICK | ADJ_FREQUENCY) == TIME_ERROR && asked.freq == 500 << 16);
    asked.freq = 1L << 62;
    FAILS(adjust(&asked, ADJ_FREQUENCY), EINVAL);
    asked.freq = 0;
    CHECK(adjust(&asked, ADJ_FREQUENCY) == TIME_ERROR && asked.freq == 0);
}

static void states(void) {
    struct timex asked = {0};
    asked.maxerror = 1000, asked.esterror = 500, asked.status = STA_PLL;
    CHECK(adjust(&asked, ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS) == TIME_OK);
    CHECK(adjust(&asked, 0) == TIME_OK && asked.maxerror >= 1000 && asked.esterror == 500);
    CHECK(asked.status == STA_PLL && asked.tolerance == 500 << 16 && asked.precision == 1);
    asked.constant = 3;
    CHECK(adjust(&asked, ADJ_TIMECONST) == TIME_OK && asked.constant == 7);
    asked.constant = 3;
    CHECK(adjust(&asked, ADJ_TIMECONST | ADJ_NANO) == TIME_OK && asked.constant == 3);
    CHECK(asked.status == (STA_PLL | STA_NANO));
    asked.offset = 3000000;
    CHECK(adjust(&asked, ADJ_OFFSET) == TIME_OK && asked.offset == 3000000);
    CHECK(adjust(&asked, ADJ_MICRO) == TIME_OK && asked.status == STA_PLL);
    CHECK(asked.offset > 0 && asked.offset <= 3000);
    asked.status = 0;
    CHECK(adjust(&asked, ADJ_STATUS) == TIME_OK);
    asked.status = STA_UNSYNC | STA_CLOCKERR;
    CHECK(adjust(&asked, ADJ_STATUS) == TIME_ERROR && asked.status == STA_UNSYNC);
    asked.constant = 37;
    adjust(&asked, ADJ_TAI);
    CHECK(asked.tai == 37);
    long long ahead = nanoseconds(CLOCK_TAI) - nanoseconds(CLOCK_REALTIME);
    CHECK(ahead > 36900000000 && ahead <= 37000000000);
    struct timespec until = {time(0) + 36, 0};  // that is over
    CHECK(syscall(SYS_clock_nanosleep, CLOCK_TAI, TIMER_ABSTIME, &until, 0) == 0);
    asked.constant = 0;
    adjust(&asked, ADJ_TAI);
    CHECK(asked.tai == 0);
}

// What adjtime(3) does: the time moves by what was asked for, no more and no less
static void once(void) {
    struct timex asked = {0};
    FAILS(adjust(&asked, 0x8000), EINVAL);
    long long before = nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_MONOTONIC_RAW);
    asked.offset = 700;
    CHECK(adjust(&asked, ADJ_OFFSET_SINGLESHOT) >= 0 && asked.offset == 0);
    do {
        struct timespec nap = {0, 100000000};
        nanosleep(&nap, 0);
        CHECK(adjust(&asked, ADJ_OFFSET_SS_READ) >= 0 && asked.offset >= 0 && asked.offset <= 700);
    } while (asked.offset);
    long long gained = nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_MONOTONIC_RAW) - before;
    CHECK(gained > 400000 && gained < 900000);  // the last second may still go on
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
    FAILS(syscall(SYS_clock_adjtime, -2 << 3 | 2, &adjustment), EOPNOTSUPP);
    FAILS(syscall(SYS_clock_adjtime, ~0 << 3 | 3, &adjustment), EINVAL);
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
        FAILS(adjust(&adjustment, ADJ_FREQUENCY), EPERM);
        FAILS(adjust(&adjustment, ADJ_OFFSET_SINGLESHOT), EPERM);
        CHECK(adjust(&adjustment, ADJ_OFFSET_SS_READ) >= 0);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    if (syscall(FAIL_ALLOCATION, 0) == -1)
        return 0;

    rates();
    states();
    once();
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
