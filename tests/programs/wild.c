// Buffers that can't be: what does not lie below the end of a program's addresses is refused whole.
#include "check.h"
#include <fcntl.h>
#include <sys/syscall.h>

#define END ((char *)0x7FFFFFFFF000)
#define FAR ((char *)0xFFFF800000000000)

static char bytes[16];

static void refused(int reader, int writer) {
    FAILS(syscall(SYS_write, writer, bytes, -1L), EFAULT);
    FAILS(syscall(SYS_write, writer, bytes, 1L << 63), EFAULT);
    FAILS(syscall(SYS_write, writer, bytes, 1L << 47), EFAULT);
    FAILS(syscall(SYS_write, writer, END, 1L), EFAULT);
    FAILS(syscall(SYS_write, writer, FAR, 0L), EFAULT);
    FAILS(syscall(SYS_read, reader, bytes, -1L), EFAULT);
    FAILS(syscall(SYS_read, reader, bytes, 1L << 47), EFAULT);
    FAILS(syscall(SYS_read, reader, FAR, 1L), EFAULT);
    FAILS(syscall(SYS_read, writer, FAR, 1L), EBADF);
    FAILS(syscall(SYS_write, reader, FAR, 1L), EBADF);
}

int main(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    refused(ends[0], ends[1]);
    FAILS(syscall(SYS_pread64, ends[0], FAR, 1L, 0L), ESPIPE);
    int reader = open("/wild", O_RDONLY | O_CREAT, 0600), writer = open("/wild", O_WRONLY);
    CHECK(reader >= 0 && writer >= 0 && unlink("/wild") == 0);
    refused(reader, writer);
    FAILS(syscall(SYS_pread64, reader, FAR, 1L, 0L), EFAULT);
    FAILS(syscall(SYS_pwrite64, writer, bytes, -1L, 0L), EFAULT);
    FAILS(syscall(SYS_pwrite64, writer, FAR, 1L, -1L), EINVAL);
    CHECK(lseek(reader, 0, SEEK_END) == 0);
    return 0;
}
