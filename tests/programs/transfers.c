// Bytes moved between files; room that files take; locks of whole files.
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#define NAME "/tmp/transfers"
#define SIZE 10000
#define FALLOC_FL_KEEP_SIZE 1
#define FALLOC_FL_PUNCH_HOLE 2

static char text[SIZE], back[SIZE];
static struct stat status;
static volatile int signals;

static int make(const char *name) { return open(name, O_CREAT | O_TRUNC | O_RDWR, 0644); }

static void sending(void) {
    int source = make(NAME), target = make(NAME "2"), ends[2];
    off_t place = 10;
    for (int i = 0; i < SIZE; i++)
        text[i] = i * 7 + i / 256;
    CHECK(write(source, text, SIZE) == SIZE);
    CHECK(sendfile(target, source, &place, 9000) == 9000 && place == 9010);
    CHECK(pread(target, back, SIZE, 0) == 9000 && !memcmp(back, text + 10, 9000));
    CHECK(lseek(source, 0, SEEK_CUR) == SIZE && lseek(target, 0, SEEK_CUR) == 9000);
    CHECK(lseek(source, 9990, SEEK_SET) == 9990 && sendfile(target, source, 0, 100) == 10);
    CHECK(lseek(source, 0, SEEK_CUR) == SIZE && sendfile(target, source, 0, 100) == 0);
    place = -1;
    FAILS(sendfile(target, source, &place, 1), EINVAL);
    FAILS(sendfile(target, -1, 0, 1), EBADF);
    FAILS(sendfile(open(NAME, O_RDONLY), source, 0, 1), EBADF);
    CHECK(pipe(ends) == 0);
    place = 0;
    CHECK(sendfile(ends[1], source, &place, 5) == 5 && read(ends[0], back, 9) == 5);
    CHECK(!memcmp(back, text, 5));
    FAILS(sendfile(target, ends[0], &place, 1), ESPIPE);
    FAILS(sendfile(target, ends[0], 0, 1), EINVAL);
}

static long copy(int from, off_t *at, int to, off_t *place, size_t length, int flags) {
    return syscall(SYS_copy_file_range, from, at, to, place, length, flags);
}

static void copying(void) {
    int source = open(NAME, O_RDONLY), target = make(NAME "2"), ends[2];
    off_t from = 100, to = 5000;
    CHECK(copy(source, &from, target, &to, 5000, 0) == 5000 && from == 5100 && to == 10000);
    CHECK(pread(target, back, 5000, 5000) == 5000 && !memcmp(back, text + 100, 5000));
    CHECK(pread(target, back, 1, 4999) == 1 && *back == 0);
    CHECK(copy(source, 0, target, 0, 20, 0) == 20 && lseek(target, 0, SEEK_CUR) == 20);
    from = SIZE;
    CHECK(copy(source, &from, target, 0, 20, 0) == 0);
    FAILS(copy(source, 0, target, 0, 20, 1), EINVAL);
    FAILS(copy(source, 0, source, 0, 20, 0), EBADF);
    from = 0, to = 5;
    int both = open(NAME, O_RDWR);
    FAILS(copy(both, &from, both, &to, 6, 0), EINVAL);
    CHECK(copy(both, &from, both, &to, 5, 0) == 5);
    FAILS(copy(open("/", O_RDONLY), 0, target, 0, 1, 0), EISDIR);
    CHECK(pipe(ends) == 0);
    FAILS(copy(ends[0], 0, target, 0, 1, 0), EINVAL);
}

static void room(void) {
    int file = make(NAME), ends[2];
    CHECK(fallocate(file, 0, 5000, 10000) == 0 && fstat(file, &status) == 0);
    CHECK(status.st_size == 15000 && status.st_blocks == 24);
    CHECK(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 30000) == 0 && fstat(file, &status) == 0);
    CHECK(status.st_size == 15000 && status.st_blocks == 64);
    CHECK(ftruncate(file, 30000) == 0);
    memset(text, 'x', SIZE);
    for (int i = 0; i < 3; i++)
        CHECK(pwrite(file, text, SIZE, i * SIZE) == SIZE);
    char *memory = mmap(0, 28672, PROT_READ, MAP_SHARED, file, 0);
    CHECK(memory[4096] == 'x');
    CHECK(fallocate(file, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 100, 10000) == 0);
    CHECK(fstat(file, &status) == 0 && status.st_blocks == 56);
    CHECK(memory[99] == 'x' && !memory[100] && !memory[4096] && !memory[10099]);
    CHECK(memory[10100] == 'x');
    CHECK(fallocate(file, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 20000, 5) == 0);
    CHECK(memory[19999] == 'x' && !memory[20000] && !memory[20004] && memory[20005] == 'x');
    FAILS(fallocate(file, FALLOC_FL_PUNCH_HOLE, 0, 5), EOPNOTSUPP);
    FAILS(fallocate(file, 0, -1, 5), EINVAL);
    FAILS(fallocate(file, 0, 0, 0), EINVAL);
    FAILS(fallocate(file, 0, 1, 0x7fffffffffffffff), EFBIG);
    FAILS(fallocate(open(NAME, O_RDONLY), 0, 0, 5), EBADF);
    FAILS(fallocate(-1, 0, 0, 5), EBADF);
    CHECK(pipe(ends) == 0);
    FAILS(fallocate(ends[1], 0, 0, 5), ESPIPE);
    CHECK(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0);
    CHECK(posix_fadvise(file, 0, 0, 9) == EINVAL && posix_fadvise(ends[0], 0, 0, 0) == ESPIPE);
    CHECK(posix_fadvise(-1, 0, 0, 0) == EBADF && syscall(SYS_readahead, file, 0, 9) == 0);
    FAILS(syscall(SYS_readahead, ends[0], 0, 9), EINVAL);
    CHECK(syncfs(file) == 0 && sync_file_range(file, 0, 0, 7) == 0);
    FAILS(sync_file_range(file, 0, 0, 8), EINVAL);
    FAILS(sync_file_range(ends[0], 0, 0, 0), ESPIPE);
    FAILS(syncfs(-1), EBADF);
}

static void locking(void) {
    int status, first = open(NAME, O_RDONLY), second = open(NAME, O_RDONLY), ends[2];
    char byte;
    CHECK(flock(first, LOCK_SH) == 0 && flock(second, LOCK_SH | LOCK_NB) == 0);
    FAILS(flock(first, LOCK_EX | LOCK_NB), EWOULDBLOCK);  // and the shared one is lost
    CHECK(flock(second, LOCK_EX | LOCK_NB) == 0 && flock(second, LOCK_EX) == 0);
    FAILS(flock(first, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    CHECK(flock(dup(second), LOCK_UN) == 0 && flock(first, LOCK_EX) == 0);
    FAILS(flock(first, 3), EINVAL);
    FAILS(flock(first, 0), EINVAL);
    FAILS(flock(-1, LOCK_SH), EBADF);
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (!child) {
        int mine = open(NAME, O_RDONLY);
        write(ends[1], "", 1);
        _exit(flock(mine, LOCK_EX));
    }
    CHECK(read(ends[0], &byte, 1) == 1 && close(first) == 0);  // the child has it, too
    CHECK(kill(child, 0) == 0 && flock(second, LOCK_UN) == 0);
    first = open(NAME, O_RDONLY);
    CHECK(waitpid(child, &status, WNOHANG) == 0 && kill(child, SIGKILL) == 0);
    CHECK(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
    CHECK(flock(first, LOCK_EX | LOCK_NB) == 0);
    child = fork();
    if (!child) {
        close(first);
        int mine = open(NAME, O_RDONLY);
        write(ends[1], "", 1);
        _exit(flock(mine, LOCK_EX));
    }
    CHECK(read(ends[0], &byte, 1) == 1 && flock(first, LOCK_UN) == 0);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void count(int number) { signals++; }

// A source that never ends is left when a signal comes.
static void endless(void) {
    int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
    CHECK(signal(SIGALRM, count) != SIG_ERR);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 20000}, {0, 20000}}, 0);
    while (!signals)
        CHECK(sendfile(null, zero, 0, 1L << 30) > 0);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, 0);
    CHECK(close(zero) == 0 && close(null) == 0);
}

int main(void) {
    sending();
    endless();
    copying();
    room();
    locking();
    CHECK(unlink(NAME) == 0 && unlink(NAME "2") == 0);
    return 0;
}
