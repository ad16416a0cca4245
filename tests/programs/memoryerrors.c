// What calls for memory refuse, and what their rarer flags do.
#include "check.h"
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PAGE 4096UL
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)
#define REFUSED(call, error) CHECK((long)(call) == -1 && errno == (error))
#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#define PR_GET_THP_DISABLE 42
#endif
enum { POPULATE_READ = 22, POPULATE_WRITE = 23, DONTNEED_LOCKED = 24, GROWS_UP = 0x02000000, GROWS_DOWN = 0x01000000 };

static int file, reading;

static char *map(long pages, int flags) {
    return mmap(0, pages * PAGE, READ_WRITE, flags, -1, 0);
}

// How many of the pages are in memory.
static int resident(void *start, int pages) {
    unsigned char seen[64];
    int count = 0;
    if (mincore(start, pages * PAGE, seen) != 0)
        return -1;
    for (int page = 0; page < pages; page++)
        count += seen[page] & 1;
    return count;
}

static void mappings(void) {
    int path = open(".", O_PATH);
    REFUSED(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, path, 0), EBADF);
    REFUSED(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
    REFUSED(mmap(0, PAGE, PROT_READ, 0, file, 0), EINVAL);
    REFUSED(mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, file, 0), EINVAL);
    REFUSED(mmap(0, PAGE, PROT_READ, PRIVATE | MAP_HUGETLB | 25 << 26, -1, 0), EINVAL);
    REFUSED(mmap(0, PAGE, PROT_READ, MAP_SHARED | MAP_GROWSDOWN, file, 0), EINVAL);
    CHECK(close(path) == 0);
    // only what is asked for, and may wait, is read at once
    char *memory = map(4, PRIVATE | MAP_POPULATE | MAP_NONBLOCK);
    CHECK(resident(memory, 4) == 0 && munmap(memory, 4 * PAGE) == 0);
    memory = map(4, PRIVATE | MAP_POPULATE);
    CHECK(resident(memory, 4) == 4 && munmap(memory, 4 * PAGE) == 0);
    memory = map(4, PRIVATE | MAP_LOCKED);
    CHECK(resident(memory, 4) == 4 && munmap(memory, 4 * PAGE) == 0);
    memory = map(4, PRIVATE | MAP_STACK | MAP_NORESERVE);
    CHECK(resident(memory, 4) == 0 && munmap(memory, 4 * PAGE) == 0);
}

static void rights(void) {
    char *memory = map(3, PRIVATE);
    REFUSED(syscall(SYS_mprotect, memory, PAGE, PROT_READ | GROWS_UP | GROWS_DOWN), EINVAL);
    REFUSED(syscall(SYS_mprotect, memory, PAGE, PROT_READ | GROWS_DOWN), EINVAL);
    REFUSED(syscall(SYS_mprotect, memory, PAGE, PROT_READ | GROWS_UP), EINVAL);
    REFUSED(syscall(SYS_mprotect, memory, -1UL - PAGE, PROT_READ), ENOMEM);
    CHECK(syscall(SYS_mprotect, memory, PAGE, READ_WRITE | 8) == 0);
    CHECK(munmap(memory + PAGE, PAGE) == 0);
    REFUSED(mprotect(memory, 3 * PAGE, PROT_READ), ENOMEM);
    CHECK(munmap(memory, 3 * PAGE) == 0);
}

static void moves(void) {
    char *memory = map(8, PRIVATE), *shared = map(4, SHARED);
    REFUSED(mremap(memory + 1, PAGE, PAGE, 0), EINVAL);
    REFUSED(mremap(memory, PAGE, 0, 0), EINVAL);
    REFUSED(mremap(memory, PAGE, PAGE, 8), EINVAL);
    REFUSED(mremap(memory, PAGE, PAGE, MREMAP_FIXED, memory + 4 * PAGE), EINVAL);
    REFUSED(mremap(memory, PAGE, PAGE, 3, memory + 4 * PAGE + 1), EINVAL);
    REFUSED(mremap(memory, 4 * PAGE, 4 * PAGE, 3, memory + 2 * PAGE), EINVAL);
    REFUSED(mremap(memory, 4 * PAGE, 4 * PAGE, 3, -PAGE), EINVAL);
    REFUSED(mremap(memory, 0, PAGE, MREMAP_MAYMOVE), EINVAL);
    REFUSED(mremap(memory, PAGE, 2 * PAGE, MREMAP_MAYMOVE | 4), EINVAL);
    REFUSED(mremap(memory, PAGE, PAGE, 4), EINVAL);
    REFUSED(mremap(memory, PAGE, 4 * PAGE, 0), ENOMEM);
    CHECK(munmap(memory + 4 * PAGE, PAGE) == 0);
    REFUSED(mremap(memory, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE), EFAULT);
    REFUSED(mremap(memory + 4 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
    // pages of a file go on where they were
    shared[0] = 's';
    char *moved = mremap(shared, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved[0] == 's' && munmap(moved, 8 * PAGE) == 0);
    CHECK(munmap(memory, 8 * PAGE) == 0);
}

static void advice(void) {
    char *memory = map(8, PRIVATE), *shared = mmap(0, 4 * PAGE, READ_WRITE, MAP_SHARED, file, 0);
    char *constant = mmap(0, 4 * PAGE, PROT_READ, MAP_SHARED, reading, 0);
    memset(memory, 'm', 8 * PAGE);
    CHECK(ftruncate(file, 0) == 0 && ftruncate(file, 4 * PAGE) == 0);
    memset(shared, 's', 4 * PAGE);
    // holes in files
    CHECK(madvise(shared + PAGE, 2 * PAGE, MADV_REMOVE) == 0);
    char byte = 'x';
    CHECK(shared[0] == 's' && shared[PAGE] == 0 && shared[3 * PAGE - 1] == 0 && shared[3 * PAGE] == 's');
    CHECK(pread(file, &byte, 1, PAGE) == 1 && byte == 0 && lseek(file, 0, SEEK_END) == 4 * PAGE);
    REFUSED(madvise(memory, PAGE, MADV_REMOVE), EINVAL);
    REFUSED(madvise(constant, PAGE, MADV_REMOVE), EACCES);
    // locked memory
    CHECK(mlock(memory, 2 * PAGE) == 0);
    REFUSED(madvise(memory, PAGE, MADV_DONTNEED), EINVAL);
    REFUSED(madvise(memory, PAGE, MADV_COLD), EINVAL);
    REFUSED(madvise(memory, PAGE, MADV_PAGEOUT), EINVAL);
    CHECK(memory[0] == 'm' && madvise(memory, PAGE, DONTNEED_LOCKED) == 0 && memory[0] == 0);
    CHECK(munlock(memory, 2 * PAGE) == 0 && memory[PAGE] == 'm');
    CHECK(mlock(shared, PAGE) == 0);
    REFUSED(madvise(shared, PAGE, MADV_REMOVE), EINVAL);
    CHECK(munlock(shared, PAGE) == 0);
    // kinds of memory
    REFUSED(madvise(shared, PAGE, MADV_FREE), EINVAL);
    REFUSED(madvise(shared, PAGE, MADV_WIPEONFORK), EINVAL);
    REFUSED(madvise(memory, PAGE, 99), EINVAL);
    REFUSED(madvise(memory, PAGE, -1), EINVAL);
    CHECK(madvise(memory, 8 * PAGE, MADV_HUGEPAGE) == 0 && madvise(memory, 8 * PAGE, MADV_NOHUGEPAGE) == 0);
    CHECK(madvise(memory, 2 * PAGE, MADV_COLD) == 0 && memory[PAGE] == 'm');
    CHECK(madvise(memory, 0, MADV_HUGEPAGE) == 0);
    // reading ahead
    char *fresh = map(4, PRIVATE);
    CHECK(madvise(fresh, 2 * PAGE, POPULATE_WRITE) == 0 && resident(fresh, 4) == 2);
    CHECK(mprotect(fresh, PAGE, PROT_READ) == 0 && mprotect(fresh + PAGE, PAGE, PROT_NONE) == 0);
    REFUSED(madvise(fresh, PAGE, POPULATE_WRITE), EINVAL);
    REFUSED(madvise(fresh + PAGE, PAGE, POPULATE_READ), EINVAL);
    CHECK(munmap(fresh + 2 * PAGE, 2 * PAGE) == 0);
    REFUSED(madvise(fresh + 2 * PAGE, PAGE, POPULATE_READ), ENOMEM);
    REFUSED(madvise(fresh + 2 * PAGE, PAGE, MADV_HUGEPAGE), ENOMEM);
    CHECK(munmap(memory, 8 * PAGE) == 0 && munmap(shared, 4 * PAGE) == 0);
    CHECK(munmap(fresh, 2 * PAGE) == 0 && munmap(constant, 4 * PAGE) == 0);
}

static void looks(void) {
    unsigned char seen[4];
    char *memory = map(4, PRIVATE);
    REFUSED(mincore(memory + 1, PAGE, seen), EINVAL);
    REFUSED(mincore(memory, PAGE, (void *)1), EFAULT);
    REFUSED(mincore(memory, -PAGE, seen), ENOMEM);
    CHECK(mincore(memory, 0, 0) == 0);
    CHECK(munmap(memory + 3 * PAGE, PAGE) == 0);
    REFUSED(mincore(memory, 4 * PAGE, seen), ENOMEM);
    REFUSED(msync(memory + 1, PAGE, MS_SYNC), EINVAL);
    REFUSED(msync(memory, PAGE, 8), EINVAL);
    REFUSED(msync(memory, PAGE, MS_ASYNC | MS_SYNC), EINVAL);
    REFUSED(msync(memory, 4 * PAGE, MS_ASYNC), ENOMEM);
    REFUSED(msync(memory, -PAGE, MS_ASYNC), ENOMEM);
    CHECK(msync(memory, 0, MS_SYNC) == 0 && msync(memory, PAGE, 0) == 0);
    CHECK(msync(memory, PAGE, MS_SYNC | MS_INVALIDATE) == 0);
    CHECK(mlock(memory, PAGE) == 0);
    REFUSED(msync(memory, PAGE, MS_SYNC | MS_INVALIDATE), EBUSY);
    CHECK(munlock(memory, PAGE) == 0 && munmap(memory, 3 * PAGE) == 0);
}

static void limited(void) {
    char *memory = map(8, PRIVATE), *moved;
    struct rlimit limit = { 2 * PAGE, 2 * PAGE };
    CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && setresuid(1000, 1000, 1000) == 0);
    CHECK(mlock(memory, 2 * PAGE) == 0);
    REFUSED(mlock(memory + 2 * PAGE, PAGE), ENOMEM);
    REFUSED(mmap(0, PAGE, READ_WRITE, PRIVATE | MAP_LOCKED, -1, 0), EAGAIN);
    REFUSED(mremap(memory + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EAGAIN);
    REFUSED(mlockall(MCL_CURRENT), ENOMEM);
    CHECK(mlockall(MCL_FUTURE) == 0);
    REFUSED(mmap(0, PAGE, READ_WRITE, PRIVATE, -1, 0), EAGAIN);
    CHECK(munlockall() == 0 && mlock(memory + 6 * PAGE, 2 * PAGE) == 0 && munlockall() == 0);
    limit.rlim_cur = 0;
    CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    REFUSED(mlock(memory, PAGE), EPERM);
    REFUSED(syscall(SYS_mlock2, memory, PAGE, 1), EPERM);
    REFUSED(mlockall(MCL_FUTURE), EPERM);
    REFUSED(syscall(SYS_mmap, 0, PAGE, READ_WRITE, PRIVATE | MAP_LOCKED, -1, 0), EPERM);
    CHECK(munlock(memory, PAGE) == 0 && munlockall() == 0);
    _exit(0);
}

static void locks(void) {
    char *memory = map(4, PRIVATE), *later, *heap;
    REFUSED(mlock(memory, -PAGE), EINVAL);
    REFUSED(munlock(memory, -PAGE), EINVAL);
    CHECK(mlock(memory, 0) == 0 && mprotect(memory + 3 * PAGE, PAGE, PROT_NONE) == 0);
    REFUSED(mlock(memory, 4 * PAGE), ENOMEM);
    CHECK(munlock(memory, 4 * PAGE) == 0 && munmap(memory, 4 * PAGE) == 0);
    REFUSED(munlock(memory, PAGE), ENOMEM);
    memory = map(4, PRIVATE);
    CHECK(syscall(SYS_mlock2, memory, 4 * PAGE, 1) == 0 && resident(memory, 4) == 0);
    REFUSED(madvise(memory, PAGE, MADV_DONTNEED), EINVAL);
    CHECK(munlock(memory, 4 * PAGE) == 0);
    REFUSED(mlockall(8), EINVAL);
    CHECK(mlockall(MCL_CURRENT) == 0 && resident(memory, 4) == 4);
    later = map(4, PRIVATE);
    CHECK(resident(later, 4) == 0 && munmap(later, 4 * PAGE) == 0);
    CHECK(mlockall(MCL_FUTURE) == 0);
    later = map(4, PRIVATE);
    CHECK(resident(later, 4) == 4 && munmap(later, 4 * PAGE) == 0);
    heap = (char *)((syscall(SYS_brk, 0) + PAGE - 1) & -PAGE);
    CHECK(syscall(SYS_brk, heap + 4 * PAGE) == (long)heap + 4 * PAGE && resident(heap, 4) == 4);
    REFUSED(madvise(heap, PAGE, MADV_DONTNEED), EINVAL);
    CHECK(mlockall(MCL_FUTURE | MCL_ONFAULT) == 0);
    later = map(4, PRIVATE);
    CHECK(resident(later, 4) == 0 && (later[0] = 1) && resident(later, 4) == 1);
    REFUSED(madvise(later, PAGE, MADV_DONTNEED), EINVAL);
    CHECK(munlockall() == 0 && munmap(later, 4 * PAGE) == 0 && munmap(memory, 4 * PAGE) == 0);
}

static void large(void) {
    CHECK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0);
    REFUSED(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0), EINVAL);
    REFUSED(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 1), EINVAL);
    CHECK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1);
}

static void alone(void (*checks)(void)) {
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        checks();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (status != 0)
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
}

int main(void) {
    char name[] = "/tmp/memoryXXXXXX";
    mkdir("/tmp", 0777);
    CHECK((file = mkstemp(name)) >= 0 && (reading = open(name, O_RDONLY)) >= 0 && unlink(name) == 0);
    CHECK(ftruncate(file, 4 * PAGE) == 0);
    mappings();
    rights();
    moves();
    advice();
    looks();
    locks();
    alone(limited);
    alone(large);
    CHECK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0);
    return 0;
}
