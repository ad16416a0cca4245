// Each allocation of a call fails in turn: the call says so, and works when none fails.
#include "check.h"
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define FAIL_ALLOCATION 0x1000  // makes this thread's n-th allocation fail
#define MOST 200

static char stack[8192] __attribute__((aligned(16)));
static volatile int ran;

static int run(void *argument) {
    ran = 1;
    syscall(SYS_exit, 0);
    return 0;
}

static int reap(pid_t child) {
    int status;
    if (!child)
        _exit(0);
    return child < 0 ? -1 : waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

static int do_fork(void) { return reap(fork()); }

static int do_vfork(void) {
    pid_t child = vfork();
    if (!child)
        _exit(0);
    return reap(child);
}

static int do_thread(void) {
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
    ran = 0;
    if (clone(run, stack + sizeof stack, flags, 0) < 0)
        return -1;
    while (!ran)
        sched_yield();
    return 0;
}

static int do_setpgid(void) { return setpgid(0, 0) || setpgid(0, getsid(0)) ? -1 : 0; }

static int (*const calls[])(void) = {do_fork, do_vfork, do_thread, do_setpgid};

static int all(void) {
    for (int i = 0; i < sizeof calls / sizeof *calls; i++) {
        int failed, result, number = 0;
        do {
            syscall(FAIL_ALLOCATION, ++number);
            errno = 0;
            result = calls[i]();
            failed = syscall(FAIL_ALLOCATION, 0);
            step = 3 * i;
            CHECK(number < MOST);
            CHECK(failed || result == 0);
            CHECK(result == 0 || result == -1 && (errno == ENOMEM || errno == EAGAIN));
        } while (failed);
    }
    return 0;
}

// The program that runs is another one then, so the child itself has its allocations fail.
static int execute(char *self) {
    int status, number = 0;
    do {
        pid_t child = fork();
        number++;
        if (!child) {
            syscall(FAIL_ALLOCATION, number);
            execve(self, (char *[]){self, "second", 0}, (char *[]){"A=1", 0});
            _exit(syscall(FAIL_ALLOCATION, 0) == 1 && errno == ENOMEM ? 1 : 2);
        }
        CHECK(number < MOST && waitpid(child, &status, 0) == child);
        step = 30;
        CHECK(status == 0 || WEXITSTATUS(status) == 1);
    } while (status);
    CHECK(number > 10);
    return 0;
}

int main(int count, char **arguments) {
    int status;
    int failed = syscall(FAIL_ALLOCATION, 0);
    if (failed == -1)
        return 0;  // a release build
    if (count > 1)
        return failed;  // and the kernel could do without
    execute(arguments[0]);
    pid_t child = fork();  // which leads no session, so it can change its group
    if (!child)
        _exit(all());
    return waitpid(child, &status, 0) == child ? WEXITSTATUS(status) : 255;
}
