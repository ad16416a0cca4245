// Who a process is, how it becomes somebody else, and what it may.
#include "check.h"
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BAD ((void *)8)
#define BIT(n) (1u << (n))

#define VERSION_1 0x19980330
#define VERSION_3 0x20080522
enum { CAP_CHOWN, CAP_KILL = 5, CAP_SETUID = 7, CAP_SETPCAP };

struct header { unsigned version; int number; };
typedef struct { unsigned effective, permitted, inheritable; } part;
static part sets[2];

// The C library would tell all threads of a change; these are the calls themselves.
#define CALL(name, ...) syscall(SYS_##name, __VA_ARGS__)

static void in_child(void (*what)(void)) {
    int status;
    pid_t child = fork();
    if (!child) {
        what();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (status)
        _exit(WEXITSTATUS(status) ? WEXITSTATUS(status) : 255);
}

static int users(uid_t real, uid_t effective, uid_t saved) {
    uid_t a, b, c;
    return CALL(getresuid, &a, &b, &c) == 0 && a == real && b == effective && c == saved &&
           getuid() == real && geteuid() == effective && CALL(setfsuid, -1) == effective;
}

static int groups(gid_t real, gid_t effective, gid_t saved) {
    gid_t a, b, c;
    return CALL(getresgid, &a, &b, &c) == 0 && a == real && b == effective && c == saved &&
           getgid() == real && getegid() == effective && CALL(setfsgid, -1) == effective;
}

static int get(int number) {
    struct header header = {VERSION_3, number};
    return CALL(capget, &header, sets);
}

static int set(void) {
    struct header header = {VERSION_3, 0};
    return CALL(capset, &header, sets);
}

static void one(void) {
    FAILS(CALL(setuid, -1), EINVAL);
    FAILS(CALL(setgid, -1), EINVAL);
    CHECK(CALL(setresuid, -1, 5, -1) == 0 && users(0, 5, 0));
    FAILS(CALL(setuid, 6), EPERM);
    CHECK(CALL(setuid, 0) == 0 && users(0, 0, 0));
    CHECK(CALL(setgid, 7) == 0 && groups(7, 7, 7));
    CHECK(CALL(setuid, 6) == 0 && users(6, 6, 6));
    FAILS(CALL(setuid, 0), EPERM);
    FAILS(CALL(setgid, 0), EPERM);
    CHECK(CALL(setgid, 7) == 0);
}

static void two(void) {
    CHECK(CALL(setregid, 3, -1) == 0 && groups(3, 0, 0));
    CHECK(CALL(setregid, -1, 4) == 0 && groups(3, 4, 4));
    CHECK(CALL(setregid, -1, 3) == 0 && groups(3, 3, 4));  // the real one: the saved one stays
    CHECK(CALL(setreuid, 8, -1) == 0 && users(8, 0, 0));
    CHECK(CALL(setreuid, -1, 9) == 0 && users(8, 9, 9));
    CHECK(CALL(setreuid, 9, 8) == 0 && users(9, 8, 8));
    FAILS(CALL(setreuid, 10, -1), EPERM);
    FAILS(CALL(setreuid, -1, 10), EPERM);
    FAILS(CALL(setregid, 4, -1), EPERM);
    CHECK(CALL(setregid, -1, 4) == 0 && groups(3, 4, 4));
    CHECK(CALL(setreuid, -1, -1) == 0 && users(9, 8, 8));
}

static void three(void) {
    FAILS(CALL(getresuid, BAD, sets, sets), EFAULT);
    FAILS(CALL(getresgid, sets, sets, BAD), EFAULT);
    CHECK(CALL(setresgid, 1, 2, 3) == 0 && groups(1, 2, 3));
    CHECK(CALL(setresuid, 1, 2, 3) == 0 && users(1, 2, 3));
    CHECK(CALL(setresuid, 3, 1, 2) == 0 && users(3, 1, 2));
    FAILS(CALL(setresuid, 0, -1, -1), EPERM);
    FAILS(CALL(setresuid, 1, -1, 4), EPERM);
    FAILS(CALL(setresgid, -1, 4, -1), EPERM);
    CHECK(users(3, 1, 2) && groups(1, 2, 3));
    CHECK(CALL(setresgid, -1, 3, -1) == 0 && groups(1, 3, 3));
}

static void for_files(void) {
    struct stat status;
    CHECK(CALL(setfsgid, 6) == 0 && CALL(setfsuid, 5) == 0 && CALL(setfsuid, -1) == 5);
    CHECK(get(0) == 0 && !(sets[0].effective & BIT(CAP_CHOWN)));
    CHECK(sets[0].effective & BIT(CAP_SETUID) && sets[0].permitted & BIT(CAP_CHOWN));
    CHECK(open("/tmp/of-five", O_CREAT | O_RDWR, 0600) >= 0 || errno == EACCES);
    CHECK(CALL(setfsuid, 0) == 5 && get(0) == 0 && sets[0].effective & BIT(CAP_CHOWN));
    if (stat("/tmp/of-five", &status) == 0)
        CHECK(status.st_uid == 5 && status.st_gid == 6 && unlink("/tmp/of-five") == 0);
    CHECK(CALL(setresuid, 7, 7, 7) == 0 && CALL(setfsuid, 0) == 7 && CALL(setfsuid, -1) == 7);
}

static void further_groups(void) {
    static gid_t many[65537], got[3];
    gid_t given[] = {9, 4, 4000000000u};
    CHECK(CALL(setgroups, 3, given) == 0 && CALL(getgroups, 0, 0) == 3);
    CHECK(CALL(getgroups, 3, got) == 3 && got[0] == 4 && got[1] == 9 && got[2] == 4000000000u);
    FAILS(CALL(getgroups, 2, got), EINVAL);
    FAILS(CALL(getgroups, -1, got), EINVAL);
    FAILS(CALL(getgroups, 3, BAD), EFAULT);
    FAILS(CALL(setgroups, 65537, many), EINVAL);
    FAILS(CALL(setgroups, -1, many), EINVAL);
    FAILS(CALL(setgroups, 2, BAD), EFAULT);
    for (int i = 0; i < 65536; i++)
        many[i] = (65536 - i) * 3;
    CHECK(CALL(setgroups, 65536, many) == 0 && CALL(getgroups, 65536, many) == 65536);
    for (int i = 0; i < 65536; i++)
        if (many[i] != (i + 1) * 3)
            CHECK(0);
    int file = open("/tmp/of-group", O_CREAT | O_RDWR, 0640);
    CHECK(file >= 0 && fchown(file, 1, 3 * 777) == 0 && fchmod(file, 0640) == 0);
    CHECK(CALL(setresuid, 5, 5, 5) == 0 && open("/tmp/of-group", O_RDONLY) >= 0);
    FAILS(CALL(setgroups, 0, 0), EPERM);
    CHECK(CALL(getgroups, 0, 0) == 65536);
}

static void no_groups(void) {
    CHECK(CALL(setgroups, 0, 0) == 0 && CALL(getgroups, 0, 0) == 0 && CALL(getgroups, 5, BAD) == 0);
    CHECK(CALL(setresuid, 5, 5, 5) == 0);
    FAILS(open("/tmp/of-group", O_RDONLY), EACCES);
}

static void follow(void) {
    CHECK(CALL(setresuid, -1, 5, -1) == 0 && get(0) == 0);
    CHECK(sets[0].effective == 0 && sets[0].permitted & BIT(CAP_KILL));
    CHECK(CALL(setresuid, -1, 0, -1) == 0 && get(0) == 0 && sets[0].effective == sets[0].permitted);
    CHECK(CALL(setresuid, 5, 5, 5) == 0 && get(0) == 0);
    CHECK(!sets[0].effective && !sets[0].permitted && !sets[1].permitted);
}

static void versions(void) {
    struct header header = {1, 0};
    part old = {1, 1, 1};
    FAILS(CALL(capget, &header, sets), EINVAL);
    CHECK(header.version == VERSION_3);
    header.version = 2;
    CHECK(CALL(capget, &header, 0) == 0 && header.version == VERSION_3);
    header.version = 3;
    FAILS(CALL(capset, &header, sets), EINVAL);
    FAILS(CALL(capget, BAD, sets), EFAULT);
    header.version = VERSION_3;
    FAILS(CALL(capget, &header, BAD), EFAULT);
    FAILS(CALL(capset, &header, BAD), EFAULT);
    CHECK(CALL(capget, &header, 0) == 0);
    header.version = VERSION_1;
    CHECK(CALL(capget, &header, &old) == 0 && old.effective & BIT(CAP_KILL));
    CHECK(get(getpid()) == 0 && sets[0].effective == old.effective);
    CHECK(!(sets[1].effective & ~0x1ff));
    FAILS(get(0x7ffffff), ESRCH);
    FAILS(get(-1), EINVAL);
    CHECK(get(getppid()) == 0);
    header = (struct header){VERSION_3, getppid()};
    FAILS(CALL(capset, &header, sets), EPERM);
}

static void give_up(void) {
    CHECK(get(0) == 0);
    sets[0].effective &= ~BIT(CAP_SETUID);
    CHECK(set() == 0);
    FAILS(CALL(setresuid, 5, 6, 7), EPERM);
    CHECK(get(0) == 0 && !(sets[0].effective & BIT(CAP_SETUID)));
    sets[0].effective |= BIT(CAP_SETUID);
    CHECK(set() == 0);
    sets[0].permitted &= ~BIT(CAP_KILL);
    FAILS(set(), EPERM);  // the effective ones have to be permitted
    sets[0].effective &= ~BIT(CAP_KILL);
    CHECK(set() == 0);
    sets[0].permitted |= BIT(CAP_KILL);
    FAILS(set(), EPERM);
    CHECK(get(0) == 0);
    sets[0].inheritable = BIT(CAP_CHOWN);
    CHECK(set() == 0 && get(0) == 0 && sets[0].inheritable == BIT(CAP_CHOWN));
    sets[0].effective &= ~BIT(CAP_SETPCAP);
    CHECK(set() == 0);
    sets[0].inheritable |= BIT(CAP_KILL);
    FAILS(set(), EPERM);  // what is neither permitted nor inheritable
}

int main(void) {
    CHECK(users(0, 0, 0) && groups(0, 0, 0));
    CHECK(mkdir("/tmp", 0777) == 0 || errno == EEXIST);
    void (*const parts[])(void) = {one, two, three, for_files, further_groups, no_groups, follow,
                                   versions, give_up};
    for (int i = 0; i < sizeof parts / sizeof *parts; i++)
        in_child(parts[i]);
    CHECK(unlink("/tmp/of-group") == 0);
    CHECK(users(0, 0, 0) && groups(0, 0, 0));
    return 0;
}
