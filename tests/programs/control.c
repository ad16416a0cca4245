// What a process says of itself by prctl.
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define CALL(name, ...) syscall(SYS_##name, __VA_ARGS__)
#define PRCTL(...) syscall(SYS_prctl, __VA_ARGS__, 0, 0, 0, 0)
#define BAD 8

enum { CAP_CHOWN, CAP_KILL = 5, CAP_SETPCAP = 8 };
static unsigned sets[6];

static void get(void) { CHECK(CALL(capget, ((unsigned[]){0x20080522, 0}), sets) == 0); }
static int set(void) { return CALL(capset, ((unsigned[]){0x20080522, 0}), sets); }

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

static void names(void) {
    char name[17] = {[16] = 'x'};
    CHECK(PRCTL(PR_SET_NAME, "a name that is too long") == 0 && PRCTL(PR_GET_NAME, name) == 0);
    CHECK(!memcmp(name, "a name that is ", 16) && name[16] == 'x');
    CHECK(PRCTL(PR_SET_NAME, "short") == 0 && PRCTL(PR_GET_NAME, name) == 0 && !strcmp(name, "short"));
    FAILS(PRCTL(PR_SET_NAME, BAD), EFAULT);
    FAILS(PRCTL(PR_GET_NAME, BAD), EFAULT);
    pid_t child = fork();
    if (!child)
        _exit(PRCTL(PR_GET_NAME, name) || strcmp(name, "short"));
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void death_signal(void) {
    int number = -1, status, ends[2];
    char byte;
    CHECK(PRCTL(PR_GET_PDEATHSIG, &number) == 0 && number == 0);
    FAILS(PRCTL(PR_SET_PDEATHSIG, 65), EINVAL);
    FAILS(PRCTL(PR_SET_PDEATHSIG, -1), EINVAL);
    FAILS(PRCTL(PR_GET_PDEATHSIG, BAD), EFAULT);
    CHECK(PRCTL(PR_SET_PDEATHSIG, SIGUSR1) == 0 && PRCTL(PR_GET_PDEATHSIG, &number) == 0);
    CHECK(number == SIGUSR1);
    CHECK(CALL(setresuid, 0, 5, 0) == 0 && PRCTL(PR_GET_PDEATHSIG, &number) == 0 && number == 0);
    CHECK(PRCTL(PR_GET_DUMPABLE) == 0 && CALL(setresuid, 0, 0, 0) == 0);
    CHECK(pipe(ends) == 0 && PRCTL(PR_SET_CHILD_SUBREAPER, 1) == 0);
    pid_t child = fork();
    if (!child) {
        if (!fork()) {
            PRCTL(PR_SET_PDEATHSIG, SIGKILL);
            write(ends[1], "", 1);
            for (;;)
                pause();
        }
        _exit(read(ends[0], &byte, 1) != 1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(wait(&status) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void adoption(void) {
    int value = -1, status, ends[2];
    char byte;
    CHECK(PRCTL(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == 0);
    FAILS(PRCTL(PR_GET_CHILD_SUBREAPER, BAD), EFAULT);
    CHECK(PRCTL(PR_SET_CHILD_SUBREAPER, 7) == 0);
    CHECK(PRCTL(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == 1 && pipe(ends) == 0);
    pid_t parent = getpid(), child = fork();
    if (!child) {
        CHECK(PRCTL(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == 0);
        if (!fork()) {
            read(ends[0], &byte, 1);
            _exit(getppid() == parent ? 33 : 1);
        }
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0 && write(ends[1], "", 1) == 1);
    CHECK(wait(&status) > 0 && WEXITSTATUS(status) == 33);
    CHECK(PRCTL(PR_SET_CHILD_SUBREAPER, 0) == 0);
}

static void little_things(void) {

    CHECK(PRCTL(PR_GET_DUMPABLE) == 1 && PRCTL(PR_SET_DUMPABLE, 0) == 0);
    CHECK(PRCTL(PR_GET_DUMPABLE) == 0 && PRCTL(PR_SET_DUMPABLE, 1) == 0);
    FAILS(PRCTL(PR_SET_DUMPABLE, 2), EINVAL);
    FAILS(PRCTL(12345), EINVAL);
    CHECK(PRCTL(PR_GET_TIMING) == 0);
    FAILS(PRCTL(PR_SET_NO_NEW_PRIVS, 0), EINVAL);
    FAILS(CALL(prctl, PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), EINVAL);
    FAILS(PRCTL(PR_GET_NO_NEW_PRIVS, 1), EINVAL);
    CHECK(PRCTL(PR_GET_NO_NEW_PRIVS) == 0 && PRCTL(PR_SET_NO_NEW_PRIVS, 1) == 0);
    CHECK(PRCTL(PR_GET_NO_NEW_PRIVS) == 1);
    int status;
    pid_t child = fork();
    if (!child)
        _exit(PRCTL(PR_GET_NO_NEW_PRIVS) != 1);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void keep(void) {
    FAILS(PRCTL(PR_SET_KEEPCAPS, 2), EINVAL);
    CHECK(PRCTL(PR_GET_KEEPCAPS) == 0 && PRCTL(PR_SET_KEEPCAPS, 1) == 0);
    CHECK(PRCTL(PR_GET_KEEPCAPS) == 1 && PRCTL(PR_GET_SECUREBITS) == 16);
    CHECK(CALL(setresuid, 5, 5, 5) == 0);
    get();
    CHECK(sets[0] == 0 && sets[1] & 1 << CAP_KILL);
    sets[0] = 1 << CAP_KILL;
    CHECK(set() == 0);
    FAILS(PRCTL(PR_CAPBSET_DROP, CAP_KILL), EPERM);
    FAILS(PRCTL(PR_SET_SECUREBITS, 0), EPERM);
}

static void bounding(void) {
    FAILS(PRCTL(PR_CAPBSET_READ, 64), EINVAL);
    FAILS(PRCTL(PR_CAPBSET_DROP, 64), EINVAL);
    CHECK(PRCTL(PR_CAPBSET_READ, CAP_CHOWN) == 1 && PRCTL(PR_CAPBSET_DROP, CAP_CHOWN) == 0);
    CHECK(PRCTL(PR_CAPBSET_READ, CAP_CHOWN) == 0 && PRCTL(PR_CAPBSET_READ, CAP_KILL) == 1);
    get();
    CHECK(sets[1] & 1 << CAP_CHOWN);  // it only says what may be gained
    sets[2] = 1 << CAP_CHOWN;
    FAILS(set(), EPERM);
}

static void secure_bits(void) {
    FAILS(PRCTL(PR_SET_SECUREBITS, 1 << 20), EPERM);
    CHECK(PRCTL(PR_SET_SECUREBITS, 4) == 0 && PRCTL(PR_GET_SECUREBITS) == 4);
    CHECK(CALL(setresuid, 0, 5, 0) == 0);
    get();
    CHECK(sets[0] & 1 << CAP_KILL);  // nothing follows the user
    CHECK(PRCTL(PR_SET_SECUREBITS, 12) == 0);
    FAILS(PRCTL(PR_SET_SECUREBITS, 8), EPERM);
    FAILS(PRCTL(PR_SET_SECUREBITS, 4), EPERM);
    CHECK(PRCTL(PR_SET_SECUREBITS, 12 | 32) == 0);
    FAILS(PRCTL(PR_SET_KEEPCAPS, 1), EPERM);
}

static void lateness(void) {
    CHECK(PRCTL(PR_GET_TIMERSLACK, 0) == 50000 && PRCTL(PR_SET_TIMERSLACK, 7) == 0);
    CHECK(PRCTL(PR_GET_TIMERSLACK, 0) == 7 && PRCTL(PR_SET_TIMERSLACK, 0) == 0);
    CHECK(PRCTL(PR_GET_TIMERSLACK, 0) == 50000 && PRCTL(PR_SET_TIMERSLACK, 9) == 0);
    pid_t child = fork();
    int status;
    if (!child) {
        CHECK(PRCTL(PR_GET_TIMERSLACK, 0) == 9 && PRCTL(PR_SET_TIMERSLACK, 1) == 0);
        CHECK(PRCTL(PR_SET_TIMERSLACK, 0) == 0 && PRCTL(PR_GET_TIMERSLACK, 0) == 9);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void identification(void) {
    CHECK(syscall(SYS_arch_prctl, 0x1011, 0) == 1);  // ARCH_GET_CPUID
}

static void ambient(void) {
    FAILS(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), EPERM);
    get();
    sets[2] = 1 << CAP_KILL;
    CHECK(set() == 0);
    CHECK(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) == 0);
    CHECK(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0) == 0);
    CHECK(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) == 1);
    CHECK(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL, 0, 0) == 0);
    CHECK(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) == 0);
    CHECK(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0) == 0);
    CHECK(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0);
    CHECK(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) == 0);
    FAILS(CALL(prctl, PR_CAP_AMBIENT, 9, CAP_KILL, 0, 0), EINVAL);
    FAILS(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 64, 0, 0), EINVAL);
    FAILS(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0), EINVAL);
    FAILS(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 1, 0), EINVAL);
}

int main(void) {
    void (*const parts[])(void) = {names, death_signal, adoption, little_things, keep, bounding,
                                   secure_bits, lateness,
                                   identification, ambient};
    for (int i = 0; i < sizeof parts / sizeof *parts; i++)
        in_child(parts[i]);
    return 0;
}
