// What programs leave in the upper halves of registers does not matter where a parameter has 32
// bits, and the signal that a process ends with is SIGCHLD to whoever takes it in.
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define UPPER (0x5a5aUL << 32)

static int others(void) {
    struct timespec time;
    int ends[2];
    CHECK(syscall(SYS_pipe2, ends, UPPER | O_NONBLOCK) == 0);
    CHECK(syscall(SYS_fcntl, UPPER | ends[0], UPPER | F_SETFD, FD_CLOEXEC) == 0);
    CHECK(syscall(SYS_fcntl, UPPER | ends[0], UPPER | F_GETFD, 0) == FD_CLOEXEC);
    CHECK(syscall(SYS_ioctl, UPPER | ends[0], UPPER | 0x5450, 0) == 0);  // FIONCLEX
    CHECK(syscall(SYS_fcntl, UPPER | ends[0], UPPER | F_GETFD, 0) == 0);
    CHECK(syscall(SYS_dup2, UPPER | ends[0], UPPER | 60) == 60);
    CHECK(syscall(SYS_close, UPPER | 60) == 0);
    CHECK(syscall(SYS_clock_gettime, UPPER | CLOCK_MONOTONIC, &time) == 0);
    CHECK(syscall(SYS_clock_getres, UPPER | CLOCK_REALTIME, &time) == 0);
    CHECK(syscall(SYS_kill, UPPER | getpid(), UPPER) == 0);
    CHECK(syscall(SYS_getpgid, UPPER) == getpgrp());
    FAILS(syscall(SYS_close, UPPER | 60), EBADF);
    return 0;
}

static volatile int told;

static void tell(int number) { told = number; }

// A process that would tell its maker by another signal tells who adopts it by SIGCHLD.
static int adopted(void) {
    int status;
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    signal(SIGUSR1, tell);
    pid_t child = fork();
    if (child == 0) {
        long grandchild = syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0);
        if (grandchild == 0) {
            while (getppid() == child)
                sched_yield();
            _exit(7);
        }
        _exit(grandchild < 0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(waitpid(-1, &status, 0) > 0 && WEXITSTATUS(status) == 7);
    CHECK(told == 0);
    return 0;
}

int main(void) {
    const int failed = others();
    return failed ? failed : adopted();
}
