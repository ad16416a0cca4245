// Times of files, set and told; what statx tells; names as they were told once.
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <utime.h>

#define NAME "/tmp/filetimes"
#define BAD ((void *)8)

static struct stat status;

static int told(long accessed, long accessed_rest, long modified, long modified_rest) {
    return stat(NAME, &status) == 0 && status.st_atim.tv_sec == accessed &&
           status.st_atim.tv_nsec == accessed_rest && status.st_mtim.tv_sec == modified &&
           status.st_mtim.tv_nsec == modified_rest;
}

static void by_nanoseconds(void) {
    int file = open(NAME, O_CREAT | O_RDWR, 0644);
    struct timespec times[] = {{1, 2}, {3, 999999999}};
    CHECK(utimensat(AT_FDCWD, NAME, times, 0) == 0 && told(1, 2, 3, 999999999));
    times[0] = (struct timespec){-5, 7};
    times[1].tv_nsec = UTIME_OMIT;
    CHECK(futimens(file, times) == 0 && told(-5, 7, 3, 999999999));
    times[0].tv_nsec = UTIME_OMIT;
    times[1] = (struct timespec){0, UTIME_NOW};
    CHECK(futimens(file, times) == 0 && status.st_atim.tv_sec == -5);
    CHECK(stat(NAME, &status) == 0 && status.st_mtim.tv_sec > 3);
    times[1].tv_nsec = UTIME_OMIT;
    CHECK(utimensat(AT_FDCWD, "/none", times, 0) == 0);  // nothing to do
    times[1].tv_nsec = 1000000000;
    FAILS(utimensat(AT_FDCWD, NAME, times, 0), EINVAL);
    FAILS(utimensat(AT_FDCWD, "/none", 0, 0), ENOENT);
    FAILS(syscall(SYS_utimensat, -1, 0, 0, 0), EBADF);
    FAILS(syscall(SYS_utimensat, AT_FDCWD, NAME, BAD, 0), EFAULT);
    FAILS(utimensat(AT_FDCWD, NAME, 0, 0x4000), EINVAL);
    FAILS(syscall(SYS_utimensat, file, 0, 0, AT_SYMLINK_NOFOLLOW), EINVAL);
}

static void names_from_the_root(void) {
    CHECK(fstatat(-1, NAME, &status, 0) == 0);  // then the directory does not matter
    FAILS(fstatat(-1, "x", &status, 0), EBADF);
    FAILS(pread(-1, &status, 1, -1), EINVAL);
    FAILS(pwrite(-1, &status, 1, -1), EINVAL);
}

static void by_links(void) {
    struct timespec times[] = {{11, 0}, {12, 0}};
    CHECK(symlink(NAME, NAME "-link") == 0);
    CHECK(utimensat(AT_FDCWD, NAME "-link", times, AT_SYMLINK_NOFOLLOW) == 0);
    CHECK(lstat(NAME "-link", &status) == 0 && status.st_mtim.tv_sec == 12);
    CHECK(stat(NAME, &status) == 0 && status.st_mtim.tv_sec != 12);
    CHECK(unlink(NAME "-link") == 0);
}

static void by_other_calls(void) {
    struct timeval times[] = {{21, 5}, {22, 999999}};
    CHECK(syscall(SYS_utimes, NAME, times) == 0 && told(21, 5000, 22, 999999000));
    times[0].tv_usec = 1000000;
    FAILS(syscall(SYS_utimes, NAME, times), EINVAL);
    times[0] = (struct timeval){31, 0};
    CHECK(syscall(SYS_futimesat, AT_FDCWD, NAME, times) == 0 && told(31, 0, 22, 999999000));
    struct utimbuf seconds = {41, 42};
    CHECK(syscall(SYS_utime, NAME, &seconds) == 0 && told(41, 0, 42, 0));
    CHECK(syscall(SYS_utime, NAME, 0) == 0 && stat(NAME, &status) == 0);
    CHECK(status.st_mtim.tv_sec > 42 && status.st_mtim.tv_sec == status.st_atim.tv_sec);
}

static void by_others(void) {
    struct timespec times[] = {{1, 0}, {2, 0}};
    CHECK(chmod(NAME, 0664) == 0 && chmod("/tmp", 01777) == 0 && setresuid(-1, 5, -1) == 0);
    FAILS(utimensat(AT_FDCWD, NAME, times, 0), EPERM);
    CHECK(utimensat(AT_FDCWD, NAME, 0, 0) == 0);  // who writes may do that
    times[0].tv_nsec = times[1].tv_nsec = UTIME_NOW;
    CHECK(utimensat(AT_FDCWD, NAME, times, 0) == 0);
    CHECK(setresuid(-1, 0, -1) == 0 && chmod(NAME, 0644) == 0 && setresuid(-1, 5, -1) == 0);
    FAILS(utimensat(AT_FDCWD, NAME, 0, 0), EACCES);
    CHECK(setresuid(-1, 0, -1) == 0);
}

#define STATX_BASIC_STATS 0x7ff
#define STATX_BTIME 0x800

struct extended_time {
    long tv_sec;
    unsigned tv_nsec, reserved;
};

struct extended {
    unsigned stx_mask, stx_blksize;
    unsigned long stx_attributes;
    unsigned stx_nlink, stx_uid, stx_gid;
    unsigned short stx_mode, reserved;
    unsigned long stx_ino, stx_size, stx_blocks, stx_attributes_mask;
    struct extended_time stx_atime, stx_btime, stx_ctime, stx_mtime;
    unsigned stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
    unsigned long more[14];
};

static void extended(void) {
    struct extended more;
    int file = open(NAME, O_RDWR);
    CHECK(write(file, "12345", 5) == 5 && fstat(file, &status) == 0);
    CHECK(syscall(SYS_statx, AT_FDCWD, NAME, 0, STATX_BASIC_STATS, &more) == 0);
    CHECK((more.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS && more.stx_size == 5);
    CHECK(more.stx_ino == status.st_ino && more.stx_mode == status.st_mode);
    CHECK(more.stx_nlink == 1 && more.stx_uid == 0 && more.stx_blocks == status.st_blocks);
    CHECK(more.stx_mtime.tv_sec == status.st_mtim.tv_sec);
    CHECK(more.stx_mtime.tv_nsec == status.st_mtim.tv_nsec && more.stx_atime.tv_sec);
    CHECK(more.stx_dev_minor == (status.st_dev & 0xff));
    CHECK(syscall(SYS_statx, file, "", AT_EMPTY_PATH, 0, &more) == 0 && more.stx_size == 5);
    CHECK(syscall(SYS_statx, AT_FDCWD, NAME, 0, STATX_BASIC_STATS | STATX_BTIME, &more) == 0);
    CHECK(more.stx_mask & STATX_BTIME && more.stx_btime.tv_nsec < 1000000000);
    CHECK(more.stx_btime.tv_sec > 0 && more.stx_btime.tv_sec <= more.stx_ctime.tv_sec);
    FAILS(syscall(SYS_statx, file, "", 0, 0, &more), ENOENT);
    FAILS(syscall(SYS_statx, -1, "", AT_EMPTY_PATH, 0, &more), EBADF);
    FAILS(syscall(SYS_statx, AT_FDCWD, NAME, 0x6000, 0, &more), EINVAL);
    FAILS(syscall(SYS_statx, AT_FDCWD, NAME, 0, 0x80000000, &more), EINVAL);
    FAILS(syscall(SYS_statx, AT_FDCWD, NAME, 0, 0, BAD), EFAULT);
    CHECK(syscall(SYS_statx, AT_FDCWD, "/dev/null", 0, 0, &more) == 0);
    CHECK(more.stx_rdev_major == 1 && more.stx_rdev_minor == 3);
}

struct old_entry {
    unsigned long number, next;
    unsigned short length;
    char name[];
};

static void old_names(void) {
    char buffer[1024] __attribute__((aligned(8)));
    int seen = 0;
    CHECK(mkdir(NAME "-d", 0755) == 0 && mkdir(NAME "-d/sub", 0755) == 0);
    int file = open(NAME "-d", O_RDONLY | O_DIRECTORY);
    FAILS(syscall(SYS_getdents, file, buffer, 8), EINVAL);
    int length = syscall(SYS_getdents, file, buffer, sizeof buffer);
    CHECK(length > 0);
    for (int at = 0; at < length;) {
        struct old_entry *one = (void *)(buffer + at);
        CHECK(one->length % 8 == 0 && buffer[at + one->length - 1] == DT_DIR);
        seen += !strcmp(one->name, "sub") + !strcmp(one->name, ".") + !strcmp(one->name, "..");
        at += one->length;
    }
    CHECK(seen == 3 && syscall(SYS_getdents, file, buffer, sizeof buffer) == 0);
    CHECK(rmdir(NAME "-d/sub") == 0 && rmdir(NAME "-d") == 0);
}

int main(void) {
    by_nanoseconds();
    names_from_the_root();
    by_links();
    by_other_calls();
    by_others();
    extended();
    old_names();
    CHECK(unlink(NAME) == 0);
    return 0;
}
