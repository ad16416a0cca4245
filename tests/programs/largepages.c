// Memory in large pages: it is the same to programs, whatever they do with parts of it. With an
// argument, large pages have to be where they can be.
#include "check.h"
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define PAGE 4096UL
#define LARGE (2UL << 20)
#define SMALL_PAGES (LARGE / PAGE)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#endif

static int ends[2], strict;

static int writable(void *place) {
    char byte;
    if (write(ends[1], "w", 1) != 1)
        return -1;
    if (read(ends[0], place, 1) == 1)
        return 1;
    return read(ends[0], &byte, 1) == 1 ? 0 : -1;
}

static int resident(void *start) {
    static unsigned char seen[SMALL_PAGES];
    int count = 0;
    if (mincore(start, LARGE, seen) != 0)
        return -1;
    for (int page = 0; page < SMALL_PAGES; page++)
        count += seen[page] & 1;
    return count;
}

// Four large pages' room, aligned.
static char *room(void) {
    char *all = mmap(0, 5 * LARGE, READ_WRITE, PRIVATE, -1, 0);
    CHECK(all != MAP_FAILED);
    char *start = (char *)((uintptr_t)(all + LARGE - 1) & -LARGE);
    if (start != all)
        CHECK(munmap(all, start - all) == 0);
    if (start + 4 * LARGE != all + 5 * LARGE)
        CHECK(munmap(start + 4 * LARGE, all + LARGE - start) == 0);
    return start;
}

static void fill(char *start, unsigned seed) {
    for (uintptr_t page = 0; page < SMALL_PAGES; page++)
        *(uint64_t *)(start + page * PAGE + 8 * (page % 500)) = page + seed;
}

static int is_filled(char *start, uintptr_t from, uintptr_t to, unsigned seed) {
    for (uintptr_t page = from; page < to; page++)
        if (*(uint64_t *)(start + page * PAGE + 8 * (page % 500)) != page + seed)
            return 0;
    return 1;
}

static void are_large(void) {
    char *start = room();
    CHECK(madvise(start, 4 * LARGE, MADV_HUGEPAGE) == 0);
    start[LARGE + 5 * PAGE] = 'x';
    CHECK(!strict || resident(start + LARGE) == SMALL_PAGES);
    CHECK(resident(start) == 0 && start[LARGE] == 0 && start[2 * LARGE - 1] == 0);
    // where there are small ones already, they stay
    CHECK(madvise(start + 2 * LARGE, LARGE, MADV_NOHUGEPAGE) == 0);
    start[2 * LARGE] = 1;
    CHECK(resident(start + 2 * LARGE) == 1);
    CHECK(madvise(start + 2 * LARGE, LARGE, MADV_HUGEPAGE) == 0);
    start[2 * LARGE + PAGE] = 1;
    CHECK(resident(start + 2 * LARGE) == 2);
    // nor do pages get larger than what is mapped
    CHECK(munmap(start + 4 * LARGE - PAGE, PAGE) == 0);
    start[3 * LARGE] = 1;
    CHECK(resident(start + 3 * LARGE) == -1 && munmap(start, 4 * LARGE) == 0);
    // small regions get none
    start = mmap(0, LARGE - PAGE, READ_WRITE, PRIVATE, -1, 0);
    start[0] = 1;
    CHECK(munmap(start, LARGE - PAGE) == 0);
}

static void are_split(void) {
    char *start = room();
    for (int number = 0; number < 4; number++)
        fill(start + number * LARGE, number);
    // unmapped
    CHECK(munmap(start + 10 * PAGE, 5 * PAGE) == 0);
    CHECK(is_filled(start, 0, 10, 0) && is_filled(start, 15, SMALL_PAGES, 0));
    CHECK(writable(start + 12 * PAGE) == 0 && writable(start + 9 * PAGE) == 1);
    // protected, as a whole and in part
    CHECK(mprotect(start + LARGE, LARGE, PROT_READ) == 0 && writable(start + LARGE) == 0);
    CHECK(is_filled(start + LARGE, 0, SMALL_PAGES, 1));
    CHECK(mprotect(start + LARGE, LARGE, PROT_NONE) == 0);
    CHECK(write(ends[1], start + LARGE, 1) == -1 && errno == EFAULT);
    CHECK(mprotect(start + LARGE, LARGE, READ_WRITE) == 0 && is_filled(start + LARGE, 0, SMALL_PAGES, 1));
    CHECK(writable(start + LARGE) == 1);
    fill(start + LARGE, 1);
    CHECK(mprotect(start + LARGE + 100 * PAGE, PAGE, PROT_READ) == 0);
    CHECK(writable(start + LARGE + 100 * PAGE) == 0 && writable(start + LARGE + 101 * PAGE) == 1);
    fill(start + LARGE + 101 * PAGE, 0);
    CHECK(is_filled(start + LARGE, 0, 101, 1));
    // given back
    CHECK(madvise(start + 2 * LARGE + 7 * PAGE, 3 * PAGE, MADV_DONTNEED) == 0);
    CHECK(is_filled(start + 2 * LARGE, 0, 7, 2) && is_filled(start + 2 * LARGE, 10, SMALL_PAGES, 2));
    for (int at = 7 * PAGE; at < 10 * PAGE; at++)
        CHECK(start[2 * LARGE + at] == 0);
    // advice for a part
    CHECK(madvise(start + 3 * LARGE + PAGE, PAGE, MADV_DONTFORK) == 0);
    CHECK(mlock(start + 3 * LARGE + 8 * PAGE, PAGE) == 0 && is_filled(start + 3 * LARGE, 0, SMALL_PAGES, 3));
    CHECK(munlock(start + 3 * LARGE, LARGE) == 0 && madvise(start + 3 * LARGE, LARGE, MADV_DONTNEED) == 0);
    CHECK(start[3 * LARGE] == 0 && resident(start + 3 * LARGE) > 0);
    CHECK(munmap(start, 4 * LARGE) == 0);
}

static void are_copied(void) {
    char *start = room();
    int status;
    fill(start, 1);
    fill(start + LARGE, 2);
    CHECK(mprotect(start + LARGE, LARGE, PROT_READ) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(is_filled(start, 0, SMALL_PAGES, 1) && is_filled(start + LARGE, 0, SMALL_PAGES, 2));
        fill(start, 9);
        CHECK(is_filled(start, 0, SMALL_PAGES, 9));
        _exit(0);
    }
    fill(start + 2 * LARGE, 3);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(is_filled(start, 0, SMALL_PAGES, 1) && is_filled(start + LARGE, 0, SMALL_PAGES, 2));
    fill(start, 4);
    CHECK(is_filled(start, 0, SMALL_PAGES, 4) && munmap(start, 4 * LARGE) == 0);
}

static void are_moved(void) {
    char *start = room(), *target = room();
    fill(start, 5);
    CHECK(mremap(start, LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + LARGE) == target + LARGE);
    CHECK(is_filled(target + LARGE, 0, SMALL_PAGES, 5));
    CHECK(mremap(target + LARGE, LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_FIXED, start + PAGE) == start + PAGE);
    CHECK(is_filled(start + PAGE, 0, SMALL_PAGES, 5));
    fill(target, 6);
    CHECK(mremap(target + 8 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, start) == start);
    CHECK(*(uint64_t *)(start + 8 * 8) == 8 + 6 && is_filled(target, 9, SMALL_PAGES, 6));
    CHECK(mremap(start, 4 * LARGE, LARGE, 0) == start && munmap(start, LARGE) == 0);
    munmap(target, 4 * LARGE);
}

static void are_switched_off(void) {
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
        char *start = room();
        start[0] = 1;
        CHECK(resident(start) == 1);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int count, char **arguments) {
    strict = count > 1;
    CHECK(pipe(ends) == 0);
    are_large();
    for (int round = 0; round < 2; round++) {
        are_split();
        are_copied();
        are_moved();
    }
    are_switched_off();
    return 0;
}
