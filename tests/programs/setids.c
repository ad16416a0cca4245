// The bits by which programs run as other users go when somebody else changes what these do.
#include "check.h"
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NAME "/tmp/setids"

static int mode(void) {
    struct stat status;
    return stat(NAME, &status) ? -1 : status.st_mode & 07777;
}

// A file of a mode that everybody may write to.
static int prepare(int bits) {
    int file = open(NAME, O_CREAT | O_RDWR | O_TRUNC, 0600);
    return file < 0 || write(file, "text", 4) != 4 || chmod(NAME, bits) || close(file);
}

static int as_other(int (*change)(void)) {
    int status;
    pid_t child = fork();
    if (!child)
        _exit(setgroups(0, 0) || setgid(1) || setuid(1) ? 99 : change());
    return waitpid(child, &status, 0) == child && status == 0 ? 0 : -1;
}

static int by_write(void) {
    int file = open(NAME, O_WRONLY);
    return write(file, "", 0) != 0 || mode() != 06777 || write(file, "x", 1) != 1;
}
static int by_truncating(void) { return truncate(NAME, 4); }
static int by_open_file(void) { return ftruncate(open(NAME, O_WRONLY), 4); }
static int by_opening(void) { return open(NAME, O_WRONLY | O_TRUNC) < 0; }

int main(void) {
    static int (*const changes[])(void) = {by_write, by_truncating, by_open_file, by_opening};
    for (int i = 0; i < 4; i++) {
        CHECK(!prepare(06777) && !as_other(changes[i]) && mode() == 0777);
        CHECK(!prepare(06777) && !changes[i]() && mode() == 06777);  // of root
    }
    // Of a group that can't run it, who is no member
    CHECK(!prepare(02666) && !as_other(by_truncating) && mode() == 0666);
    CHECK(!prepare(02666) && !chown(NAME, 0, 1) && !as_other(by_truncating) && mode() == 02666);
    CHECK(!prepare(06777) && !chown(NAME, -1, -1) && mode() == 0777);
    CHECK(!unlink(NAME));
    return 0;
}
