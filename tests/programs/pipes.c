// How much pipes hold, and when they have ended.
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static char byte[1];

static int held(int file) {
    int count = -1;
    return ioctl(file, FIONREAD, &count) ? -1 : count;
}

static int events(int file) {
    struct pollfd entry = {.fd = file, .events = POLLIN | POLLOUT};
    return poll(&entry, 1, 0) < 0 ? -1 : entry.revents;
}

// Bytes stay what they are and where they are, however much room there is.
static void resize(void) {
    int ends[2];
    char written[12000], got[12000];
    for (int i = 0; i < sizeof written; i++)
        written[i] = i * 7 >> 3;
    CHECK(!pipe2(ends, O_NONBLOCK));
    for (int round = 0; round < 20; round++) {
        CHECK(fcntl(ends[0], F_SETPIPE_SZ, 16384) == 16384);
        CHECK(write(ends[1], written, sizeof written) == sizeof written);
        CHECK(fcntl(ends[round & 1], F_SETPIPE_SZ, 12289 + 5000 * round) >= 12289 + 5000 * round);
        CHECK(held(ends[0]) == sizeof written && read(ends[0], got, 9000) == 9000);
        CHECK(fcntl(ends[0], F_SETPIPE_SZ, 1) == 4096 || errno == EBUSY);
        CHECK(read(ends[0], got + 9000, 9000) == 3000);
        for (int i = 0; i < sizeof written; i++)
            if (got[i] != written[i])
                CHECK(0);
    }
    CHECK(fcntl(ends[0], F_SETPIPE_SZ, 1) == 4096 && fcntl(ends[0], F_GETPIPE_SZ) == 4096);
    CHECK(write(ends[1], written, sizeof written) == 4096 && events(ends[1]) == 0);
    CHECK(fcntl(ends[0], F_SETPIPE_SZ, 4097) == 8192 && events(ends[1]) == POLLOUT);
    CHECK(write(ends[1], written, sizeof written) == 4096);
    FAILS(fcntl(ends[0], F_SETPIPE_SZ, 4096), EBUSY);
    FAILS(fcntl(ends[0], F_SETPIPE_SZ, 0), EBUSY);
    FAILS(fcntl(ends[0], F_SETPIPE_SZ, 1u << 31 | 1), EINVAL);
    CHECK(fcntl(ends[0], F_SETPIPE_SZ, 1 << 20) == 1 << 20);
    CHECK(fcntl(ends[0], F_SETPIPE_SZ, 1 << 21) == 1 << 21);
    CHECK(!seteuid(1));
    CHECK(fcntl(ends[0], F_SETPIPE_SZ, 1 << 20) == 1 << 20);
    FAILS(fcntl(ends[0], F_SETPIPE_SZ, 1 << 21), EPERM);
    CHECK(!seteuid(0) && !close(ends[0]) && !close(ends[1]));
}

// It has not ended before somebody has written.
static void end(void) {
    CHECK(!mkfifo("/tmp/pipes", 0600));
    int reader = open("/tmp/pipes", O_RDONLY | O_NONBLOCK);
    CHECK(events(reader) == 0 && read(reader, byte, 1) == 0);
    int writer = open("/tmp/pipes", O_WRONLY);
    CHECK(events(reader) == 0 && write(writer, byte, 1) == 1 && events(reader) == POLLIN);
    int second = open("/tmp/pipes", O_RDONLY | O_NONBLOCK);
    CHECK(!close(writer) && events(reader) == (POLLIN | POLLHUP));
    CHECK(events(second) == (POLLIN | POLLHUP) && read(reader, byte, 1) == 1);
    int third = open("/tmp/pipes", O_RDONLY | O_NONBLOCK);
    CHECK(events(third) == 0 && events(second) == POLLHUP);
    CHECK(!close(reader) && !close(second) && !close(third) && !unlink("/tmp/pipes"));
}

int main(void) {
    int ends[2], null = open("/dev/null", O_RDONLY);
    CHECK(!pipe2(ends, O_NONBLOCK));
    int size = fcntl(ends[0], F_GETPIPE_SZ);
    CHECK(size == 65536 && fcntl(ends[1], F_GETPIPE_SZ) == size);
    char *bytes = malloc(size);
    CHECK(write(ends[1], bytes, size) == size);
    FAILS(write(ends[1], byte, 1), EAGAIN);
    FAILS(fcntl(null, F_GETPIPE_SZ), EBADF);
    CHECK(!mkfifo("/tmp/pipes", 0600));
    int fifo = open("/tmp/pipes", O_RDWR);
    CHECK(!unlink("/tmp/pipes") && fcntl(fifo, F_GETPIPE_SZ) == size);
    resize();
    end();
    return 0;
}
