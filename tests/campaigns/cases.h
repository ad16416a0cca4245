// A program for `test outside.program`: each case is run in a process of its own, which is ended
// when its time is over, and told of in two lines: `begin NAME`, and `NAME how it ended`.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK 5  // milliseconds between looks whether the time of a case is over
#define LIST "/cases"

// What a case does, in its process; `fail` tells an error, which is how it ended then.
static void run(const char *name, void (*fail)(int error));

// What is to be done after each case, by who runs them.
static void after(void);

static int told;

static void fail(int error) {
    if (write(told, &error, sizeof error)) {
    }
    _exit(0);
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

// Waits until `child` ends, or until its time is over: then it is killed, and 1 returned.
static int ended_late(pid_t child, long long limit, int *status) {
    struct pollfd end_of = {.fd = syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
    const long long end = now() + limit;
    int late = 0;
    while (waitpid(child, status, WNOHANG) == 0) {
        late = now() > end;
        if (late) {
            kill(child, SIGKILL);
            waitpid(child, status, 0);
            break;
        }
        poll(&end_of, 1, LOOK);
    }
    close(end_of.fd);
    return late;
}

// Ends what the case has left running.
static void end_rest(pid_t group) {
    kill(-group, SIGKILL);
    while (waitpid(-1, 0, 0) > 0 || errno == EINTR) {
    }
}

static void one(const char *name, long long limit) {
    int ends[2], error, status;
    printf("begin %s\n", name);
    fflush(stdout);
    if (pipe2(ends, O_CLOEXEC))
        exit(2);
    pid_t child = fork();
    if (child == 0) {
        told = ends[1];
        close(ends[0]);
        close(0);
        setpgid(0, 0);
        run(name, fail);
        _exit(0);
    }
    if (child < 0)
        exit(3);
    setpgid(child, child);
    close(ends[1]);
    const int late = ended_late(child, limit, &status);
    end_rest(child);
    after();
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (read(ends[0], &error, sizeof error) == sizeof error)
        printf("%s errno %d\n", name, error);
    else if (late)
        printf("%s late\n", name);
    else if (WIFSIGNALED(status))
        printf("%s signal %d\n", name, WTERMSIG(status));
    else
        printf("%s exit %d\n", name, WEXITSTATUS(status));
    fflush(stdout);
    close(ends[0]);
}

static int all(long long limit) {
    char name[64];
    FILE *list = fopen(LIST, "r");
    if (!list)
        return 1;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    while (fscanf(list, "%63s", name) == 1)
        one(name, limit);
    fclose(list);
    return 0;
}
