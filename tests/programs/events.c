// Numbers that count events, memory files, ranges of numbers closed.
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BAD ((void *)8)

static int events_of(int file) {
    struct pollfd one = {file, POLLIN | POLLOUT};
    return poll(&one, 1, 0) < 0 ? -1 : one.revents;
}

// Files that were opened for their place alone can't be waited for, FIFOs too.
static void places(void) {
    CHECK(mkfifo("events-fifo", 0600) == 0);
    int file = open("events-fifo", O_PATH);
    CHECK(file >= 0 && events_of(file) == POLLNVAL);
    fd_set some;
    FD_ZERO(&some);
    FD_SET(file, &some);
    CHECK(select(file + 1, &some, 0, 0, 0) == 1 && FD_ISSET(file, &some));
    CHECK(close(file) == 0 && unlink("events-fifo") == 0);
}

static void counters(void) {
    uint64_t value;
    int file = eventfd(5, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(file >= 0 && fcntl(file, F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(file, F_GETFL) == (O_RDWR | O_NONBLOCK));
    CHECK(events_of(file) == (POLLIN | POLLOUT));
    CHECK(read(file, &value, 8) == 8 && value == 5);
    CHECK(events_of(file) == POLLOUT);
    FAILS(read(file, &value, 8), EAGAIN);
    FAILS(read(file, &value, 7), EINVAL);
    FAILS(write(file, &value, 7), EINVAL);
    FAILS(write(file, BAD, 8), EFAULT);
    value = -1;
    FAILS(write(file, &value, 8), EINVAL);
    value = -2;
    CHECK(write(file, &value, 8) == 8 && events_of(file) == POLLIN);
    value = 1;
    FAILS(write(file, &value, 8), EAGAIN);
    CHECK(read(file, &value, 8) == 8 && value == (uint64_t)-2);
    CHECK(lseek(file, 5, SEEK_SET) == 0);
    FAILS(eventfd(0, 2), EINVAL);
    CHECK(close(file) == 0);
}

static void semaphores(void) {
    uint64_t value;
    int file = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    CHECK(read(file, &value, 8) == 8 && value == 1);
    CHECK(read(file, &value, 16) == 8 && value == 1);
    FAILS(read(file, &value, 8), EAGAIN);
    CHECK(close(file) == 0);
}

static void waits(void) {
    uint64_t value = 7;
    int status, file = eventfd(0, 0), full = eventfd(0, 0);
    pid_t child = fork();
    if (!child)
        _exit(read(file, &value, 8) != 8 || value != 7);
    CHECK(write(file, &value, 8) == 8 && waitpid(child, &status, 0) == child && status == 0);
    value = -2;
    CHECK(write(full, &value, 8) == 8);
    child = fork();
    value = 1;
    if (!child)
        _exit(write(full, &value, 8) != 8);
    CHECK(read(full, &value, 8) == 8 && waitpid(child, &status, 0) == child && status == 0);
    CHECK(read(full, &value, 8) == 8 && value == 1);
}

static void memory_files(void) {
    char text[4] = "", name[300];
    int file = syscall(SYS_memfd_create, "a name", 1);
    CHECK(file >= 0 && fcntl(file, F_GETFD) == FD_CLOEXEC);
    CHECK(write(file, "abc", 3) == 3 && pread(file, text, 3, 0) == 3 && !strcmp(text, "abc"));
    CHECK(ftruncate(file, 8192) == 0);
    char *memory = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(memory != MAP_FAILED && memory[1] == 'b' && (memory[1] = 'x'));
    CHECK(pread(file, text, 1, 1) == 1 && *text == 'x');
    memset(name, 'n', sizeof name);
    name[250] = 0;
    FAILS(syscall(SYS_memfd_create, name, 0), EINVAL);
    name[249] = 0;
    CHECK(syscall(SYS_memfd_create, name, 0) > file);
    FAILS(syscall(SYS_memfd_create, BAD, 0), EFAULT);
    FAILS(syscall(SYS_memfd_create, "x", 0x800), EINVAL);
}

static void ranges(void) {
    int status, first = open("/", O_RDONLY), second = dup(first), third = dup(first);
    CHECK(syscall(SYS_close_range, first, second, 4) == 0);
    CHECK(fcntl(second, F_GETFD) == FD_CLOEXEC && fcntl(third, F_GETFD) == 0);
    pid_t child = syscall(SYS_clone, 0x400 | 17, 0, 0, 0, 0);  // CLONE_FILES
    if (!child)
        _exit(syscall(SYS_close_range, first, third, 2) || fcntl(second, F_GETFD) >= 0);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(fcntl(second, F_GETFD) == FD_CLOEXEC);
    FAILS(syscall(SYS_close_range, 5, 4, 0), EINVAL);
    FAILS(syscall(SYS_close_range, 5, 6, 8), EINVAL);
    CHECK(syscall(SYS_close_range, first, ~0u, 0) == 0);
    FAILS(fcntl(third, F_GETFD), EBADF);
}

int main(void) {
    places();
    counters();
    semaphores();
    waits();
    memory_files();
    ranges();
    return 0;
}
