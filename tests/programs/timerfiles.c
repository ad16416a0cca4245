// Timers that are open files (timerfd).
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

#define MILLISECOND 1000000L
#define SECOND 1000000000L

static const struct itimerspec NEVER;

static int is_readable(int file) {
    struct pollfd one = {.fd = file, .events = POLLIN};
    return poll(&one, 1, 0) == 1 && one.revents == POLLIN;
}

static long now(int clock) {
    struct timespec time;
    return clock_gettime(clock, &time) ? -1 : time.tv_sec * SECOND + time.tv_nsec;
}

static struct itimerspec spec(long value, long interval) {
    return (struct itimerspec){{interval / SECOND, interval % SECOND}, {value / SECOND, value % SECOND}};
}

static long nanoseconds(struct timespec time) { return time.tv_sec * SECOND + time.tv_nsec; }

static void check_errors(void) {
    struct itimerspec wrong = spec(1, 0), right = spec(1, 0);
    int counter = eventfd(0, 0), file = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    const int good[] = {0, 1, 7, 8, 9}, bad[] = {2, 3, 4, 5, 6, 10, 11, 12, -1};
    unsigned long number;
    for (int n = 0; n < 5; n++) {
        int one = timerfd_create(good[n], 0);
        CHECK(one >= 0 && !close(one));
    }
    for (int n = 0; n < 9; n++)
        FAILS(timerfd_create(bad[n], 0), EINVAL);
    FAILS(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
    CHECK(fcntl(file, F_GETFD) == FD_CLOEXEC && fcntl(file, F_GETFL) == (O_RDWR | O_NONBLOCK));
    FAILS(timerfd_settime(counter, 0, &right, 0), EINVAL);
    FAILS(timerfd_settime(999, 0, &right, 0), EBADF);
    FAILS(timerfd_settime(file, 4, &right, 0), EINVAL);
    FAILS(timerfd_settime(file, 0, (void *)8, 0), EFAULT);
    wrong.it_value.tv_nsec = SECOND;
    FAILS(timerfd_settime(file, 0, &wrong, 0), EINVAL);
    wrong.it_value.tv_nsec = 0, wrong.it_interval.tv_sec = -1;
    FAILS(timerfd_settime(file, 0, &wrong, 0), EINVAL);
    FAILS(timerfd_gettime(counter, &right), EINVAL);
    FAILS(timerfd_gettime(999, &right), EBADF);
    FAILS(syscall(SYS_timerfd_gettime, file, 8), EFAULT);
    FAILS(write(file, &number, 8), EINVAL);
    FAILS(read(file, &number, 7), EINVAL);
    FAILS(read(file, &number, 8), EAGAIN);
    close(file), close(counter);
}

static void check_once(int clock) {
    int file = timerfd_create(clock, 0);
    struct itimerspec soon = spec(2 * MILLISECOND, 0), late = spec(1000 * SECOND, 5), old;
    unsigned long number = 0;
    CHECK(!timerfd_gettime(file, &old) && !nanoseconds(old.it_value) && !nanoseconds(old.it_interval));
    CHECK(!timerfd_settime(file, 0, &late, &old) && !nanoseconds(old.it_value));
    CHECK(!is_readable(file) && !timerfd_gettime(file, &old));
    CHECK(nanoseconds(old.it_value) > 900 * SECOND && nanoseconds(old.it_value) <= 1000 * SECOND);
    CHECK(nanoseconds(old.it_interval) == 5);
    long start = now(CLOCK_MONOTONIC);
    CHECK(!timerfd_settime(file, 0, &soon, &old) && nanoseconds(old.it_value) > 900 * SECOND);
    CHECK(read(file, &number, 8) == 8 && number == 1);
    CHECK(now(CLOCK_MONOTONIC) - start >= 2 * MILLISECOND);
    CHECK(!is_readable(file) && !timerfd_gettime(file, &old) && !nanoseconds(old.it_value));
    struct itimerspec past = spec(1, 0), future = spec(now(clock) + MILLISECOND, 0);
    CHECK(!timerfd_settime(file, TFD_TIMER_ABSTIME, &past, 0));
    CHECK(read(file, &number, 8) == 8 && number == 1);
    CHECK(!timerfd_settime(file, TFD_TIMER_ABSTIME, &future, 0));
    CHECK(read(file, &number, 8) == 8 && number == 1);
    CHECK(now(clock) >= nanoseconds(future.it_value));
    CHECK(!timerfd_settime(file, 0, &soon, 0) && !timerfd_settime(file, 0, &NEVER, &old));
    CHECK(nanoseconds(old.it_value) <= 2 * MILLISECOND);
    struct pollfd one = {.fd = file, .events = POLLIN};
    CHECK(poll(&one, 1, 5) == 0);
    close(file);
}

static void check_intervals(void) {
    int file = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), set = epoll_create1(0);
    struct itimerspec often = spec(MILLISECOND, MILLISECOND), old;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    unsigned long number, all = 0;
    long start = now(CLOCK_MONOTONIC);
    CHECK(!epoll_ctl(set, EPOLL_CTL_ADD, file, &event));
    CHECK(!timerfd_settime(file, 0, &often, 0));
    long begun = now(CLOCK_MONOTONIC);  // the first one is due no later than this, and its period
    for (int n = 0; n < 5; n++) {
        CHECK(epoll_wait(set, &event, 1, -1) == 1 && event.events == EPOLLIN);
        CHECK(read(file, &number, 8) == 8 && number >= 1);
        all += number;
    }
    CHECK(all <= (now(CLOCK_MONOTONIC) - start) / MILLISECOND);
    while (now(CLOCK_MONOTONIC) - begun < 20 * MILLISECOND)
        ;
    if (read(file, &number, 8) == 8)  // else the time was over before the last read above
        all += number;
    CHECK(all >= 20 && all <= (now(CLOCK_MONOTONIC) - start) / MILLISECOND);
    CHECK(!timerfd_gettime(file, &old) && nanoseconds(old.it_value) <= MILLISECOND);
    CHECK(nanoseconds(old.it_value) > 0 && nanoseconds(old.it_interval) == MILLISECOND);
    CHECK(epoll_wait(set, &event, 1, -1) == 1);
    CHECK(!timerfd_settime(file, 0, &NEVER, 0) && !is_readable(file));
    FAILS(read(file, &number, 8), EAGAIN);
    CHECK(epoll_wait(set, &event, 1, 0) == 0);
    close(file), close(set);
}

static int set_day(long change) {
    long time = now(CLOCK_REALTIME) + change;
    struct timespec to = {time / SECOND, time % SECOND};
    return clock_settime(CLOCK_REALTIME, &to);
}

// When the time of day is set
static void check_day(void) {
    const int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    int told = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK), day = timerfd_create(CLOCK_REALTIME, 0);
    int span = timerfd_create(CLOCK_REALTIME, 0), boot = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec later = spec(1000 * SECOND, 0), at = spec(now(CLOCK_REALTIME) + 1000 * SECOND, 0);
    unsigned long number;
    if (set_day(0))
        return;  // one may not
    CHECK(!timerfd_settime(span, TFD_TIMER_CANCEL_ON_SET, &later, 0));
    CHECK(!timerfd_settime(boot, flags, &at, 0));
    CHECK(!timerfd_settime(day, TFD_TIMER_ABSTIME, &at, 0));
    int result = timerfd_settime(told, flags, &at, 0);  // the clock was set since it was made
    CHECK(result == -1 && errno == ECANCELED);
    CHECK(!is_readable(told) && !set_day(500 * SECOND) && is_readable(told));
    FAILS(read(told, &number, 8), ECANCELED);
    CHECK(!is_readable(told) && !is_readable(day));
    FAILS(read(told, &number, 8), EAGAIN);
    CHECK(!set_day(600 * SECOND));
    CHECK(read(day, &number, 8) == 8 && number == 1);
    CHECK(!is_readable(span) && !is_readable(boot));
    FAILS(read(told, &number, 8), ECANCELED);
    CHECK(!set_day(-1100 * SECOND) && !timerfd_settime(told, TFD_TIMER_ABSTIME, &at, 0));
    CHECK(!is_readable(told) && !set_day(0) && !is_readable(told));
    close(told), close(day), close(span), close(boot);
}

int main(void) {
    check_errors();
    check_once(CLOCK_MONOTONIC);
    check_once(CLOCK_REALTIME);
    check_once(CLOCK_BOOTTIME);
    check_intervals();
    check_day();
    return 0;
}
