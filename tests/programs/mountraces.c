// What is mounted changes while others look it up, rename what it is mounted on, and go into and out
// of namespaces.
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PLACE "/tmp/mountraces"
#define ROUNDS 60

static struct stat status;

static int expected(int result, int error, int other) {
    return result == 0 || errno == error || errno == other;
}

static void mounting(void) {
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(expected(mount("none", "a/x", "tmpfs", 0, 0), ENOENT, EINVAL));
        CHECK(expected(umount2("a/x", i & 1 ? MNT_DETACH : 0), EINVAL, EBUSY) || errno == ENOENT);
        CHECK(expected(mount("a", "b", 0, MS_BIND | MS_REC, 0), ENOENT, EINVAL));
        CHECK(expected(umount2("b", MNT_DETACH), EINVAL, ENOENT));
    }
}

static void looking(void) {
    for (int i = 0; i < ROUNDS * 20; i++) {
        CHECK(expected(stat("a/x/../x/.", &status), ENOENT, 0));
        CHECK(expected(stat("b/x", &status), ENOENT, 0));
        int file = open("a/x/f", O_CREAT | O_RDWR, 0600);
        CHECK(file >= 0 || errno == ENOENT);
        if (file >= 0)
            CHECK(write(file, "x", 1) == 1 && close(file) == 0);
    }
}

static void renaming(void) {
    for (int i = 0; i < ROUNDS * 10; i++) {
        CHECK(expected(rename("a/x", "a/y"), EBUSY, ENOENT));
        CHECK(expected(rename("a/y", "a/x"), EBUSY, ENOENT) || errno == ENOTEMPTY);
        CHECK(expected(rmdir("a/z"), EBUSY, ENOENT));
        CHECK(expected(mkdir("a/z", 0755), EEXIST, ENOENT));
    }
}

static void moving_out(void) {
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(unshare(CLONE_NEWNS) == 0);
        // EINVAL: what is mounted there has gone meanwhile
        CHECK(expected(mount("none", "a/z", "tmpfs", 0, 0), ENOENT, EINVAL));
        CHECK(expected(mount("none", "a/x", "tmpfs", 0, 0), ENOENT, EINVAL));
        if (i & 1)
            CHECK(mount(0, "a", 0, i & 2 ? MS_SLAVE : MS_PRIVATE, 0) == 0);
    }
}

static void visiting(void) {
    char name[32];
    for (int i = 0; i < ROUNDS; i++) {
        pid_t child = fork();
        if (!child)
            _exit(unshare(CLONE_NEWNS));
        snprintf(name, sizeof name, "proc/%d/ns/mnt", child);
        int file = open(name, O_RDONLY), result;
        CHECK(file >= 0 || errno == ENOENT || errno == ESRCH || errno == EACCES);
        if (file >= 0) {
            pid_t visitor = fork();
            if (!visitor)
                _exit(syscall(SYS_setns, file, CLONE_NEWNS) != 0);
            CHECK(close(file) == 0 && waitpid(visitor, &result, 0) == visitor && result == 0);
        }
        CHECK(waitpid(child, &result, 0) == child && result == 0);
    }
}

int main(void) {
    static void (*const runs[])(void) = {mounting, looking, renaming, moving_out, visiting, mounting};
    enum { COUNT = sizeof runs / sizeof *runs };
    pid_t children[COUNT];
    CHECK(mkdir(PLACE, 0755) == 0 || errno == EEXIST);
    if (unshare(CLONE_NEWNS))
        return errno == EPERM ? 0 : 255;
    CHECK(mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) == 0);
    CHECK(mount("none", PLACE, "tmpfs", 0, 0) == 0 && chdir(PLACE) == 0);
    CHECK(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0 && mkdir("proc", 0755) == 0);
    CHECK(mount("none", "proc", "proc", 0, 0) == 0 && mount("a", "a", 0, MS_BIND, 0) == 0);
    CHECK(mount(0, "a", 0, MS_SHARED, 0) == 0);
    CHECK(mkdir("a/x", 0755) == 0 && mkdir("a/z", 0755) == 0);
    for (int i = 0; i < COUNT; i++) {
        children[i] = fork();
        if (!children[i]) {
            step = 40 * i;
            runs[i]();
            _exit(0);
        }
    }
    int result, failed = 0;
    for (int i = 0; i < COUNT; i++) {
        CHECK(waitpid(children[i], &result, 0) == children[i]);
        if (result && !failed)
            failed = WIFEXITED(result) ? WEXITSTATUS(result) : 254;
    }
    CHECK(chdir("/") == 0 && umount2(PLACE, MNT_DETACH) == 0 && rmdir(PLACE) == 0);
    return failed;
}
