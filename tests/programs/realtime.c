// Threads with real-time policies that never wait leave others a part of their processors, as
// /proc/sys/kernel/sched_rt_* has it. Only on a kernel made for tests: others have users.
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define FAIL_ALLOCATION 0x1000  // a call that no other kernel has
#define MOST 8
#define SETTINGS "/proc/sys/kernel/sched_rt_"

static volatile long *shared;

static long setting(const char *path) {
    char text[32] = {0};
    int file = open(path, O_RDONLY);
    CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0 && close(file) == 0);
    return atol(text);
}

static int set(const char *path, const char *text) {
    int file = open(path, O_WRONLY);
    CHECK(file >= 0);
    int written = write(file, text, strlen(text)), error = errno;
    close(file);
    errno = error;
    return written == (int)strlen(text) ? 0 : -1;
}

static void settings(void) {
    CHECK(setting(SETTINGS "period_us") == 1000000 && setting(SETTINGS "runtime_us") == 950000);
    FAILS(set(SETTINGS "runtime_us", "1000001"), EINVAL);
    FAILS(set(SETTINGS "runtime_us", "-2"), EINVAL);
    FAILS(set(SETTINGS "runtime_us", "x"), EINVAL);
    FAILS(set(SETTINGS "period_us", "949999"), EINVAL);
    FAILS(set(SETTINGS "period_us", "0"), EINVAL);
    CHECK(set(SETTINGS "runtime_us", "-1\n") == 0 && setting(SETTINGS "runtime_us") == -1);
    CHECK(set(SETTINGS "period_us", "200000\n") == 0 && setting(SETTINGS "period_us") == 200000);
    CHECK(set(SETTINGS "runtime_us", "100000") == 0);
}

static void seize(int processor) {
    struct sched_param parameter = {50};
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    // musl's function of this name fails on purpose
    CHECK(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &parameter) == 0);
    for (shared[processor] = 1;; shared[processor]++) {}
}

int main(void) {
    pid_t children[MOST];
    int status, count = 0;
    cpu_set_t all;
    if (syscall(FAIL_ALLOCATION, 0) == -1) return 0;
    mkdir("/proc", 0755);
    if (open(SETTINGS "period_us", O_RDONLY) < 0) CHECK(mount("proc", "/proc", "proc", 0, 0) == 0);
    settings();
    shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    for (int one = 0; one < MOST; one++)
        if (CPU_ISSET(one, &all)) {
            children[count++] = fork();
            if (!children[count - 1]) seize(one);
        }
    for (int one = 0; one < MOST; one++)
        while (CPU_ISSET(one, &all) && !shared[one]) sched_yield();
    // All processors are seized; this goes on all the same, and they too
    for (int turn = 0; turn < 3; turn++) {
        long before = shared[0];
        struct timespec nap = {0, 300000000};
        nanosleep(&nap, 0);
        CHECK(shared[0] > before);
    }
    for (int one = 0; one < count; one++) CHECK(kill(children[one], SIGKILL) == 0);
    for (int one = 0; one < count; one++) CHECK(waitpid(children[one], &status, 0) == children[one]);
    CHECK(set(SETTINGS "period_us", "1000000") == 0 && set(SETTINGS "runtime_us", "950000") == 0);
    return 0;
}
