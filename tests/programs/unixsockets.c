// Sockets of the machine: their names, connections and messages.
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#define SOCKET_NAME "/tmp/test-socket"
#define LENGTH(name) (offsetof(struct sockaddr_un, sun_path) + sizeof(name) - 1)
#define AND_ZERO 1

static struct sockaddr_un address(const char *name, int length) {
    struct sockaddr_un made = {.sun_family = AF_UNIX};
    memcpy(made.sun_path, name, length);
    return made;
}

#define ADDRESS(name) (struct sockaddr *)&(struct sockaddr_un[]){address(name, sizeof(name) - 1)}
#define BIND(socket, name) bind(socket, ADDRESS(name), LENGTH(name))
#define CONNECT(socket, name) connect(socket, ADDRESS(name), LENGTH(name))
#define SEND_TO(socket, text, name) \
    sendto(socket, text, sizeof(text) - 1, MSG_DONTWAIT, ADDRESS(name), LENGTH(name))

static int make(int type) {
    int made = socket(AF_UNIX, type, 0);
    CHECK(made >= 0);
    return made;
}

static int events_of(int file) {
    struct pollfd polled = {file, POLLIN | POLLOUT | POLLRDHUP, 0};
    CHECK(poll(&polled, 1, 0) >= 0);
    return polled.revents;
}

static int option(int file, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    CHECK(getsockopt(file, SOL_SOCKET, name, &value, &length) == 0 && length == sizeof value);
    return value;
}

static void names(void) {
    struct sockaddr_un told;
    struct stat status;
    socklen_t length = sizeof told;
    int first = make(SOCK_STREAM), second = make(SOCK_STREAM), plain;
    CHECK(getsockname(first, (void *)&told, &length) == 0 && length == 2 && told.sun_family == AF_UNIX);
    FAILS(getpeername(first, (void *)&told, &length), ENOTCONN);
    FAILS(bind(first, ADDRESS("/tmp/x"), 1), EINVAL);
    FAILS(bind(first, ADDRESS("/tmp/x"), 111), EINVAL);
    FAILS(bind(first, (void *)8, 20), EFAULT);
    FAILS(bind(first, (void *)&(struct sockaddr_un){.sun_family = AF_INET, .sun_path = "/tmp/x"}, 20), EINVAL);
    FAILS(BIND(first, "/nowhere/x"), ENOENT);
    FAILS(BIND(first, "/tmp"), EADDRINUSE);
    unlink(SOCKET_NAME);
    CHECK(BIND(first, SOCKET_NAME) == 0);
    CHECK(stat(SOCKET_NAME, &status) == 0 && S_ISSOCK(status.st_mode));
    FAILS(open(SOCKET_NAME, O_RDWR), ENXIO);
    FAILS(BIND(first, "/tmp/other"), EINVAL);
    FAILS(BIND(second, SOCKET_NAME), EADDRINUSE);
    length = sizeof told;
    CHECK(getsockname(first, (void *)&told, &length) == 0 && length == LENGTH(SOCKET_NAME) + AND_ZERO);
    CHECK(!strcmp(told.sun_path, SOCKET_NAME));
    length = 4;
    CHECK(getsockname(first, (void *)&told, &length) == 0 && length == LENGTH(SOCKET_NAME) + AND_ZERO);
    FAILS(CONNECT(second, SOCKET_NAME), ECONNREFUSED);
    FAILS(CONNECT(second, "/tmp/nobody"), ENOENT);
    plain = open("/tmp/plain-file", O_CREAT | O_RDWR, 0600);
    FAILS(CONNECT(second, "/tmp/plain-file"), ECONNREFUSED);
    close(plain), unlink("/tmp/plain-file");
    CHECK(close(first) == 0);
    FAILS(CONNECT(second, SOCKET_NAME), ECONNREFUSED);
    CHECK(unlink(SOCKET_NAME) == 0);

    CHECK(BIND(second, "\0abstract") == 0);
    first = make(SOCK_STREAM);
    FAILS(BIND(first, "\0abstract"), EADDRINUSE);
    CHECK(BIND(first, "\0abstract\0") == 0);  // another name
    CHECK(close(second) == 0);
    second = make(SOCK_STREAM);
    CHECK(BIND(second, "\0abstract") == 0);
    close(first), close(second);
    first = make(SOCK_DGRAM);
    CHECK(bind(first, ADDRESS(""), 2) == 0);
    length = sizeof told;
    CHECK(getsockname(first, (void *)&told, &length) == 0 && length == 8 && told.sun_path[0] == 0);
    close(first);
}

static void connections(void) {
    struct sockaddr_un told;
    struct ucred credentials;
    char text[100];
    int listener = make(SOCK_STREAM | SOCK_NONBLOCK), client = make(SOCK_STREAM), end;
    socklen_t length;
    FAILS(listen(listener, 1), EINVAL);
    FAILS(accept(listener, 0, 0), EINVAL);
    CHECK(BIND(listener, "\0listener") == 0 && listen(listener, 1) == 0);
    CHECK(option(listener, SO_ACCEPTCONN) == 1 && option(client, SO_ACCEPTCONN) == 0);
    FAILS(accept(listener, 0, 0), EAGAIN);
    CHECK(events_of(listener) == 0 && events_of(client) == (POLLOUT | POLLHUP));
    FAILS(write(client, "x", 1), ENOTCONN);
    FAILS(read(client, text, 1), EINVAL);
    FAILS(read(listener, text, 1), EINVAL);
    CHECK(CONNECT(client, "\0listener") == 0);
    FAILS(CONNECT(client, "\0listener"), EISCONN);
    CHECK(events_of(listener) == POLLIN);
    CHECK(write(client, "early", 5) == 5);
    FAILS(syscall(SYS_accept4, listener, 0, 0, 1), EINVAL);
    length = sizeof told;
    CHECK((end = accept4(listener, (void *)&told, &length, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0);
    CHECK(length == 2 && fcntl(end, F_GETFD) == FD_CLOEXEC && fcntl(end, F_GETFL) & O_NONBLOCK);
    CHECK(read(end, text, 9) == 5 && !memcmp(text, "early", 5));
    length = sizeof told;
    CHECK(getsockname(end, (void *)&told, &length) == 0 && length == 11);
    length = sizeof told;
    CHECK(getpeername(client, (void *)&told, &length) == 0 && length == 11);
    CHECK(!memcmp(told.sun_path, "\0listener", 9));
    length = sizeof credentials;
    CHECK(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0);
    CHECK(credentials.pid == getpid() && credentials.uid == geteuid() && credentials.gid == getegid());
    close(client), close(end);

    // Two may wait, and no more
    int waiting[3];
    for (int i = 0; i < 3; i++)
        waiting[i] = make(SOCK_STREAM | SOCK_NONBLOCK);
    CHECK(CONNECT(waiting[0], "\0listener") == 0 && CONNECT(waiting[1], "\0listener") == 0);
    FAILS(CONNECT(waiting[2], "\0listener"), EAGAIN);
    CHECK(close(accept(listener, 0, 0)) == 0 && CONNECT(waiting[2], "\0listener") == 0);
    close(listener);
    FAILS(read(waiting[1], text, 1), ECONNRESET);
    CHECK(read(waiting[1], text, 1) == 0 && read(waiting[0], text, 1) == 0);
    for (int i = 0; i < 3; i++)
        close(waiting[i]);
}

static int blocked;

static void *connect_later(void *argument) {
    CHECK(CONNECT(blocked, "\0slow") == 0);
    return 0;
}

static void waiting_connection(void) {
    pthread_t thread;
    int listener = make(SOCK_SEQPACKET), first = make(SOCK_SEQPACKET);
    CHECK(BIND(listener, "\0slow") == 0 && listen(listener, 0) == 0);
    CHECK(CONNECT(first, "\0slow") == 0);
    blocked = make(SOCK_SEQPACKET);
    CHECK(pthread_create(&thread, 0, connect_later, 0) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(close(accept(listener, 0, 0)) == 0);
    CHECK(pthread_join(thread, 0) == 0);
    close(first), close(blocked), close(listener);
}

static void messages(int type) {
    char text[100];
    int ends[2];
    CHECK(socketpair(AF_UNIX, type, 0, ends) == 0);
    CHECK(option(ends[0], SO_TYPE) == type && option(ends[0], SO_DOMAIN) == AF_UNIX);
    CHECK(send(ends[0], "one", 3, 0) == 3 && send(ends[0], "", 0, 0) == 0 && write(ends[0], "three", 5) == 5);
    CHECK(recv(ends[1], text, 2, MSG_PEEK) == 2 && recv(ends[1], text, 2, MSG_TRUNC | MSG_PEEK) == 3);
    CHECK(recv(ends[1], text, 2, 0) == 2 && !memcmp(text, "on", 2));
    CHECK(recv(ends[1], text, 100, 0) == 0 && recv(ends[1], text, 100, 0) == 5);
    FAILS(recv(ends[1], text, 100, MSG_DONTWAIT), EAGAIN);
    FAILS(send(ends[0], text, 300000, 0), EMSGSIZE);
    FAILS(send(ends[0], text, 1, MSG_OOB), EOPNOTSUPP);
    FAILS(recv(ends[0], text, 1, MSG_OOB), EOPNOTSUPP);
    int sent = 0;
    while (send(ends[0], text, 100, MSG_DONTWAIT) == 100)
        sent++;
    CHECK(errno == EAGAIN && sent > 50);
    CHECK(!(events_of(ends[0]) & POLLOUT) && events_of(ends[1]) & POLLIN);
    while (recv(ends[1], text, 100, MSG_DONTWAIT) == 100)
        sent--;
    CHECK(sent == 0 && events_of(ends[0]) == POLLOUT);
    CHECK(send(ends[0], "last", 4, 0) == 4 && close(ends[0]) == 0);
    CHECK(recv(ends[1], text, 100, 0) == 4);
    if (type == SOCK_SEQPACKET) {
        CHECK(recv(ends[1], text, 100, 0) == 0 && recv(ends[1], text, 100, MSG_DONTWAIT) == 0);
        FAILS(send(ends[1], "x", 1, 0), EPIPE);
    } else {
        FAILS(send(ends[1], "x", 1, 0), ECONNREFUSED);
        FAILS(send(ends[1], "x", 1, 0), ENOTCONN);
    }
    close(ends[1]);
}

static void datagrams(void) {
    struct sockaddr_un told;
    socklen_t length = sizeof told;
    char text[100];
    int server = make(SOCK_DGRAM | SOCK_NONBLOCK), client = make(SOCK_DGRAM), third = make(SOCK_DGRAM);
    FAILS(SEND_TO(client, "x", "\0server"), ECONNREFUSED);
    CHECK(BIND(server, "\0server") == 0);
    FAILS(listen(server, 1), EOPNOTSUPP);
    FAILS(accept(server, 0, 0), EOPNOTSUPP);
    FAILS(send(client, "x", 1, 0), ENOTCONN);
    CHECK(SEND_TO(client, "hello", "\0server") == 5);
    CHECK(recvfrom(server, text, 100, 0, (void *)&told, &length) == 5 && length == 0);
    CHECK(BIND(client, "\0client") == 0 && SEND_TO(client, "named", "\0server") == 5);
    length = sizeof told;
    CHECK(recvfrom(server, text, 100, 0, (void *)&told, &length) == 5 && length == 9);
    CHECK(!memcmp(told.sun_path, "\0client", 7));
    CHECK(sendto(server, "back", 4, 0, (void *)&told, length) == 4 && recv(client, text, 9, 0) == 4);
    // Eleven wait, and no more
    CHECK(CONNECT(client, "\0server") == 0);
    for (int i = 0; i < 11; i++)
        CHECK(send(client, "x", 1, MSG_DONTWAIT) == 1);
    FAILS(send(client, "x", 1, MSG_DONTWAIT), EAGAIN);
    FAILS(SEND_TO(third, "x", "\0server"), EAGAIN);
    CHECK(events_of(client) == 0 && events_of(third) == POLLOUT);
    int set = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLOUT | EPOLLET}, come;
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, client, &event) == 0 && epoll_wait(set, &come, 1, 0) == 0);
    CHECK(recv(server, text, 1, 0) == 1 && epoll_wait(set, &come, 1, 0) == 1 && come.events == EPOLLOUT);
    close(set);
    // Who is connected receives from there alone
    CHECK(CONNECT(server, "\0client") == 0);
    FAILS(SEND_TO(third, "x", "\0server"), EPERM);
    CHECK(connect(server, &(struct sockaddr){AF_UNSPEC}, sizeof(struct sockaddr)) == 0);
    FAILS(recv(client, text, 1, 0), ECONNRESET);
    FAILS(send(server, "x", 1, 0), ENOTCONN);
    close(server);
    FAILS(send(client, "x", 1, 0), ECONNREFUSED);
    close(client), close(third);
    int stream = make(SOCK_STREAM), other = make(SOCK_DGRAM);
    unlink(SOCKET_NAME);
    CHECK(BIND(stream, SOCKET_NAME) == 0 && listen(stream, 1) == 0);
    FAILS(CONNECT(other, SOCKET_NAME), EPROTOTYPE);
    close(stream), close(other), unlink(SOCKET_NAME);
}

static void options(void) {
    struct timeval time = {0, 30000}, told;
    socklen_t length = sizeof told;
    int ends[2], value = 5000;
    char text[9];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(option(ends[0], SO_TYPE) == SOCK_STREAM && option(ends[0], SO_ERROR) == 0);
    CHECK(option(ends[0], SO_PROTOCOL) == 0 && option(ends[0], SO_SNDBUF) == 212992);
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, 4) == 0 && option(ends[0], SO_SNDBUF) == 10000);
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_REUSEADDR, &value, 4) == 0 && option(ends[0], SO_REUSEADDR) == 1);
    FAILS(setsockopt(ends[0], SOL_SOCKET, SO_REUSEADDR, &value, 3), EINVAL);
    FAILS(setsockopt(ends[0], SOL_SOCKET, SO_REUSEADDR, (void *)8, 4), EFAULT);
    FAILS(setsockopt(ends[0], SOL_SOCKET, SO_TYPE, &value, 4), ENOPROTOOPT);
    FAILS(setsockopt(ends[0], SOL_SOCKET, 9999, &value, 4), ENOPROTOOPT);
    FAILS(setsockopt(ends[0], 6, 1, &value, 4), EOPNOTSUPP);
    FAILS(setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &value, 4), ENOTSOCK);
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
    CHECK(getsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &told, &length) == 0 && length == sizeof told);
    CHECK(told.tv_sec == 0 && told.tv_usec >= 30000 && told.tv_usec < 40000);
    FAILS(read(ends[0], text, 1), EAGAIN);
    time.tv_usec = 1000000;
    FAILS(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), EDOM);
    CHECK(write(ends[1], "12345678", 8) == 8 && ioctl(ends[0], FIONREAD, &value) == 0 && value == 8);
    CHECK(ioctl(ends[1], TIOCOUTQ, &value) == 0 && value > 8);
    FAILS(ioctl(ends[0], 0x1234, &value), ENOTTY);
    CHECK(recv(ends[0], text, 9, MSG_PEEK) == 8 && recv(ends[0], text, 3, 0) == 3);
    CHECK(ioctl(ends[0], FIONREAD, &value) == 0 && value == 5);
    close(ends[0]), close(ends[1]);
}

static int late;

static void *write_late(void *argument) {
    CHECK(write(late, "abc", 3) == 3 && write(late, "def", 3) == 3);
    return 0;
}

static void whole(void) {
    pthread_t thread;
    char text[9];
    int ends[2], file = open("/tmp/sent", O_CREAT | O_RDWR | O_TRUNC, 0600);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    late = ends[1];
    CHECK(pthread_create(&thread, 0, write_late, 0) == 0);
    CHECK(recv(ends[0], text, 6, MSG_WAITALL) == 6 && !memcmp(text, "abcdef", 6));
    CHECK(pthread_join(thread, 0) == 0);
    off_t start = 0;
    CHECK(write(file, "from a file", 11) == 11 && sendfile(ends[0], file, &start, 11) == 11);
    CHECK(recv(ends[1], text, 9, 0) == 9 && !memcmp(text, "from a fi", 9));
    close(ends[0]), close(ends[1]), close(file), unlink("/tmp/sent");
}

static void several(void) {
    char text[3][10];
    int ends[2];
    struct iovec parts[3];
    struct mmsghdr headers[3] = {0};
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    for (int i = 0; i < 3; i++) {
        parts[i] = (struct iovec){text[i], i + 1};
        headers[i].msg_hdr.msg_iov = &parts[i], headers[i].msg_hdr.msg_iovlen = 1;
    }
    CHECK(sendmmsg(ends[0], headers, 3, 0) == 3 && headers[2].msg_len == 3);
    CHECK(recvmmsg(ends[1], headers, 2, 0, 0) == 2 && headers[1].msg_len == 2);
    CHECK(recvmmsg(ends[1], headers, 3, MSG_WAITFORONE, 0) == 1 && headers[0].msg_len == 1);
    CHECK(headers[0].msg_hdr.msg_flags == MSG_TRUNC);
    FAILS(recvmmsg(ends[1], headers, 3, MSG_DONTWAIT, 0), EAGAIN);
    headers[0].msg_hdr.msg_iovlen = 1025;
    FAILS(sendmsg(ends[0], &headers[0].msg_hdr, 0), EMSGSIZE);
    close(ends[0]), close(ends[1]);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    mkdir("/tmp", 0777);
    names();
    connections();
    waiting_connection();
    messages(SOCK_DGRAM);
    messages(SOCK_SEQPACKET);
    datagrams();
    options();
    whole();
    several();
    return 0;
}
