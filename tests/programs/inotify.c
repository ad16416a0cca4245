// What is told of files that are watched (inotify(7)).
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char bytes[65536] __attribute__((aligned(8)));
static int have, place, queue;
static unsigned cookie;

// The next event as text, "none" if there is none.
static const char *next(void) {
    static char text[300];
    if (place >= have) {
        have = read(queue, bytes, sizeof bytes), place = 0;
        if (have <= 0)
            return "none";
    }
    struct inotify_event *event = (void *)(bytes + place);
    place += sizeof *event + event->len;
    cookie = event->cookie;
    snprintf(text, sizeof text, "%d %x %s", event->wd, event->mask, event->len ? event->name : "-");
    return text;
}

#define TOLD(text) CHECK(!strcmp(next(), text))

static int make(const char *name) {
    int file = open(name, O_CREAT | O_WRONLY, 0600);
    return file < 0 || close(file);
}

static void names(void) {
    CHECK(inotify_add_watch(queue, "d", IN_ALL_EVENTS & ~(IN_OPEN | IN_CLOSE)) == 1);
    CHECK(!make("d/a") && !mkdir("d/b", 0700) && !symlink("x", "d/c") && !mkfifo("d/f", 0600));
    TOLD("1 100 a"); TOLD("1 40000100 b"); TOLD("1 100 c"); TOLD("1 100 f"); TOLD("none");
    CHECK(!link("d/a", "d/e") && !unlink("d/f") && !unlink("d/e") && !unlink("d/c") && !rmdir("d/b"));
    TOLD("1 100 e"); TOLD("1 200 f"); TOLD("1 200 e"); TOLD("1 200 c"); TOLD("1 40000200 b");
    CHECK(!rename("d/a", "d/g"));
    TOLD("1 40 a");
    unsigned first = cookie;
    CHECK(first != 0);
    TOLD("1 80 g");
    CHECK(cookie == first && !rename("d/g", "o"));
    TOLD("1 40 g");
    CHECK(cookie != first && !mkdir("d/h", 0700));
    TOLD("1 40000100 h");
    CHECK(cookie == 0 && !rename("d/h", "h") && !rename("o", "d/o") && !rmdir("h"));
    TOLD("1 40000040 h"); TOLD("1 80 o"); TOLD("none");
}

static void contents(void) {
    CHECK(inotify_add_watch(queue, "d", IN_ALL_EVENTS) == 1);
    CHECK(inotify_add_watch(queue, "d/o", IN_ALL_EVENTS) == 2);
    int file = open("d/o", O_RDWR);
    char byte;
    CHECK(write(file, "a", 1) == 1 && write(file, "b", 1) == 1 && pread(file, &byte, 1, 0) == 1);
    TOLD("1 20 o"); TOLD("2 20 -"); TOLD("1 2 o"); TOLD("2 2 -"); TOLD("1 2 o"); TOLD("2 2 -");
    TOLD("1 1 o"); TOLD("2 1 -");
    CHECK(read(file, &byte, 1) == 0 && write(file, "", 0) == 0);  // nothing, so nothing is told
    CHECK(!ftruncate(file, 5) && !fchmod(file, 0644) && !fchown(file, 0, 0) && !close(file));
    TOLD("1 2 o"); TOLD("2 2 -"); TOLD("1 4 o"); TOLD("2 4 -"); TOLD("1 4 o"); TOLD("2 4 -");
    TOLD("1 8 o"); TOLD("2 8 -"); TOLD("none");
    CHECK(!close(open("d/o", O_RDONLY)) && !close(open("d/o", O_PATH)));
    TOLD("1 20 o"); TOLD("2 20 -"); TOLD("1 10 o"); TOLD("2 10 -"); TOLD("none");
    CHECK(!rename("d/o", "d/p") && !link("d/p", "q") && !unlink("q"));
    TOLD("1 40 o"); TOLD("1 80 p"); TOLD("2 800 -"); TOLD("2 4 -"); TOLD("none");
    file = open("d/p", O_RDONLY);
    TOLD("1 20 p"); TOLD("2 20 -");
    CHECK(!unlink("d/p"));
    TOLD("2 4 -"); TOLD("1 200 p"); TOLD("none");
    CHECK(!close(file));
    TOLD("1 10 p"); TOLD("2 10 -"); TOLD("2 400 -"); TOLD("2 8000 -"); TOLD("none");
    FAILS(inotify_rm_watch(queue, 2), EINVAL);
}

static void masks(void) {
    CHECK(!make("f") && inotify_add_watch(queue, "d", IN_DELETE) == 1);
    CHECK(inotify_add_watch(queue, "d", IN_CREATE | IN_MASK_ADD) == 1);
    FAILS(inotify_add_watch(queue, "d", IN_CREATE | IN_MASK_CREATE), EEXIST);
    FAILS(inotify_add_watch(queue, "d", IN_CREATE | IN_MASK_CREATE | IN_MASK_ADD), EINVAL);
    FAILS(inotify_add_watch(queue, "d", 0), EINVAL);
    FAILS(inotify_add_watch(queue, "f", IN_OPEN | IN_ONLYDIR), ENOTDIR);
    FAILS(inotify_add_watch(0, "f", IN_OPEN), EINVAL);
    CHECK(!make("d/a") && !unlink("d/a"));
    TOLD("1 100 a"); TOLD("1 200 a"); TOLD("none");
    CHECK(inotify_add_watch(queue, "f", IN_OPEN | IN_ONESHOT) == 3 && !make("f") && !make("f"));
    TOLD("3 20 -"); TOLD("3 8000 -"); TOLD("none");
    CHECK(!inotify_rm_watch(queue, 1));
    TOLD("1 8000 -");
    // What is unlinked is told of, unless that was not wanted
    for (int excluded = 0; excluded < 2; excluded++) {
        int number = 4 + excluded;
        int mask = IN_MODIFY | (excluded ? IN_EXCL_UNLINK : 0), file = open("d/u", O_CREAT | O_WRONLY, 0600);
        CHECK(inotify_add_watch(queue, "d", mask) == number && !unlink("d/u"));
        CHECK(write(file, "x", 1) == 1 && !close(file));
        if (!excluded)
            TOLD("4 2 u");
        TOLD("none");
        CHECK(!inotify_rm_watch(queue, number));
        CHECK(next()[2] == '8');
    }
    CHECK(!unlink("f"));
}

static void reading(void) {
    struct pollfd entry = {.fd = queue, .events = POLLIN};
    int count = -1;
    CHECK(inotify_add_watch(queue, "d", IN_CREATE) == 6 && poll(&entry, 1, 0) == 0);
    CHECK(!make("d/a") && !make("d/a-name-of-more-letters") && poll(&entry, 1, 0) == 1);
    CHECK(!ioctl(queue, FIONREAD, &count) && count == 2 * 16 + 16 + 32);
    FAILS(read(queue, bytes, 31), EINVAL);
    CHECK(read(queue, bytes, 40) == 32 && read(queue, bytes, 100) == 48);
    FAILS(read(queue, bytes, 100), EAGAIN);
    // One that nobody reads
    for (int i = 0; i < 9000; i++)
        CHECK(!unlink("d/a") && !make("d/a") && !unlink("d/a-name-of-more-letters") &&
              !make("d/a-name-of-more-letters"));
    int told = 0;
    while (strcmp(next(), "-1 4000 -"))
        told++;
    CHECK(told == 16384);
    TOLD("none");
    CHECK(!unlink("d/a") && !unlink("d/a-name-of-more-letters"));
}

static void ends(void) {
    int other = inotify_init1(IN_CLOEXEC), status;
    CHECK(fcntl(other, F_GETFD) == FD_CLOEXEC && inotify_add_watch(other, "d", IN_CREATE) == 1);
    pid_t child = fork();
    if (!child)
        _exit(read(other, bytes, 100) != 32);
    CHECK(!make("d/a") && waitpid(child, &status, 0) == child && status == 0 && !unlink("d/a"));
    CHECK(!close(other));
    while (strcmp(next(), "none"))
        continue;
    CHECK(!mount("x", "d", "tmpfs", 0, 0) && inotify_add_watch(queue, "d", IN_CREATE) == 7);
    CHECK(!umount("d"));
    TOLD("7 2000 -"); TOLD("7 8000 -"); TOLD("none");
    FAILS(inotify_init1(1), EINVAL);
    int queues[200], number = 0;
    CHECK(!seteuid(0) && !(child = fork()) || waitpid(child, &status, 0) == child && status == 0);
    if (child)
        return;
    if (setuid(77))
        _exit(1);
    while ((queues[number] = inotify_init1(0)) >= 0 && number < 150)
        number++;
    _exit(errno != EMFILE || number != 128);
}

static void by_signals(void) {
    int folder = open(".", O_RDONLY | O_DIRECTORY);
    CHECK(folder >= 0 && !fcntl(folder, F_NOTIFY, DN_MULTISHOT) && !fcntl(folder, F_NOTIFY, 0));
    CHECK(!close(folder));
}

int main(void) {
    CHECK(!mkdir("/tmp/inotify", 0777) && !chdir("/tmp/inotify") && !mkdir("d", 0777));
    queue = inotify_init1(IN_NONBLOCK);
    CHECK(queue >= 0);
    names();
    contents();
    masks();
    reading();
    ends();
    by_signals();
    CHECK(!close(queue) && !rmdir("d") && !chdir("/") && !rmdir("/tmp/inotify"));
    return 0;
}
