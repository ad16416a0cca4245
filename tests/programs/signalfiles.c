// Signals that are read from files (signalfd).
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static struct signalfd_siginfo got[4];

static sigset_t set_of(int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return set;
}

static int is_readable(int file) {
    struct pollfd one = {.fd = file, .events = POLLIN};
    return poll(&one, 1, 0) == 1 && one.revents == POLLIN;
}

static void check_errors(void) {
    sigset_t set = set_of(SIGUSR1);
    int counter = eventfd(0, 0), place = open("/", O_PATH);
    FAILS(syscall(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
    FAILS(syscall(SYS_signalfd4, -1, &set, 8, 1), EINVAL);
    FAILS(syscall(SYS_signalfd4, -1, 8, 8, 0), EFAULT);
    FAILS(syscall(SYS_signalfd4, 999, &set, 8, 0), EBADF);
    FAILS(syscall(SYS_signalfd4, -2, &set, 8, 0), EBADF);
    FAILS(syscall(SYS_signalfd4, place, &set, 8, 0), EBADF);
    FAILS(syscall(SYS_signalfd4, counter, &set, 8, 0), EINVAL);
    int file = syscall(SYS_signalfd, -1, &set, 8);
    CHECK(file >= 0 && fcntl(file, F_GETFD) == 0 && fcntl(file, F_GETFL) == O_RDWR);
    FAILS(write(file, got, sizeof got), EINVAL);
    FAILS(read(file, got, sizeof *got - 1), EINVAL);
    CHECK(!fcntl(file, F_SETFL, O_NONBLOCK));
    FAILS(read(file, got, sizeof got), EAGAIN);
    CHECK(!raise(SIGUSR1));
    FAILS(read(file, (void *)8, sizeof got), EFAULT);
    FAILS(read(file, got, sizeof got), EAGAIN);  // it was taken all the same
    close(file), close(counter), close(place);
}

static void check_records(void) {
    sigset_t set = set_of(SIGUSR1);
    sigaddset(&set, SIGKILL), sigaddset(&set, SIGRTMIN), sigaddset(&set, SIGCHLD);
    int file = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    CHECK(file >= 0 && fcntl(file, F_GETFD) == FD_CLOEXEC && !is_readable(file));
    CHECK(!raise(SIGUSR1) && is_readable(file));
    CHECK(read(file, got, sizeof got) == sizeof *got && got[0].ssi_signo == SIGUSR1);
    CHECK(got[0].ssi_code == SI_TKILL && got[0].ssi_pid == getpid() && got[0].ssi_uid == getuid());
    union sigval value = {.sival_ptr = (void *)0x123456789ABC};
    for (int n = 0; n < 3; n++, value.sival_int++)
        CHECK(!sigqueue(getpid(), SIGRTMIN, value));
    CHECK(read(file, got, 2 * sizeof *got + 5) == 2 * sizeof *got);
    CHECK(got[1].ssi_signo == SIGRTMIN && got[1].ssi_code == SI_QUEUE);
    CHECK(got[1].ssi_ptr == 0x123456789ABD && got[1].ssi_int == 0x56789ABD);
    CHECK(read(file, got, sizeof got) == sizeof *got && got[0].ssi_ptr == 0x123456789ABE);
    pid_t child = fork();
    if (!child)
        _exit(7);
    struct pollfd one = {.fd = file, .events = POLLIN};
    CHECK(poll(&one, 1, -1) == 1 && read(file, got, sizeof got) == sizeof *got);
    CHECK(got[0].ssi_signo == SIGCHLD && got[0].ssi_code == CLD_EXITED && got[0].ssi_status == 7);
    CHECK(got[0].ssi_pid == child && waitpid(child, 0, 0) == child);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec soon = {.it_value = {0, 1}};
    event.sigev_value.sival_int = 99;
    int timer = 0;
    CHECK(!syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer));
    CHECK(!syscall(SYS_timer_settime, timer, 0, &soon, 0));
    CHECK(poll(&one, 1, -1) == 1 && read(file, got, sizeof got) == sizeof *got);
    CHECK(got[0].ssi_code == SI_TIMER && got[0].ssi_tid == timer && got[0].ssi_int == 99);
    CHECK(!syscall(SYS_timer_delete, timer));
    sigset_t other = set_of(SIGUSR2);
    CHECK(!raise(SIGUSR2) && !is_readable(file) && signalfd(file, &other, 0) == file);
    CHECK(is_readable(file) && read(file, got, sizeof got) == sizeof *got);
    CHECK(got[0].ssi_signo == SIGUSR2);
    close(file);
}

static int shared;

static void *wait_for_one(void *unused) {
    return (void *)(long)(read(shared, got, sizeof *got) == sizeof *got ? got->ssi_signo : -1);
}

// A thread waits for what is sent to the process; what is sent to another thread is none of its.
static void check_threads(void) {
    sigset_t set = set_of(SIGUSR1);
    pthread_t thread;
    void *result;
    shared = signalfd(-1, &set, 0);
    CHECK(!pthread_create(&thread, 0, wait_for_one, 0));
    CHECK(!raise(SIGUSR1) && is_readable(shared));  // for this one
    CHECK(!kill(getpid(), SIGUSR1) && !pthread_join(thread, &result) && result == (void *)SIGUSR1);
    CHECK(is_readable(shared) && read(shared, got, sizeof *got) == sizeof *got);
    CHECK(!is_readable(shared));
    close(shared);
}

static void check_sets(void) {
    sigset_t set = set_of(SIGUSR1);
    struct epoll_event event = {.events = EPOLLIN}, edge = {.events = EPOLLIN | EPOLLET};
    int file = signalfd(-1, &set, SFD_NONBLOCK), first = epoll_create1(0), second = epoll_create1(0);
    CHECK(!epoll_ctl(first, EPOLL_CTL_ADD, file, &event));
    CHECK(!epoll_ctl(second, EPOLL_CTL_ADD, file, &edge));
    CHECK(epoll_wait(first, &event, 1, 0) == 0 && epoll_wait(second, &event, 1, 0) == 0);
    CHECK(!kill(getpid(), SIGUSR1));
    CHECK(epoll_wait(first, &event, 1, 0) == 1 && event.events == EPOLLIN);
    CHECK(epoll_wait(first, &event, 1, 0) == 1);
    CHECK(epoll_wait(second, &event, 1, 0) == 1 && epoll_wait(second, &event, 1, 0) == 0);
    CHECK(read(file, got, sizeof got) == sizeof *got && epoll_wait(first, &event, 1, 0) == 0);
    // What a process watches that has ended
    pid_t child = fork();
    if (!child)
        _exit(epoll_ctl(first, EPOLL_CTL_DEL, file, 0) || epoll_ctl(first, EPOLL_CTL_ADD, file, &event));
    int status;
    CHECK(waitpid(child, &status, 0) == child && !status);
    CHECK(epoll_wait(first, &event, 1, 0) == 0);
    close(file);
    CHECK(!kill(getpid(), SIGUSR1));
    CHECK(epoll_wait(first, &event, 1, 0) == 0 && epoll_wait(second, &event, 1, 0) == 0);
    close(first), close(second);
}

static void handle(int number) {}

static void check_interruption(void) {
    sigset_t set = set_of(SIGUSR2);
    int file = signalfd(-1, &set, 0);
    struct sigaction action = {.sa_handler = handle};
    struct itimerspec soon = {.it_value = {0, 2000000}, .it_interval = {0, 2000000}};
    int timer;
    sigaction(SIGALRM, &action, 0);
    CHECK(!syscall(SYS_timer_create, CLOCK_MONOTONIC, 0, &timer));
    CHECK(!syscall(SYS_timer_settime, timer, 0, &soon, 0));
    FAILS(read(file, got, sizeof got), EINTR);
    CHECK(!syscall(SYS_timer_delete, timer));
    close(file);
}

int main(void) {
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, SIGALRM);
    CHECK(!sigprocmask(SIG_BLOCK, &set, 0));
    check_errors();
    check_records();
    check_threads();
    check_sets();
    check_interruption();
    return 0;
}
