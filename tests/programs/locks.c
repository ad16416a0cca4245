// Locks of parts of files, of processes and of open files.
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define NAME "/tmp/locks"
#define SIZE 40

static struct flock part(int kind, long start, long length) {
    return (struct flock){.l_type = kind, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}

static int lock(int file, int what, int kind, long start, long length) {
    struct flock one = part(kind, start, length);
    return fcntl(file, what, &one);
}

// What another process finds in the way of writing: start * 1000 + length, or -1.
static int found(int file, long start, long length) {
    int status, ends[2], answer;
    CHECK(pipe(ends) == 0);
    pid_t parent = getpid(), child = fork();
    if (!child) {
        struct flock one = part(F_WRLCK, start, length);
        answer = fcntl(file, F_GETLK, &one) ? -2 : one.l_type == F_UNLCK ? -1 :
                 one.l_pid != parent ? -3 : one.l_start * 1000 + one.l_len;
        write(ends[1], &answer, sizeof answer);
        _exit(0);
    }
    CHECK(read(ends[0], &answer, sizeof answer) == sizeof answer);
    CHECK(waitpid(child, &status, 0) == child && close(ends[0]) == 0 && close(ends[1]) == 0);
    return answer;
}

static void ranges(int file) {
    CHECK(lock(file, F_SETLK, F_WRLCK, 10, 20) == 0 && found(file, 0, 0) == 10020);
    CHECK(lock(file, F_SETLK, F_WRLCK, 30, 10) == 0 && found(file, 0, 0) == 10030);
    CHECK(lock(file, F_SETLK, F_UNLCK, 15, 5) == 0 && found(file, 0, 0) == 10005);
    CHECK(found(file, 15, 5) == -1 && found(file, 15, 6) == 20020);
    CHECK(lock(file, F_SETLK, F_RDLCK, 35, 10) == 0 && found(file, 30, 0) == 20015);
    CHECK(found(file, 35, 0) == 35010);
    CHECK(lock(file, F_SETLK, F_WRLCK, 0, 0) == 0 && found(file, 5, 1) == 0);
    CHECK(lock(file, F_SETLK, F_UNLCK, 0, 0) == 0 && found(file, 0, 0) == -1);
    CHECK(ftruncate(file, 100) == 0 && lseek(file, 50, SEEK_SET) == 50);
    struct flock one = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = -5, .l_len = -5};
    CHECK(fcntl(file, F_SETLK, &one) == 0 && found(file, 0, 0) == 40005);
    one = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = 0, .l_len = 1};
    CHECK(fcntl(file, F_SETLK, &one) == 0 && found(file, 60, 0) == 100001);
    close(open(NAME, O_RDONLY));  // which unlocks all
    CHECK(found(file, 0, 0) == -1);
}

// The same against a plain array, byte by byte.
static void model(int file) {
    char kinds[SIZE];
    memset(kinds, F_UNLCK, SIZE);
    srand(1);
    for (int round = 0; round < 300; round++) {
        int start = rand() % SIZE, length = 1 + rand() % (SIZE - start), kind = rand() % 3;
        if (lock(file, F_SETLK, kind, start, length))
            _exit(200);
        memset(kinds + start, kind, length);
        int from = rand() % SIZE, first = from, last;
        while (first < SIZE && kinds[first] == F_UNLCK)
            first++;
        int want = -1;
        if (first < SIZE) {
            for (last = first; last < SIZE && kinds[last] == kinds[first]; last++)
                ;
            while (first > 0 && kinds[first - 1] == kinds[first])
                first--;
            want = first * 1000 + last - first;
        }
        if (round % 10 == 0 && kinds[from] == F_UNLCK && found(file, from, 0) != want) {
            // locks are told in any order: it is one of those in the way
            int got = found(file, from, 0);
            if (got < 0 || kinds[got / 1000] == F_UNLCK)
                _exit(201);
        }
    }
    CHECK(lock(file, F_SETLK, F_UNLCK, 0, 0) == 0);
}

static void errors(int file) {
    int reader = open(NAME, O_RDONLY), writer = open(NAME, O_WRONLY);
    FAILS(lock(reader, F_SETLK, F_WRLCK, 0, 1), EBADF);
    FAILS(lock(writer, F_SETLK, F_RDLCK, 0, 1), EBADF);
    FAILS(lock(file, F_SETLK, 3, 0, 1), EINVAL);
    FAILS(lock(file, F_SETLK, F_RDLCK, -1, 1), EINVAL);
    FAILS(lock(file, F_SETLK, F_RDLCK, 1, -2), EINVAL);
    FAILS(lock(file, F_GETLK, F_UNLCK, 0, 1), EINVAL);
    FAILS(lock(file, F_SETLK, F_RDLCK, 0x7fffffffffffffff, 2), EOVERFLOW);
    FAILS(fcntl(file, F_SETLK, (void *)8), EFAULT);
    FAILS(lock(-1, F_SETLK, F_RDLCK, 0, 1), EBADF);
    struct flock one = part(F_RDLCK, 0, 1);
    one.l_pid = 5;
    FAILS(fcntl(file, 37, &one), EINVAL);
}

static void others(int file) {
    int status, ends[2];
    char byte;
    CHECK(pipe(ends) == 0 && lock(file, F_SETLK, F_WRLCK, 0, 10) == 0);
    pid_t child = fork();
    if (!child) {
        if (lock(file, F_SETLK, F_RDLCK, 5, 1) == 0 || errno != EAGAIN)
            _exit(1);
        if (lock(file, F_SETLK, F_WRLCK, 20, 5))
            _exit(2);
        write(ends[1], "", 1);
        if (lock(file, F_SETLKW, F_WRLCK, 0, 10))
            _exit(3);
        _exit(0);  // which unlocks all
    }
    CHECK(read(ends[0], &byte, 1) == 1);
    FAILS(lock(file, F_SETLK, F_RDLCK, 20, 1), EAGAIN);
    do  // until the child waits
        errno = 0;
    while (lock(file, F_SETLK, F_RDLCK, 24, 1) == 0);
    CHECK(lock(file, F_SETLK, F_UNLCK, 0, 10) == 0);
    CHECK(lock(file, F_SETLKW, F_WRLCK, 20, 5) == 0);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(lock(file, F_SETLK, F_UNLCK, 0, 0) == 0);
}

static void deadlock(int file) {
    int status, ends[2];
    char byte;
    CHECK(pipe(ends) == 0 && lock(file, F_SETLK, F_WRLCK, 0, 1) == 0);
    pid_t child = fork();
    if (!child) {
        lock(file, F_SETLK, F_WRLCK, 1, 1);
        write(ends[1], "", 1);
        int result = lock(file, F_SETLKW, F_WRLCK, 0, 1);
        _exit(result && errno == EDEADLK ? 1 : result ? 2 : 0);
    }
    CHECK(read(ends[0], &byte, 1) == 1);
    int result = lock(file, F_SETLKW, F_WRLCK, 1, 1);
    CHECK(result == 0 || errno == EDEADLK);
    int own = result != 0;
    CHECK(lock(file, F_SETLK, F_UNLCK, 0, 0) == 0 && waitpid(child, &status, 0) == child);
    CHECK(WEXITSTATUS(status) == !own);  // one of the two is told
}

static void of_open_files(int file) {
    int other = open(NAME, O_RDWR);
    struct flock one = part(F_WRLCK, 0, 5);
    CHECK(fcntl(file, 37, &one) == 0);
    FAILS(fcntl(other, 37, &one), EAGAIN);
    CHECK(fcntl(other, 36, &one) == 0 && one.l_type == F_WRLCK && one.l_pid == -1);
    FAILS(lock(other, F_SETLK, F_RDLCK, 4, 1), EAGAIN);
    close(dup(file));  // another number is left
    one = part(F_RDLCK, 0, 5);
    FAILS(fcntl(other, 37, &one), EAGAIN);
    CHECK(close(file) == 0 && fcntl(other, 38, &one) == 0);
}

int main(void) {
    int file = open(NAME, O_CREAT | O_TRUNC | O_RDWR, 0600);
    CHECK(file >= 0);
    ranges(file);
    model(file);
    errors(file);
    file = open(NAME, O_RDWR);
    others(file);
    deadlock(file);
    of_open_files(file);
    CHECK(unlink(NAME) == 0);
    return 0;
}
