// How much programs stand back for others.
#include "check.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define GET(kind, number) syscall(SYS_getpriority, kind, number)
#define SET(kind, number, nice) syscall(SYS_setpriority, kind, number, nice)

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

static void own(void) {
    int status;
    CHECK(GET(PRIO_PROCESS, 0) == 20 && SET(PRIO_PROCESS, 0, 7) == 0);
    CHECK(GET(PRIO_PROCESS, 0) == 13 && GET(PRIO_PROCESS, getpid()) == 13);
    pid_t child = fork();
    if (!child)
        _exit(GET(PRIO_PROCESS, 0) != 13);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(SET(PRIO_PROCESS, 0, 100) == 0 && GET(PRIO_PROCESS, 0) == 1);
    CHECK(SET(PRIO_PROCESS, 0, -100) == 0 && GET(PRIO_PROCESS, 0) == 40);
    FAILS(GET(3, 0), EINVAL);
    FAILS(GET(-1, 0), EINVAL);
    FAILS(SET(3, 0, 0), EINVAL);
    FAILS(GET(PRIO_PROCESS, 32000), ESRCH);
    FAILS(SET(PRIO_PROCESS, 32000, 1), ESRCH);
    FAILS(GET(PRIO_PGRP, 32000), ESRCH);
    FAILS(GET(PRIO_USER, 54321), ESRCH);
}

static void of_many(void) {
    int ends[2], status;
    char byte;
    CHECK(pipe(ends) == 0 && setpgid(0, 0) == 0 && setresuid(4321, 0, 0) == 0);
    pid_t child = fork();
    if (!child) {
        read(ends[0], &byte, 1);
        _exit(GET(PRIO_PROCESS, 0));
    }
    CHECK(SET(PRIO_PROCESS, 0, 3) == 0 && GET(PRIO_PGRP, 0) == 20 && GET(PRIO_USER, 4321) == 20);
    CHECK(SET(PRIO_PGRP, 0, 9) == 0 && GET(PRIO_PROCESS, child) == 11 && GET(PRIO_PROCESS, 0) == 11);
    CHECK(SET(PRIO_USER, 4321, 12) == 0 && GET(PRIO_USER, 0) == 8 && write(ends[1], "", 1) == 1);
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 8);
}

static void rights(void) {
    CHECK(setresuid(5, 5, 5) == 0 && SET(PRIO_PROCESS, 0, 5) == 0);
    FAILS(SET(PRIO_PROCESS, 0, 4), EACCES);
    FAILS(SET(PRIO_PROCESS, getppid(), 5), EPERM);
    CHECK(SET(PRIO_PROCESS, 0, 5) == 0 && SET(PRIO_PROCESS, 0, 6) == 0);
}

// Changes of threads that wait for their turn, and that run elsewhere.
static void of_busy_ones(void) {
    volatile int *done = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[4];
    int status;
    CHECK(done != MAP_FAILED);
    for (int i = 0; i < 4; i++)
        if (!(children[i] = fork())) {
            while (!*done)
                ;
            _exit(7);
        }
    for (int i = 0; i < 400; i++)
        CHECK(SET(PRIO_PROCESS, children[i % 4], 1 + i % 19) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(GET(PRIO_PROCESS, children[i]) > 0);
    *done = 1;
    for (int i = 0; i < 4; i++)
        CHECK(waitpid(children[i], &status, 0) == children[i] && WEXITSTATUS(status) == 7);
}

int main(void) {
    void (*const parts[])(void) = {own, of_many, rights, of_busy_ones};
    for (int i = 0; i < sizeof parts / sizeof *parts; i++)
        in_child(parts[i]);
    return 0;
}
