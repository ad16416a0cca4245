// Limits of what a process uses.
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define CALL(name, ...) syscall(SYS_##name, __VA_ARGS__)
#define BAD ((void *)8)

typedef struct { unsigned long soft, hard; } limit;

static int get(int resource, limit *old) { return CALL(prlimit64, 0, resource, 0, old); }
static int set(int resource, unsigned long soft, unsigned long hard) {
    limit new = {soft, hard};
    return CALL(prlimit64, 0, resource, &new, 0);
}

static void in_child(void (*what)(void)) {
    int status;
    pid_t child = fork();
    if (!child) {
        what();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (status)
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
}

static void telling(void) {
    limit old, again;
    for (int i = 0; i < 16; i++)
        CHECK(get(i, &old) == 0 && old.soft <= old.hard && CALL(getrlimit, i, &again) == 0 &&
              again.soft == old.soft && again.hard == old.hard);
    FAILS(get(16, &old), EINVAL);
    FAILS(CALL(getrlimit, -1, &old), EINVAL);
    FAILS(CALL(setrlimit, 16, &old), EINVAL);
    FAILS(CALL(getrlimit, 0, BAD), EFAULT);
    FAILS(CALL(setrlimit, 0, BAD), EFAULT);
    FAILS(CALL(prlimit64, 0, RLIMIT_CORE, BAD, 0), EFAULT);
    FAILS(CALL(prlimit64, 0, RLIMIT_CORE, 0, BAD), EFAULT);
    FAILS(CALL(prlimit64, 32000, RLIMIT_CORE, 0, &old), ESRCH);
    CHECK(CALL(prlimit64, getpid(), RLIMIT_CORE, 0, &old) == 0);
    CHECK(CALL(prlimit64, getppid(), RLIMIT_STACK, 0, &again) == 0);
}

static void setting(void) {
    limit new = {5, 7}, old = {1, 1};
    CHECK(set(RLIMIT_CORE, 3, 9) == 0);
    CHECK(CALL(prlimit64, 0, RLIMIT_CORE, &new, &old) == 0 && old.soft == 3 && old.hard == 9);
    CHECK(get(RLIMIT_CORE, &old) == 0 && old.soft == 5 && old.hard == 7);
    FAILS(set(RLIMIT_CORE, 8, 7), EINVAL);
    FAILS(set(RLIMIT_NOFILE, 5, 1ul << 40), EPERM);
    int status;
    pid_t child = fork();
    if (!child)
        _exit(get(RLIMIT_CORE, &old) || old.soft != 5);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(CALL(setresgid, 5, 5, 5) == 0 && CALL(setresuid, 5, 5, 5) == 0);
    FAILS(set(RLIMIT_CORE, 7, 8), EPERM);
    CHECK(set(RLIMIT_CORE, 7, 7) == 0 && set(RLIMIT_CORE, 0, 6) == 0);
    FAILS(set(RLIMIT_CORE, 0, 7), EPERM);
    FAILS(CALL(prlimit64, getppid(), RLIMIT_CORE, 0, &old), EPERM);
}

static void of_another(void) {
    int ends[2], status;
    char byte;
    limit new = {11, 12}, old;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (!child) {
        CHECK(read(ends[0], &byte, 1) == 1);
        _exit(get(RLIMIT_CORE, &old) || old.soft != 11 || old.hard != 12);
    }
    CHECK(CALL(prlimit64, child, RLIMIT_CORE, &new, &old) == 0 && write(ends[1], "", 1) == 1);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void open_files(void) {
    int file = 0, last = 0;
    CHECK(set(RLIMIT_NOFILE, 20, 30) == 0);
    while ((file = dup(0)) >= 0)
        last = file;
    CHECK(errno == EMFILE && last == 19);
    FAILS(dup2(0, 20), EBADF);
    FAILS(fcntl(0, F_DUPFD, 20), EINVAL);
    CHECK(set(RLIMIT_NOFILE, 30, 30) == 0 && dup(0) == 20 && dup2(0, 29) == 29);
    CHECK(set(RLIMIT_NOFILE, 5, 30) == 0 && fcntl(29, F_GETFD) == 0);  // it stays open
}

static volatile char *fill(int depth) {
    volatile char room[4096];
    room[0] = depth;
    return depth ? fill(depth - 1) + room[0] - room[0] : 0;
}

static void stack(void) {
    int status;
    CHECK(set(RLIMIT_STACK, 1 << 20, RLIM_INFINITY) == 0 || errno == EPERM);
    pid_t child = fork();
    if (!child) {
        fill(400);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    if (!(child = fork())) {
        fill(100);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

// A stack may not grow where all is too much, set by itself or by another process.
static void stack_of_all(void) {
    int status, go[2];
    CHECK(pipe(go) == 0);
    for (int way = 0; way < 3; way++) {
        pid_t child = fork();
        char byte = 0;
        if (!child) {
            if (way == 1)
                set(RLIMIT_AS, 3 << 20, RLIM_INFINITY);
            CHECK(read(go[0], &byte, 1) == 1);
            fill(1500);
            _exit(0);
        }
        limit all = {3 << 20, RLIM_INFINITY};
        CHECK(way < 2 || CALL(prlimit64, child, RLIMIT_AS, &all, 0) == 0);
        CHECK(write(go[1], &byte, 1) == 1 && waitpid(child, &status, 0) == child);
        CHECK(way ? WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV : status == 0);
    }
}

int main(void) {
    void (*const parts[])(void) = {telling, setting, of_another, open_files, stack_of_all, stack};
    for (int i = 0; i < sizeof parts / sizeof *parts; i++)
        in_child(parts[i]);
    return 0;
}
