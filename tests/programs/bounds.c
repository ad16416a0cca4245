// Limits of what processes use are held.
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PAGE 4096L
#define MEBI (1L << 20)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define USER 4321

static int set(int resource, long soft) {
    struct rlimit limit;
    getrlimit(resource, &limit);
    limit.rlim_cur = soft;
    return setrlimit(resource, &limit);
}

static int become(int user) { return syscall(SYS_setresuid, user, user, user); }

// What a child does, which exits with 0, or the number of the check that failed.
static void in_child(void (*what)(void)) {
    int status = -1;
    pid_t child = fork();
    if (!child) {
        step = 0;
        what();
        _exit(0);
    }
    waitpid(child, &status, 0);
    step += status ? (status >> 8) + (status & 0x7F) : 0;
    CHECK(status == 0);
}

static void *map(long length, int rights, int flags) {
    return mmap(0, length, rights, flags | MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
}

static void addresses(void) {
    CHECK(set(RLIMIT_AS, 32 * MEBI) == 0);
    CHECK(map(40 * MEBI, READ_WRITE, 0) == MAP_FAILED && errno == ENOMEM);
    CHECK(map(40 * MEBI, PROT_NONE, MAP_NORESERVE) == MAP_FAILED && errno == ENOMEM);
    char *part = map(16 * MEBI, PROT_READ, 0);
    CHECK(part != MAP_FAILED);
    CHECK(map(20 * MEBI, PROT_READ, 0) == MAP_FAILED && errno == ENOMEM);
    CHECK(mmap(part, 16 * MEBI, READ_WRITE, MAP_FIXED | MAP_ANONYMOUS | MAP_PRIVATE, -1, 0) == part);
    CHECK(mremap(part, 16 * MEBI, 40 * MEBI, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
    CHECK(mremap(part, 16 * MEBI, 20 * MEBI, MREMAP_MAYMOVE) != MAP_FAILED);
    long end = syscall(SYS_brk, 0);
    CHECK(syscall(SYS_brk, end + 20 * MEBI) == end);
    CHECK(syscall(SYS_brk, end + MEBI) == end + MEBI);
    CHECK(set(RLIMIT_AS, -1) == 0 && map(40 * MEBI, READ_WRITE, 0) != MAP_FAILED);
}

static void private_data(void) {
    CHECK(set(RLIMIT_DATA, 16 * MEBI) == 0);
    CHECK(map(20 * MEBI, READ_WRITE, 0) == MAP_FAILED && errno == ENOMEM);
    char *constant = map(20 * MEBI, PROT_READ, 0);
    CHECK(constant != MAP_FAILED);
    FAILS(mprotect(constant, 20 * MEBI, READ_WRITE), ENOMEM);
    CHECK(mprotect(constant, MEBI, READ_WRITE) == 0);
    CHECK(mmap(0, 20 * MEBI, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    long end = syscall(SYS_brk, 0);
    CHECK(syscall(SYS_brk, end + 16 * MEBI) == end);
    CHECK(syscall(SYS_brk, end + 2 * MEBI) == end + 2 * MEBI);
}

// What lies before a hole is changed, as far as the calls get
static void holes(void) {
    char *memory = map(5 * PAGE, READ_WRITE, 0);
    int status;
    CHECK(memory != MAP_FAILED && munmap(memory + 2 * PAGE, PAGE) == 0);
    FAILS(mprotect(memory + PAGE, 3 * PAGE, PROT_READ), ENOMEM);
    for (int page = 0; page < 5; page++) {
        pid_t child = page == 2 ? -1 : fork();
        if (!child) {
            memory[page * PAGE] = 1;
            _exit(0);
        }
        CHECK(page == 2 || (waitpid(child, &status, 0) == child && !WIFEXITED(status) == (page == 1)));
    }
    FAILS(mlock(memory, 5 * PAGE), ENOMEM);
    FAILS(madvise(memory, PAGE, MADV_DONTNEED), EINVAL);
    CHECK(madvise(memory + 3 * PAGE, PAGE, MADV_DONTNEED) == 0);
    FAILS(munlock(memory, 5 * PAGE), ENOMEM);
    CHECK(madvise(memory, PAGE, MADV_DONTNEED) == 0 && munmap(memory, 5 * PAGE) == 0);
}

// A locked stack grows no further than what may be locked
static void locked_stack(void) {
    CHECK(mlockall(MCL_CURRENT) == 0 && set(RLIMIT_MEMLOCK, 4 * PAGE) == 0);
    int status;
    pid_t child = fork();  // whose memory is not locked
    if (!child) {
        volatile char *deep = __builtin_alloca(60 * PAGE);
        for (int page = 59; page >= 0; page--)
            deep[page * PAGE] = 1;
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    child = fork();
    if (!child) {
        if (mlockall(MCL_CURRENT) || become(USER))
            _exit(1);
        volatile char *deep = __builtin_alloca(60 * PAGE);
        for (int page = 59; page >= 0; page--)
            deep[page * PAGE] = 1;
        _exit(2);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    CHECK(munlockall() == 0);
}

// Signals that are queued are counted for all processes of a user
static void pending(void) {
    union sigval value = {0};
    sigset_t blocked;
    int ends[2], status;
    char byte;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGRTMIN);
    CHECK(sigprocmask(SIG_BLOCK, &blocked, 0) == 0 && pipe(ends) == 0);
    CHECK(set(RLIMIT_SIGPENDING, 8) == 0 && become(USER) == 0);
    pid_t child = fork();
    if (!child) {
        int queued = 0;
        while (sigqueue(getpid(), SIGRTMIN, value) == 0)
            queued++;
        byte = queued == 8 && errno == EAGAIN;
        write(ends[1], &byte, 1);
        pause();
        _exit(0);
    }
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 1);
    FAILS(sigqueue(getpid(), SIGRTMIN, value), EAGAIN);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
    CHECK(sigqueue(getpid(), SIGRTMIN, value) == 0);
}

static void locked(void) {
    CHECK(set(RLIMIT_MEMLOCK, 4 * PAGE) == 0);
    char *memory = map(16 * PAGE, READ_WRITE, 0);
    CHECK(mlock(memory, 8 * PAGE) == 0 && munlockall() == 0);  // it may lock all
    CHECK(become(USER) == 0);
    FAILS(mlock(memory, 5 * PAGE), ENOMEM);
    CHECK(mlock(memory, 3 * PAGE) == 0 && mlock(memory, 4 * PAGE) == 0);
    FAILS(mlock(memory + 4 * PAGE, PAGE), ENOMEM);
    CHECK(map(PAGE, READ_WRITE, MAP_LOCKED) == MAP_FAILED && errno == EAGAIN);
    FAILS(mlockall(MCL_CURRENT), ENOMEM);
    CHECK(munlock(memory, 2 * PAGE) == 0);
    CHECK(map(PAGE, READ_WRITE, MAP_LOCKED) != MAP_FAILED);
    CHECK(mremap(memory + 2 * PAGE, PAGE, 3 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EAGAIN);
    CHECK(set(RLIMIT_MEMLOCK, 0) == 0);
    FAILS(mlock(memory, PAGE), EPERM);
    FAILS(mlockall(MCL_FUTURE), EPERM);
    CHECK(map(PAGE, READ_WRITE, MAP_LOCKED) == MAP_FAILED);
    CHECK(munlockall() == 0);
}

static volatile int signals;
static void count(int number) { signals++; }

static void file_sizes(void) {
    char buffer[100];
    int file = open("/tmp-size", O_CREAT | O_RDWR | O_TRUNC, 0644), ends[2];
    CHECK(file >= 0 && unlink("/tmp-size") == 0);
    signal(SIGXFSZ, count);
    CHECK(set(RLIMIT_FSIZE, 150) == 0);
    CHECK(write(file, buffer, 100) == 100);
    CHECK(write(file, buffer, 100) == 50 && signals == 0);
    FAILS(write(file, buffer, 1), EFBIG);
    CHECK(signals == 1);
    FAILS(pwrite(file, buffer, 1, 200), EFBIG);
    CHECK(signals == 2 && write(file, buffer, 0) == 0 && signals == 2);
    CHECK(pwrite(file, buffer, 100, 10) == 100);
    FAILS(ftruncate(file, 151), EFBIG);
    CHECK(signals == 3 && ftruncate(file, 150) == 0 && lseek(file, 0, SEEK_END) == 150);
    FAILS(fallocate(file, 0, 100, 51), EFBIG);
    CHECK(signals == 4 && fallocate(file, 0, 100, 50) == 0 && signals == 4);
    CHECK(ftruncate(file, 20) == 0 && signals == 4);
    CHECK(pipe(ends) == 0);
    for (int i = 0; i < 5; i++)
        CHECK(write(ends[1], buffer, 100) == 100);
    signal(SIGXFSZ, SIG_DFL);
    pid_t child = fork();
    if (!child)
        _exit(pwrite(file, buffer, 1, 150));
    int status;
    CHECK(waitpid(child, &status, 0) == child && (status & 0x7F) == SIGXFSZ);
    CHECK(set(RLIMIT_FSIZE, -1) == 0 && pwrite(file, buffer, 100, 1000) == 100);
}

static void numbers(void) {
    CHECK(set(RLIMIT_NOFILE, 5) == 0);
    CHECK(dup(0) == 3 && dup(0) == 4);
    FAILS(dup(0), EMFILE);
    FAILS(dup2(0, 5), EBADF);
    CHECK(dup2(0, 4) == 4);
}

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
static char stack[8192] __attribute__((aligned(16)));

static int wait_thread(void *argument) {
    for (;;)
        syscall(SYS_pause);
}

static void threads(void) {
    CHECK(set(RLIMIT_NPROC, 3) == 0);
    for (int i = 0; i < 5; i++) {
        pid_t child = fork();  // root may have as many as it likes
        if (!child)
            _exit(0);
        CHECK(child > 0);
    }
    while (wait(0) > 0)
        ;
    CHECK(become(USER) == 0);
    pid_t children[2];
    children[0] = fork();
    if (!children[0])
        for (;;)
            pause();
    CHECK(clone(wait_thread, stack + sizeof stack, THREAD, 0) > 0);
    FAILS(fork(), EAGAIN);
    FAILS(clone(wait_thread, stack + sizeof stack, THREAD, 0), EAGAIN);
    kill(children[0], SIGKILL);
    CHECK(waitpid(children[0], 0, 0) == children[0]);
    children[1] = fork();
    if (!children[1])
        _exit(0);
    CHECK(children[1] > 0 && waitpid(children[1], 0, 0) == children[1]);
}

// Who is one too many runs no other program, until there are less.
static void programs(void) {
    char *none[] = {"", 0};
    int ends[2];
    char byte;
    CHECK(pipe(ends) == 0);
    pid_t others[2];
    for (int i = 0; i < 2; i++) {
        others[i] = fork();
        if (!others[i]) {
            become(USER + 1);
            write(ends[1], "", 1);
            for (;;)
                pause();
        }
        CHECK(read(ends[0], &byte, 1) == 1);
    }
    CHECK(set(RLIMIT_NPROC, 1) == 0);
    pid_t child = fork();
    if (!child) {
        step = 0;
        CHECK(become(USER + 1) == 0);
        FAILS(execve("/", none, none), EAGAIN);
        for (int i = 0; i < 2; i++) {
            kill(others[i], SIGKILL);
            while (kill(others[i], 0) == 0)
                sched_yield();
        }
        FAILS(execve("/", none, none), EACCES);
        _exit(0);
    }
    int status;
    for (int i = 0; i < 2; i++)
        CHECK(waitpid(others[i], 0, 0) == others[i]);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

// All that can makes more of itself: there are never more than the limit says.
static void bomb(void) {
    CHECK(set(RLIMIT_NPROC, 15) == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    pid_t root = getpid();
    pid_t first = fork();
    if (!first) {
        setpgid(0, 0);
        become(USER + 2);
        for (;;)
            if (fork() < 0 && errno != EAGAIN)
                kill(root, SIGTERM);  // which it may not
    }
    setpgid(first, first);
    for (int i = 0; i < 30; i++) {
        pid_t child = fork();  // others are not concerned
        if (!child)
            _exit(0);
        CHECK(child > 0 && waitpid(child, 0, 0) == child);
    }
    do
        kill(-first, SIGKILL);
    while (wait(0) > 0);
    CHECK(errno == ECHILD);
    FAILS(kill(-first, 0), ESRCH);
}

int main(void) {
    in_child(addresses);
    in_child(private_data);
    in_child(holes);
    in_child(pending);
    in_child(locked);
    in_child(locked_stack);
    in_child(file_sizes);
    in_child(numbers);
    in_child(threads);
    in_child(programs);
    in_child(bomb);
    return 0;
}
