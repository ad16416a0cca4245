// Children, what becomes of them, and groups of processes.
#include "check.h"
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int own = 1;
static volatile int shared;
static char stack[8192] __attribute__((aligned(16)));

static int note(void *argument) {
    shared = 7;
    syscall(SYS_exit, 0);
    return 0;
}

static void children(void) {
    int status, sum = 0, count = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (!child) {
        own = 2;
        _exit(getppid() > 0 ? 42 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42 && own == 1);
    FAILS(waitpid(-1, &status, 0), ECHILD);
    for (int i = 0; i < 20; i++) {
        CHECK((child = fork()) >= 0);
        if (!child)
            _exit(i);
    }
    while ((child = wait(&status)) > 0) {
        sum += WEXITSTATUS(status);
        count++;
    }
    CHECK(count == 20 && sum == 190);
    if (!(child = fork()))
        *(volatile int *)0 = 1;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void borrowed_memory(void) {
    int status;
    pid_t child = vfork();
    if (!child) {
        own = 9;
        _exit(3);
    }
    CHECK(own == 9 && waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);
}

static void ways_to_wait(void) {
    int status, ends[2];
    char byte;
    siginfo_t told;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (!child) {
        close(ends[1]);
        _exit(read(ends[0], &byte, 1));
    }
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    told.si_pid = 1;
    CHECK(waitid(P_PID, child, &told, WEXITED | WNOHANG) == 0 && told.si_pid == 0);
    CHECK(close(ends[1]) == 0 && waitpid(child, &status, 0) == child && status == 0);
    if (!(child = fork()))
        _exit(5);
    CHECK(waitid(P_PID, child, &told, WEXITED | WNOWAIT) == 0);
    CHECK(told.si_pid == child && told.si_status == 5 && told.si_code == CLD_EXITED);
    CHECK(told.si_signo == SIGCHLD && waitpid(child, &status, 0) == child);
    FAILS(waitpid(child, &status, 0), ECHILD);
    FAILS(waitpid(-1, &status, 0x1000), EINVAL);
    FAILS(waitpid(-0x7fffffff - 1, &status, 0), ESRCH);
    FAILS(waitid(P_PID, 0, &told, WEXITED), EINVAL);
    FAILS(waitid(P_ALL, 0, &told, WNOHANG), EINVAL);
    FAILS(waitid(9, 0, &told, WEXITED), EINVAL);
    if (!(child = fork()))
        _exit(0);
    FAILS(syscall(SYS_wait4, child, 8, 0, 0), EFAULT);
    FAILS(waitpid(child, &status, 0), ECHILD);
    if (!(child = syscall(SYS_clone, 0, 0, 0, 0, 0)))
        _exit(0);  // it sends no signal when it ends
    FAILS(waitpid(child, &status, 0), ECHILD);
    CHECK(waitpid(child, &status, __WALL) == child);
    if (!(child = syscall(SYS_clone, 0, 0, 0, 0, 0)))
        _exit(0);
    CHECK(waitpid(child, &status, __WCLONE) == child);
}

static void orphans(void) {
    int status, ends[2];
    char byte;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (!child) {
        if (!fork()) {
            close(ends[1]);
            _exit(read(ends[0], &byte, 1));
        }
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    FAILS(waitpid(-1, &status, 0), ECHILD);
    CHECK(close(ends[1]) == 0 && close(ends[0]) == 0);
    if (!(child = fork())) {
        pid_t before = getppid();
        pid_t sibling = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
        if (!sibling)
            _exit(getppid() == before ? 0 : 1);
        _exit(0);
    }
    for (int i = 0; i < 2; i++)
        CHECK(wait(&status) > 0 && status == 0);
}

static void groups(void) {
    int status, ends[2];
    pid_t child;
    CHECK(pipe(ends) == 0);
    if (!(child = fork())) {
        CHECK(setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid());
        FAILS(setsid(), EPERM);
        FAILS(setpgid(0, 0), EPERM);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    if (!(child = fork())) {
        CHECK(setpgid(0, 0) == 0 && getpgrp() == getpid() && getsid(0) == getsid(getppid()));
        FAILS(setsid(), EPERM);
        CHECK(setpgid(0, getpgid(getppid())) == 0 && setsid() == getpid());
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    if (!(child = fork())) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1));
    }
    FAILS(waitpid(-child, &status, WNOHANG), ECHILD);
    CHECK(setpgid(child, 0) == 0 && getpgid(child) == child);
    CHECK(waitpid(-child, &status, WNOHANG) == 0);
    CHECK(setpgid(child, getpgrp()) == 0 && getpgid(child) == getpgrp());
    CHECK(close(ends[1]) == 0 && waitpid(0, &status, 0) == child);
    FAILS(setpgid(child, 0), ESRCH);
    FAILS(setpgid(0, 32000), EPERM);
    FAILS(setpgid(0, -1), EINVAL);
    FAILS(getpgid(32000), ESRCH);
    FAILS(getsid(32000), ESRCH);
}

static void threads(void) {
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
    int status, number = 0;
    CHECK(clone(note, stack + sizeof stack, flags | CLONE_PARENT_SETTID, 0, &number) == number);
    while (!shared)
        sched_yield();
    pid_t child = fork();
    if (!child) {
        shared = 0;
        clone(note, stack + sizeof stack, flags, 0);
        _exit(9);
    }
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 9 && shared == 7);
    FAILS(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0), EINVAL);
    FAILS(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
    FAILS(syscall(SYS_clone3, 0, 10), EINVAL);
    FAILS(syscall(SYS_clone3, 8, 64), EFAULT);
    FAILS(syscall(SYS_clone3, 8, 5000), E2BIG);
}

int main(void) {
    children();
    borrowed_memory();
    ways_to_wait();
    orphans();
    groups();
    threads();
    return 0;
}
