// File systems mounted and unmounted. Where that is not allowed at all, nothing is tried.
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define PLACE "/tmp/mounts"
#define BAD ((void *)8)

static struct stat status;
static struct statfs system_status;

static int touch(const char *name) {
    int file = open(name, O_CREAT | O_WRONLY, 0755);
    return file < 0 ? -1 : close(file);
}

static void plain(void) {
    CHECK(stat(PLACE, &status) == 0 && touch(PLACE "/below") == 0);
    ino_t below = status.st_ino;
    dev_t device = status.st_dev;
    CHECK(mount("none", PLACE, "tmpfs", 0, 0) == 0);
    CHECK(stat(PLACE, &status) == 0 && status.st_dev != device);
    FAILS(stat(PLACE "/below", &status), ENOENT);
    CHECK(touch(PLACE "/x") == 0 && stat(PLACE "/..", &status) == 0 && status.st_dev == device);
    FAILS(rename(PLACE "/x", "/tmp/x"), EXDEV);
    FAILS(link(PLACE "/x", "/tmp/x"), EXDEV);
    FAILS(rmdir(PLACE), EBUSY);
    CHECK(statfs(PLACE, &system_status) == 0 && system_status.f_type == 0x01021994);
    CHECK(system_status.f_namelen == 255 && system_status.f_bsize == 4096);
    CHECK(mkdir(PLACE "/in", 0755) == 0 && mount("", PLACE "/in", "tmpfs", 0, "") == 0);
    FAILS(umount(PLACE), EBUSY);
    CHECK(umount(PLACE "/in") == 0 && rmdir(PLACE "/in") == 0);
    int file = open(PLACE "/x", O_RDONLY);
    FAILS(umount(PLACE), EBUSY);
    CHECK(close(file) == 0 && chdir(PLACE) == 0);
    FAILS(umount(PLACE), EBUSY);
    CHECK(chdir("/") == 0 && umount(PLACE) == 0);
    CHECK(stat(PLACE, &status) == 0 && status.st_ino == below && unlink(PLACE "/below") == 0);
    FAILS(umount(PLACE), EINVAL);
}

static void over_another(void) {
    CHECK(mount("a", PLACE, "tmpfs", 0, 0) == 0 && touch(PLACE "/first") == 0);
    CHECK(mount("b", PLACE, "tmpfs", 0, 0) == 0 && touch(PLACE "/second") == 0);
    FAILS(stat(PLACE "/first", &status), ENOENT);
    CHECK(umount(PLACE) == 0 && stat(PLACE "/first", &status) == 0);
    FAILS(stat(PLACE "/second", &status), ENOENT);
    CHECK(umount(PLACE) == 0);
}

static void lazily(void) {
    char byte;
    CHECK(mount("a", PLACE, "tmpfs", 0, 0) == 0 && mkdir(PLACE "/d", 0755) == 0);
    CHECK(mount("b", PLACE "/d", "tmpfs", 0, 0) == 0);
    int file = open(PLACE "/d/x", O_CREAT | O_RDWR, 0600);
    CHECK(write(file, "y", 1) == 1 && umount2(PLACE, MNT_DETACH) == 0);
    FAILS(stat(PLACE "/d", &status), ENOENT);
    CHECK(pread(file, &byte, 1, 0) == 1 && byte == 'y' && close(file) == 0);
}

static void old_calls(void) {
    struct { int blocks; unsigned long files; char names[16]; } room;
    char name[64];
    int kinds = syscall(SYS_sysfs, 3), index = syscall(SYS_sysfs, 1, "tmpfs");
    CHECK(kinds > 1 && index >= 0 && index < kinds);
    CHECK(syscall(SYS_sysfs, 2, index, name) == 0 && !strcmp(name, "tmpfs"));
    FAILS(syscall(SYS_sysfs, 1, "nofs"), EINVAL);
    FAILS(syscall(SYS_sysfs, 1, BAD), EFAULT);
    FAILS(syscall(SYS_sysfs, 2, kinds, name), EINVAL);
    FAILS(syscall(SYS_sysfs, 2, index, BAD), EFAULT);
    FAILS(syscall(SYS_sysfs, 4), EINVAL);
    CHECK(mount("a", PLACE, "tmpfs", 0, "size=64k,nr_inodes=9") == 0);
    CHECK(stat(PLACE, &status) == 0 && syscall(SYS_ustat, status.st_dev, &room) == 0);
    CHECK(room.blocks == 16 && room.files == 8);
    FAILS(syscall(SYS_ustat, 0x7FFFFFFF, &room), EINVAL);
    FAILS(syscall(SYS_ustat, status.st_dev, BAD), EFAULT);
    CHECK(umount(PLACE) == 0);
}

static int run(const char *name) {
    int status;
    pid_t child = fork();
    if (!child) {
        execl(name, name, "ran", (char *)0);
        _exit(errno);
    }
    return waitpid(child, &status, 0) == child ? WEXITSTATUS(status) : -1;
}

static void copy_of(const char *self) {
    char buffer[4096];
    int from = open(self, O_RDONLY), to = open(PLACE "/self", O_CREAT | O_WRONLY, 0755), length;
    CHECK(from >= 0 && to >= 0);
    while ((length = read(from, buffer, sizeof buffer)) > 0)
        CHECK(write(to, buffer, length) == length);
    CHECK(length == 0 && close(to) == 0);
}

static void flags(const char *self) {
    CHECK(mount("a", PLACE, "tmpfs", 0, 0) == 0);
    copy_of(self);
    CHECK(mknod(PLACE "/null", S_IFCHR | 0666, makedev(1, 3)) == 0 && run(PLACE "/self") == 33);
    CHECK(mount(0, PLACE, 0, MS_REMOUNT | MS_NOEXEC | MS_NODEV | MS_NOSUID, 0) == 0);
    CHECK(run(PLACE "/self") == EACCES);
    FAILS(access(PLACE "/self", X_OK), EACCES);
    CHECK(access(PLACE, X_OK) == 0);
    int file = open(PLACE "/self", O_RDONLY);
    CHECK(mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED);
    CHECK(errno == EPERM && close(file) == 0);
    FAILS(open(PLACE "/null", O_RDONLY), EACCES);
    CHECK(statfs(PLACE, &system_status) == 0);
    CHECK((system_status.f_flags & 15) == (MS_NOEXEC | MS_NODEV | MS_NOSUID));
    // not while somebody writes, by a file number or in memory
    CHECK((file = open(PLACE "/open", O_RDWR | O_CREAT, 0600)) >= 0 && ftruncate(file, 4096) == 0);
    char *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    FAILS(mount(0, PLACE, 0, MS_REMOUNT | MS_RDONLY, 0), EBUSY);
    CHECK(close(file) == 0);
    FAILS(mount(0, PLACE, 0, MS_REMOUNT | MS_RDONLY, 0), EBUSY);
    CHECK(touch(PLACE "/new") == 0 && unlink(PLACE "/new") == 0 && (shared[0] = 1));
    CHECK(munmap(shared, 4096) == 0 && (file = open(PLACE "/open", O_RDONLY)) >= 0);
    CHECK(mount(0, PLACE, 0, MS_REMOUNT | MS_RDONLY, 0) == 0 && run(PLACE "/self") == 33);
    CHECK(close(file) == 0);
    FAILS(touch(PLACE "/new"), EROFS);
    FAILS(unlink(PLACE "/self"), EROFS);
    FAILS(open(PLACE "/self", O_WRONLY), EROFS);
    FAILS(chmod(PLACE "/self", 0), EROFS);
    FAILS(truncate(PLACE "/self", 0), EROFS);
    FAILS(utimensat(AT_FDCWD, PLACE "/self", 0, 0), EROFS);
    CHECK(umount(PLACE) == 0);
}

static void errors(void) {
    FAILS(mount("a", PLACE, "nofs", 0, 0), ENODEV);
    FAILS(mount("a", PLACE, 0, 0, 0), EINVAL);
    FAILS(mount("a", "/tmp/none", "tmpfs", 0, 0), ENOENT);
    FAILS(mount("a", BAD, "tmpfs", 0, 0), EFAULT);
    FAILS(mount("a", PLACE, BAD, 0, 0), EFAULT);
    FAILS(mount("a", PLACE, "tmpfs", 0, "nothing=1"), EINVAL);
    CHECK(touch("/tmp/file") == 0);
    FAILS(mount("a", "/tmp/file", "tmpfs", 0, 0), ENOTDIR);
    FAILS(mount(0, PLACE, 0, MS_REMOUNT, 0), EINVAL);
    FAILS(umount("/tmp/file"), EINVAL);
    FAILS(umount("/tmp/none"), ENOENT);
    FAILS(umount2(PLACE, 64), EINVAL);
    FAILS(statfs("/tmp/none", &system_status), ENOENT);
    FAILS(statfs("/", BAD), EFAULT);
    FAILS(fstatfs(-1, &system_status), EBADF);
    CHECK(unlink("/tmp/file") == 0 && setresuid(5, 5, 5) == 0);
    FAILS(mount("a", PLACE, "tmpfs", 0, 0), EPERM);
    FAILS(umount(PLACE), EPERM);
}

int main(int count, char **arguments) {
    if (count > 1)
        return 33;
    CHECK(mkdir(PLACE, 0755) == 0 || errno == EEXIST);
    if (mount("none", PLACE, "tmpfs", 0, 0))
        return errno == EPERM ? 0 : 255;
    CHECK(umount(PLACE) == 0);
    plain();
    over_another();
    lazily();
    old_calls();
    flags(arguments[0]);
    int status;
    pid_t child = fork();
    if (!child) {
        errors();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (status)
        return WEXITSTATUS(status);
    CHECK(rmdir(PLACE) == 0);
    return 0;
}
