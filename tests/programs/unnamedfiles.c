// Files that are made without names (O_TMPFILE), and names for what is open (AT_EMPTY_PATH).
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>

#define NAME "/tmp/unnamedfiles"

static struct stat status;

static int links(int file) { return fstat(file, &status) ? -1 : (int)status.st_nlink; }

static void unnamed(void) {
    FAILS(open("/tmp", O_TMPFILE | O_RDONLY, 0600), EINVAL);
    FAILS(open("/tmp", O_TMPFILE | O_CREAT | O_RDWR, 0600), EINVAL);
    FAILS(open("/tmp", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR, 0600), EINVAL);
    FAILS(open("/dev/null", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
    FAILS(open("/tmp/none", O_TMPFILE | O_RDWR, 0600), ENOENT);
    umask(022);
    int file = open("/tmp", O_TMPFILE | O_RDWR, 0666);
    CHECK(file >= 0 && links(file) == 0 && status.st_mode == (S_IFREG | 0644));
    CHECK(write(file, "text", 4) == 4);
    CHECK(!linkat(file, "", AT_FDCWD, NAME, AT_EMPTY_PATH) && links(file) == 1);
    FAILS(linkat(file, "", AT_FDCWD, NAME, AT_EMPTY_PATH), EEXIST);
    CHECK(!stat(NAME, &status) && status.st_size == 4 && !unlink(NAME));
    FAILS(linkat(file, "", AT_FDCWD, NAME, AT_EMPTY_PATH), ENOENT);  // it is never found again
    CHECK(!close(file));
    file = open("/tmp", O_TMPFILE | O_WRONLY | O_EXCL, 0600);
    FAILS(linkat(file, "", AT_FDCWD, NAME, AT_EMPTY_PATH), ENOENT);
    CHECK(!close(file));
    file = open("/tmp", O_PATH | O_TMPFILE);
    CHECK(file >= 0 && !close(file));
}

static void empty_names(void) {
    char text[10];
    CHECK(!symlink("abc", NAME));
    int file = open(NAME, O_PATH | O_NOFOLLOW), directory = open("/tmp", O_RDONLY);
    CHECK(readlinkat(file, "", text, sizeof text) == 3);
    FAILS(readlinkat(directory, "", text, sizeof text), ENOENT);
    FAILS(readlink("/tmp", text, sizeof text), EINVAL);
    CHECK(!faccessat(directory, "", R_OK, AT_EMPTY_PATH | AT_EACCESS));
    FAILS(faccessat(directory, "", R_OK, 0), ENOENT);
    CHECK(!fchownat(file, "", 3, 4, AT_EMPTY_PATH));
    CHECK(!lstat(NAME, &status) && status.st_uid == 3 && status.st_gid == 4);
    FAILS(fsync(file), EBADF);
    FAILS(fcntl(file, F_SETFL, 0), EBADF);
    CHECK(fcntl(file, F_GETFL) & O_PATH);
    CHECK(!close(file) && !close(directory) && !unlink(NAME));
}

// Only what is stored can be waited for.
static void stored(void) {
    int null = open("/dev/null", O_RDWR), directory = open("/tmp", O_RDONLY);
    FAILS(fsync(null), EINVAL);
    FAILS(fdatasync(null), EINVAL);
    CHECK(!fsync(directory) && !close(null) && !close(directory));
}

// No position lies behind the largest one.
static void positions(void) {
    int file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    const long last = 0x7fffffffffffffff;
    char text[4];
    FAILS(pwrite(file, text, 4, last - 2), EINVAL);
    FAILS(pread(file, text, 4, last - 2), EINVAL);
    CHECK(pread(file, text, 4, last - 4) == 0);
    CHECK(!close(file));
}

int main(void) {
    unnamed();
    empty_names();
    stored();
    positions();
    return 0;
}
