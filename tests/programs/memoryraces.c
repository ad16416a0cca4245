// Threads that map, unmap, protect, touch and fork against each other: each finds its own memory as
// it left it.
#include "check.h"
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PAGE 4096UL
#define THREADS 4
#define PAGES 24            // of each thread, beside those of others: regions meet and part
#define STEPS 200
#define COMMON 16           // pages that all touch and unmap
#define LARGE (4UL << 20)   // enough for a large page, wherever it begins
#define NONE 0

static char *all, *common, *shared;
static int file;

struct own {
    int number;
    uint64_t random;
    int ends[2];                 // a pipe that tells whether memory can be touched
    uint64_t stamp[PAGES];       // what each page begins with
    unsigned char rights[PAGES]; // PROT_READ and so on, or NONE where nothing is mapped
};

static void fail(struct own *own, const char *what, int line) {
    printf("thread %d: %s at line %d\n", own->number, what, line);
    fflush(stdout);
    _exit(100);
}
#define MUST(condition) do { if (!(condition)) fail(own, #condition, __LINE__); } while (0)

static uint64_t chance(struct own *own, uint64_t below) {
    own->random ^= own->random << 13;
    own->random ^= own->random >> 7;
    own->random ^= own->random << 17;
    return own->random % below;
}

static char *page_of(struct own *own, int page) {
    return all + (own->number + page * THREADS) * PAGE;
}

static int readable(struct own *own, void *place) {
    uint64_t word;
    if (write(own->ends[1], place, sizeof word) != sizeof word)
        return 0;
    return read(own->ends[0], &word, sizeof word) == sizeof word;
}

static int writable(struct own *own, void *place, uint64_t word) {
    uint64_t back;
    MUST(write(own->ends[1], &word, sizeof word) == sizeof word);
    if (read(own->ends[0], place, sizeof word) == sizeof word)
        return 1;
    MUST(read(own->ends[0], &back, sizeof back) == sizeof back);
    return 0;
}

static void look(struct own *own, int page) {
    char *place = page_of(own, page);
    if (own->rights[page] & PROT_READ)
        MUST(*(volatile uint64_t *)place == own->stamp[page]);
    else
        MUST(!readable(own, place));
    if (!(own->rights[page] & PROT_WRITE))
        MUST(!writable(own, place, 1));
}

static void store(struct own *own, int page) {
    if (own->rights[page] & PROT_WRITE) {
        own->stamp[page] = chance(own, 1UL << 40) + 1;
        *(volatile uint64_t *)page_of(own, page) = own->stamp[page];
    }
}

static void look_at_all(struct own *own) {
    for (int page = 0; page < PAGES; page++)
        look(own, page);
}

static void make(struct own *own, int page, int rights) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    MUST(mmap(page_of(own, page), PAGE, rights, flags, -1, 0) == page_of(own, page));
    own->rights[page] = rights;
    own->stamp[page] = 0;
}

static void copy_all(struct own *own) {
    int status;
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        for (int page = 0; page < PAGES; page++) {
            look(own, page);
            store(own, page);
        }
        look_at_all(own);
        _exit(0);
    }
    store(own, chance(own, PAGES));
    look_at_all(own);
    MUST(waitpid(child, &status, 0) == child && status == 0);
}

static void meddle(struct own *own) {
    char *place = common + chance(own, COMMON) * PAGE;
    switch (chance(own, 8)) {
    case 0:
        MUST(munmap(place, PAGE) == 0);
        break;
    case 1: case 2:
        MUST(mmap(place, PAGE * (1 + chance(own, 2)), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == place);
        break;
    case 3:
        if (mprotect(place, PAGE, chance(own, 2) ? PROT_READ : PROT_READ | PROT_WRITE) != 0)
            MUST(errno == ENOMEM);
        break;
    case 4:
        if (madvise(place, PAGE, MADV_DONTNEED) != 0)
            MUST(errno == ENOMEM);
        break;
    case 5:
        MUST(ftruncate(file, chance(own, COMMON + 1) * PAGE) == 0);
        break;
    case 6:
        writable(own, shared + chance(own, COMMON) * PAGE, 7);
        readable(own, shared + chance(own, COMMON) * PAGE);
        break;
    default:
        writable(own, place, 7);
        readable(own, place);
    }
}

static void use_large(struct own *own) {
    char *memory = mmap(0, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t at = chance(own, LARGE / PAGE - 2) * PAGE;
    int status;
    MUST(memory != MAP_FAILED);
    for (uint64_t place = 0; place < LARGE; place += 31 * PAGE)
        memory[place] = 'a';
    memory[at] = 'b';
    MUST(mprotect(memory + at + PAGE, PAGE, PROT_READ) == 0 && !writable(own, memory + at + PAGE, 1));
    MUST(memory[at] == 'b');
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        memory[at] = 'c';
        _exit(memory[at] == 'c' ? 0 : 1);
    }
    MUST(waitpid(child, &status, 0) == child && status == 0 && memory[at] == 'b');
    MUST(madvise(memory + at, PAGE, MADV_DONTNEED) == 0 && memory[at] == 0);
    MUST(munmap(memory, LARGE / 2) == 0 && munmap(memory + LARGE / 2, LARGE / 2) == 0);
}

static void *work(void *argument) {
    struct own *own = argument;
    MUST(pipe(own->ends) == 0);
    for (int page = 0; page < PAGES; page++)
        make(own, page, PROT_READ | PROT_WRITE);
    for (int step = 0; step < STEPS; step++) {
        int page = chance(own, PAGES);
        switch (chance(own, 9)) {
        case 0:
            MUST(munmap(page_of(own, page), PAGE) == 0);
            own->rights[page] = NONE;
            break;
        case 1:
            make(own, page, chance(own, 2) ? PROT_READ : PROT_READ | PROT_WRITE);
            break;
        case 2:
            if (own->rights[page] != NONE) {
                int rights = chance(own, 2) ? PROT_READ : PROT_READ | PROT_WRITE;
                MUST(mprotect(page_of(own, page), PAGE, rights) == 0);
                own->rights[page] = rights;
            }
            break;
        case 3:
            if (own->rights[page] != NONE) {
                MUST(madvise(page_of(own, page), PAGE, MADV_DONTNEED) == 0);
                own->stamp[page] = 0;
            }
            break;
        case 4:
            if (step % 16 == 0)
                copy_all(own);
            break;
        case 5:
            if (step % 32 == 0)
                use_large(own);
            break;
        case 6:
            meddle(own);
            break;
        default:
            look(own, page);
            store(own, page);
        }
    }
    look_at_all(own);
    for (int page = 0; page < PAGES; page++)
        MUST(munmap(page_of(own, page), PAGE) == 0);
    close(own->ends[0]);
    close(own->ends[1]);
    return 0;
}

static void race(uint64_t seed) {
    static struct own own[THREADS];
    pthread_t threads[THREADS];
    CHECK((all = mmap(0, THREADS * PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
    CHECK((common = mmap(0, (COMMON + 1) * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
    CHECK((file = memfd_create("races", 0)) >= 0 && ftruncate(file, COMMON * PAGE) == 0);
    CHECK((shared = mmap(0, COMMON * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)) != MAP_FAILED);
    memset(own, 0, sizeof own);
    for (int number = 0; number < THREADS; number++) {
        own[number].number = number;
        own[number].random = seed * THREADS + number + 1;
        CHECK(pthread_create(&threads[number], 0, work, &own[number]) == 0);
    }
    for (int number = 0; number < THREADS; number++)
        CHECK(pthread_join(threads[number], 0) == 0);
    CHECK(munmap(common, (COMMON + 1) * PAGE) == 0);
    CHECK(munmap(shared, COMMON * PAGE) == 0 && close(file) == 0);
}

int main(int count, char **arguments) {
    uint64_t seed = count > 1 ? atoi(arguments[1]) : 1;
    race(seed);
    return 0;
}
