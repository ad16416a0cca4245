// Open files and credentials that sockets pass on.
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MOST 253

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(MOST * sizeof(int) + sizeof(struct ucred)) + 100];
};

static void describe(union control *control, int length, int type) {
    control->header.cmsg_len = length;
    control->header.cmsg_level = SOL_SOCKET, control->header.cmsg_type = type;
}

static int pass(int socket, const int *files, int count) {
    union control control = {0};
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    describe(&control, CMSG_LEN(count * sizeof(int)), SCM_RIGHTS);
    memcpy(CMSG_DATA(&control.header), files, count * sizeof(int));
    return syscall(SYS_sendmsg, socket, &message, MSG_DONTWAIT);  // some libraries bound it
}

// Returns how many files have come, at most `count`.
static int take(int socket, int *files, int count, int flags, int *told) {
    union control control;
    char text;
    struct iovec part = {&text, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = count ? CMSG_LEN(count * sizeof(int)) : 0};
    if (recvmsg(socket, &message, flags | MSG_DONTWAIT) != 1)
        return -1;
    *told = message.msg_flags;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header)
        return 0;
    int came = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(files, CMSG_DATA(header), came * sizeof(int));
    return came;
}

static void rights(int type) {
    int ends[2], tube[2], came[4], told, wild[2] = {0, 999};
    char text[9];
    CHECK(socketpair(AF_UNIX, type, 0, ends) == 0 && pipe(tube) == 0);
    CHECK(pass(ends[0], tube, 2) == 1 && close(tube[0]) == 0 && close(tube[1]) == 0);
    CHECK(take(ends[1], came, 4, MSG_PEEK, &told) == 2 && fcntl(came[0], F_GETFD) == 0);
    CHECK(close(came[0]) == 0 && close(came[1]) == 0);
    CHECK(take(ends[1], came, 4, MSG_CMSG_CLOEXEC, &told) == 2);
    CHECK(told == MSG_CMSG_CLOEXEC && fcntl(came[1], F_GETFD) == FD_CLOEXEC);
    CHECK(write(came[1], "through", 7) == 7 && read(came[0], text, 9) == 7 && !memcmp(text, "through", 7));
    // What there is no room for is closed
    CHECK(pass(ends[0], came, 2) == 1 && close(came[0]) == 0);
    CHECK(take(ends[1], tube, 1, 0, &told) == 1 && told == MSG_CTRUNC);
    CHECK(close(came[1]) == 0 && read(tube[0], text, 1) == 0 && close(tube[0]) == 0);
    CHECK(pipe(tube) == 0 && pass(ends[0], tube + 1, 1) == 1 && close(tube[1]) == 0);
    CHECK(take(ends[1], came, 0, 0, &told) == 0 && told == MSG_CTRUNC && read(tube[0], text, 1) == 0);
    // So is what nobody takes
    close(tube[0]);
    CHECK(pipe(tube) == 0 && pass(ends[0], tube + 1, 1) == 1 && close(tube[1]) == 0);
    CHECK(read(ends[1], text, 1) == 1 && read(tube[0], text, 1) == 0);
    close(tube[0]);
    CHECK(pipe(tube) == 0 && pass(ends[0], tube + 1, 1) == 1 && close(tube[1]) == 0);
    CHECK(close(ends[1]) == 0 && read(tube[0], text, 1) == 0);
    close(ends[0]), close(tube[0]);
    CHECK(socketpair(AF_UNIX, type, 0, ends) == 0);
    FAILS(pass(ends[0], wild, 2), EBADF);
    int many[MOST + 1] = {0};
    FAILS(pass(ends[0], many, MOST + 1), EINVAL);
    CHECK(pass(ends[0], many, MOST) == 1 && take(ends[1], many, MOST, 0, &told) == MOST);
    for (int i = 0; i < MOST; i++)
        CHECK(close(many[i]) == 0);
    close(ends[0]), close(ends[1]);
}

// Bytes of a stream don't go together over files that come with some.
static void borders(void) {
    int ends[2], none = 0, told;
    char text[9];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(write(ends[0], "ab", 2) == 2 && pass(ends[0], &none, 1) == 1 && write(ends[0], "cd", 2) == 2);
    CHECK(read(ends[1], text, 9) == 3 && read(ends[1], text, 9) == 2);
    close(ends[0]), close(ends[1]);
}

// Whether the other end of a pipe is open that only lost sockets have.
static void circles(void) {
    int tube[2], ends[2], others[2], set[2];
    char text;
    CHECK(pipe(tube) == 0);
    // A socket on the way to itself
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    CHECK(pass(ends[0], (int[]){ends[0], ends[1], tube[1]}, 3) == 1);
    close(ends[0]), close(ends[1]);
    // Two on the way to each other
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, others) == 0);
    CHECK(pass(ends[0], (int[]){others[1], tube[1]}, 2) == 1 && pass(others[0], (int[]){ends[1], tube[1]}, 2) == 1);
    for (int i = 0; i < 2; i++)
        close(ends[i]), close(others[i]);
    // One that can be come to keeps those that lead on from it
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, others) == 0);
    CHECK(pass(others[0], (int[]){others[0], tube[1]}, 2) == 1 && pass(ends[0], (int[]){others[1]}, 1) == 1);
    close(others[0]), close(others[1]), close(tube[1]);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, set) == 0 && close(set[0]) == 0 && close(set[1]) == 0);
    CHECK(poll(&(struct pollfd){tube[0], POLLIN}, 1, 0) == 0);
    int kept, told;
    CHECK(take(ends[1], &kept, 1, 0, &told) == 1 && take(kept, set, 2, 0, &told) == 2);
    CHECK(write(set[1], "y", 1) == 1 && read(tube[0], &text, 1) == 1);
    close(set[0]), close(set[1]), close(kept), close(ends[0]), close(ends[1]);
    CHECK(poll(&(struct pollfd){tube[0], POLLIN}, 1, 2000) == 1 && read(tube[0], &text, 1) == 0);
    close(tube[0]);
}

// Each socket on the way to the one before it: they end one after the other, not one in the other.
static void chain(void) {
    int tube[2], before[2], next[2];
    char text;
    CHECK(pipe(tube) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, before) == 0);
    int first = before[0], last[2] = {before[1], tube[1]};
    for (int i = 0; i < 3000; i++) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, next) == 0);
        CHECK(pass(next[0], last, 2) == 1);
        close(last[0]), close(next[0]);
        last[0] = next[1];
    }
    close(tube[1]), close(first), close(last[0]);
    CHECK(read(tube[0], &text, 1) == 0);
    close(tube[0]);
}

static void credentials(void) {
    int ends[2], on = 1;
    char text[9];
    union control control;
    struct iovec part = {text, 9};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    int child = fork(), status;
    if (!child)
        _exit(write(ends[0], "of child", 8) != 8);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(write(ends[0], "x", 1) == 1);
    CHECK(recvmsg(ends[1], &message, 0) == 8 && message.msg_flags == 0);  // of one sender alone
    struct ucred *who = (void *)CMSG_DATA(&control.header);
    CHECK(control.header.cmsg_type == SCM_CREDENTIALS && control.header.cmsg_len == CMSG_LEN(12));
    CHECK(who->pid == child && who->uid == getuid() && who->gid == getgid());
    message.msg_controllen = 0;
    CHECK(recvmsg(ends[1], &message, 0) == 1 && message.msg_flags == MSG_CTRUNC);
    struct ucred stated = {1, getuid(), getgid()};
    part.iov_len = 1;
    describe(&control, CMSG_LEN(sizeof stated), SCM_CREDENTIALS);
    memcpy(CMSG_DATA(&control.header), &stated, sizeof stated);
    message.msg_controllen = CMSG_SPACE(sizeof stated);
    if (!(child = fork())) {
        setuid(1234);
        FAILS(sendmsg(ends[0], &message, 0), EPERM);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && (status == 0 || getuid()));
    stated.pid = 0x3fffffff;
    memcpy(CMSG_DATA(&control.header), &stated, sizeof stated);
    CHECK(sendmsg(ends[0], &message, 0) == -1 && (errno == ESRCH || errno == EPERM));
    control.header.cmsg_len = 5;
    FAILS(sendmsg(ends[0], &message, 0), EINVAL);
    describe(&control, CMSG_LEN(4), 77);
    FAILS(sendmsg(ends[0], &message, 0), EINVAL);
    message.msg_controllen = 1 << 20;
    FAILS(syscall(SYS_sendmsg, ends[0], &message, 0), ENOBUFS);
    close(ends[0]), close(ends[1]);
}

static void limit(void) {
    int child = fork(), status;
    if (!child) {
        int ends[2], none[10] = {0}, sent = 0;
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){30, 30});
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        CHECK(setuid(4321) == 0 || getuid());
        while (sent < 100 && pass(ends[0], none, 10) == 1)
            sent++;
        CHECK(errno == ETOOMANYREFS && sent >= 4);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    rights(SOCK_STREAM);
    rights(SOCK_DGRAM);
    rights(SOCK_SEQPACKET);
    borders();
    circles();
    chain();
    credentials();
    limit();
    return 0;
}
