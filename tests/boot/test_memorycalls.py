"""What programs do with memory: static programs of C, which the kernel runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from kernel.cpu.pagetable import PAGE
from kernel.exec.addresslayouts import STACK_RESERVE
from kernel.paging.addresses import USER_END
from pykasm.machine.session import Machine
from tests.boot.test_programs import compiled, started

MakeMachine = Callable[..., Machine]

VDSO = 2 * PAGE
"""What lies above all other mappings: the vDSO, and the page that it reads."""

HEAD = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096UL
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)
#define NO_REPLACE 0x100000
static int step;
#define CHECK(condition) do { step++; if (!(condition)) return step; } while (0)
#define FAILS(call, error) CHECK((long)(call) == -1 && errno == (error))

/* Whether a byte can be read and written: pipes tell without a signal. */
static int ends[2];
static int readable(void *place) {
    char byte;
    int good = write(ends[1], place, 1) == 1;
    return good && read(ends[0], &byte, 1) == 1;
}
static int writable(void *place) {
    char byte;
    int good = write(ends[1], "w", 1) == 1 && read(ends[0], place, 1) == 1;
    return good || read(ends[0], &byte, 1) < 0;
}
"""

MAPPING = r"""
int main(void) {
    char *memory, *other;
    CHECK(pipe(ends) == 0);
    memory = mmap(0, 10 * PAGE, READ_WRITE, PRIVATE, -1, 0);
    CHECK(memory != MAP_FAILED && memory[0] == 0 && memory[10 * PAGE - 1] == 0);
    memset(memory, 'x', 10 * PAGE);
    /* below the first one */
    other = mmap(0, PAGE, READ_WRITE, PRIVATE, -1, 0);
    CHECK(other == memory - PAGE);
    CHECK(munmap(other, 1) == 0 && !readable(other) && readable(memory));
    /* in the middle */
    CHECK(munmap(memory + 3 * PAGE, 2 * PAGE) == 0);
    CHECK(!readable(memory + 3 * PAGE) && !readable(memory + 5 * PAGE - 1));
    CHECK(memory[3 * PAGE - 1] == 'x' && memory[5 * PAGE] == 'x');
    CHECK(mmap(memory + 3 * PAGE, PAGE, READ_WRITE, PRIVATE, -1, 0) == memory + 3 * PAGE);
    CHECK(memory[3 * PAGE] == 0);
    other = memory + 4 * PAGE;
    CHECK(mmap(other + 5, PAGE, READ_WRITE, PRIVATE, -1, 0) == other);
    CHECK(mmap(other, PAGE, READ_WRITE, PRIVATE, -1, 0) == memory - PAGE);
    FAILS(mmap(other, PAGE, READ_WRITE, PRIVATE | NO_REPLACE, -1, 0), EEXIST);
    CHECK(munmap(other, PAGE) == 0);
    CHECK(mmap(other, PAGE, PROT_READ, PRIVATE | NO_REPLACE, -1, 0) == other);
    other = memory + 2 * PAGE;
    CHECK(mmap(other, 5 * PAGE, READ_WRITE, PRIVATE | MAP_FIXED, -1, 0) == other);
    CHECK(memory[2 * PAGE] == 0 && memory[7 * PAGE - 1] == 0 && memory[7 * PAGE] == 'x');
    CHECK(memory[2 * PAGE - 1] == 'x');
    /* rights */
    CHECK(mprotect(memory, 3 * PAGE, PROT_READ) == 0);
    CHECK(readable(memory) && !writable(memory) && writable(memory + 3 * PAGE));
    CHECK(mprotect(memory + PAGE, PAGE, PROT_NONE) == 0 && !readable(memory + PAGE));
    CHECK(mprotect(memory, 10 * PAGE, READ_WRITE) == 0 && memory[PAGE] == 'x' && writable(memory));
    /* errors */
    FAILS(mmap(0, 0, READ_WRITE, PRIVATE, -1, 0), EINVAL);
    FAILS(mmap(0, PAGE, READ_WRITE, MAP_ANONYMOUS, -1, 0), EINVAL);
    FAILS(mmap(memory + 1, PAGE, READ_WRITE, PRIVATE | MAP_FIXED, -1, 0), EINVAL);
    FAILS(mmap(0, PAGE, READ_WRITE, MAP_PRIVATE, 77, 0), EBADF);
    FAILS(mmap(0, PAGE, READ_WRITE, MAP_PRIVATE, ends[0], 0), ENODEV);
    FAILS(syscall(SYS_mmap, 0, PAGE, READ_WRITE, PRIVATE, -1, 5), EINVAL);
    FAILS(mmap(0, 1UL << 47, READ_WRITE, PRIVATE, -1, 0), ENOMEM);
    FAILS(mmap(0, -1UL, READ_WRITE, PRIVATE, -1, 0), ENOMEM);
    FAILS(mmap((void *)-PAGE, PAGE, READ_WRITE, PRIVATE | MAP_FIXED, -1, 0), ENOMEM);
    FAILS(munmap(memory + 1, PAGE), EINVAL);
    FAILS(munmap(memory, 0), EINVAL);
    FAILS(munmap(memory, -1UL), EINVAL);
    CHECK(munmap((void *)0, PAGE) == 0);
    FAILS(syscall(SYS_mprotect, memory + 1, PAGE, PROT_READ), EINVAL);
    FAILS(mprotect(memory, PAGE, 0x100), EINVAL);
    FAILS(mprotect(memory + 9 * PAGE, PAGE << 40, PROT_READ), ENOMEM);
    CHECK(mprotect(memory, 0, PROT_READ) == 0 && writable(memory));
    /* low */
    other = mmap(0, PAGE, READ_WRITE, PRIVATE | MAP_32BIT, -1, 0);
    CHECK((uintptr_t)other < 1UL << 31 && writable(other));
    /* pipes take and give pieces whole */
    other = mmap(0, 2 * PAGE, READ_WRITE, PRIVATE, -1, 0);
    CHECK(munmap(other + PAGE, PAGE) == 0);
    FAILS(write(ends[1], other + PAGE - 1, 2), EFAULT);
    CHECK(write(ends[1], "ab", 2) == 2);
    FAILS(read(ends[0], other + PAGE - 1, 2), EFAULT);
    CHECK(read(ends[0], other, 3) == 2 && !memcmp(other, "ab", 2));
    /* much */
    other = mmap(0, 1UL << 44, PROT_NONE, PRIVATE | MAP_NORESERVE, -1, 0);
    CHECK(other != MAP_FAILED && mprotect(other + (1UL << 43), PAGE, READ_WRITE) == 0);
    CHECK(writable(other + (1UL << 43)) && munmap(other, 1UL << 44) == 0);
    other = mmap(0, 64 * PAGE, READ_WRITE, PRIVATE | MAP_POPULATE, -1, 0);
    CHECK(other != MAP_FAILED && other[63 * PAGE] == 0);
    return 0;
}
"""

FILES = r"""
int main(void) {
    char text[8], *private, *shared;
    int file, reading;
    CHECK(pipe(ends) == 0);
    CHECK((file = open("/mapped", O_RDWR | O_CREAT, 0600)) >= 0);
    CHECK(ftruncate(file, 3 * PAGE) == 0 && pwrite(file, "one", 3, 0) == 3);
    CHECK(pwrite(file, "two", 3, PAGE) == 3);
    private = mmap(0, 3 * PAGE, READ_WRITE, MAP_PRIVATE, file, 0);
    shared = mmap(0, 2 * PAGE, READ_WRITE, MAP_SHARED, file, PAGE);
    CHECK(private != MAP_FAILED && shared != MAP_FAILED && private != shared);
    CHECK(!memcmp(private, "one", 3) && !memcmp(shared, "two", 3));
    private[0] = 'O';
    CHECK(pread(file, text, 3, 0) == 3 && text[0] == 'o');
    shared[0] = 'T';
    CHECK(pread(file, text, 3, PAGE) == 3 && text[0] == 'T' && private[PAGE] == 'T');
    private[PAGE + 1] = 'W';
    CHECK(shared[1] == 'w');
    /* also where the right to write came later */
    CHECK(munmap(private, 3 * PAGE) == 0);
    private = mmap(0, PAGE, PROT_READ, MAP_PRIVATE, file, 0);
    CHECK(private[0] == 'o' && mprotect(private, PAGE, READ_WRITE) == 0);
    private[0] = 'P';
    CHECK(pread(file, text, 1, 0) == 1 && text[0] == 'o');
    CHECK((reading = open("/mapped", O_RDONLY)) >= 0);
    FAILS(mmap(0, PAGE, READ_WRITE, MAP_SHARED, reading, 0), EACCES);
    CHECK(mmap(0, PAGE, READ_WRITE, MAP_PRIVATE, reading, 0) != MAP_FAILED);
    shared = mmap(0, PAGE, PROT_READ, MAP_SHARED, reading, 0);
    CHECK(shared != MAP_FAILED && shared[0] == 'o');
    FAILS(mprotect(shared, PAGE, READ_WRITE), EACCES);
    CHECK(close(reading) == 0 && shared[0] == 'o' && munmap(shared, PAGE) == 0);
    CHECK((reading = open("/mapped", O_WRONLY)) >= 0);
    FAILS(mmap(0, PAGE, PROT_WRITE, MAP_SHARED, reading, 0), EACCES);
    FAILS(mmap(0, PAGE, PROT_READ, 3 | 0x80000, file, 0), EOPNOTSUPP);
    FAILS(mmap(0, PAGE, PROT_READ, 3 | MAP_ANONYMOUS, -1, 0), EINVAL);
    FAILS(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, open("/", O_RDONLY), 0), ENODEV);
    FAILS(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, file, -PAGE), EOVERFLOW);
    CHECK(unlink("/mapped") == 0);
    return 0;
}
"""

HEAP = r"""
static char *breaks(void *end) { return (char *)syscall(SYS_brk, end); }

int main(void) {
    char *start = breaks(0), *block;
    CHECK(pipe(ends) == 0 && start != 0 && breaks(0) == start);
    CHECK(breaks(start + 10) == start + 10 && (start[9] = 1));
    CHECK(breaks(start + 100000) == start + 100000 && start[99999] == 0);
    memset(start, 7, 100000);
    CHECK(breaks(start + 10) == start + 10 && !readable(start + 50000));
    CHECK(breaks(start + 100000) == start + 100000 && start[50000] == 0 && start[9] == 7);
    CHECK(breaks((void *)1) == start + 100000 && breaks((void *)-1) == start + 100000);
    CHECK(breaks((void *)(1UL << 63)) == start + 100000);
    CHECK(breaks((void *)0x7ffffffff000) == start + 100000);
    block = (char *)(((uintptr_t)start + 300000) & -PAGE);
    CHECK(mmap(block, PAGE, READ_WRITE, PRIVATE | MAP_FIXED, -1, 0) == block);
    CHECK(breaks(block) == start + 100000 && breaks(block - PAGE) == block - PAGE);
    CHECK(breaks(start) == start && munmap(block, PAGE) == 0);
    /* malloc, which uses both */
    void *all[300];
    for (int i = 0; i < 300; i++) {
        size_t size = 1 + i * i * 7;
        CHECK((all[i] = malloc(size)) != 0);
        memset(all[i], i, size);
    }
    for (int i = 0; i < 300; i++) {
        CHECK(((unsigned char *)all[i])[i * i * 7] == (unsigned char)i);
        free(all[i]);
    }
    return 0;
}
"""

STACK = r"""
#include <alloca.h>
#include <sys/uio.h>

static int deep(int levels) {
    volatile char room[65536];
    room[0] = levels;
    return levels ? deep(levels - 1) + room[0] - levels : 0;
}

int main(void) {
    char here, *page = (char *)((uintptr_t)&here & -PAGE), *far;
    CHECK(pipe(ends) == 0);
    CHECK(deep(60) == 0);
    /* a call that touches it first */
    far = alloca(6 << 20);
    CHECK(write(ends[1], "s", 1) == 1 && read(ends[0], far, 1) == 1 && far[0] == 's');
    CHECK(!readable(page - (9 << 20)));
    /* memory of its own that grows */
    far = mmap(0, 4 << 20, PROT_NONE, PRIVATE, -1, 0);
    CHECK(munmap(far, 4 << 20) == 0);
    page = mmap(far + (4 << 20) - PAGE, PAGE, READ_WRITE, PRIVATE | MAP_GROWSDOWN, -1, 0);
    CHECK(page == far + (4 << 20) - PAGE && writable(page) && writable(page - 20 * PAGE));
    FAILS(mmap(0, PAGE, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0), EINVAL);
    return 0;
}
"""

SHARED_MEMORY = r"""
int main(void) {
    char *memory, *again;
    CHECK(pipe(ends) == 0);
    memory = mmap(0, 3 * PAGE, READ_WRITE, SHARED, -1, 0);
    CHECK(memory != MAP_FAILED && memory[0] == 0 && memory[3 * PAGE - 1] == 0);
    memset(memory, 's', 3 * PAGE);
    CHECK(mprotect(memory + PAGE, PAGE, PROT_NONE) == 0 && !readable(memory + PAGE));
    CHECK(mprotect(memory, 3 * PAGE, READ_WRITE) == 0 && memory[PAGE] == 's');
    CHECK(munmap(memory + PAGE, PAGE) == 0 && memory[2 * PAGE] == 's');
    again = mmap(0, PAGE, READ_WRITE, SHARED, -1, 0);
    CHECK(again[0] == 0);
    CHECK(mmap(0, 1UL << 40, PROT_NONE, SHARED | MAP_NORESERVE, -1, 0) != MAP_FAILED);
    FAILS(mmap(0, 1UL << 40, PROT_NONE, SHARED, -1, 0), ENOMEM);
    FAILS(mmap(0, 1UL << 40, READ_WRITE, PRIVATE, -1, 0), ENOMEM);
    CHECK(readable(memory + 2 * PAGE) && munmap(memory, 3 * PAGE) == 0);
    return 0;
}
"""

CUT = r"""
int main(void) {
    char text[4];
    int file;
    CHECK(pipe(ends) == 0);
    CHECK((file = open("/cut", O_RDWR | O_CREAT, 0600)) >= 0);
    CHECK(ftruncate(file, 3 * PAGE) == 0);
    char *shared = mmap(0, 4 * PAGE, READ_WRITE, MAP_SHARED, file, 0);
    char *private = mmap(0, 4 * PAGE, READ_WRITE, MAP_PRIVATE, file, 0);
    char *part = mmap(0, PAGE, READ_WRITE, MAP_SHARED, file, 2 * PAGE);
    memset(shared, 's', 3 * PAGE);
    CHECK(private[0] == 's' && (private[PAGE] = 'p') && part[0] == 's');
    CHECK(!readable(shared + 3 * PAGE) && !writable(private + 3 * PAGE));
    CHECK(ftruncate(file, PAGE + 100) == 0);
    CHECK(shared[PAGE + 99] == 's' && shared[PAGE + 100] == 0 && private[PAGE] == 'p');
    CHECK(!readable(shared + 2 * PAGE) && !readable(private + 2 * PAGE) && !readable(part));
    CHECK(ftruncate(file, 3 * PAGE) == 0);
    CHECK(shared[2 * PAGE] == 0 && private[2 * PAGE] == 0 && part[0] == 0);
    part[1] = 'n';
    CHECK(shared[2 * PAGE + 1] == 'n' && pread(file, text, 1, 2 * PAGE + 1) == 1 && *text == 'n');
    CHECK(open("/cut", O_RDWR | O_TRUNC) >= 0);
    CHECK(!readable(shared) && !readable(private) && !readable(part));
    CHECK(munmap(shared, 4 * PAGE) == 0 && munmap(part, PAGE) == 0);
    CHECK(ftruncate(file, PAGE) == 0 && private[0] == 0);
    CHECK(mprotect(private + PAGE, PAGE, PROT_READ) == 0 && ftruncate(file, 0) == 0);
    CHECK(!readable(private) && unlink("/cut") == 0);
    return 0;
}
"""

REMAP = r"""
int main(void) {
    char *memory, *other, *shared, *moved;
    CHECK(pipe(ends) == 0);
    memory = mmap(0, 16 * PAGE, READ_WRITE, PRIVATE, -1, 0);
    for (int i = 0; i < 16; i++)
        memory[i * PAGE] = 'a' + i;
    /* shorter, and longer again */
    CHECK(mremap(memory, 16 * PAGE, 8 * PAGE, 0) == memory && !readable(memory + 8 * PAGE));
    CHECK(mremap(memory, 8 * PAGE, 10 * PAGE, 0) == memory && memory[9 * PAGE] == 0);
    CHECK(memory[7 * PAGE] == 'h');
    /* where something is in the way */
    other = mmap(memory + 10 * PAGE, PAGE, READ_WRITE, PRIVATE | NO_REPLACE, -1, 0);
    CHECK(other == memory + 10 * PAGE && mprotect(other, PAGE, PROT_READ) == 0);
    FAILS(mremap(memory, 10 * PAGE, 12 * PAGE, 0), ENOMEM);
    moved = mremap(memory, 10 * PAGE, 2000 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved != memory && !readable(memory) && readable(other));
    CHECK(moved[0] == 'a' && moved[7 * PAGE] == 'h' && moved[1999 * PAGE] == 0);
    moved[PAGE] = 'B';
    /* a part, to where something is */
    memory = mmap(0, 4 * PAGE, READ_WRITE, PRIVATE, -1, 0);
    memory[0] = memory[PAGE] = memory[3 * PAGE] = 'z';
    CHECK(mremap(moved + PAGE, 2 * PAGE, 2 * PAGE, 3, memory + PAGE) == memory + PAGE);
    CHECK(memory[0] == 'z' && memory[PAGE] == 'B' && memory[2 * PAGE] == 'c');
    CHECK(memory[3 * PAGE] == 'z' && readable(moved) && !readable(moved + PAGE));
    CHECK(readable(moved + 3 * PAGE) && moved[3 * PAGE] == 'd');
    FAILS(mremap(moved, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE), EFAULT);
    /* shared memory, also twice */
    shared = mmap(0, 2 * PAGE, READ_WRITE, SHARED, -1, 0);
    shared[0] = 's';
    other = mremap(shared, 0, 2 * PAGE, MREMAP_MAYMOVE);
    CHECK(other != MAP_FAILED && other != shared && other[0] == 's');
    other[PAGE] = 't';
    CHECK(shared[PAGE] == 't' && munmap(shared, 2 * PAGE) == 0 && other[0] == 's');
    /* addresses that stay mapped */
    FAILS(mremap(memory, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | 4), EFAULT);
    moved = mremap(memory + PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | 4);
    CHECK(moved != MAP_FAILED && moved[0] == 'B' && memory[PAGE] == 0 && memory[0] == 'z');
    /* large pieces of realloc are remapped */
    char *block = malloc(1 << 20);
    memset(block, 'm', 1 << 20);
    CHECK((block = realloc(block, 16 << 20)) && block[(1 << 20) - 1] == 'm');
    free(block);
    return 0;
}
"""

ADVICE = r"""
int main(void) {
    unsigned char seen[16];
    char *memory = mmap(0, 16 * PAGE, READ_WRITE, PRIVATE, -1, 0), *part;
    int file;
    CHECK(pipe(ends) == 0);
    memset(memory, 'x', 16 * PAGE);
    CHECK(madvise(memory + PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
    CHECK(memory[0] == 'x' && memory[PAGE] == 0 && memory[3 * PAGE] == 'x');
    CHECK(mincore(memory, 16 * PAGE, seen) == 0);
    CHECK((seen[0] & 1) && (seen[1] & 1) && !(seen[2] & 1) && (seen[3] & 1));
    CHECK(madvise(memory, 16 * PAGE, MADV_WILLNEED) == 0);
    CHECK(madvise(memory, 16 * PAGE, MADV_SEQUENTIAL) == 0);
    CHECK(madvise(memory, 0, MADV_DONTNEED) == 0);
    FAILS(madvise(memory, PAGE, 12345), EINVAL);
    FAILS(madvise(memory + 1, PAGE, MADV_NORMAL), EINVAL);
    FAILS(madvise(memory, -1UL, MADV_DONTNEED), EINVAL);
    CHECK(munmap(memory + 8 * PAGE, PAGE) == 0);
    FAILS(madvise(memory + 7 * PAGE, 3 * PAGE, MADV_DONTNEED), ENOMEM);
    CHECK(memory[7 * PAGE] == 0 && memory[9 * PAGE] == 0 && memory[10 * PAGE] == 'x');
    FAILS(mincore(memory, 16 * PAGE, seen), ENOMEM);
    FAILS(msync(memory, 16 * PAGE, MS_SYNC), ENOMEM);
    FAILS(msync(memory, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK(msync(memory, PAGE, MS_SYNC) == 0);
    /* locked memory */
    CHECK(mlock(memory + 11, PAGE) == 0);
    FAILS(madvise(memory, PAGE, MADV_DONTNEED), EINVAL);
    CHECK(munlock(memory, 2 * PAGE) == 0 && madvise(memory, PAGE, MADV_FREE) == 0);
    FAILS(mlock(memory, 16 * PAGE), ENOMEM);
    FAILS(syscall(SYS_mlock2, memory, PAGE, 2), EINVAL);
    CHECK(syscall(SYS_mlock2, memory, PAGE, 1) == 0);
    FAILS(mlockall(0), EINVAL);
    FAILS(mlockall(MCL_ONFAULT), EINVAL);
    CHECK(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
    part = mmap(0, PAGE, READ_WRITE, PRIVATE, -1, 0);
    CHECK(mincore(part, PAGE, seen) == 0 && (seen[0] & 1));
    FAILS(madvise(part, PAGE, MADV_DONTNEED), EINVAL);
    CHECK(munlockall() == 0 && madvise(part, PAGE, MADV_DONTNEED) == 0);
    /* files */
    CHECK((file = open("/advice", O_RDWR | O_CREAT, 0600)) >= 0 && ftruncate(file, PAGE) == 0);
    part = mmap(0, PAGE, READ_WRITE, MAP_PRIVATE, file, 0);
    part[0] = 'p';
    FAILS(madvise(part, PAGE, MADV_FREE), EINVAL);
    CHECK(madvise(part, PAGE, MADV_DONTNEED) == 0 && part[0] == 0 && unlink("/advice") == 0);
    return 0;
}
"""

COPIED = r"""
#include <sys/wait.h>

static int status(pid_t child) {
    int found = -1;
    return waitpid(child, &found, 0) == child ? found >> 8 : -1;
}

static int child(char *memory, char *shared, char *wiped, char *gone, char *heap) {
    CHECK(memory[0] == 'm' && shared[0] == 's' && wiped[0] == 0 && !readable(gone));
    memory[0] = 'c';
    shared[0] = 'c';
    CHECK(syscall(SYS_brk, 0) == (long)heap && syscall(SYS_brk, heap + PAGE) == (long)heap + PAGE);
    return 0;
}

int main(void) {
    char *memory = mmap(0, PAGE, READ_WRITE, PRIVATE, -1, 0), *heap = (char *)syscall(SYS_brk, 0);
    char *shared = mmap(0, PAGE, READ_WRITE, SHARED, -1, 0);
    char *wiped = mmap(0, PAGE, READ_WRITE, PRIVATE, -1, 0);
    char *gone = mmap(0, PAGE, READ_WRITE, PRIVATE, -1, 0);
    int zero = open("/dev/zero", O_RDWR);
    char *first = mmap(0, PAGE, READ_WRITE, MAP_SHARED, zero, 0);
    char *second = mmap(0, PAGE, READ_WRITE, MAP_PRIVATE, zero, 0);
    CHECK(zero >= 0 && first[0] == 0 && second[0] == 0 && (first[0] = 1) && second[0] == 0);
    CHECK(close(zero) == 0 && first[0] == 1 && munmap(first, PAGE) == 0);
    CHECK(pipe(ends) == 0);
    memory[0] = 'm', shared[0] = 's', wiped[0] = 'w', gone[0] = 'g';
    CHECK(madvise(wiped, PAGE, 18) == 0 && madvise(gone, PAGE, MADV_DONTFORK) == 0);
    FAILS(madvise(shared, PAGE, 18), EINVAL);
    for (int i = 0; i < 3; i++) {
        pid_t number = fork();
        if (number == 0)
            _exit(child(memory, shared, wiped, gone, heap));
        CHECK(status(number) == 0);
        CHECK(memory[0] == 'm' && shared[0] == 'c' && wiped[0] == 'w' && gone[0] == 'g');
        shared[0] = 's';
    }
    CHECK(syscall(SYS_brk, 0) == (long)heap);
    return 0;
}
"""


def test_programs_use_memory(machine: MakeMachine, tmp_path: Path) -> None:
    sources = {
        "mapping": MAPPING,
        "files": FILES,
        "heap": HEAP,
        "stack": STACK,
        "cut": CUT,
        "remap": REMAP,
        "advice": ADVICE,
        "copied": COPIED,
        "shared": SHARED_MEMORY,
    }
    programs = {name: compiled(tmp_path, name, HEAD + text) for name, text in sources.items()}
    kernel = started(machine, tmp_path, **programs)
    for _ in range(2):  # the second time finds no traces of the first
        for name in sources:
            answer = kernel.command(f"run /bin/{name}")
            assert answer.endswith("exit status 0"), answer


PLACES = r"""
#include <stdio.h>

int main(void) {
    char here, *mapped = mmap(0, PAGE, READ_WRITE, PRIVATE, -1, 0);
    printf("%lx %lx %lx\n", (uintptr_t)&here, (uintptr_t)mapped, syscall(SYS_brk, 0));
    return 0;
}
"""


def places(kernel: Machine) -> list[int]:
    """Where a program has its stack, a mapping and its heap."""
    return [int(one, 16) for one in kernel.command("run /bin/places").splitlines()[0].split()]


def test_programs_lie_at_random_places(machine: MakeMachine, tmp_path: Path) -> None:
    kernel = started(machine, tmp_path, places=compiled(tmp_path, "places", HEAD + PLACES))
    runs = [places(kernel) for _ in range(4)]
    assert all(len(set(part)) > 1 for part in zip(*runs, strict=True)), runs


def test_programs_lie_at_the_same_places_where_that_is_asked_for(
    machine: MakeMachine, tmp_path: Path
) -> None:
    program = compiled(tmp_path, "places", HEAD + PLACES)
    kernel = started(partial(machine, command_line="test norandmaps"), tmp_path, places=program)
    stack, mapping, heap = places(kernel)
    assert [places(kernel) for _ in range(3)] == [[stack, mapping, heap]] * 3
    assert stack > USER_END - (64 << 10)
    assert mapping == USER_END - STACK_RESERVE - VDSO - PAGE


HOG = r"""
#include <sched.h>
#include <sys/wait.h>

static void hog(void) {
    for (;;) {
        char *memory = mmap(0, 8 << 20, READ_WRITE, PRIVATE, -1, 0);
        if (memory == MAP_FAILED)
            _exit(1);
        for (int i = 0; i < 8 << 20; i += PAGE)
            memory[i] = 1;
    }
}

int main(void) {
    char *mine = mmap(0, 64 * PAGE, READ_WRITE, PRIVATE, -1, 0);
    int status;
    memset(mine, 7, 64 * PAGE);
    for (int i = 0; i < 3; i++) {
        pid_t number = fork();
        if (number == 0)
            hog();
        CHECK(waitpid(number, &status, 0) == number);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        char *again = mmap(0, 8 << 20, READ_WRITE, PRIVATE | MAP_POPULATE, -1, 0);
        CHECK(again != MAP_FAILED);
        memset(again, 1, 8 << 20);
        CHECK(munmap(again, 8 << 20) == 0);
    }
    for (int i = 0; i < 64 * PAGE; i++)
        CHECK(mine[i] == 7);
    return 0;
}
"""


def test_who_uses_up_all_memory_is_killed_alone(machine: MakeMachine, tmp_path: Path) -> None:
    program = compiled(tmp_path, "hog", HEAD + HOG)
    kernel = started(partial(machine, memory=64), tmp_path, hog=program)
    answer = kernel.command("run /bin/hog")
    assert answer.endswith("exit status 0"), answer


CROWD = r"""
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#define WORKERS 4
#define AREA (64 * PAGE)
static char *common, *mapped;
static int file, log_file;
static volatile int failed;

/* The kernel touches the memory: what is not there is an error, and no signal. */
static void touch(char *place, int number) {
    if (number & 1)
        pwrite(log_file, place, 100, 0);
    else
        pread(log_file, place, 100, 0);
}

static int work(void *argument) {
    unsigned number = (uintptr_t)argument, random = number * 2654435761u + 1;
    char *own = mmap(0, AREA, READ_WRITE, PRIVATE, -1, 0);
    for (int i = 0; i < 1500; i++) {
        random = random * 1664525 + 1013904223;
        unsigned start = (random >> 8) % 60, length = 1 + (random >> 16) % 4;
        char *place = common + start * PAGE;
        switch ((random >> 24) % 10) {
        case 0: munmap(place, length * PAGE); break;
        case 1: mmap(place, length * PAGE, READ_WRITE, PRIVATE | MAP_FIXED, -1, 0); break;
        case 2: mprotect(place, length * PAGE, random & 1 ? PROT_READ : READ_WRITE); break;
        case 3: madvise(place, length * PAGE, MADV_DONTNEED); break;
        case 4: mremap(place, PAGE, 2 * PAGE, MREMAP_MAYMOVE); break;
        case 5: ftruncate(file, (random >> 4) % AREA); break;
        case 6: touch(mapped + start * PAGE, random); break;
        default: touch(place, random);
        }
        own[start * PAGE] = number;
        own[start * PAGE + i] = 0;
        if (own[start * PAGE] != (char)number && i)
            failed = 1;
        if (i % 256 == 255)
            madvise(own, AREA, MADV_DONTNEED);
    }
    _exit(0);
}

int main(void) {
    static char stacks[WORKERS][16384] __attribute__((aligned(16)));
    pid_t workers[WORKERS];
    int status;
    CHECK((file = open("/crowd", O_RDWR | O_CREAT, 0600)) >= 0);
    CHECK((log_file = open("/log", O_RDWR | O_CREAT, 0600)) >= 0 && ftruncate(log_file, 200) == 0);
    common = mmap(0, AREA, READ_WRITE, PRIVATE, -1, 0);
    mapped = mmap(0, AREA, READ_WRITE, MAP_SHARED, file, 0);
    for (uintptr_t i = 0; i < WORKERS; i++) {
        char *stack = stacks[i] + sizeof stacks[i];
        workers[i] = clone(work, stack, i ? CLONE_VM | SIGCHLD : SIGCHLD, (void *)(i + 1));
        CHECK(workers[i] > 0);
    }
    for (int i = 0; i < WORKERS; i++)
        CHECK(waitpid(workers[i], &status, 0) == workers[i] && status == 0);
    CHECK(!failed && unlink("/crowd") == 0 && unlink("/log") == 0);
    return 0;
}
"""


def test_many_change_the_same_memory_at_once(machine: MakeMachine, tmp_path: Path) -> None:
    kernel = started(machine, tmp_path, crowd=compiled(tmp_path, "crowd", HEAD + CROWD))
    for _ in range(3):
        answer = kernel.command("run /bin/crowd")
        assert answer.endswith("exit status 0"), answer
