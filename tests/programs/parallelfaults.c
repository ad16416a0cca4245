// Threads that touch the memory of one space at once, each its own pages of the same regions.
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PAGE 4096UL
#define THREADS 4
#define PAGES 512UL  // that each touches of each kind of memory

static volatile char *fresh, *copied, *cached;
static pthread_barrier_t all;

static void *touch(void *argument) {
    uintptr_t own = (uintptr_t)argument;
    pthread_barrier_wait(&all);
    for (uintptr_t page = own; page < THREADS * PAGES; page += THREADS) {
        fresh[page * PAGE] = own + 1;
        copied[page * PAGE] = own + 1;
        cached[page * PAGE] = own + 1;
    }
    return 0;
}

int main(void) {
    const long length = THREADS * PAGES * PAGE;
    pthread_t threads[THREADS];
    int status, file = memfd_create("pages", 0);
    char byte = 'x';
    CHECK(file >= 0 && ftruncate(file, length) == 0);
    for (long page = 0; page < length; page += PAGE)
        CHECK(pwrite(file, &byte, 1, page) == 1);
    fresh = mmap(0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    copied = mmap(0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cached = mmap(0, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(fresh != MAP_FAILED && copied != MAP_FAILED && cached != MAP_FAILED);
    madvise((void *)fresh, length, MADV_NOHUGEPAGE);
    madvise((void *)copied, length, MADV_NOHUGEPAGE);
    for (long page = 0; page < length; page += PAGE)
        copied[page] = 'y';
    CHECK(pthread_barrier_init(&all, 0, THREADS + 1) == 0);
    for (uintptr_t own = 0; own < THREADS; own++)
        CHECK(pthread_create(&threads[own], 0, touch, (void *)own) == 0);
    pid_t child = fork();  // from now on both share what was copied
    CHECK(child >= 0);
    if (child == 0) {
        pause();
        _exit(0);
    }
    pthread_barrier_wait(&all);
    for (int own = 0; own < THREADS; own++)
        CHECK(pthread_join(threads[own], 0) == 0);
    for (uintptr_t page = 0; page < THREADS * PAGES; page++) {
        char expected = page % THREADS + 1;
        CHECK(fresh[page * PAGE] == expected && copied[page * PAGE] == expected);
        CHECK(cached[page * PAGE] == expected && pread(file, &byte, 1, page * PAGE) == 1);
        CHECK(byte == expected);
    }
    CHECK(kill(child, 9) == 0 && waitpid(child, &status, 0) == child);
    return 0;
}
