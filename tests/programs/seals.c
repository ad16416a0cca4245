// Memory files that are sealed (fcntl(2), F_ADD_SEALS).
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define PAGE 4096L
#define ROUNDS 100

static char buffer[3 * PAGE];

static int sealable(void) { return memfd_create("sealed", MFD_ALLOW_SEALING); }

static int has_seals(int file, int seals) { return fcntl(file, F_GET_SEALS) == seals; }

static void check_adding(void) {
    int plain = memfd_create("plain", 0), file = sealable(), ends[2];
    CHECK(has_seals(plain, F_SEAL_SEAL) && has_seals(file, 0));
    FAILS(fcntl(plain, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    FAILS(fcntl(file, F_ADD_SEALS, 0x8000), EINVAL);
    CHECK(!fcntl(file, F_ADD_SEALS, 0) && !fcntl(file, F_ADD_SEALS, F_SEAL_GROW));
    CHECK(!fcntl(file, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
    CHECK(has_seals(file, F_SEAL_GROW | F_SEAL_SHRINK));
    CHECK(!fcntl(file, F_ADD_SEALS, F_SEAL_SEAL));
    FAILS(fcntl(file, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    FAILS(fcntl(file, F_ADD_SEALS, 0), EPERM);
    CHECK(!pipe(ends));
    FAILS(fcntl(ends[0], F_GET_SEALS), EINVAL);
    FAILS(fcntl(ends[1], F_ADD_SEALS, F_SEAL_GROW), EINVAL);
    int null = open("/dev/null", O_RDONLY);
    FAILS(fcntl(null, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    close(plain), close(file), close(null), close(ends[0]), close(ends[1]);
}

static void check_sizes(void) {
    int file = sealable();
    CHECK(!ftruncate(file, PAGE + 100));
    CHECK(!fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK) && !ftruncate(file, PAGE + 200));
    FAILS(ftruncate(file, PAGE), EPERM);
    CHECK(!fcntl(file, F_ADD_SEALS, F_SEAL_GROW) && !ftruncate(file, PAGE + 200));
    FAILS(ftruncate(file, PAGE + 201), EPERM);
    FAILS(fallocate(file, 0, 0, PAGE + 201), EPERM);
    FAILS(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, PAGE + 201), EPERM);
    CHECK(!fallocate(file, 0, 0, PAGE + 200));
    CHECK(!fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
    FAILS(pwrite(file, buffer, 1, PAGE + 200), EPERM);
    FAILS(pwrite(file, buffer, 2, PAGE + 199), EPERM);
    CHECK(pwrite(file, buffer, 1, PAGE + 199) == 1);
    CHECK(pwrite(file, buffer, 2 * PAGE, 0) == PAGE);  // as far as whole pages go
    FAILS(pwrite(file, buffer, PAGE, PAGE), EPERM);
    struct stat status;
    CHECK(!fstat(file, &status) && status.st_size == PAGE + 200);
    close(file);
}

static void check_writing(void) {
    int file = sealable();
    CHECK(write(file, "abc", 3) == 3);
    char *shared = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    FAILS(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW), EBUSY);
    CHECK(has_seals(file, 0) && !mprotect(shared, PAGE, PROT_READ));
    FAILS(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    CHECK(!fcntl(file, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) && has_seals(file, F_SEAL_FUTURE_WRITE));
    CHECK(!mprotect(shared, PAGE, PROT_READ | PROT_WRITE));
    shared[0] = 'X';
    FAILS(write(file, "x", 1), EPERM);
    CHECK(mmap(0, PAGE, PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED && errno == EPERM);
    CHECK(!munmap(shared, PAGE) && !fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
    FAILS(pwrite(file, "x", 1, 0), EPERM);
    CHECK(write(file, "x", 0) == 0);
    FAILS(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1), EPERM);
    CHECK(mmap(0, PAGE, PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED && errno == EPERM);
    shared = mmap(0, PAGE, PROT_READ, MAP_SHARED, file, 0);
    CHECK(shared != MAP_FAILED && !memcmp(shared, "Xbc", 4));
    FAILS(mprotect(shared, PAGE, PROT_READ | PROT_WRITE), EACCES);
    char *own = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    CHECK(own != MAP_FAILED && own[1] == 'b');
    own[1] = 'Y';
    CHECK(shared[1] == 'b' && !ftruncate(file, 1) && shared[1] == 0);  // no seal is against that
    close(file);
}

static volatile int file, round, sealed, wrong;

static void *seal(void *unused) {
    for (int n = 1; n <= ROUNDS; n++) {
        while (round < n)
            sched_yield();
        char before = 0, after = 0;
        while (fcntl(file, F_ADD_SEALS, F_SEAL_WRITE) && errno == EBUSY)
            ;
        pread(file, &before, 1, 0);
        for (int times = 0; times < 10; times++) {
            pread(file, &after, 1, 0);
            wrong |= before != after;
        }
        sealed = n;
    }
    return 0;
}

// Who maps a file to write to it while another seals it
static void check_race(void) {
    pthread_t thread;
    CHECK(!pthread_create(&thread, 0, seal, 0));
    for (int n = 1; n <= ROUNDS; n++) {
        file = sealable();
        CHECK(!ftruncate(file, PAGE));
        round = n;
        while (sealed < n) {
            char *memory = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            if (memory == MAP_FAILED)
                continue;
            for (int value = 1; value < 50; value++)
                *(volatile char *)memory = value;
            CHECK(!munmap(memory, PAGE));
        }
        CHECK(has_seals(file, F_SEAL_WRITE));
        close(file);
    }
    CHECK(!pthread_join(thread, 0) && !wrong);
}

int main(void) {
    check_adding();
    check_sizes();
    check_writing();
    check_race();
    return 0;
}
