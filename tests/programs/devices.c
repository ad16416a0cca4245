// Names of devices, those that the kernel itself keeps, and its log as one of them.
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>

static int is_ours;

static void names(void) {
    static const struct { const char *name; int major, minor; } devices[] = {
        {"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}};
    char path[64], target[64];
    struct stat found;
    for (unsigned at = 0; at < sizeof devices / sizeof *devices; at++) {
        snprintf(path, sizeof path, "/dev/%s", devices[at].name);
        CHECK(stat(path, &found) == 0 && S_ISCHR(found.st_mode) && (found.st_mode & 0666) == 0666);
        CHECK(found.st_rdev == makedev(devices[at].major, devices[at].minor));
    }
    int length = readlink("/dev/fd", target, sizeof target);
    CHECK(length == 13 && !memcmp(target, "/proc/self/fd", 13));
    length = readlink("/dev/stdin", target, sizeof target);
    CHECK(length == 15 && !memcmp(target, "/proc/self/fd/0", 15));
    CHECK(stat("/dev/shm", &found) == 0 && S_ISDIR(found.st_mode) && (found.st_mode & 07777) == 01777);
}

static void one_for_all(void) {  // who mounts it again sees the same
    struct statfs kind;
    struct stat one, other;
    CHECK(mkdir("/tmp/devices", 0700) == 0);
    CHECK(mount("none", "/tmp/devices", "devtmpfs", 0, "mode=0755") == 0);
    CHECK(statfs("/tmp/devices", &kind) == 0 && kind.f_type == 0x01021994);
    CHECK(stat("/tmp/devices/null", &one) == 0 && stat("/dev/null", &other) == 0);
    CHECK(one.st_ino == other.st_ino && one.st_dev == other.st_dev);
    CHECK(mknod("/tmp/devices/new", S_IFCHR | 0600, makedev(1, 3)) == 0);
    int file = open("/dev/new", O_WRONLY);
    CHECK(file >= 0 && write(file, "x", 1) == 1 && close(file) == 0 && unlink("/dev/new") == 0);
    CHECK(access("/tmp/devices/new", F_OK) == -1);
    CHECK(umount("/tmp/devices") == 0 && rmdir("/tmp/devices") == 0);
    CHECK(access("/dev/null", F_OK) == 0);
}

static char text[8192];

static int next(int file) {
    int length = read(file, text, sizeof text - 1);
    text[length > 0 ? length : 0] = 0;
    return length;
}

static void messages(void) {
    int file = open("/dev/kmsg", O_RDWR | O_NONBLOCK), found = 0, length;
    long long number, time, last = -1, before = 0;
    int level;
    char flag;
    CHECK(file >= 0);
    while ((length = next(file)) > 0 || (length == -1 && errno == EPIPE)) {
        if (length < 0)
            continue;
        CHECK(sscanf(text, "%d,%lld,%lld,%c", &level, &number, &time, &flag) == 4 && strchr(text, ';'));
        CHECK(number > last && time >= before && text[length - 1] == '\n');
        last = number, before = time;
    }
    CHECK(length == -1 && errno == EAGAIN);
    CHECK(write(file, "<7>some \\ text\n", 15) == 15 && next(file) > 0);
    CHECK(sscanf(text, "%d,%lld,", &level, &number) == 2 && (level & 7) == 7 && number > last);
    CHECK(strstr(text, ";some \\x5c text\n"));
    struct pollfd wanted = {file, POLLIN, 0};
    CHECK(poll(&wanted, 1, 0) == 0);
    CHECK(lseek(file, 0, SEEK_SET) == 0 && poll(&wanted, 1, 0) == 1 && wanted.revents == POLLIN);
    CHECK(next(file) > 0 && lseek(file, 0, SEEK_END) == 0 && next(file) == -1 && errno == EAGAIN);
    FAILS(lseek(file, 1, SEEK_SET), ESPIPE);
    FAILS(lseek(file, 0, SEEK_CUR), EINVAL);
    CHECK(write(file, "<6>another one", 14) == 14);
    FAILS(read(file, text, 5), EINVAL);  // and it is gone
    CHECK(next(file) == -1 && errno == EAGAIN);
    memset(text, 'x', sizeof text);
    FAILS(write(file, text, 2000), EINVAL);
    // Who waits is told
    int set = epoll_create1(0);
    struct epoll_event event = {EPOLLIN};
    CHECK(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, file, &event) == 0);
    CHECK(epoll_wait(set, &event, 1, 0) == 0);
    int child = fork();
    if (!child) {
        int other = open("/dev/kmsg", O_WRONLY);
        CHECK(other >= 0 && write(other, "<6>for who waits", 16) == 16);
        _exit(0);
    }
    CHECK(epoll_wait(set, &event, 1, -1) == 1 && event.events == EPOLLIN && next(file) > 0);
    CHECK(strstr(text, ";for who waits\n") && waitpid(child, &level, 0) == child && level == 0);
    CHECK(close(set) == 0 && fcntl(file, F_SETFL, 0) == 0);
    child = fork();
    if (!child) {
        CHECK(write(file, "<6>at last", 10) == 10);
        _exit(0);
    }
    CHECK(next(file) > 0 && strstr(text, ";at last\n") && waitpid(child, &level, 0) == child);
    CHECK(close(file) == 0);
}

int main(void) {
    struct utsname system;
    CHECK(uname(&system) == 0);
    is_ours = strstr(system.release, "pykasm") != 0;
    names();
    if (is_ours) {
        one_for_all();
        messages();
    }
    return 0;
}
