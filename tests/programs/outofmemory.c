// Where memory is out, the process that has most of it ends, not the one that needs some.
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#define FAIL_ALLOCATION 0x1000  // a private call: other machines have better use for their memory

static char *memory(unsigned long size) {
    return mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void touch(char *memory, unsigned long size) {
    for (unsigned long i = 0; i < size; i += 4096)
        memory[i] = 1;
}

static void most_ends(unsigned long total) {
    int status;
    volatile int *ready = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned long large = total / 10 * 6, small = total / 10 * 5;
    pid_t hog = fork();
    if (!hog) {
        char *mine = memory(large);
        CHECK(mine != MAP_FAILED);
        touch(mine, large);
        *ready = 1;
        for (;;)
            pause();
    }
    while (!*ready)
        CHECK(waitpid(hog, &status, WNOHANG) == 0);
    pid_t other = fork();
    if (!other) {
        char *mine = memory(small);
        CHECK(mine != MAP_FAILED);
        touch(mine, small);
        _exit(7);
    }
    CHECK(waitpid(other, &status, 0) == other && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    CHECK(waitpid(hog, &status, 0) == hog && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static unsigned long free_memory(void) {
    struct sysinfo info;
    CHECK(sysinfo(&info) == 0);
    return info.freeram * info.mem_unit;
}

// Calls that need more than is left succeed, once another process has ended.
static void calls_succeed(unsigned long total) {
    enum { CHILDREN = 100 };
    int status, whole[2];
    char *mine = memory(total), byte;
    CHECK(mine != MAP_FAILED && pipe(whole) == 0);
    pid_t hog = fork(), children[CHILDREN];
    if (!hog) {
        for (unsigned long i = 0; i < total && free_memory() > 1 << 20; i += 4096)
            mine[i] = 1;
        write(whole[1], "x", 1);
        for (;;)
            pause();
    }
    CHECK(read(whole[0], &byte, 1) == 1);
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        CHECK(children[i] != -1);
        if (!children[i])
            for (;;)
                pause();
    }
    CHECK(waitpid(hog, &status, 0) == hog && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    for (int i = 0; i < CHILDREN; i++)
        CHECK(kill(children[i], SIGKILL) == 0 && waitpid(children[i], &status, 0) == children[i]);
    CHECK(munmap(mine, total) == 0 && close(whole[0]) == 0 && close(whole[1]) == 0);
}

// Who asks for it ends before others that have more.
static void first_by_wish(unsigned long total) {
    int status, ready[2];
    pid_t children[2];
    char byte;
    CHECK(pipe(ready) == 0);
    mkdir("/proc", 0755);
    CHECK(mount("proc", "/proc", "proc", 0, 0) == 0);
    for (int i = 0; i < 2; i++) {  // a small one that asks, and a large one
        children[i] = fork();
        if (!children[i]) {
            unsigned long size = total / 10 * (i ? 6 : 1);
            char *mine = memory(size);
            int file = open("/proc/self/oom_score_adj", O_WRONLY);
            CHECK(mine != MAP_FAILED && file >= 0 && (i || write(file, "1000", 4) == 4));
            touch(mine, size);
            write(ready[1], "x", 1);
            for (;;)
                pause();
        }
        CHECK(read(ready[0], &byte, 1) == 1);
    }
    pid_t other = fork();
    if (!other) {
        char *mine = memory(total / 10 * 35 / 10);
        CHECK(mine != MAP_FAILED);
        touch(mine, total / 10 * 35 / 10);
        _exit(7);
    }
    CHECK(waitpid(other, &status, 0) == other && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    CHECK(waitpid(children[0], &status, 0) == children[0] && WIFSIGNALED(status));
    CHECK(waitpid(children[1], &status, WNOHANG) == 0 && kill(children[1], SIGKILL) == 0);
    CHECK(waitpid(children[1], &status, 0) == children[1] && umount("/proc") == 0);
    CHECK(close(ready[0]) == 0 && close(ready[1]) == 0);
}

// One that takes all ends, several at once, too.
static void all_end(unsigned long total) {
    int status;
    for (int i = 0; i < 3; i++)
        if (!fork()) {
            char *mine = memory(2 * total);
            if (mine == MAP_FAILED)
                kill(getpid(), SIGKILL);
            touch(mine, 2 * total);
            _exit(0);
        }
    for (int i = 0; i < 3; i++)
        CHECK(wait(&status) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void) {
    struct sysinfo info;
    if (syscall(FAIL_ALLOCATION, 0) == -1)
        return 0;
    CHECK(sysinfo(&info) == 0);
    most_ends(info.freeram * info.mem_unit);
    calls_succeed(info.freeram * info.mem_unit);
    first_by_wish(info.freeram * info.mem_unit);
    all_end(info.freeram * info.mem_unit);
    char *mine = memory(16 << 20);
    CHECK(mine != MAP_FAILED);
    touch(mine, 16 << 20);
    return 0;
}
