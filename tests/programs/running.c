// What runs is not written; how processes end, and who is told; numbers that are no groups'.
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define AT_EMPTY 0x1000
enum { FUTEX_WAKE = 1, FUTEX_REQUEUE = 3, FUTEX_WAKE_OP = 5, PRIVATE = 128 };
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

static char *const none[] = {"", 0};

static int run(int number) { return syscall(SYS_execveat, number, "", none, none, AT_EMPTY); }

// The program in `name`, which is this one: with no arguments it ends at once.
static void copy(const char *name) {
    static char buffer[4096];
    int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    if (from < 0)
        from = open("/bin/running", O_RDONLY);
    CHECK(from >= 0 && to >= 0);
    for (ssize_t size; (size = read(from, buffer, sizeof buffer)) > 0;)
        CHECK(write(to, buffer, size) == size);
    close(from);
    CHECK(close(to) == 0);
}

static int status_of(pid_t child) {
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

static void writing_and_running(void) {
    const char *name = "/tmp-running";
    copy(name);
    int writer = open(name, O_WRONLY);
    FAILS(execve(name, none, none), ETXTBSY);
    CHECK(close(writer) == 0);
    int number = open(name, O_RDONLY), ends[2], begun[2];
    char byte;
    CHECK(number >= 0 && pipe(ends) == 0 && pipe(begun) == 0);
    char *waiting[] = {"x", "wait", 0};
    pid_t child = fork();
    if (!child) {
        dup2(ends[0], 0);
        dup2(begun[1], 1);
        close(ends[1]);
        execve(name, waiting, none);
        _exit(99);
    }
    CHECK(read(begun[0], &byte, 1) == 1);
    FAILS(open(name, O_WRONLY), ETXTBSY);
    FAILS(open(name, O_RDONLY | O_TRUNC), ETXTBSY);
    FAILS(truncate(name, 1), ETXTBSY);
    close(ends[1]);
    CHECK(status_of(child) == 7 << 8);
    writer = open(name, O_WRONLY);
    CHECK(writer >= 0);
    FAILS(run(number), ETXTBSY);
    CHECK(close(writer) == 0);
    child = fork();
    if (!child)
        _exit(run(number) + 100);
    CHECK(status_of(child) == 3 << 8);
    FAILS(syscall(SYS_execveat, number, "", none, none, 0), ENOENT);
    int root = open("/", O_RDONLY);
    FAILS(run(root), EACCES);
    CHECK(unlink(name) == 0);
    FAILS(run(1000), EBADF);
}

static char stack[16384] __attribute__((aligned(16)));
static volatile int *go;

static int quit(void *argument) {
    while (!*go)
        ;
    syscall(SYS_exit, 9);
    return 0;
}

// A thread ends by itself while a signal ends the process: that is what ended it.
static void ends_that_race(void) {
    go = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int round = 0; round < 100; round++) {
        go[0] = go[1] = 0;
        pid_t child = fork();
        if (!child) {
            clone(quit, stack + sizeof stack, THREAD, 0);
            go[1] = 1;
            for (;;)
                pause();
        }
        while (!go[1])
            sched_yield();
        *go = 1;
        kill(child, SIGTERM);
        CHECK(status_of(child) == SIGTERM);
    }
}

// While its parent ends, a process has the old parent or the new one.
static void parents(void) {
    int self = getpid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int round = 0; round < 50; round++) {
        pid_t child = fork();
        if (!child) {
            int parent = getpid();
            if (!fork()) {
                int now;
                while ((now = syscall(SYS_getppid)) == parent)
                    ;
                _exit(now == self ? 0 : 1);
            }
            _exit(0);
        }
        int status;
        CHECK(wait(&status) > 0 && status == 0);
        CHECK(wait(&status) > 0 && status == 0);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void exit_signals(void) {
    int status;
    pid_t child = syscall(SYS_clone, 255, 0, 0, 0, 0);  // there is no such signal
    if (!child)
        _exit(5);
    CHECK(child > 0 && waitpid(child, &status, __WALL) == child && status == 5 << 8);
}

static void users(void) {
    siginfo_t info;
    pid_t child = fork();
    if (!child) {
        setresuid(1234, -1, -1);
        raise(SIGSTOP);
        _exit(0);
    }
    CHECK(waitid(P_PID, child, &info, WSTOPPED) == 0 && info.si_uid == 1234);
    kill(child, SIGCONT);
    CHECK(waitid(P_PID, child, &info, WEXITED) == 0 && info.si_uid == 1234);
}

static void words(void) {
    static unsigned word;
    FAILS(syscall(SYS_futex, 8, FUTEX_WAKE, 1, 0, 0, 0), EFAULT);
    FAILS(syscall(SYS_futex, &word, FUTEX_REQUEUE, 1, 1, 8, 0), EFAULT);
    FAILS(syscall(SYS_futex, 8, FUTEX_WAKE_OP, 1, 1, &word, 1 << 12), EFAULT);
    CHECK(word == 0);
    CHECK(syscall(SYS_futex, 8, FUTEX_WAKE | PRIVATE, 1, 0, 0, 0) == 0);
}

int main(int count, char **arguments) {
    char byte;
    if (count < 1 || !strcmp(arguments[0], ""))
        return 3;
    if (count > 1 && !strcmp(arguments[1], "wait"))
        return write(1, "", 1) == 1 && read(0, &byte, 1) == 0 ? 7 : 8;
    writing_and_running();
    ends_that_race();
    parents();
    exit_signals();
    users();
    words();
    FAILS(setpgid(-1, 0), EINVAL);
    FAILS(setpgid(-1, 1), ESRCH);
    return 0;
}
