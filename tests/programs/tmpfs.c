// File systems in memory with options (tmpfs(5)).
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#define PAGE 4096L

static char buffer[32 * PAGE];
static char place[] = "/tmp/tmpfsXXXXXX";

static int mount_with(const char *options) { return mount("x", place, "tmpfs", 0, options); }

static int remount_with(const char *options) { return mount("x", place, "tmpfs", MS_REMOUNT, options); }

static int at(const char *name, int flags) {
    char path[64];
    snprintf(path, sizeof path, "%s/%s", place, name);
    return open(path, flags, 0600);
}

// What nothing is said of may have half of memory, and as many files; sysinfo may leave out some.
static int is_half_of_memory(void) {
    struct statfs status;
    struct sysinfo info;
    CHECK(!statfs(place, &status) && !sysinfo(&info));
    unsigned long half = info.totalram * info.mem_unit / PAGE / 2;
    return status.f_blocks > half / 10 * 9 && status.f_blocks < half / 10 * 11 && status.f_files > half / 10 * 9;
}

static void check_options(void) {
    const char *bad[] = {"nothing", "size", "size=", "size=x", "size=1z", "mode=9", "mode=", "uid=-1",
                         "uid=4294967295", "gid=x", "size=4k mode=700", "mode=700,what=1", "Size=4k"};
    struct stat status;
    for (int n = 0; n < sizeof bad / sizeof *bad; n++)
        FAILS(mount_with(bad[n]), EINVAL);
    FAILS(mount_with((char *)8), EFAULT);
    CHECK(!mount_with("uid=1000,gid=0x10,mode=02750,size=64K") && !stat(place, &status));
    CHECK(status.st_uid == 1000 && status.st_gid == 16 && (status.st_mode & 07777) == 02750);
    CHECK(!umount(place) && !mount_with("size=10%,nr_inodes=0,mode=700") && !umount(place));
    CHECK(!mount_with(0) && !stat(place, &status) && (status.st_mode & 07777) == 01777);
    CHECK(is_half_of_memory());
    CHECK(!umount(place) && !mount_with("") && !umount(place));
}

static void check_sizes(void) {
    struct statfs status;
    CHECK(!mount_with("size=61000") && !statfs(place, &status));  // 15 pages
    CHECK(status.f_bsize == PAGE && status.f_blocks == 15 && status.f_bfree == 15);
    int file = at("file", O_CREAT | O_RDWR);
    CHECK(file >= 0 && write(file, buffer, 20 * PAGE) == 15 * PAGE);
    FAILS(write(file, buffer, 1), ENOSPC);
    CHECK(!statfs(place, &status) && status.f_bfree == 0 && status.f_bavail == 0);
    CHECK(pwrite(file, buffer, 15 * PAGE, 0) == 15 * PAGE);
    int other = at("other", O_CREAT | O_RDWR);
    CHECK(other >= 0);
    FAILS(write(other, "x", 1), ENOSPC);
    CHECK(!ftruncate(file, 10 * PAGE) && write(other, "x", 1) == 1);
    FAILS(fallocate(other, 0, 0, 10 * PAGE), ENOSPC);
    CHECK(!ftruncate(other, 0) && !fallocate(other, 0, 0, 5 * PAGE) && !ftruncate(other, 0));
    FAILS(remount_with("size=9p,what"), EINVAL);
    FAILS(remount_with("size=4k"), EINVAL);  // less than there is
    CHECK(!remount_with("size=48k") && !statfs(place, &status) && status.f_blocks == 12);
    CHECK(pwrite(other, buffer, 5 * PAGE, 0) == 2 * PAGE);
    CHECK(!remount_with("nr_blocks=1k") && !statfs(place, &status) && status.f_blocks == 1024);
    CHECK(!remount_with("") && !statfs(place, &status) && status.f_blocks == 1024);
    CHECK(write(other, buffer, 5 * PAGE) == 5 * PAGE);
    close(file), close(other);
    CHECK(!umount(place));
}

static void check_inodes(void) {
    struct statfs status;
    CHECK(!mount_with("nr_inodes=4") && !statfs(place, &status) && status.f_files == 4);
    CHECK(status.f_ffree == 3);
    int first = at("1", O_CREAT | O_RDWR);
    CHECK(first >= 0 && !close(at("2", O_CREAT | O_RDWR)) && !close(at("3", O_CREAT | O_RDWR)));
    FAILS(at("4", O_CREAT | O_RDWR), ENOSPC);
    char path[64];
    snprintf(path, sizeof path, "%s/1", place);
    CHECK(!unlink(path));
    FAILS(at("4", O_CREAT | O_RDWR), ENOSPC);  // it is still open
    FAILS(remount_with("nr_inodes=3"), EINVAL);
    CHECK(!close(first) && !remount_with("nr_inodes=3"));
    FAILS(at("4", O_CREAT | O_RDWR), ENOSPC);
    CHECK(!remount_with("nr_inodes=1m") && !close(at("4", O_CREAT | O_RDWR)) && !umount(place));
}

// Memory for which there is no room any more
static void check_faults(void) {
    int status;
    CHECK(!mount_with("size=8k"));
    int file = at("file", O_CREAT | O_RDWR);
    CHECK(file >= 0 && !ftruncate(file, 4 * PAGE));
    char *memory = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(memory != MAP_FAILED);
    memory[0] = memory[PAGE] = 1;
    pid_t child = fork();
    if (!child) {
        signal(SIGBUS, SIG_DFL);
        memory[2 * PAGE] = 1;
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    CHECK(!munmap(memory, 4 * PAGE) && !close(file) && !umount(place));
}

int main(void) {
    CHECK(mkdtemp(place));
    if (mount_with("") && errno == EPERM)
        return rmdir(place);  // one may not
    CHECK(!umount(place));
    check_options();
    check_sizes();
    check_inodes();
    check_faults();
    return rmdir(place);
}
