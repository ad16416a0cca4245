// Sets of files that are waited for (epoll).
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define MANY 5000
#define EPOLL_PWAIT2 441
#define PIDFD_OPEN 434

static struct epoll_event got[16];

static int change(int set, int what, int file, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = file};
    return epoll_ctl(set, what, file, &event);
}

static int add(int set, int file, unsigned events) {
    return change(set, EPOLL_CTL_ADD, file, events);
}

static int look(int set) { return epoll_wait(set, got, 16, 0); }

static int is_readable(int file) {
    struct pollfd one = {.fd = file, .events = POLLIN};
    return poll(&one, 1, 0) == 1 && one.revents == POLLIN;
}

static void check_errors(void) {
    int ends[2], set = epoll_create1(EPOLL_CLOEXEC), other = epoll_create(1);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(set >= 0 && other >= 0 && !pipe(ends));
    CHECK(fcntl(set, F_GETFD) == FD_CLOEXEC && fcntl(other, F_GETFD) == 0);
    FAILS(syscall(SYS_epoll_create, 0), EINVAL);
    FAILS(syscall(SYS_epoll_create, -1), EINVAL);
    FAILS(epoll_create1(1), EINVAL);
    FAILS(epoll_ctl(999, EPOLL_CTL_ADD, ends[0], &event), EBADF);
    FAILS(epoll_ctl(set, EPOLL_CTL_ADD, 999, &event), EBADF);
    FAILS(epoll_ctl(ends[1], EPOLL_CTL_ADD, ends[0], &event), EINVAL);
    FAILS(epoll_ctl(set, EPOLL_CTL_ADD, set, &event), EINVAL);
    FAILS(epoll_ctl(set, 7, ends[0], &event), EINVAL);
    FAILS(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], 0), EFAULT);
    FAILS(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], (void *)8), EFAULT);
    FAILS(change(set, EPOLL_CTL_MOD, ends[0], EPOLLIN), ENOENT);
    FAILS(epoll_ctl(set, EPOLL_CTL_DEL, ends[0], 0), ENOENT);
    CHECK(!add(set, ends[0], EPOLLIN));
    FAILS(add(set, ends[0], EPOLLOUT), EEXIST);
    CHECK(!epoll_ctl(set, EPOLL_CTL_DEL, ends[0], 0));
    FAILS(epoll_ctl(set, EPOLL_CTL_DEL, ends[0], 0), ENOENT);
    int folder = open("/", O_RDONLY | O_DIRECTORY), place = open("/", O_PATH);
    int regular = open("/tmp/watched", O_CREAT | O_RDWR, 0600), null = open("/dev/null", O_RDWR);
    FAILS(add(set, folder, EPOLLIN), EPERM);
    FAILS(add(set, regular, EPOLLIN), EPERM);
    FAILS(add(set, null, EPOLLIN), EPERM);
    FAILS(add(set, place, EPOLLIN), EBADF);
    FAILS(epoll_wait(set, got, 0, 0), EINVAL);
    FAILS(epoll_wait(set, got, -1, 0), EINVAL);
    FAILS(epoll_wait(set, got, 0x7FFFFFFF, 0), EINVAL);
    FAILS(epoll_wait(999, got, 1, 0), EBADF);
    FAILS(epoll_wait(ends[0], got, 1, 0), EINVAL);
    FAILS(read(set, got, 8), EINVAL);
    FAILS(write(set, got, 8), EINVAL);
    CHECK(!add(set, ends[1], EPOLLOUT));
    FAILS(epoll_wait(set, (void *)8, 1, 0), EFAULT);
    CHECK(look(set) == 1 && got[0].data.fd == ends[1] && got[0].events == EPOLLOUT);
    close(folder), close(place), close(regular), close(null), unlink("/tmp/watched");
    close(set), close(other), close(ends[0]), close(ends[1]);
}

static void check_levels(void) {
    int ends[2], set = epoll_create1(0);
    char byte;
    CHECK(!pipe(ends) && !add(set, ends[0], EPOLLIN));
    CHECK(look(set) == 0);
    CHECK(write(ends[1], "xy", 2) == 2);
    for (int n = 0; n < 3; n++)
        CHECK(look(set) == 1 && got[0].events == EPOLLIN && got[0].data.fd == ends[0]);
    CHECK(read(ends[0], &byte, 1) == 1 && look(set) == 1);
    CHECK(read(ends[0], &byte, 1) == 1 && look(set) == 0);
    close(ends[1]);
    CHECK(look(set) == 1 && got[0].events == EPOLLHUP);
    struct epoll_event event = {.events = 0, .data.u64 = 0x123456789ABCDEF0};
    CHECK(!epoll_ctl(set, EPOLL_CTL_MOD, ends[0], &event));
    CHECK(look(set) == 1 && got[0].events == EPOLLHUP && got[0].data.u64 == event.data.u64);
    close(ends[0]);
    CHECK(look(set) == 0);
    close(set);
}

static void check_edges(void) {
    int ends[2], set = epoll_create1(0);
    char bytes[4096];
    CHECK(!pipe2(ends, O_NONBLOCK) && !add(set, ends[0], EPOLLIN | EPOLLET));
    CHECK(!add(set, ends[1], EPOLLOUT | EPOLLET));
    CHECK(look(set) == 1 && got[0].data.fd == ends[1] && look(set) == 0);
    CHECK(write(ends[1], "abcd", 4) == 4);
    CHECK(look(set) == 1 && got[0].data.fd == ends[0] && got[0].events == EPOLLIN);
    CHECK(look(set) == 0);
    CHECK(read(ends[0], bytes, 1) == 1 && look(set) == 0);  // what is left is no news
    CHECK(write(ends[1], "e", 1) == 1 && look(set) == 1);
    CHECK(!change(set, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLET));  // looks anew
    CHECK(look(set) == 1 && look(set) == 0);
    while (write(ends[1], bytes, sizeof bytes) > 0)
        ;
    CHECK(look(set) == 1 && got[0].data.fd == ends[0]);
    CHECK(read(ends[0], bytes, 2) == 2 && look(set) == 0);
    int told = 0;
    while (read(ends[0], bytes, sizeof bytes) > 0)
        told += look(set);
    CHECK(told == 1 && got[0].data.fd == ends[1] && got[0].events == EPOLLOUT);
    close(ends[1]);
    CHECK(look(set) == 1 && got[0].events == EPOLLHUP && look(set) == 0);
    close(ends[0]);
    close(set);
}

static void check_once(void) {
    int set = epoll_create1(0), counter = eventfd(1, 0);
    CHECK(!add(set, counter, EPOLLIN | EPOLLONESHOT));
    CHECK(look(set) == 1 && look(set) == 0);
    unsigned long one = 1;
    CHECK(write(counter, &one, 8) == 8 && look(set) == 0);
    CHECK(!change(set, EPOLL_CTL_MOD, counter, EPOLLIN | EPOLLONESHOT));
    CHECK(look(set) == 1 && look(set) == 0);
    CHECK(!change(set, EPOLL_CTL_MOD, counter, EPOLLIN) && look(set) == 1 && look(set) == 1);
    close(counter), close(set);
}

// The same open file by two numbers; what is watched goes with the open file, not with a number.
static void check_numbers(void) {
    int set = epoll_create1(0), counter = eventfd(1, 0), copy = dup(counter);
    CHECK(!add(set, counter, EPOLLIN) && !add(set, copy, EPOLLIN) && look(set) == 2);
    CHECK(!epoll_ctl(set, EPOLL_CTL_DEL, copy, 0) && look(set) == 1);
    close(counter);
    CHECK(look(set) == 1 && got[0].data.fd == counter);
    FAILS(epoll_ctl(set, EPOLL_CTL_DEL, counter, 0), EBADF);
    close(copy);
    CHECK(look(set) == 0);
    close(set);
}

static void check_exclusive(void) {
    int first = epoll_create1(0), second = epoll_create1(0), counter = eventfd(0, 0);
    unsigned long one = 1;
    CHECK(!add(first, counter, EPOLLIN | EPOLLEXCLUSIVE));
    CHECK(!add(second, counter, EPOLLIN | EPOLLEXCLUSIVE | EPOLLET));
    FAILS(change(first, EPOLL_CTL_MOD, counter, EPOLLIN), EINVAL);
    FAILS(change(first, EPOLL_CTL_MOD, counter, EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
    FAILS(add(first, second, EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
    int other = eventfd(0, 0);
    FAILS(add(first, other, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), EINVAL);
    CHECK(write(counter, &one, 8) == 8);
    CHECK(look(first) == 1 && look(second) == 1 && look(second) == 0);
    close(first), close(second), close(counter), close(other);
}

static void check_nesting(void) {
    int sets[6], counter = eventfd(0, EFD_NONBLOCK);
    unsigned long one = 1;
    for (int n = 0; n < 6; n++)
        sets[n] = epoll_create1(0);
    for (int n = 0; n < 4; n++)
        CHECK(!add(sets[n + 1], sets[n], EPOLLIN));
    FAILS(add(sets[5], sets[4], EPOLLIN), ELOOP);
    for (int n = 0; n < 4; n++)
        FAILS(add(sets[n], sets[n + 1], EPOLLIN), ELOOP);
    FAILS(add(sets[0], sets[4], EPOLLIN), ELOOP);
    CHECK(!add(sets[4], sets[2], EPOLLIN | EPOLLET));
    CHECK(!add(sets[0], counter, EPOLLIN));
    CHECK(look(sets[4]) == 0 && !is_readable(sets[4]));
    CHECK(write(counter, &one, 8) == 8);
    for (int n = 1; n < 4; n++)
        CHECK(look(sets[n]) == 1 && got[0].data.fd == sets[n - 1] && got[0].events == EPOLLIN);
    CHECK(look(sets[4]) == 2 && look(sets[4]) == 1);
    CHECK(is_readable(sets[4]) && is_readable(sets[0]));
    CHECK(read(counter, &one, 8) == 8);
    CHECK(!is_readable(sets[4]) && !is_readable(sets[0]) && look(sets[4]) == 0);
    close(sets[1]);
    CHECK(write(counter, &one, 8) == 8 && look(sets[4]) == 0 && look(sets[0]) == 1);
    for (int n = 0; n < 6; n++)
        close(sets[n]);
    close(counter);
}

static void check_process(void) {
    int set = epoll_create1(0);
    pid_t child = fork();
    if (!child) {
        pause();
        _exit(0);
    }
    int number = syscall(PIDFD_OPEN, child, 0);
    CHECK(number >= 0 && !add(set, number, EPOLLIN) && look(set) == 0);
    CHECK(!kill(child, SIGKILL));
    CHECK(epoll_wait(set, got, 1, -1) == 1 && got[0].events == EPOLLIN);
    CHECK(waitpid(child, 0, 0) == child);
    close(number), close(set);
}

static volatile int caught;
static void handle(int number) { caught = number; }

static void check_signals(void) {
    int set = epoll_create1(0);
    sigset_t usual, all;
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    CHECK(!sigaction(SIGUSR1, &action, 0));
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &usual);
    CHECK(!kill(getpid(), SIGUSR1));
    CHECK(epoll_wait(set, got, 1, 0) == 0 && !caught);
    FAILS(epoll_pwait(set, got, 1, -1, &usual), EINTR);
    CHECK(caught == SIGUSR1);
    caught = 0;
    CHECK(!kill(getpid(), SIGUSR1) && epoll_pwait(set, got, 1, 0, &all) == 0 && !caught);
    struct timespec none = {0, 0}, some = {0, 1000000}, wrong = {0, 1000000000};
    CHECK(syscall(EPOLL_PWAIT2, set, got, 1, &none, 0, 0) == 0);
    CHECK(syscall(EPOLL_PWAIT2, set, got, 1, &some, &all, 8) == 0 && !caught);
    FAILS(syscall(EPOLL_PWAIT2, set, got, 1, &wrong, 0, 0), EINVAL);
    FAILS(syscall(EPOLL_PWAIT2, set, got, 1, (void *)8, 0, 0), EFAULT);
    FAILS(syscall(EPOLL_PWAIT2, set, got, 1, &none, &all, 4), EINVAL);
    FAILS(syscall(EPOLL_PWAIT2, set, got, 1, 0, &usual, 8), EINTR);
    CHECK(caught == SIGUSR1);
    sigprocmask(SIG_SETMASK, &usual, 0);
    close(set);
}

// Threads that share what comes, files that go while others wait, sets that go.
static int shared, counters[16];
static volatile int taken;

static void *take(void *unused) {
    struct epoll_event event;
    unsigned long number;
    while (epoll_wait(shared, &event, 1, -1) == 1 && event.data.fd != counters[0]) {
        if (read(event.data.fd, &number, 8) == 8)
            __atomic_fetch_add(&taken, 1, __ATOMIC_SEQ_CST);
        change(shared, EPOLL_CTL_MOD, event.data.fd, EPOLLIN | EPOLLONESHOT);
    }
    return 0;
}

static void *churn(void *unused) {
    for (int n = 0; n < 300; n++) {
        int counter = eventfd(0, EFD_NONBLOCK);
        add(shared, counter, EPOLLOUT | EPOLLET | EPOLLONESHOT);
        close(counter);
    }
    return 0;
}

static void check_threads(void) {
    pthread_t threads[4];
    unsigned long one = 1;
    shared = epoll_create1(0);
    for (int n = 0; n < 16; n++) {
        counters[n] = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
        CHECK(!add(shared, counters[n], EPOLLIN | (n ? EPOLLONESHOT : 0)));
    }
    for (int n = 0; n < 4; n++)
        CHECK(!pthread_create(&threads[n], 0, n == 3 ? churn : take, 0));
    for (int n = 0; n < 400; n++)
        CHECK(write(counters[1 + n % 15], &one, 8) == 8);
    while (taken != 400)
        sched_yield();
    CHECK(write(counters[0], &one, 8) == 8);
    for (int n = 0; n < 4; n++)
        CHECK(!pthread_join(threads[n], 0));
    close(shared);
    for (int n = 0; n < 16; n++)
        close(counters[n]);
}

static void check_many(void) {
    static int files[MANY];
    struct rlimit limit = {MANY + 20, MANY + 20};
    unsigned long one = 1;
    int set = epoll_create1(0);
    if (setrlimit(RLIMIT_NOFILE, &limit))
        return;
    for (int n = 0; n < MANY; n++) {
        files[n] = eventfd(0, EFD_NONBLOCK);
        CHECK(files[n] >= 0 && !add(set, files[n], EPOLLIN));
    }
    CHECK(look(set) == 0);
    for (int n = 0; n < MANY; n += 1000)
        CHECK(write(files[n], &one, 8) == 8);
    CHECK(look(set) == MANY / 1000);
    for (int n = 0; n < MANY; n++)
        CHECK(n % 2 ? !close(files[n]) : !epoll_ctl(set, EPOLL_CTL_DEL, files[n], 0));
    CHECK(look(set) == 0);
    CHECK(!add(set, files[0], EPOLLIN) && look(set) == 1);
    for (int n = 0; n < MANY; n += 2)
        close(files[n]);
    close(set);
}

int main(void) {
    check_errors();
    check_levels();
    check_edges();
    check_once();
    check_numbers();
    check_exclusive();
    check_nesting();
    check_process();
    check_signals();
    check_threads();
    check_many();
    return 0;
}
