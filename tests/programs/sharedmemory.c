// Shared memory of System V: where segments are attached, who counts them, when they go.
#include "check.h"
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define KEY 0x5e3a0003
#define PAGE 4096UL
#define LOCKED_MODE 02000
#define REMOVED_MODE 01000

static char *program;

static struct shmid_ds status_of(int segment) {
    struct shmid_ds status;
    memset(&status, 0xff, sizeof status);
    CHECK(shmctl(segment, IPC_STAT, &status) == 0);
    return status;
}

static int attachments(int segment) { return status_of(segment).shm_nattch; }

static int reap(pid_t child) {
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void ids(void) {
    int segment = shmget(KEY, 5000, IPC_CREAT | IPC_EXCL | 0640);
    CHECK(segment >= 0 && shmget(KEY, 0, 0) == segment && shmget(KEY, 5000, IPC_CREAT) == segment);
    FAILS(shmget(KEY, 5001, 0), EINVAL);
    FAILS(shmget(KEY, 5000, IPC_CREAT | IPC_EXCL), EEXIST);
    FAILS(shmget(KEY + 1, 5000, 0), ENOENT);
    FAILS(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
    FAILS(shmget(IPC_PRIVATE, -1UL, 0600), EINVAL);
    struct shmid_ds status = status_of(segment);
    CHECK(status.shm_segsz == 5000 && status.shm_nattch == 0 && status.shm_cpid == getpid());
    CHECK(!status.shm_atime && !status.shm_dtime && !status.shm_lpid);
    CHECK(labs(status.shm_ctime - time(0)) < 1000 && (status.shm_perm.mode & 0777) == 0640);
    FAILS(shmctl(segment, 99, &status), EINVAL);
    FAILS(shmctl(-1, IPC_STAT, &status), EINVAL);
    FAILS(shmctl(segment, IPC_STAT, (void *)8), EFAULT);
    CHECK(shmctl(segment, IPC_RMID, 0) == 0);
    FAILS(shmctl(segment, IPC_STAT, &status), EINVAL);
    CHECK(shmat(segment, 0, 0) == (void *)-1 && errno == EINVAL);
}

static void attaching(void) {
    int segment = shmget(IPC_PRIVATE, 2 * PAGE + 1, 0600);
    CHECK(segment >= 0);
    char *one = shmat(segment, 0, 0), *two = shmat(segment, 0, SHM_RDONLY);
    CHECK(one != (void *)-1 && two != (void *)-1 && one != two && attachments(segment) == 2);
    CHECK(!((long)one % PAGE) && !one[0] && !one[3 * PAGE - 1]);
    one[0] = 'a';
    one[2 * PAGE + 5] = 'z';
    CHECK(two[0] == 'a' && two[2 * PAGE + 5] == 'z');
    CHECK(mprotect(two, PAGE, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
    struct shmid_ds status = status_of(segment);
    CHECK(status.shm_lpid == getpid() && status.shm_atime > 1000000000 && !status.shm_dtime);
    CHECK(shmdt(two) == 0 && attachments(segment) == 1 && status_of(segment).shm_dtime > 0);
    FAILS(shmdt(two), EINVAL);
    FAILS(shmdt(one + 1), EINVAL);
    FAILS(shmdt(one + PAGE), EINVAL);
    // Where it is asked for
    CHECK(shmat(segment, one, 0) == (void *)-1 && errno == EINVAL);
    CHECK(shmat(segment, two + 9, 0) == (void *)-1 && errno == EINVAL);
    CHECK(shmat(segment, two + 9, SHM_RND) == two && two[0] == 'a' && attachments(segment) == 2);
    CHECK(shmat(segment, 0, SHM_REMAP) == (void *)-1 && errno == EINVAL);
    CHECK(shmat(segment, two, SHM_REMAP) == two && attachments(segment) == 2);
    char *other = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(other != MAP_FAILED && shmat(segment, other, 0) == (void *)-1 && errno == EINVAL);
    CHECK(shmat(segment, other, SHM_REMAP) == other && other[0] == 'a' && shmdt(other) == 0);
    // Parts of it
    CHECK(munmap(two + PAGE, PAGE) == 0 && attachments(segment) == 3);
    CHECK(two[2 * PAGE + 5] == 'z' && shmdt(two) == 0 && attachments(segment) == 1);
    CHECK(madvise(two, PAGE, MADV_NORMAL) == -1 && madvise(two + 2 * PAGE, PAGE, MADV_NORMAL) == -1);
    CHECK(shmat(segment, two, 0) == two && munmap(two, PAGE) == 0 && attachments(segment) == 2);
    CHECK(shmdt(two) == 0 && attachments(segment) == 1);
    CHECK(shmdt(one) == 0 && attachments(segment) == 0 && shmctl(segment, IPC_RMID, 0) == 0);
    // Code in it
    segment = shmget(IPC_PRIVATE, PAGE, 0700);
    unsigned char *code = shmat(segment, 0, SHM_EXEC);
    CHECK(code != (void *)-1);
    memcpy(code, "\xb8\x2a\0\0\0\xc3", 6);
    CHECK(((int (*)(void))code)() == 42 && shmctl(segment, IPC_RMID, 0) == 0 && shmdt(code) == 0);
    FAILS(shmctl(segment, IPC_RMID, 0), EINVAL);
}

static void counting(void) {
    int segment = shmget(KEY, PAGE, IPC_CREAT | 0600);
    CHECK(segment >= 0);
    volatile char *memory = shmat(segment, 0, 0);
    CHECK(memory != (void *)-1);
    pid_t child = fork();
    if (!child) {
        memory[0] = attachments(segment);
        while (memory[1] != 1)
            sched_yield();
        if (shmdt((void *)memory) || attachments(segment) != 1)
            _exit(1);
        if (shmat(segment, 0, 0) == (void *)-1 || shmat(segment, 0, 0) == (void *)-1)
            _exit(2);
        _exit(attachments(segment) == 3 ? 0 : 3);
    }
    while (!memory[0])
        sched_yield();
    CHECK(memory[0] == 2);
    memory[1] = 1;
    CHECK(reap(child) == 0 && attachments(segment) == 1 && status_of(segment).shm_lpid == child);
    // Another program has nothing attached
    if (!(child = fork())) {
        char *arguments[] = {"sharedmemory", "nothing", 0};
        execv(program, arguments);
        _exit(9);
    }
    CHECK(reap(child) == 0 && attachments(segment) == 1);
    // A removed one goes with the last that has it, and is found by no key
    CHECK(shmctl(segment, IPC_RMID, 0) == 0 && (status_of(segment).shm_perm.mode & REMOVED_MODE));
    FAILS(shmget(KEY, PAGE, 0), ENOENT);
    int other = shmget(KEY, PAGE, IPC_CREAT | 0600);
    CHECK(other >= 0 && other != segment && shmctl(other, IPC_RMID, 0) == 0);
    volatile char *again = shmat(segment, 0, 0);
    CHECK(again != (void *)-1 && again[1] == 1 && shmdt((void *)again) == 0);
    CHECK(memory[1] == 1 && shmdt((void *)memory) == 0);
    FAILS(shmctl(segment, IPC_STAT, &(struct shmid_ds){0}), EINVAL);
    segment = shmget(IPC_PRIVATE, PAGE, 0600);
    if (!(child = fork())) {
        if (shmat(segment, 0, 0) == (void *)-1 || shmctl(segment, IPC_RMID, 0))
            _exit(1);
        _exit(0);
    }
    CHECK(reap(child) == 0);
    FAILS(shmctl(segment, IPC_STAT, &(struct shmid_ds){0}), EINVAL);
}

static void information(void) {
    struct shminfo limits;
    struct shm_info uses;
    int segment = shmget(IPC_PRIVATE, 10 * PAGE, 0600);
    char *memory = shmat(segment, 0, 0);
    CHECK(memory != (void *)-1);
    memory[0] = memory[5 * PAGE] = 1;
    CHECK(shmctl(0, IPC_INFO, (void *)&limits) >= 0 && limits.shmmin == 1 && limits.shmmni == 4096);
    CHECK(limits.shmmax == -1UL - (1 << 24) && limits.shmseg == 4096);
    int last = shmctl(0, SHM_INFO, (void *)&uses), found = 0;
    CHECK(last >= 0 && uses.used_ids >= 1 && uses.shm_tot >= 10 && uses.shm_rss >= 2);
    for (int index = 0; index <= last; index++) {
        struct shmid_ds status;
        found += shmctl(index, SHM_STAT, &status) == segment && status.shm_segsz == 10 * PAGE;
    }
    CHECK(found == 1);
    FAILS(shmctl(32767, SHM_STAT, &(struct shmid_ds){0}), EINVAL);
    CHECK(shmctl(segment, SHM_LOCK, 0) == 0 && (status_of(segment).shm_perm.mode & LOCKED_MODE));
    CHECK(shmctl(segment, SHM_UNLOCK, 0) == 0 && !(status_of(segment).shm_perm.mode & LOCKED_MODE));
    struct shmid_ds status = status_of(segment);
    status.shm_perm.mode = 0606;
    CHECK(shmctl(segment, IPC_SET, &status) == 0 && (status_of(segment).shm_perm.mode & 0777) == 0606);
    if (geteuid() == 0) {
        pid_t child = fork();
        if (!child) {
            struct rlimit none = {0, 0};
            if (setresgid(7, 7, 7) || setresuid(1000, 1000, 1000) || setrlimit(RLIMIT_MEMLOCK, &none))
                _exit(1);
            if (shmat(segment, 0, 0) == (void *)-1 || shmctl(segment, IPC_SET, &status) != -1)
                _exit(2);
            if (errno != EPERM || shmctl(segment, SHM_LOCK, 0) != -1 || errno != EPERM)
                _exit(3);
            if (shmctl(segment, IPC_RMID, 0) != -1 || errno != EPERM)
                _exit(4);
            segment = shmget(IPC_PRIVATE, PAGE, 0400);
            if (segment < 0 || shmat(segment, 0, 0) != (void *)-1 || errno != EACCES)
                _exit(5);
            if (shmat(segment, 0, SHM_RDONLY) == (void *)-1 || shmctl(segment, SHM_LOCK, 0) != -1)
                _exit(6);
            if (errno != EPERM || shmat(segment, 0, SHM_RDONLY | SHM_EXEC) != (void *)-1)
                _exit(7);
            _exit(errno == EACCES && shmctl(segment, IPC_RMID, 0) == 0 ? 0 : 8);
        }
        CHECK(reap(child) == 0);
    }
    CHECK(shmdt(memory) == 0 && shmctl(segment, IPC_RMID, 0) == 0);
}

int main(int count, char **arguments) {
    if (count > 1)
        return 0;
    program = arguments[0];
    ids();
    attaching();
    counting();
    information();
    return 0;
}
