// The machine: its names, random bytes, rights that programs don't get.
#include "check.h"
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define CALL(name, ...) syscall(SYS_##name, __VA_ARGS__)
#define BAD ((void *)8)
// A Linux may be built without these.
#define REFUSED(call, error) CHECK((call) == -1 && (errno == (error) || errno == ENOSYS))

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
    static char text[70];
    struct utsname before, now;
    CHECK(CALL(uname, &before) == 0 && !strcmp(before.sysname, "Linux"));
    CHECK(!strcmp(before.machine, "x86_64") && before.release[0] >= '3' && before.nodename[0]);
    FAILS(CALL(uname, BAD), EFAULT);
    FAILS(CALL(sethostname, text, 65), EINVAL);
    FAILS(CALL(sethostname, text, -1), EINVAL);
    FAILS(CALL(setdomainname, text, 65), EINVAL);
    FAILS(CALL(sethostname, BAD, 4), EFAULT);
    int length = strlen(before.nodename);
    if (CALL(sethostname, "some-name", 4) == 0) {
        CHECK(CALL(uname, &now) == 0 && !strcmp(now.nodename, "some"));
        memset(text, 'x', 64);
        CHECK(CALL(sethostname, text, 64) == 0 && CALL(uname, &now) == 0);
        CHECK(strlen(now.nodename) == 64 && !strcmp(now.machine, "x86_64"));
        CHECK(CALL(sethostname, before.nodename, length) == 0 && CALL(uname, &now) == 0);
        CHECK(!memcmp(&now, &before, sizeof now));
    }
    CHECK(CALL(setresuid, 5, 5, 5) == 0);
    FAILS(CALL(sethostname, "x", 1), EPERM);
    FAILS(CALL(setdomainname, "x", 1), EPERM);
}

static void random_bytes(void) {
    static unsigned char one[100001], other[100001];
    CHECK(CALL(getrandom, one, 0, 0) == 0 && CALL(getrandom, one, 33, 1) == 33 && one[33] == 0);
    CHECK(CALL(getrandom, other, 33, 2) == 33 && memcmp(one, other, 33));
    CHECK(CALL(getrandom, one, 100000, 0) == 100000 && one[100000] == 0);
    CHECK(CALL(getrandom, other, 100000, 4) == 100000 && memcmp(one, other, 100000));
    FAILS(CALL(getrandom, one, 1, 8), EINVAL);
    FAILS(CALL(getrandom, one, 1, 6), EINVAL);
    FAILS(CALL(getrandom, BAD, 1, 0), EFAULT);
    CHECK(CALL(getrandom, BAD, 0, 0) == 0);
}

static void processor(void) {
    unsigned number = -1, node = -1;
    CHECK(CALL(getcpu, &number, &node, 0) == 0 && number < 4096 && node < 64);
    CHECK(CALL(getcpu, 0, 0, 0) == 0);
    FAILS(CALL(getcpu, BAD, 0, 0), EFAULT);
    FAILS(CALL(getcpu, 0, BAD, 0), EFAULT);
}

static void rights(void) {
    REFUSED(CALL(iopl, 4), EINVAL);
    REFUSED(CALL(ioperm, 0, 0, 0), EINVAL);
    REFUSED(CALL(ioperm, 65536, 1, 0), EINVAL);
    REFUSED(CALL(ioperm, 1, -1, 0), EINVAL);
    FAILS(CALL(reboot, 1, 2, 0x01234567, 0), EINVAL);
    FAILS(CALL(reboot, 0xfee1dead, 2, 0x01234567, 0), EINVAL);
    FAILS(CALL(reboot, 0xfee1dead, 0x28121969, 0x11111111, 0), EINVAL);
    CHECK(CALL(setresuid, 5, 5, 5) == 0);
    REFUSED(CALL(iopl, 3), EPERM);
    REFUSED(CALL(ioperm, 0, 1, 1), EPERM);
    FAILS(CALL(reboot, 0xfee1dead, 0x28121969, 0x01234567, 0), EPERM);
}

static char *self;

static unsigned long place(void) {
    unsigned long told;
    int ends[2], status;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (!child) {
        dup2(ends[1], 3);
        execve(self, (char *[]){self, "where", 0}, (char *[]){0});
        _exit(99);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(read(ends[0], &told, sizeof told) == sizeof told);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
    return told;
}

static void surroundings(void) {
    long before = CALL(personality, 0xffffffff);
    CHECK(before >= 0 && CALL(personality, before | ADDR_NO_RANDOMIZE) == before);
    CHECK(CALL(personality, 0xffffffff) == (before | ADDR_NO_RANDOMIZE));
    unsigned long there = place();
    for (int i = 0; i < 3; i++)
        CHECK(place() == there);
    CHECK(CALL(personality, before & ~ADDR_NO_RANDOMIZE) == (before | ADDR_NO_RANDOMIZE));
    struct utsname name;
    CHECK(CALL(personality, PER_LINUX32) >= 0 && uname(&name) == 0 && !strcmp(name.machine, "i686"));
    CHECK(CALL(personality, before) == PER_LINUX32 && uname(&name) == 0);
    CHECK(!strcmp(name.machine, "x86_64"));
}

int main(int count, char **arguments) {
    unsigned long here = (unsigned long)&here;
    self = arguments[0];
    if (count > 1)
        return write(3, &here, sizeof here) != sizeof here;
    void (*const parts[])(void) = {names, random_bytes, processor, rights, surroundings};
    for (int i = 0; i < sizeof parts / sizeof *parts; i++)
        in_child(parts[i]);
    return 0;
}
