// How much pipes hold.
#include "check.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static char byte[1];

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
    return 0;
}
