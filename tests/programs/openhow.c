// Files opened by openat2, which says how names may be gone along.
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PLACE "/tmp/openhow"

enum { NO_XDEV = 1, NO_MAGICLINKS = 2, NO_SYMLINKS = 4, BENEATH = 8, IN_ROOT = 16, CACHED = 32 };

struct how { uint64_t flags, mode, resolve, more; };

static int folder;

static long open_how(const char *name, struct how how) {
    return syscall(437, folder, name, &how, 24);
}

static int opens(const char *name, uint64_t resolve) {
    long file = open_how(name, (struct how){.flags = O_RDONLY, .resolve = resolve});
    return file >= 0 && close(file) == 0;
}

#define REFUSES(name, way, error) \
    FAILS(open_how(name, (struct how){.flags = O_RDONLY, .resolve = (way)}), error)

static void arguments(void) {
    struct how how = {.flags = O_RDONLY};
    FAILS(syscall(437, folder, "f", &how, 16), EINVAL);
    FAILS(syscall(437, folder, "f", &how, 1 << 20), E2BIG);
    FAILS(syscall(437, folder, "f", (void *)8, 24), EFAULT);
    FAILS(syscall(437, -1, "f", &how, 24), EBADF);
    long file = syscall(437, folder, "f", &how, 32);
    CHECK(file >= 0 && close(file) == 0);
    how.more = 1;
    FAILS(syscall(437, folder, "f", &how, 32), E2BIG);
    FAILS(open_how("f", (struct how){.flags = 1ull << 40}), EINVAL);
    FAILS(open_how("f", (struct how){.flags = O_RDONLY | 010}), EINVAL);
    FAILS(open_how("f", (struct how){.mode = 0600}), EINVAL);
    FAILS(open_how("new", (struct how){.flags = O_CREAT | O_RDWR, .mode = 010000}), EINVAL);
    FAILS(open_how("f", (struct how){.resolve = 64}), EINVAL);
    FAILS(open_how("f", (struct how){.resolve = BENEATH | IN_ROOT}), EINVAL);
    FAILS(open_how("f", (struct how){.flags = O_PATH | O_RDWR}), EINVAL);
    FAILS(open_how("f", (struct how){.flags = O_CREAT, .resolve = CACHED}), EAGAIN);
    CHECK((file = open_how("new", (struct how){.flags = O_CREAT | O_RDWR | O_CLOEXEC, .mode = 0640})) >= 0);
    struct stat status;
    CHECK(fstat(file, &status) == 0 && (status.st_mode & 07777) == 0640);
    CHECK(fcntl(file, F_GETFD) == FD_CLOEXEC && close(file) == 0 && unlink(PLACE "/new") == 0);
    CHECK((file = open_how("d", (struct how){.flags = O_PATH | O_DIRECTORY})) >= 0 && close(file) == 0);
}

static void links(void) {
    CHECK(opens("link", 0) && opens("d/up", 0) && opens("f", NO_SYMLINKS));
    REFUSES("link", NO_SYMLINKS, ELOOP);
    REFUSES("to-d/g", NO_SYMLINKS, ELOOP);
    CHECK(opens("link", NO_MAGICLINKS) && opens("to-d/g", NO_MAGICLINKS));
    long file = open_how("link", (struct how){.flags = O_PATH | O_NOFOLLOW, .resolve = NO_SYMLINKS});
    CHECK(file >= 0 && close(file) == 0);
    FAILS(open_how("link", (struct how){.flags = O_NOFOLLOW}), ELOOP);
}

static void scopes(void) {
    CHECK(opens("f", BENEATH) && opens("d/../f", BENEATH) && opens("d/up", BENEATH));
    REFUSES("..", BENEATH, EXDEV);
    REFUSES("d/../../openhow/f", BENEATH, EXDEV);
    REFUSES("/tmp", BENEATH, EXDEV);
    REFUSES("absolute", BENEATH, EXDEV);
    REFUSES("out", BENEATH, EXDEV);
    CHECK(opens("absolute", IN_ROOT) && opens("/f", IN_ROOT) && opens("../../f", IN_ROOT));
    CHECK(opens("out", IN_ROOT) && opens("/d/../../up/../f", IN_ROOT) == 0 && errno == ENOENT);
    REFUSES("/tmp/openhow/f", IN_ROOT, ENOENT);
    struct how how = {.resolve = IN_ROOT};
    FAILS(syscall(437, 999, "/f", &how, 24), EBADF);
    CHECK(chdir(PLACE) == 0);
    long file = syscall(437, AT_FDCWD, "/f", &how, 24);
    CHECK(file >= 0 && close(file) == 0 && chdir("/") == 0);
    CHECK(opens("f", CACHED) && opens("d/g", CACHED));
}

static void mounted(void) {
    if (unshare(CLONE_NEWNS) || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0))
        return;
    int outer = folder;
    CHECK((folder = open(PLACE, O_RDONLY | O_DIRECTORY)) >= 0);
    CHECK(mkdir(PLACE "/m", 0755) == 0 && mount("none", PLACE "/m", "proc", 0, 0) == 0);
    CHECK(opens("m/self/status", 0) && opens("m/self/cwd", 0) && opens("m/self/exe", 0));
    REFUSES("m/uptime", NO_XDEV, EXDEV);
    REFUSES("m", NO_XDEV, EXDEV);
    CHECK(opens("f", NO_XDEV) && opens("m/../f", 0));
    REFUSES("m/../f", NO_XDEV, EXDEV);
    REFUSES("m/self/exe", NO_MAGICLINKS, ELOOP);
    REFUSES("m/self/exe", NO_SYMLINKS, ELOOP);
    CHECK(opens("m/self/status", NO_MAGICLINKS) && opens("m/self/status", BENEATH));
    REFUSES("m/self/exe", BENEATH, EXDEV);
    REFUSES("m/self/cwd", IN_ROOT, EXDEV);
    CHECK(close(folder) == 0 && (folder = open(PLACE "/m", O_RDONLY)) >= 0 && opens("uptime", NO_XDEV));
    REFUSES("..", NO_XDEV, EXDEV);
    REFUSES("self/cwd", NO_XDEV, EXDEV);
    CHECK(close(folder) == 0);
    folder = outer;
    CHECK(umount(PLACE "/m") == 0 && rmdir(PLACE "/m") == 0);
}

int main(void) {
    CHECK(mkdir(PLACE, 0755) == 0 && mkdir(PLACE "/d", 0755) == 0);
    CHECK((folder = open(PLACE, O_RDONLY | O_DIRECTORY)) >= 0);
    CHECK(close(openat(folder, "f", O_CREAT | O_RDWR, 0600)) == 0);
    CHECK(close(openat(folder, "d/g", O_CREAT | O_RDWR, 0600)) == 0);
    CHECK(symlink("f", PLACE "/link") == 0 && symlink("../f", PLACE "/d/up") == 0);
    CHECK(symlink("d", PLACE "/to-d") == 0 && symlink("/f", PLACE "/absolute") == 0);
    CHECK(symlink("../f", PLACE "/out") == 0);
    arguments();
    links();
    scopes();
    mounted();
    for (const char **name = (const char *[]){"f", "d/g", "link", "d/up", "to-d", "absolute", "out", 0}; *name; name++)
        CHECK(unlinkat(folder, *name, 0) == 0);
    CHECK(unlinkat(folder, "d", AT_REMOVEDIR) == 0 && rmdir(PLACE) == 0 && close(folder) == 0);
    return 0;
}
