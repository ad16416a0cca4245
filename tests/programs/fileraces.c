// Files under the hands of several at once: whoever wins, what is counted before is there
// afterwards, nothing is seen that never was, and nobody waits for ever. The second argument tells
// how often, 1 as a rule.
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define FOLDER "/tmp/fileraces"
#define THREADS 4
#define FILES 8
#define PAGE 4096
#define NOREPLACE 1
#define EXCHANGE 2

static int turns = 60;
static volatile int stop;

static unsigned chance(unsigned *state, unsigned below) {
    *state = *state * 1103515245u + 12345;
    return (*state >> 16) % below;
}

static void together(void *(*work)(void *), int count) {
    pthread_t threads[8];
    void *result;
    for (long i = 0; i < count; i++)
        CHECK(pthread_create(threads + i, 0, work, (void *)i) == 0);
    for (int i = 0; i < count; i++)
        CHECK(pthread_join(threads[i], &result) == 0 && result == 0);
}

// Directories move into and out of each other: none gets lost, and none lies in itself.
static void *move(void *number) {
    unsigned state = (long)number + 1;
    char from[64], to[64];
    for (int i = 0; i < turns * 10; i++) {
        unsigned one = chance(&state, FILES), other = chance(&state, FILES);
        int flags[] = {0, NOREPLACE, EXCHANGE};
        snprintf(from, sizeof from, chance(&state, 2) ? "m/%u" : "m/%u/in", one);
        snprintf(to, sizeof to, chance(&state, 2) ? "m/%u" : "m/%u/in", other);
        syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags[chance(&state, 3)]);
    }
    return 0;
}

static int seen[FILES];

static int count_below(int directory) {
    int found = 0;
    DIR *names = fdopendir(directory);
    for (struct dirent *entry; (entry = readdir(names));) {
        struct stat status;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        CHECK(fstatat(dirfd(names), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0);
        if (S_ISREG(status.st_mode)) {
            seen[status.st_size]++;  // each is as long as its number says
        } else {
            int below = openat(dirfd(names), entry->d_name, O_RDONLY | O_DIRECTORY);
            CHECK(below >= 0);
            found += 1 + count_below(below);
        }
    }
    closedir(names);
    return found;
}

static void moves(void) {
    char name[64];
    CHECK(mkdir("m", 0755) == 0);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "m/%d", i);
        CHECK(mkdir(name, 0755) == 0);
        snprintf(name, sizeof name, "m/%d/file%d", i, i);
        int file = open(name, O_CREAT | O_WRONLY, 0644);
        CHECK(file >= 0 && ftruncate(file, i) == 0 && close(file) == 0);
    }
    together(move, THREADS);
    // None was empty, so none has gone
    CHECK(count_below(open("m", O_RDONLY)) == FILES);
    for (int i = 0; i < FILES; i++)
        CHECK(seen[i] == 1);
}

// Files that go while they are looked for: there, or not there, and never another one.
static void *look(void *number) {
    unsigned state = (long)number + 9;
    char name[64];
    struct stat status;
    if (number == 0) {
        for (int i = 0; i < turns * 20; i++) {
            snprintf(name, sizeof name, "l/%u", chance(&state, FILES));
            if (chance(&state, 2)) {
                int file = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600 + (name[2] - '0'));
                if (file >= 0 && close(file))
                    return name;
            } else {
                unlink(name);
            }
        }
        stop = 1;
        return 0;
    }
    while (!stop) {
        snprintf(name, sizeof name, "l/%u", chance(&state, FILES));
        int result = chance(&state, 2) ? stat(name, &status) : access(name, F_OK) | 2;
        if (result == -1 && errno != ENOENT)
            return "";
        if (result == 0 && (status.st_mode & 7) != name[2] - '0')
            return "";
        int file = open(name, O_RDONLY);
        if (file < 0 && errno != ENOENT)
            return "";
        if (file >= 0 && (fstat(file, &status) || (status.st_mode & 7) != name[2] - '0' || close(file)))
            return "";
    }
    return 0;
}

static void lookups(void) {
    stop = 0;
    CHECK(mkdir("l", 0755) == 0);
    together(look, THREADS);
}

// A file that shrinks and grows under mappings: pages beyond its end are SIGBUS, others hold what
// was written or zeros.
static char *mapped;
static int shared_file;
static __thread sigjmp_buf back;

static void beyond(int number) { siglongjmp(back, 1); }

static void *touch(void *number) {
    unsigned state = (long)number + 5;
    if (number == 0) {
        for (int i = 0; i < turns * 10; i++)
            if (ftruncate(shared_file, chance(&state, FILES + 1) * PAGE))
                return mapped;
        stop = 1;
        return 0;
    }
    while (!stop) {
        volatile char *place = mapped + chance(&state, FILES) * PAGE + chance(&state, PAGE);
        if (sigsetjmp(back, 1))
            continue;
        if (*place != 0 && *place != 'x')
            return mapped;
        if (chance(&state, 2))
            *place = 'x';
    }
    return 0;
}

static void mappings(void) {
    struct sigaction action = {.sa_handler = beyond, .sa_flags = SA_NODEFER};
    stop = 0;
    CHECK(sigaction(SIGBUS, &action, 0) == 0);
    shared_file = open("mapped", O_CREAT | O_RDWR, 0644);
    CHECK(shared_file >= 0 && ftruncate(shared_file, FILES * PAGE) == 0);
    mapped = mmap(0, FILES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, shared_file, 0);
    CHECK(mapped != MAP_FAILED);
    together(touch, THREADS);
    struct stat status;
    CHECK(ftruncate(shared_file, 0) == 0 && ftruncate(shared_file, FILES * PAGE) == 0);
    CHECK(fstat(shared_file, &status) == 0 && status.st_blocks == 0);
    for (int i = 0; i < FILES * PAGE; i++)
        CHECK(mapped[i] == 0 || (step--, 0));
    CHECK(munmap(mapped, FILES * PAGE) == 0 && close(shared_file) == 0);
}

// Files that are closed while others wait for them by an epoll.
static int poller;

static void *watch(void *number) {
    struct epoll_event event = {.events = EPOLLIN};
    if (number == 0) {
        for (int i = 0; i < turns * 10; i++) {
            int file = eventfd(i & 1, EFD_NONBLOCK);
            event.data.fd = file;
            if (file < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, file, &event))
                return &poller;
            int copy = i % 3 ? -1 : dup(file);
            close(file);
            if (copy >= 0)
                close(copy);
        }
        stop = 1;
        return 0;
    }
    while (!stop) {
        int count = epoll_wait(poller, &event, 1, 1);
        if (count < 0 && errno != EINTR)
            return &poller;
    }
    return 0;
}

static void epolls(void) {
    struct epoll_event event;
    stop = 0;
    poller = epoll_create1(0);
    CHECK(poller >= 0);
    together(watch, THREADS);
    CHECK(epoll_wait(poller, &event, 1, 0) == 0);  // all of them are gone
    CHECK(close(poller) == 0);
}

// Pipes whose ends are closed at the same time.
static int pipe_ends[2];
static volatile int opened, closed;

static void *close_end(void *number) {
    for (int i = 1; i <= turns * 4; i++) {
        if (number == 0) {
            if (pipe(pipe_ends))
                return pipe_ends;
            closed = 0;
            opened = i;
        }
        while (opened != i)
            sched_yield();
        if (close(pipe_ends[(long)number]))
            return pipe_ends;
        __sync_fetch_and_add(&closed, 1);
        while (number == 0 && closed != 2)
            sched_yield();
    }
    return 0;
}

static void pipes(void) { together(close_end, 2); }

// Open files go round by sockets: each token comes out as often as it went in.
static int sockets[THREADS][2], arrived[THREADS];

static int pass(int socket, int file, int sends) {
    char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control,
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (sends) {
        header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &file, sizeof file);
        return sendmsg(socket, &message, 0) == 1 ? 0 : -1;
    }
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || !(header = CMSG_FIRSTHDR(&message)))
        return -1;
    memcpy(&file, CMSG_DATA(header), sizeof file);
    return file;
}

static void *hand_on(void *number) {
    long own = (long)number;
    uint64_t one = 1;
    for (int i = 0; i < turns; i++) {
        int file = pass(sockets[own][0], -1, 0);
        if (file < 0 || write(file, &one, sizeof one) != sizeof one)
            return sockets;
        arrived[own]++;
        if (pass(sockets[(own + 1) % THREADS][1], file, 1) || close(file))
            return sockets;
    }
    return 0;
}

static int open_files(void) {
    int count = 0;
    for (int i = 0; i < 256; i++)
        count += fcntl(i, F_GETFD) >= 0;
    return count;
}

static void passings(void) {
    int files[THREADS], before = open_files();
    uint64_t value, sum = 0;
    for (int i = 0; i < THREADS; i++) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets[i]) == 0);
        CHECK((files[i] = eventfd(0, EFD_NONBLOCK)) >= 0);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pass(sockets[i][1], files[i], 1) == 0);
    together(hand_on, THREADS);
    for (int i = 0; i < THREADS; i++) {
        CHECK(arrived[i] == turns && read(files[i], &value, sizeof value) == sizeof value);
        sum += value;
        arrived[i] = 0;
    }
    CHECK(sum == THREADS * turns);
    for (int i = 0; i < THREADS; i++)  // what is on the way goes with the sockets
        CHECK(close(files[i]) == 0 && close(sockets[i][0]) == 0 && close(sockets[i][1]) == 0);
    CHECK(open_files() == before);
}

int main(int count, char **arguments) {
    if (count > 1)
        turns *= atoi(arguments[1]);
    system("rm -rf " FOLDER);
    if (mkdir(FOLDER, 0755) && errno != EEXIST)
        return 254;
    umask(0);
    CHECK(chdir(FOLDER) == 0);
    moves();
    lookups();
    mappings();
    epolls();
    pipes();
    passings();
    return 0;
}
