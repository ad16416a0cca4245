// Streams of bytes between sockets of the machine.
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

static int ends[2];
static char big[300000], copy[300000];

static void make(int flags) { CHECK(socketpair(AF_UNIX, SOCK_STREAM | flags, 0, ends) == 0); }

static void close_both(void) { CHECK(close(ends[0]) == 0 && close(ends[1]) == 0); }

static int events_of(int file) {
    struct pollfd polled = {file, POLLIN | POLLOUT | POLLRDHUP, 0};
    CHECK(poll(&polled, 1, 0) >= 0);
    return polled.revents;
}

static void kinds(void) {
    struct stat status;
    FAILS(socket(AF_UNIX, SOCK_STREAM, 5), EPROTONOSUPPORT);
    FAILS(socket(AF_UNIX, 7, 0), ESOCKTNOSUPPORT);
    FAILS(socket(AF_UNIX, 14, 0), EINVAL);
    FAILS(socket(AF_UNIX, SOCK_STREAM | 0x100, 0), EINVAL);
    FAILS(socket(77, SOCK_STREAM, 0), EAFNOSUPPORT);
    FAILS(socket(33, SOCK_STREAM, 0), EAFNOSUPPORT);
    FAILS(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8), EFAULT);
    make(SOCK_CLOEXEC);
    CHECK(fcntl(ends[0], F_GETFD) == FD_CLOEXEC && fcntl(ends[1], F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(ends[0], F_GETFL) == O_RDWR);
    CHECK(fstat(ends[0], &status) == 0 && status.st_mode == (S_IFSOCK | 0777));
    FAILS(lseek(ends[0], 0, SEEK_SET), ESPIPE);
    FAILS(pread(ends[0], big, 1, 0), ESPIPE);
    close_both();
    make(SOCK_NONBLOCK);
    CHECK(fcntl(ends[1], F_GETFL) == (O_RDWR | O_NONBLOCK));
    close_both();
}

static void bytes(void) {
    struct iovec parts[] = {{copy, 2}, {copy + 10, 0}, {copy + 20, 9}};
    make(SOCK_NONBLOCK);
    CHECK(events_of(ends[0]) == POLLOUT);
    FAILS(read(ends[0], copy, 1), EAGAIN);
    CHECK(read(ends[0], copy, 0) == 0);
    CHECK(write(ends[1], "hello ", 6) == 6 && write(ends[1], "world", 5) == 5);
    CHECK(write(ends[1], "", 0) == 0);
    CHECK(events_of(ends[0]) == (POLLIN | POLLOUT) && events_of(ends[1]) == POLLOUT);
    CHECK(readv(ends[0], parts, 3) == 11 && !memcmp(copy, "he", 2) && !memcmp(copy + 20, "llo world", 9));
    FAILS(read(ends[0], copy, 1), EAGAIN);
    CHECK(writev(ends[0], parts, 3) == 11 && read(ends[1], copy + 100, 50) == 11);
    CHECK(!memcmp(copy + 100, "hello world", 11));
    FAILS(write(ends[0], (void *)8, 4), EFAULT);
    CHECK(write(ends[0], "abcd", 4) == 4);
    FAILS(read(ends[1], (void *)8, 4), EFAULT);
    CHECK(read(ends[1], copy, 9) == 4 && !memcmp(copy, "abcd", 4));
    close_both();
}

// As many bytes as there is room for, and no more; then there is room again.
static void full(void) {
    long sent = 0, got = 0, one;
    make(SOCK_NONBLOCK);
    for (int i = 0; i < (int)sizeof big; i++)
        big[i] = i % 251;
    while ((one = write(ends[0], big + sent % 251, 5000)) > 0)
        sent += one;
    CHECK(one == -1 && errno == EAGAIN && sent >= 100000 && sent < 300000);
    CHECK(events_of(ends[0]) == 0 && events_of(ends[1]) == (POLLIN | POLLOUT));
    while ((one = read(ends[1], copy, 7777)) > 0) {
        CHECK(!memcmp(copy, big + got % 251, one));
        got += one;
    }
    CHECK(errno == EAGAIN && got == sent && events_of(ends[0]) == POLLOUT);
    close_both();
}

static void *write_big(void *argument) {
    CHECK(write(ends[0], big, sizeof big) == sizeof big);
    return 0;
}

static void waiting(void) {
    pthread_t thread;
    long got = 0, one;
    make(0);
    CHECK(pthread_create(&thread, 0, write_big, 0) == 0);
    while (got < (long)sizeof big && (one = read(ends[1], copy + got, sizeof copy - got)) > 0)
        got += one;
    CHECK(got == sizeof big && !memcmp(big, copy, sizeof big));
    CHECK(pthread_join(thread, 0) == 0);
    close_both();
}

static void end(void) {
    make(0);
    CHECK(write(ends[0], "xy", 2) == 2 && close(ends[0]) == 0);
    CHECK(events_of(ends[1]) == (POLLIN | POLLOUT | POLLHUP | POLLRDHUP));
    CHECK(read(ends[1], copy, 1) == 1 && read(ends[1], copy, 9) == 1 && read(ends[1], copy, 9) == 0);
    FAILS(write(ends[1], "x", 1), EPIPE);
    close(ends[1]);
    make(0);
    CHECK(write(ends[0], "xy", 2) == 2 && close(ends[1]) == 0);
    CHECK(events_of(ends[0]) & POLLERR);
    FAILS(read(ends[0], copy, 1), ECONNRESET);
    CHECK(read(ends[0], copy, 1) == 0);
    close(ends[0]);
    struct sigaction action = {.sa_handler = SIG_DFL};
    int status, child;
    sigaction(SIGPIPE, &action, 0);
    make(0);
    close(ends[1]);
    if (!(child = fork())) {
        write(ends[0], "x", 1);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGPIPE);
    close(ends[0]);
}

static void shut(void) {
    int pipe_ends[2];
    make(0);
    FAILS(shutdown(ends[0], 3), EINVAL);
    FAILS(shutdown(ends[0], -1), EINVAL);
    FAILS(shutdown(-1, 0), EBADF);
    CHECK(pipe(pipe_ends) == 0);
    FAILS(shutdown(pipe_ends[0], 0), ENOTSOCK);
    CHECK(write(ends[0], "last", 4) == 4 && shutdown(ends[0], SHUT_WR) == 0);
    FAILS(write(ends[0], "x", 1), EPIPE);
    CHECK(events_of(ends[1]) == (POLLIN | POLLOUT | POLLRDHUP) && events_of(ends[0]) == POLLOUT);
    CHECK(read(ends[1], copy, 9) == 4 && read(ends[1], copy, 9) == 0 && read(ends[1], copy, 9) == 0);
    CHECK(write(ends[1], "back", 4) == 4 && read(ends[0], copy, 9) == 4);
    CHECK(shutdown(ends[0], SHUT_RD) == 0 && read(ends[0], copy, 9) == 0);
    FAILS(write(ends[1], "x", 1), EPIPE);
    CHECK(events_of(ends[0]) == (POLLIN | POLLOUT | POLLHUP | POLLRDHUP));
    close_both();
}

static int interrupted;
static void handle(int number) { interrupted++; }

static void interruption(void) {
    struct sigaction action = {.sa_handler = handle};
    sigaction(SIGALRM, &action, 0);
    make(0);
    alarm(1);
    FAILS(read(ends[0], copy, 1), EINTR);
    CHECK(interrupted == 1);
    close_both();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    kinds();
    bytes();
    full();
    waiting();
    shut();
    end();
    interruption();
    return 0;
}
