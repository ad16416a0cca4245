// Names that change places, and which error is told where several are right.
#include "check.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NOREPLACE 1
#define EXCHANGE 2

static int move(const char *one, const char *other, int flags) {
    return syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, flags);
}

static int swap(const char *one, const char *other) { return move(one, other, EXCHANGE); }

static int make(const char *name) {
    int file = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);
    return file < 0 || close(file);
}

static struct stat status;
static int is_directory(const char *name) { return !lstat(name, &status) && S_ISDIR(status.st_mode); }
static int links(const char *name) { return lstat(name, &status) ? -1 : (int)status.st_nlink; }

int main(void) {
    CHECK(!mkdir("/tmp/exchanges", 0700) && !chdir("/tmp/exchanges"));
    CHECK(!mkdir("a", 0700) && !mkdir("a/b", 0700) && !mkdir("c", 0700) && !make("f") && !make("a/f"));
    FAILS(move("f", "a/f", NOREPLACE | EXCHANGE), EINVAL);
    FAILS(move("f", "a/f", 8), EINVAL);
    FAILS(move("f", "a/f", NOREPLACE), EEXIST);
    FAILS(move("f", "a/.", NOREPLACE), EEXIST);
    FAILS(move("f", "a/.", 0), EBUSY);
    FAILS(swap("f", "g"), ENOENT);
    FAILS(swap("a", "a/b"), EINVAL);
    FAILS(swap("a/b", "a"), EINVAL);
    FAILS(swap("f", "c/../f/"), ENOTDIR);
    CHECK(!swap("f", "a/b/") && is_directory("f") && !is_directory("a/b"));
    CHECK(links("a") == 2 && links(".") == 5);
    CHECK(!swap("f", "c") && is_directory("f") && is_directory("c"));
    CHECK(!swap("a/b", "f") && is_directory("a/b") && !is_directory("f") && links("a") == 3);
    CHECK(!link("f", "g") && !swap("f", "g") && links("f") == 2);
    // In which order what is wrong is told
    FAILS(rename("a/f", "a"), ENOTEMPTY);
    FAILS(rename("a", "a/f"), EINVAL);
    FAILS(rename("a", "f"), ENOTDIR);
    FAILS(rename("f", "a"), EISDIR);
    CHECK(!rename("f", "g"));
    CHECK(!seteuid(0) && !chmod("c", 0777) && !chmod(".", 0777) && !mkdir("c/d", 0555));
    CHECK(!chown("c/d", 1, 1) && !seteuid(1));
    FAILS(rename("c/d", "d"), EACCES);  // its own `..` would change
    CHECK(!rename("c/d", "c/e"));
    CHECK(!seteuid(0) && !rename("c/e", "d") && !rmdir("d"));
    CHECK(!unlink("g") && !unlink("f") && !unlink("a/f") && !rmdir("a/b") && !rmdir("a"));
    CHECK(!rmdir("c") && !chdir("/") && !rmdir("/tmp/exchanges"));
    return 0;
}
