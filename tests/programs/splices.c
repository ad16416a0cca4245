// Bytes that are moved into pipes and out of them: splice(2), tee(2), vmsplice(2).
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define NAME "/tmp/splices"
#define SIZE 200000

static char bytes[SIZE], got[SIZE];

static void fill(void) {
    int ends[2], file = open(NAME, O_CREAT | O_TRUNC | O_RDWR, 0600);
    for (int i = 0; i < SIZE; i++)
        bytes[i] = i * 13 >> 5;
    CHECK(write(file, bytes, SIZE) == SIZE && !pipe(ends));
    // No more than there is room for, and without waiting for more
    loff_t place = 4096;
    CHECK(splice(file, &place, ends[1], 0, SIZE, 0) == 65536 && place == 69632);
    FAILS(splice(file, &place, ends[1], 0, SIZE, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK(read(ends[0], got, SIZE) == 65536 && !memcmp(got, bytes + 4096, 65536));
    CHECK(lseek(file, 0, SEEK_SET) == 0 && splice(file, 0, ends[1], 0, 5, 0) == 5);
    CHECK(lseek(file, 0, SEEK_CUR) == 5 && lseek(file, -2, SEEK_END) == SIZE - 2);
    CHECK(splice(file, 0, ends[1], 0, 5, 0) == 2 && splice(file, 0, ends[1], 0, 5, 0) == 0);
    CHECK(read(ends[0], got, SIZE) == 7 && !memcmp(got, bytes, 5));
    int zero = open("/dev/zero", O_RDONLY);
    CHECK(splice(zero, 0, ends[1], 0, SIZE, 0) == 65536 && read(ends[0], got, SIZE) == 65536);
    CHECK(!close(ends[0]) && !close(zero));
    signal(SIGPIPE, SIG_IGN);
    place = 0;
    FAILS(splice(file, &place, ends[1], 0, 5, 0), EPIPE);
    CHECK(!close(ends[1]) && !close(file));
}

static void drain(void) {
    int ends[2], file = open(NAME, O_TRUNC | O_RDWR);
    loff_t place = 10;
    CHECK(!pipe(ends) && write(ends[1], bytes, 50000) == 50000);
    CHECK(splice(ends[0], 0, file, &place, 20000, 0) == 20000 && place == 20010);
    CHECK(lseek(file, 0, SEEK_CUR) == 0 && splice(ends[0], 0, file, 0, 5, 0) == 5);
    CHECK(lseek(file, 0, SEEK_CUR) == 5 && pread(file, got, SIZE, 0) == 20010);
    CHECK(!memcmp(got, bytes + 20000, 5) && !memcmp(got + 10, bytes, 20000));
    int null = open("/dev/null", O_WRONLY);
    CHECK(splice(ends[0], 0, null, 0, SIZE, 0) == 29995);
    FAILS(splice(ends[0], 0, null, 0, 5, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK(!close(ends[1]) && splice(ends[0], 0, null, 0, 5, 0) == 0);
    CHECK(!close(ends[0]) && !close(file) && !close(null));
}

static void between(void) {
    int from[2], to[2];
    CHECK(!pipe(from) && !pipe(to) && write(from[1], bytes, 60000) == 60000);
    CHECK(tee(from[0], to[1], 40000, 0) == 40000 && splice(from[0], 0, to[1], 0, 9, 0) == 9);
    int more = tee(from[0], to[1], SIZE, 0);  // as much as has room
    CHECK(more > 4096 && more <= 65536 - 40009);
    FAILS(tee(from[0], to[1], 1, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK(read(to[0], got, SIZE) == 40009 + more && !memcmp(got, bytes, 40000));
    CHECK(!memcmp(got + 40000, bytes, 9) && !memcmp(got + 40009, bytes + 9, more));
    CHECK(read(from[0], got, SIZE) == 59991 && !memcmp(got, bytes + 9, 59991));
    FAILS(tee(from[0], from[1], 5, 0), EINVAL);
    FAILS(splice(from[0], 0, from[1], 0, 5, 0), EINVAL);
    CHECK(tee(from[0], to[1], 0, 0) == 0);
    // Who waits for bytes gets them
    pid_t child = fork();
    if (!child)
        _exit(splice(from[0], 0, to[1], 0, 5, 0) != 2);
    int status;
    CHECK(write(from[1], "ab", 2) == 2 && waitpid(child, &status, 0) == child && status == 0);
    CHECK(read(to[0], got, 5) == 2 && got[1] == 'b');
    CHECK(!close(from[0]) && !close(from[1]) && !close(to[0]) && !close(to[1]));
}

static void memory(void) {
    int ends[2], file = open(NAME, O_RDWR);
    struct iovec parts[] = {{bytes, 3}, {bytes + 10, 4}}, whole[] = {{bytes, SIZE}}, room[] = {{got, SIZE}};
    CHECK(!pipe(ends) && vmsplice(ends[1], parts, 2, 0) == 7);
    int more = vmsplice(ends[1], whole, 1, SPLICE_F_NONBLOCK);
    CHECK(more > 4096 && more <= 65529);
    FAILS(vmsplice(ends[1], whole, 1, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK(vmsplice(ends[0], room, 1, 0) == 7 + more && !memcmp(got + 3, bytes + 10, 4));
    FAILS(vmsplice(ends[0], room, 1, SPLICE_F_NONBLOCK), EAGAIN);
    FAILS(vmsplice(ends[0], room, 1, 16), EINVAL);
    FAILS(vmsplice(file, whole, 1, 0), EBADF);
    CHECK(!close(ends[0]) && !close(ends[1]) && !close(file));
}

static void refusals(void) {
    int ends[2], file = open(NAME, O_RDWR), appending = open(NAME, O_WRONLY | O_APPEND);
    loff_t place = 0;
    CHECK(!pipe(ends) && write(ends[1], "ab", 2) == 2);
    FAILS(splice(file, 0, file, 0, 5, 0), EINVAL);
    FAILS(splice(ends[0], &place, file, 0, 5, 0), ESPIPE);
    FAILS(splice(file, 0, ends[1], &place, 5, 0), ESPIPE);
    FAILS(splice(ends[0], 0, appending, 0, 5, 0), EINVAL);
    FAILS(splice(ends[1], 0, file, 0, 5, 0), EBADF);
    FAILS(splice(-1, 0, file, 0, 5, 0), EBADF);
    FAILS(splice(file, (void *)1, ends[1], 0, 5, 0), EFAULT);
    place = -1;
    FAILS(splice(file, &place, ends[1], 0, 5, 0), EINVAL);
    FAILS(splice(file, 0, ends[1], 0, 5, 16), EINVAL);
    FAILS(tee(file, ends[1], 5, 0), EINVAL);
    CHECK(splice(ends[0], 0, file, 0, 0, 0) == 0 && read(ends[0], got, 5) == 2);
    CHECK(!close(ends[0]) && !close(ends[1]) && !close(file) && !close(appending));
}

int main(void) {
    fill();
    drain();
    between();
    memory();
    refusals();
    CHECK(!unlink(NAME));
    return 0;
}
