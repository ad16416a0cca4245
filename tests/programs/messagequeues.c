// POSIX message queues: names, messages in their order, who waits, who is told.
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

struct attributes { long flags, most, size, count, unused[4]; };

static char text[8192];

static int queue_open(const char *name, int flags, int mode, long most, long size) {
    struct attributes attributes = {.most = most, .size = size};
    return syscall(SYS_mq_open, name, flags, mode, most ? &attributes : 0);
}

static int put(int queue, const char *message, unsigned priority) {
    return syscall(SYS_mq_timedsend, queue, message, strlen(message), priority, 0);
}

static int put_until(int queue, const char *message, long seconds) {
    struct timespec end = {seconds, 0};
    return syscall(SYS_mq_timedsend, queue, message, strlen(message), 0, &end);
}

static int get(int queue, unsigned *priority) {
    memset(text, 0, sizeof text);
    return syscall(SYS_mq_timedreceive, queue, text, sizeof text, priority, 0);
}

static int is(int queue, const char *message, unsigned priority) {
    unsigned found = -1;
    return get(queue, &found) == (int)strlen(message) && !strcmp(text, message) && found == priority;
}

static struct attributes look(int queue) {
    struct attributes attributes;
    memset(&attributes, 0xff, sizeof attributes);
    CHECK(syscall(SYS_mq_getsetattr, queue, 0, &attributes) == 0);
    return attributes;
}

static int reap(pid_t child) {
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void unlinked(const char *name) { CHECK(syscall(SYS_mq_unlink, name) == 0); }

static void names(void) {
    int queue = queue_open("test", O_RDWR | O_CREAT | O_EXCL, 0600, 3, 100);
    CHECK(queue >= 0 && fcntl(queue, F_GETFD) == FD_CLOEXEC);
    struct attributes seen = look(queue);
    CHECK(seen.most == 3 && seen.size == 100 && !seen.count && !seen.flags && !seen.unused[3]);
    FAILS(queue_open("test", O_RDWR | O_CREAT | O_EXCL, 0600, 0, 0), EEXIST);
    FAILS(queue_open("other", O_RDWR, 0600, 0, 0), ENOENT);
    FAILS(queue_open("", O_RDWR | O_CREAT, 0600, 0, 0), ENOENT);
    FAILS(queue_open("a/b", O_RDWR | O_CREAT, 0600, 0, 0), EACCES);
    FAILS(queue_open("..", O_RDWR | O_CREAT, 0600, 0, 0), EACCES);
    FAILS(queue_open("test", 3, 0600, 0, 0), EINVAL);
    FAILS(queue_open("other", O_RDWR | O_CREAT, 0600, 10, 0), EINVAL);
    FAILS(queue_open("other", O_RDWR | O_CREAT, 0600, -1, 10), EINVAL);
    FAILS(queue_open("other", O_RDWR | O_CREAT, 0600, 10, 1L << 40), EINVAL);
    FAILS(syscall(SYS_mq_open, "other", O_RDWR | O_CREAT, 0600, 8), EFAULT);
    FAILS(syscall(SYS_mq_open, 8, O_RDWR, 0600, 0), EFAULT);
    memset(text, 'x', 300);
    text[300] = 0;
    FAILS(queue_open(text, O_RDWR | O_CREAT, 0600, 0, 0), ENAMETOOLONG);
    int again = queue_open("test", O_RDONLY | O_CREAT | O_NONBLOCK, 0, 7, 7);
    CHECK(again >= 0 && look(again).most == 3 && look(again).flags == O_NONBLOCK);
    FAILS(put(again, "x", 0), EBADF);
    CHECK(put(queue, "seen", 0) == 0 && is(again, "seen", 0));
    int writer = queue_open("test", O_WRONLY, 0, 0, 0);
    FAILS(get(writer, 0), EBADF);
    CHECK(close(writer) == 0);
    unlinked("test");
    FAILS(syscall(SYS_mq_unlink, "test"), ENOENT);
    CHECK(put(queue, "still", 9) == 0 && is(again, "still", 9));
    struct attributes flags = {.flags = 1};
    FAILS(syscall(SYS_mq_getsetattr, queue, &flags, 0), EINVAL);
    flags.flags = O_NONBLOCK;
    CHECK(syscall(SYS_mq_getsetattr, queue, &flags, &seen) == 0 && !seen.flags);
    CHECK(look(queue).flags == O_NONBLOCK && (fcntl(queue, F_GETFL) & O_NONBLOCK));
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    FAILS(syscall(SYS_mq_getsetattr, pipes[0], 0, &seen), EBADF);
    FAILS(get(pipes[0], 0), EBADF);
    FAILS(put(-1, "", 0), EBADF);
    CHECK(close(pipes[0]) == 0 && close(pipes[1]) == 0 && close(queue) == 0 && close(again) == 0);
}

static void messages(void) {
    int queue = queue_open("order", O_RDWR | O_CREAT | O_NONBLOCK, 0600, 5, 8192);
    CHECK(queue >= 0);
    FAILS(get(queue, 0), EAGAIN);
    FAILS(put(queue, "x", 32768), EINVAL);
    FAILS(syscall(SYS_mq_timedsend, queue, text, 8193, 0, 0), EMSGSIZE);
    FAILS(syscall(SYS_mq_timedreceive, queue, text, 8191, 0, 0), EMSGSIZE);
    FAILS(syscall(SYS_mq_timedsend, queue, 8, 1, 0, 0), EFAULT);
    struct pollfd events = {queue, POLLIN | POLLOUT, 0};
    CHECK(poll(&events, 1, 0) == 1 && events.revents == POLLOUT);
    CHECK(put(queue, "b1", 5) == 0 && put(queue, "a", 0) == 0 && put(queue, "c", 32767) == 0);
    CHECK(put(queue, "b2", 5) == 0 && look(queue).count == 4);
    CHECK(poll(&events, 1, 0) == 1 && events.revents == (POLLIN | POLLOUT));
    CHECK(put(queue, "", 6) == 0);
    FAILS(put(queue, "more", 1), EAGAIN);
    CHECK(poll(&events, 1, 0) == 1 && events.revents == POLLIN);
    CHECK(is(queue, "c", 32767) && is(queue, "", 6) && is(queue, "b1", 5) && is(queue, "b2", 5));
    CHECK(get(queue, 0) == 1 && text[0] == 'a' && look(queue).count == 0);
    for (int i = 0; i < 8192; i++)
        text[i] = i * 7;
    char *sent = malloc(8192);
    memcpy(sent, text, 8192);
    CHECK(syscall(SYS_mq_timedsend, queue, sent, 8192, 1, 0) == 0);
    CHECK(get(queue, 0) == 8192 && !memcmp(sent, text, 8192));
    CHECK(put(queue, "gone", 0) == 0);
    FAILS(syscall(SYS_mq_timedreceive, queue, 8, 8192, 0, 0), EFAULT);
    CHECK(put(queue, "left", 0) == 0 && close(queue) == 0);
    unlinked("order");
}

static void nothing(int signal) { (void)signal; }

static void waiting(void) {
    int queue = queue_open("wait", O_RDWR | O_CREAT, 0600, 1, 8192);
    CHECK(queue >= 0 && syscall(SYS_mq_unlink, "wait") == 0);
    struct timespec long_ago = {1, 0}, bad = {1, 1000000000};
    FAILS(syscall(SYS_mq_timedreceive, queue, text, 8192, 0, &long_ago), ETIMEDOUT);
    FAILS(syscall(SYS_mq_timedreceive, queue, text, 8192, 0, &bad), EINVAL);
    FAILS(syscall(SYS_mq_timedreceive, queue, text, 8192, 0, 8), EFAULT);
    pid_t child = fork();
    if (!child)
        _exit(is(queue, "hello", 3) ? 0 : 1);
    CHECK(put(queue, "hello", 3) == 0 && reap(child) == 0);
    CHECK(put(queue, "first", 1) == 0);
    FAILS(put_until(queue, "late", 1), ETIMEDOUT);
    if (!(child = fork()))
        _exit(put(queue, "second", 2) ? 1 : 0);
    CHECK(is(queue, "first", 1) && reap(child) == 0 && is(queue, "second", 2));
    // One byte back and forth
    int back = queue_open("back", O_RDWR | O_CREAT, 0600, 1, 8192);
    CHECK(back >= 0 && syscall(SYS_mq_unlink, "back") == 0);
    if (!(child = fork())) {
        for (int i = 0; i < 50; i++)
            if (!is(queue, "ping", i) || put(back, "pong", i))
                _exit(1);
        _exit(0);
    }
    for (int i = 0; i < 50; i++)
        CHECK(put(queue, "ping", i) == 0 && is(back, "pong", i));
    CHECK(reap(child) == 0 && close(back) == 0);
    // A signal, and the end
    signal(SIGALRM, nothing);
    if (!(child = fork())) {
        struct sigaction action = {.sa_handler = nothing};
        sigaction(SIGALRM, &action, 0);
        alarm(1);
        _exit(get(queue, 0) == -1 && errno == EINTR ? 0 : 1);
    }
    CHECK(reap(child) == 0);
    if (!(child = fork()))
        _exit(get(queue, 0));
    CHECK(kill(child, SIGKILL) == 0 && reap(child) == -1);
    CHECK(put(queue, "rest", 0) == 0 && is(queue, "rest", 0) && close(queue) == 0);
}

static volatile siginfo_t told;
static volatile int times;

static void note(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    told = *info;
    times++;
}

static void notification(void) {
    int queue = queue_open("told", O_RDWR | O_CREAT | O_NONBLOCK, 0600, 4, 8192);
    CHECK(queue >= 0 && syscall(SYS_mq_unlink, "told") == 0);
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, 0) == 0);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    event.sigev_value.sival_ptr = (void *)0x123456789abcL;
    CHECK(syscall(SYS_mq_notify, queue, &event) == 0);
    FAILS(syscall(SYS_mq_notify, queue, &event), EBUSY);
    CHECK(syscall(SYS_mq_notify, queue, 0) == 0 && syscall(SYS_mq_notify, queue, &event) == 0);
    pid_t child = fork();
    if (!child)
        _exit(put(queue, "news", 0) ? 1 : 0);
    CHECK(reap(child) == 0 && times == 1 && told.si_signo == SIGUSR1 && told.si_code == SI_MESGQ);
    CHECK(told.si_pid == child && told.si_uid == getuid());
    CHECK(told.si_value.sival_ptr == event.sigev_value.sival_ptr);
    CHECK(put(queue, "more", 0) == 0 && times == 1);
    CHECK(syscall(SYS_mq_notify, queue, &event) == 0 && put(queue, "not empty", 0) == 0 && times == 1);
    while (get(queue, 0) >= 0)
        ;
    CHECK(put(queue, "again", 0) == 0 && times == 2 && get(queue, 0) == 5);
    event.sigev_notify = SIGEV_NONE;
    CHECK(syscall(SYS_mq_notify, queue, &event) == 0 && put(queue, "quiet", 0) == 0 && times == 2);
    CHECK(get(queue, 0) == 5 && syscall(SYS_mq_notify, queue, &event) == 0);
    // Not by somebody else
    if (!(child = fork()))
        _exit(syscall(SYS_mq_notify, queue, 0) == 0 &&
              syscall(SYS_mq_notify, queue, &event) == -1 && errno == EBUSY ? 0 : 1);
    CHECK(reap(child) == 0 && syscall(SYS_mq_notify, queue, 0) == 0);
    event.sigev_notify = 9;
    FAILS(syscall(SYS_mq_notify, queue, &event), EINVAL);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = 65;
    FAILS(syscall(SYS_mq_notify, queue, &event), EINVAL);
    event.sigev_notify = SIGEV_THREAD;
    FAILS(syscall(SYS_mq_notify, queue, &event), EFAULT);
    event.sigev_value.sival_ptr = text;
    event.sigev_signo = 1000;
    FAILS(syscall(SYS_mq_notify, queue, &event), EBADF);
    event.sigev_signo = queue;
    FAILS(syscall(SYS_mq_notify, queue, &event), ENOTSOCK);
    FAILS(syscall(SYS_mq_notify, -1, 0), EBADF);
    FAILS(syscall(SYS_mq_notify, queue, 8), EFAULT);
    CHECK(close(queue) == 0);
}

static void limits(void) {
    if (geteuid() != 0)
        return;
    int queue = queue_open("mine", O_RDWR | O_CREAT, 0600, 10, 8192);
    CHECK(queue >= 0);
    pid_t child = fork();
    if (!child) {
        if (setresgid(7, 7, 7) || setresuid(1234, 1234, 1234))
            _exit(1);
        if (queue_open("mine", O_RDWR, 0, 0, 0) != -1 || errno != EACCES)
            _exit(2);
        if (syscall(SYS_mq_unlink, "mine") != -1 || (errno != EPERM && errno != EACCES))
            _exit(3);
        if (queue_open("theirs", O_RDWR | O_CREAT, 0600, 11, 100) != -1 || errno != EINVAL)
            _exit(4);
        // 82880 bytes each: nine of them are too many for 700000
        struct rlimit limit = {700000, 819200};
        char name[] = "many0";
        if (setrlimit(RLIMIT_MSGQUEUE, &limit))
            _exit(5);
        for (int i = 0; i < 8; i++, name[4]++)
            if (queue_open(name, O_RDWR | O_CREAT, 0600, 10, 8192) < 0)
                _exit(6);
        if (queue_open(name, O_RDWR | O_CREAT, 0600, 10, 8192) != -1 || errno != EMFILE)
            _exit(7);
        if (queue_open(name, O_RDWR | O_CREAT, 0600, 1, 100) < 0 || syscall(SYS_mq_unlink, name))
            _exit(8);
        for (name[4] = '0'; name[4] < '8'; name[4]++)
            if (syscall(SYS_mq_unlink, name))
                _exit(9);
        _exit(0);
    }
    CHECK(reap(child) == 0 && close(queue) == 0);
    unlinked("mine");
}

static void files(void) {
    if (mkdir("/queues", 0755) || mount("mqueue", "/queues", "mqueue", 0, 0)) {
        rmdir("/queues");  // who runs this may not mount
        return;
    }
    int queue = queue_open("one", O_RDWR | O_CREAT, 0640, 2, 64);
    CHECK(queue >= 0 && put(queue, "12345", 0) == 0);
    struct stat status;
    CHECK(stat("/queues/one", &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 80);
    CHECK((status.st_mode & 0777) == 0640 && status.st_nlink == 1);
    int file = open("/queues/one", O_RDONLY);
    CHECK(file >= 0 && read(file, text, sizeof text) > 50 && !strncmp(text, "QSIZE:5   ", 10));
    CHECK(strstr(text, "NOTIFY_PID:0") && look(file).most == 2 && close(file) == 0);
    file = open("/queues/two", O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0 && look(file).most == 10 && look(file).size == 8192 && close(file) == 0);
    int two = queue_open("two", O_RDWR, 0, 0, 0);
    CHECK(two >= 0 && close(two) == 0);
    DIR *folder = opendir("/queues");
    int found = 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        found += !strcmp(entry->d_name, "one") || !strcmp(entry->d_name, "two");
    CHECK(found == 2 && closedir(folder) == 0);
    FAILS(mkdir("/queues/folder", 0755), EPERM);
    FAILS(symlink("x", "/queues/link"), EPERM);
    FAILS(link("/queues/one", "/queues/link"), EPERM);
    FAILS(rename("/queues/one", "/queues/three"), EPERM);
    CHECK(unlink("/queues/two") == 0 && queue_open("two", O_RDWR, 0, 0, 0) == -1);
    CHECK(umount("/queues") == 0 && rmdir("/queues") == 0);
    CHECK(queue_open("one", O_RDONLY, 0, 0, 0) >= 0 && close(queue) == 0);
    unlinked("one");
}

int main(void) {
    umask(0);
    names();
    messages();
    waiting();
    notification();
    limits();
    files();
    return 0;
}
