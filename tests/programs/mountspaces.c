// What is mounted seen at other places, passed on to others, and by other processes.
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define PLACE "/tmp/spaces"
#define BIND(from, to, more) mount(from, to, 0, MS_BIND | (more), 0)
#define BECOME(place, kind) mount(0, place, 0, kind, 0)
#define REMOUNT(place, flags) mount(0, place, 0, MS_REMOUNT | MS_BIND | (flags), 0)
#define TMPFS(place) mount("none", place, "tmpfs", 0, 0)

static struct stat status;
static struct statfs system_status;

static int touch(const char *name) {
    int file = open(name, O_CREAT | O_WRONLY, 0755);
    return file < 0 ? -1 : close(file);
}

static int is_there(const char *name) { return stat(name, &status) == 0; }

static long flags_of(const char *name) {
    CHECK(statfs(name, &system_status) == 0);
    return system_status.f_flags;
}

static void folders(const char *const *names) {
    for (; *names; names++)
        CHECK(mkdir(*names, 0755) == 0);
}

// Runs a part in a tmpfs of its own, in which no mount is shared.
static void part(void (*run)(void)) {
    CHECK(TMPFS(PLACE) == 0 && BECOME(PLACE, MS_PRIVATE) == 0 && chdir(PLACE) == 0);
    folders((const char *[]){"a", "a/x", "b", "c", "d", 0});
    run();
    CHECK(chdir("/") == 0 && umount2(PLACE, MNT_DETACH) == 0);
    FAILS(umount2(PLACE, 0), EINVAL);
}

static int wait_for(pid_t child) {
    int result;
    CHECK(child > 0 && waitpid(child, &result, 0) == child);
    return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

static void places(void) {
    CHECK(touch("a/f") == 0 && touch("g") == 0 && TMPFS("a/x") == 0 && touch("a/x/in") == 0);
    CHECK(BIND("a", "b", 0) == 0 && is_there("b/f") && !is_there("b/x/in"));
    CHECK(BIND("a", "c", MS_REC) == 0 && is_there("c/f") && is_there("c/x/in"));
    CHECK(BIND("a/x", "d", 0) == 0 && is_there("d/in"));
    ino_t inside = status.st_ino;
    CHECK(is_there("a/x/in") && status.st_ino == inside);
    FAILS(rename("b/f", "a/f2"), EXDEV);
    FAILS(link("b/f", "a/f2"), EXDEV);
    FAILS(umount("c"), EBUSY);
    CHECK(umount2("c", MNT_DETACH) == 0 && !is_there("c/f") && umount("b") == 0 && umount("d") == 0);
    // files
    FAILS(BIND("g", "a", 0), ENOTDIR);
    FAILS(BIND("a", "g", 0), ENOTDIR);
    FAILS(TMPFS("g"), ENOTDIR);
    int file = open("a/f", O_WRONLY);
    CHECK(write(file, "text", 4) == 4 && close(file) == 0);
    CHECK(BIND("a/f", "g", 0) == 0 && is_there("g") && status.st_size == 4);
    FAILS(unlink("g"), EBUSY);
    FAILS(rename("a/f", "g"), EBUSY);
    FAILS(rename("g", "h"), EBUSY);
    CHECK(umount("g") == 0 && is_there("g") && status.st_size == 0 && unlink("g") == 0);
    // a place in itself
    CHECK(BIND(".", "b", MS_REC) == 0 && is_there("b/a/x/in") && !is_there("b/b/a"));
    CHECK(umount2("b", MNT_DETACH) == 0);
    FAILS(mount(0, "b", 0, MS_BIND, 0), EINVAL);
    FAILS(BIND("none", "b", 0), ENOENT);
    FAILS(BIND("a", "none", 0), ENOENT);
    FAILS(mount("a", (void *)8, 0, MS_BIND, 0), EFAULT);
    FAILS(mount((void *)8, "b", 0, MS_BIND, 0), EFAULT);
    CHECK(umount("a/x") == 0);
}

static void moves(void) {
    CHECK(TMPFS("a") == 0 && mkdir("a/in", 0755) == 0 && TMPFS("a/in") == 0);
    CHECK(touch("a/in/f") == 0 && BECOME("a", MS_PRIVATE) == 0);
    FAILS(mount("a/in/f", "b", 0, MS_MOVE, 0), EINVAL);
    FAILS(mount("c", "b", 0, MS_MOVE, 0), EINVAL);
    FAILS(mount("a", "a/in", 0, MS_MOVE, 0), ELOOP);
    CHECK(mount("a", "b", 0, MS_MOVE, 0) == 0 && is_there("b/in/f") && is_there("a/x"));
    CHECK(BECOME("b", MS_SHARED) == 0);
    FAILS(mount("b/in", "c", 0, MS_MOVE, 0), EINVAL);
    CHECK(BECOME("b", MS_PRIVATE) == 0 && mount("b/in", "c", 0, MS_MOVE, 0) == 0);
    CHECK(is_there("c/f") && !is_there("b/in/f") && umount("b") == 0 && umount("c") == 0);
}

static void rights(void) {
    CHECK(touch("a/f") == 0 && symlink("f", "a/l") == 0 && BIND("a", "b", 0) == 0);
    CHECK(mknod("a/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
    int file = open("b/f", O_WRONLY);
    FAILS(REMOUNT("b", MS_RDONLY), EBUSY);
    CHECK(touch("b/new") == 0 && close(file) == 0 && REMOUNT("b", MS_RDONLY) == 0);
    FAILS(touch("b/other"), EROFS);
    FAILS(unlink("b/new"), EROFS);
    FAILS(access("b/f", W_OK), EROFS);
    CHECK(touch("a/other") == 0 && unlink("a/other") == 0 && unlink("a/new") == 0);
    CHECK((flags_of("b") & 15) == ST_RDONLY && (flags_of("a") & 15) == 0);
    CHECK(REMOUNT("b", MS_NODEV | MS_NOSUID | MS_NOEXEC) == 0 && touch("b/f") == 0);
    CHECK((flags_of("b") & 15) == (ST_NODEV | ST_NOSUID | ST_NOEXEC));
    FAILS(open("b/null", O_RDONLY), EACCES);
    FAILS(access("b/f", X_OK), EACCES);
    CHECK((file = open("a/null", O_RDONLY)) >= 0 && close(file) == 0);
    CHECK(is_there("b/l") && REMOUNT("b", MS_NOSYMFOLLOW) == 0);
    FAILS(stat("b/l", &status), ELOOP);
    CHECK(lstat("b/l", &status) == 0 && is_there("a/l") && (flags_of("b") & 0x2000));
    CHECK(flags_of("a") & ST_RELATIME);
    CHECK(REMOUNT("b", MS_NOATIME | MS_NODIRATIME) == 0);
    CHECK((flags_of("b") & (ST_NOATIME | ST_NODIRATIME | ST_RELATIME)) == (ST_NOATIME | ST_NODIRATIME));
    CHECK(REMOUNT("b", 0) == 0 && (flags_of("b") & ST_NOATIME));
    CHECK(REMOUNT("b", MS_STRICTATIME) == 0);
    CHECK((flags_of("b") & (ST_NOATIME | ST_RELATIME)) == 0);
    FAILS(REMOUNT("b/f", 0), EINVAL);
    CHECK(umount("b") == 0);
    // all of a file system, and nothing of it if that can't be
    CHECK(mount("none", "b", "tmpfs", 0, "size=64k") == 0 && BIND("b", "c", 0) == 0);
    CHECK((file = open("c/f", O_CREAT | O_WRONLY, 0600)) >= 0);
    FAILS(mount(0, "b", 0, MS_REMOUNT | MS_RDONLY, "size=128k"), EBUSY);
    CHECK(statfs("b", &system_status) == 0 && system_status.f_blocks == 16 && close(file) == 0);
    FAILS(mount(0, "b", 0, MS_REMOUNT | MS_RDONLY, "nothing=1"), EINVAL);
    CHECK(touch("b/x") == 0 && mount(0, "b", 0, MS_REMOUNT | MS_RDONLY, "size=128k") == 0);
    CHECK(statfs("b", &system_status) == 0 && system_status.f_blocks == 32);
    FAILS(touch("c/g"), EROFS);
    CHECK((flags_of("c") & ST_RDONLY) && mount(0, "b", 0, MS_REMOUNT, 0) == 0 && touch("c/g") == 0);
    CHECK(umount("b") == 0 && umount("c") == 0);
    CHECK(mount("none", "b", "tmpfs", MS_RDONLY | MS_NOATIME, 0) == 0);
    CHECK((flags_of("b") & (ST_RDONLY | ST_NOATIME | ST_RELATIME)) == (ST_RDONLY | ST_NOATIME));
    CHECK(umount("b") == 0);
}

static void groups(void) {
    CHECK(BIND("a", "a", 0) == 0 && BECOME("a", MS_SHARED) == 0);
    CHECK(BIND("a", "b", 0) == 0 && BIND("a", "c", 0) == 0 && BIND("a", "d", 0) == 0);
    CHECK(BECOME("c", MS_SLAVE) == 0 && BECOME("d", MS_PRIVATE) == 0);
    CHECK(TMPFS("a/x") == 0 && touch("a/x/f") == 0);
    CHECK(is_there("b/x/f") && is_there("c/x/f") && !is_there("d/x/f"));
    CHECK(umount("b/x") == 0 && !is_there("a/x/f") && !is_there("c/x/f"));
    CHECK(TMPFS("c/x") == 0 && touch("c/x/f") == 0 && !is_there("a/x/f") && !is_there("b/x/f"));
    // one mounted below that is there comes under it
    CHECK(TMPFS("b/x") == 0 && touch("b/x/g") == 0 && is_there("a/x/g") && is_there("c/x/f"));
    CHECK(umount("c/x") == 0 && is_there("c/x/g"));
    int file = open("c/x/g", O_RDONLY);
    FAILS(umount("a/x"), EBUSY);
    CHECK(close(file) == 0 && umount("a/x") == 0 && !is_there("b/x/g") && !is_there("c/x/g"));
    // who follows may pass on
    CHECK(BECOME("c", MS_SHARED) == 0 && BECOME("d", MS_PRIVATE) == 0 && umount("d") == 0);
    CHECK(BIND("c", "d", 0) == 0 && TMPFS("a/x") == 0 && touch("d/x/f") == 0);
    CHECK(is_there("a/x/f") && is_there("b/x/f") && is_there("c/x/f") && umount("d/x") == 0);
    CHECK(!is_there("c/x/f") && is_there("a/x/f") && umount("a/x") == 0);
    // a group whose members go
    CHECK(umount("b") == 0 && TMPFS("a/x") == 0 && touch("c/x/f") == 0 && is_there("d/x/f"));
    CHECK(umount("a/x") == 0 && umount("a") == 0 && TMPFS("c/x") == 0 && touch("c/x/f") == 0);
    CHECK(is_there("d/x/f") && umount("c/x") == 0 && umount("c") == 0 && umount("d") == 0);
    // not to be seen twice
    CHECK(BIND("a", "a", 0) == 0 && BECOME("a", MS_UNBINDABLE) == 0);
    FAILS(BIND("a", "b", 0), EINVAL);
    CHECK(BIND(".", "b", MS_REC) == 0 && touch("a/f") == 0 && is_there("b/a/f"));
    FAILS(umount("b/a"), EINVAL);
    CHECK(umount("b") == 0 && BIND("c", "c", 0) == 0 && BECOME("c", MS_SHARED) == 0);
    CHECK(mkdir("c/y", 0755) == 0);
    FAILS(mount("a", "c/y", 0, MS_MOVE, 0), EINVAL);
    CHECK(BECOME("a", MS_PRIVATE) == 0 && mount("a", "c/y", 0, MS_MOVE, 0) == 0);
    CHECK(BIND("c", "d", 0) == 0 && !is_there("d/y/x"));
    CHECK(umount("d") == 0 && BIND("c", "d", MS_REC) == 0 && is_there("d/y/x"));
    CHECK(TMPFS("c/y/x") == 0 && touch("d/y/x/f") == 0 && is_there("c/y/x/f"));
    CHECK(umount2("c/y", MNT_DETACH) == 0 && is_there("d/y") && !is_there("d/y/x"));
    FAILS(BECOME("a", MS_SHARED), EINVAL);
    FAILS(BECOME("c", MS_SHARED | MS_PRIVATE), EINVAL);
    FAILS(BECOME("c", MS_SHARED | MS_NODEV), EINVAL);
    CHECK(umount("d") == 0 && umount("c") == 0);
}

static void passed_on_within(void) {
    CHECK(BIND("a", "a", 0) == 0 && BECOME("a", MS_SHARED) == 0 && BIND("a", "a/x", 0) == 0);
    CHECK(is_there("a/x/x") && mkdir("a/y", 0755) == 0 && is_there("a/x/y"));
    CHECK(TMPFS("a/y") == 0 && touch("a/y/f") == 0 && is_there("a/x/y/f"));
    CHECK(umount("a/x/y") == 0 && !is_there("a/y/f") && umount("a/x") == 0 && umount("a") == 0);
}

static void expiry(void) {
    CHECK(TMPFS("a") == 0);
    FAILS(umount2("a", MNT_EXPIRE | MNT_DETACH), EINVAL);
    FAILS(umount2("a", MNT_EXPIRE), EAGAIN);
    CHECK(stat("a/.", &status) == 0);
    FAILS(umount2("a", MNT_EXPIRE), EAGAIN);
    int file = open("a", O_RDONLY);
    FAILS(umount2("a", MNT_EXPIRE), EBUSY);
    CHECK(close(file) == 0);
    FAILS(umount2("a", MNT_EXPIRE), EAGAIN);
    CHECK(umount2("a", MNT_EXPIRE) == 0);
    CHECK(symlink("a", "l") == 0 && TMPFS("a") == 0);
    FAILS(umount2("l", UMOUNT_NOFOLLOW), EINVAL);
    CHECK(umount2("l", MNT_FORCE) == 0);
}

static int pipes[2][2];

static void tell(int which) { CHECK(write(pipes[which][1], "x", 1) == 1); }

static void hear(int which) {
    char byte;
    CHECK(read(pipes[which][0], &byte, 1) == 1);
}

static int apart(void *argument) {
    CHECK(touch("c/seen") == 0 && TMPFS("b") == 0 && touch("b/mine") == 0);
    CHECK(TMPFS("d") == 0);
    tell(0);
    hear(1);
    CHECK(is_there("a/x/theirs") && is_there("b/mine"));
    CHECK(BECOME("a", MS_SLAVE | MS_REC) == 0 && TMPFS("a/x") == 0 && touch("a/x/mine") == 0);
    tell(0);
    hear(1);
    CHECK(!is_there("d"));
    return 0;
}

static char stack[65536] __attribute__((aligned(16)));

static void spaces(void) {
    CHECK(pipe(pipes[0]) == 0 && pipe(pipes[1]) == 0);
    CHECK(BIND("a", "a", 0) == 0 && BECOME("a", MS_SHARED) == 0);
    FAILS(clone(apart, stack + sizeof stack, CLONE_NEWNS | CLONE_FS | SIGCHLD, 0), EINVAL);
    pid_t child = clone(apart, stack + sizeof stack, CLONE_NEWNS | SIGCHLD, 0);
    hear(0);
    CHECK(is_there("c/seen") && !is_there("b/mine"));
    CHECK(TMPFS("a/x") == 0 && touch("a/x/theirs") == 0);
    tell(1);
    hear(0);
    CHECK(is_there("a/x/theirs") && !is_there("a/x/mine"));
    CHECK(rmdir("d") == 0); // on which something is mounted, but not here
    tell(1);
    CHECK(wait_for(child) == 0 && umount("a/x") == 0 && mkdir("d", 0755) == 0);
    CHECK(umount("a") == 0);
}

static int enter(int file, int kind) { return syscall(SYS_setns, file, kind); }

static int sharing(void *argument) { return enter(*(int *)argument, 0) == -1 && errno == EINVAL ? 0 : 1; }

static void entering(void) {
    struct stat own, other;
    char name[64];
    CHECK(mkdir("proc", 0755) == 0 && mount("none", "proc", "proc", 0, 0) == 0);
    CHECK(pipe(pipes[0]) == 0 && pipe(pipes[1]) == 0);
    pid_t child = fork();
    if (!child) {
        CHECK(unshare(CLONE_NEWNS) == 0 && TMPFS("b") == 0 && touch("b/inside") == 0);
        tell(0);
        hear(1);
        _exit(0);
    }
    hear(0);
    CHECK(stat("proc/self/ns/mnt", &own) == 0);
    snprintf(name, sizeof name, "proc/%d/ns/mnt", child);
    CHECK(stat(name, &other) == 0 && own.st_dev == other.st_dev && own.st_ino != other.st_ino);
    int file = open(name, O_RDONLY), pidfd = syscall(SYS_pidfd_open, child, 0);
    CHECK(file >= 0 && pidfd >= 0 && fstat(file, &own) == 0 && own.st_ino == other.st_ino);
    ssize_t length = readlink(name, name, sizeof name - 1);
    CHECK(length > 5 && !memcmp(name, "mnt:[", 5) && name[length - 1] == ']');
    for (int way = 0; way < 3; way++) {
        pid_t visitor = fork();
        if (!visitor) {
            CHECK(!is_there("b/inside") && enter(way == 1 ? pidfd : file, way ? CLONE_NEWNS : 0) == 0);
            CHECK(is_there(PLACE "/b/inside") && getcwd(name, sizeof name) && !strcmp(name, "/"));
            _exit(0);
        }
        CHECK(wait_for(visitor) == 0);
    }
    FAILS(enter(file, CLONE_NEWUTS), EINVAL);
    FAILS(enter(pidfd, 0), EINVAL);
    FAILS(enter(pipes[0][0], 0), EINVAL);
    FAILS(enter(-1, 0), EBADF);
    pid_t sharer = clone(sharing, stack + sizeof stack, CLONE_FS | SIGCHLD, &file);
    CHECK(wait_for(sharer) == 0);
    pid_t plain = fork();
    if (!plain) {
        CHECK(setresuid(5, 5, 5) == 0);
        FAILS(enter(file, 0), EPERM);
        FAILS(unshare(CLONE_NEWNS), EPERM);
        FAILS(clone(apart, stack + sizeof stack, CLONE_NEWNS | SIGCHLD, 0), EPERM);
        FAILS(BIND(PLACE "/a", PLACE "/b", 0), EPERM);
        FAILS(syscall(SYS_pivot_root, "/", "/"), EPERM);
        _exit(0);
    }
    CHECK(wait_for(plain) == 0);
    tell(1);
    CHECK(wait_for(child) == 0);
    FAILS(enter(pidfd, CLONE_NEWNS), ESRCH);
    // nobody is in it any more, but the file keeps it
    pid_t visitor = fork();
    if (!visitor) {
        CHECK(enter(file, CLONE_NEWNS) == 0 && is_there(PLACE "/b/inside"));
        _exit(0);
    }
    CHECK(wait_for(visitor) == 0 && close(file) == 0 && close(pidfd) == 0 && umount("proc") == 0);
}

static void other_root(void) {
    CHECK(TMPFS("a") == 0 && chdir("a") == 0 && BECOME(".", MS_PRIVATE) == 0);
    folders((const char *[]){"new", "other", "tmp", 0});
    pid_t child = fork();
    if (!child) {
        CHECK(unshare(CLONE_NEWNS) == 0 && chroot(".") == 0 && TMPFS("/new") == 0);
        CHECK(mkdir("/new/old", 0755) == 0 && mkdir("/new/sub", 0755) == 0 && touch("/here") == 0);
        FAILS(syscall(SYS_pivot_root, "/other", "/other"), EBUSY);
        FAILS(syscall(SYS_pivot_root, "/", "/new/old"), EBUSY);
        FAILS(syscall(SYS_pivot_root, "/new", "/other"), EBUSY);
        FAILS(syscall(SYS_pivot_root, "/new/sub", "/new/old"), EINVAL);
        FAILS(syscall(SYS_pivot_root, "/new", "/none"), ENOENT);
        FAILS(syscall(SYS_pivot_root, "/here", "/new/old"), ENOTDIR);
        CHECK(BECOME("/new", MS_SHARED) == 0);
        FAILS(syscall(SYS_pivot_root, "/new", "/new/old"), EINVAL);
        CHECK(BECOME("/new", MS_PRIVATE) == 0 && chdir("/") == 0);
        CHECK(syscall(SYS_pivot_root, "/new", "/new/old") == 0);
        CHECK(is_there("/old/here") && is_there("/sub") && is_there("sub") && !is_there("/here"));
        CHECK(umount2("/old", MNT_DETACH) == 0 && !is_there("/old/here") && is_there("/old"));
        _exit(0);
    }
    CHECK(wait_for(child) == 0 && is_there("new") && !is_there("new/old") && chdir("..") == 0);
    CHECK(umount("a") == 0);
}

static int share_all(void *argument) {
    FAILS(unshare(CLONE_VM), EINVAL);
    FAILS(unshare(CLONE_THREAD), EINVAL);
    syscall(SYS_exit, 0);
    return 0;
}

static int leave_files(void *argument) {
    CHECK(unshare(CLONE_FILES | CLONE_FS) == 0 && chdir("/") == 0 && umask(0) == 077);
    CHECK(close(*(int *)argument) == 0);
    return 0;
}

static void shares(void) {
    FAILS(unshare(0x1), EINVAL);
    FAILS(unshare(CLONE_VFORK), EINVAL);
    CHECK(unshare(0) == 0 && unshare(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM) == 0);
    CHECK(unshare(CLONE_THREAD) == 0 && unshare(CLONE_VM | CLONE_SIGHAND) == 0);
    int file = open(".", O_RDONLY);
    umask(077);
    pid_t child = clone(leave_files, stack + sizeof stack, CLONE_FILES | CLONE_FS | SIGCHLD, &file);
    CHECK(wait_for(child) == 0 && is_there("a") && umask(022) == 077 && close(file) == 0);
    child = fork();
    if (!child) {
        int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
        int left = step, tid = 1;
        CHECK(clone(share_all, stack + sizeof stack, flags | CLONE_CHILD_CLEARTID, 0, 0, 0, &tid) > 0);
        while (__atomic_load_n(&tid, __ATOMIC_SEQ_CST))
            sched_yield();
        _exit(left < 0);
    }
    CHECK(wait_for(child) == 0);
}

int main(void) {
    CHECK(mkdir(PLACE, 0755) == 0 || errno == EEXIST);
    if (unshare(CLONE_NEWNS))
        return errno == EPERM ? 0 : 255;
    CHECK(BECOME("/", MS_REC | MS_PRIVATE) == 0);
    part(places);
    part(moves);
    part(rights);
    part(groups);
    part(passed_on_within);
    part(expiry);
    part(spaces);
    part(entering);
    part(other_root);
    part(shares);
    CHECK(rmdir(PLACE) == 0);
    return 0;
}
