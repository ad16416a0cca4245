// Sets of semaphores: what calls do and refuse, who waits, what is undone.
#include "check.h"
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define KEY 0x5e3a0001

union argument {
    int value;
    struct semid_ds *status;
    unsigned short *values;
    struct seminfo *information;
};

static int control(int set, int number, int command, union argument argument) {
    return syscall(SYS_semctl, set, number, command, argument);
}

static int value_of(int set, int number) {
    return control(set, number, GETVAL, (union argument){0});
}

static int give(int set, int number, int value) {
    return control(set, number, SETVAL, (union argument){.value = value});
}

static int one(int set, int number, int change, int flags) {
    struct sembuf operation = {number, change, flags};
    return semop(set, &operation, 1);
}

static void await(int set, int number, int command, int count) {
    while (control(set, number, command, (union argument){0}) != count)
        sched_yield();
}

static int reap(pid_t child) {
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void ids(void) {
    int set = semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0600);
    CHECK(set >= 0);
    CHECK(semget(KEY, 3, 0) == set && semget(KEY, 0, 0) == set && semget(KEY, 2, IPC_CREAT) == set);
    FAILS(semget(KEY, 4, 0), EINVAL);
    FAILS(semget(KEY, 3, IPC_CREAT | IPC_EXCL), EEXIST);
    FAILS(semget(KEY + 1, 3, 0), ENOENT);
    FAILS(semget(KEY + 1, 0, IPC_CREAT), EINVAL);
    FAILS(semget(IPC_PRIVATE, 0, 0600), EINVAL);
    FAILS(semget(IPC_PRIVATE, 32001, 0600), EINVAL);
    FAILS(semget(IPC_PRIVATE, -1, 0600), EINVAL);
    int other = semget(IPC_PRIVATE, 1, 0600);
    CHECK(other >= 0 && other != set);
    CHECK(control(set, 0, IPC_RMID, (union argument){0}) == 0);
    FAILS(control(set, 0, IPC_RMID, (union argument){0}), EINVAL);
    int next = semget(KEY, 1, IPC_CREAT | 0600);
    CHECK(next >= 0 && next != set && value_of(set, 0) == -1 && errno == EINVAL);
    CHECK(semctl(next, 0, IPC_RMID) == 0 && semctl(other, 0, IPC_RMID) == 0);
    FAILS(semctl(-1, 0, IPC_RMID), EINVAL);
    FAILS(one(-1, 0, 1, 0), EINVAL);
}

static void values(void) {
    int set = semget(IPC_PRIVATE, 3, 0640);
    unsigned short all[3] = {7, 8, 9};
    struct semid_ds status;
    CHECK(set >= 0);
    memset(&status, 0xff, sizeof status);
    CHECK(semctl(set, 0, IPC_STAT, (union argument){.status = &status}) == 0);
    CHECK(status.sem_nsems == 3 && (status.sem_perm.mode & 0777) == 0640 && !status.sem_otime);
    CHECK(status.sem_perm.uid == geteuid() && status.sem_perm.cgid == getegid());
    CHECK(status.sem_ctime > 1000000000 && labs(status.sem_ctime - time(0)) < 1000);
    CHECK(control(set, 0, SETALL, (union argument){.values = all}) == 0);
    memset(all, 0, sizeof all);
    CHECK(control(set, 0, GETALL, (union argument){.values = all}) == 0);
    CHECK(all[0] == 7 && all[1] == 8 && all[2] == 9);
    all[1] = 32768;
    FAILS(control(set, 0, SETALL, (union argument){.values = all}), ERANGE);
    FAILS(control(set, 0, SETALL, (union argument){.values = (void *)8}), EFAULT);
    FAILS(control(set, 0, GETALL, (union argument){.values = (void *)8}), EFAULT);
    CHECK(value_of(set, 0) == 7 && value_of(set, 1) == 8);
    FAILS(give(set, 0, 32768), ERANGE);
    FAILS(give(set, 0, -1), ERANGE);
    FAILS(give(set, 3, 1), EINVAL);
    FAILS(value_of(set, 3), EINVAL);
    FAILS(value_of(set, -1), EINVAL);
    FAILS(control(set, 0, 99, (union argument){0}), EINVAL);
    CHECK(give(set, 2, 5) == 0 && value_of(set, 2) == 5);
    CHECK(semctl(set, 2, GETPID) == getpid());
    CHECK(one(set, 2, -2, 0) == 0 && value_of(set, 2) == 3);
    CHECK(semctl(set, 0, IPC_STAT, (union argument){.status = &status}) == 0);
    CHECK(status.sem_otime >= status.sem_ctime && status.sem_otime > 1000000000);
    FAILS(one(set, 3, 1, 0), EFBIG);
    FAILS(one(set, 0, 32767, 0), ERANGE);
    FAILS(one(set, 2, -4, IPC_NOWAIT), EAGAIN);
    FAILS(one(set, 2, 0, IPC_NOWAIT), EAGAIN);
    FAILS(semop(set, (void *)8, 1), EFAULT);
    FAILS(semop(set, 0, 0), EINVAL);
    FAILS(semop(set, 0, 501), E2BIG);
    // All at once or not at all, in their order
    struct sembuf several[] = {{0, -7, 0}, {0, 0, IPC_NOWAIT}, {1, -3, 0}, {2, -9, IPC_NOWAIT}};
    FAILS(semop(set, several, 4), EAGAIN);
    CHECK(value_of(set, 0) == 7 && value_of(set, 1) == 8 && value_of(set, 2) == 3);
    several[3].sem_op = -3;
    CHECK(semop(set, several, 4) == 0);
    CHECK(value_of(set, 0) == 0 && value_of(set, 1) == 5 && value_of(set, 2) == 0);
    struct sembuf many[500];
    for (int i = 0; i < 500; i++)
        many[i] = (struct sembuf){i % 3, 1, 0};
    CHECK(semop(set, many, 500) == 0 && value_of(set, 0) == 167 && value_of(set, 1) == 172);
    CHECK(semctl(set, 0, IPC_RMID) == 0);
}

static void information(void) {
    struct seminfo information;
    int set = semget(IPC_PRIVATE, 5, 0);
    CHECK(set >= 0);
    CHECK(control(0, 0, IPC_INFO, (union argument){.information = &information}) >= 0);
    CHECK(information.semmsl == 32000 && information.semopm == 500 && information.semvmx == 32767);
    CHECK(information.semmni == 32000 && information.semusz == 20);
    int last = control(0, 0, SEM_INFO, (union argument){.information = &information});
    CHECK(last >= 0 && information.semusz >= 1 && information.semaem >= 5);
    int found = 0;
    for (int index = 0; index <= last; index++) {
        struct semid_ds status;
        int id = control(index, 0, SEM_STAT, (union argument){.status = &status});
        if (id == set)
            found += status.sem_nsems == 5;
    }
    CHECK(found == 1);
    FAILS(control(32767, 0, SEM_STAT, (union argument){0}), EINVAL);
    CHECK(semctl(set, 0, IPC_RMID) == 0);
}

static void waiting(void) {
    int set = semget(IPC_PRIVATE, 2, 0600);
    CHECK(set >= 0);
    pid_t child = fork();
    if (!child)
        _exit(one(set, 0, -2, 0) ? 1 : 0);
    await(set, 0, GETNCNT, 1);
    CHECK(semctl(set, 0, GETZCNT) == 0 && semctl(set, 1, GETNCNT) == 0);
    CHECK(one(set, 0, 1, 0) == 0 && value_of(set, 0) == 1);
    CHECK(one(set, 0, 1, 0) == 0 && reap(child) == 0 && value_of(set, 0) == 0);
    CHECK(semctl(set, 0, GETPID) == child);
    // For a 0
    CHECK(give(set, 1, 1) == 0);
    if (!(child = fork()))
        _exit(one(set, 1, 0, 0) ? 1 : 0);
    await(set, 1, GETZCNT, 1);
    CHECK(give(set, 1, 0) == 0 && reap(child) == 0);
    // One after the other, as they came
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
        if (!(children[i] = fork())) {
            struct sembuf both[] = {{0, -1, 0}, {1, 1, 0}};
            _exit(semop(set, both, 2) ? 1 : 0);
        }
        await(set, 0, GETNCNT, i + 1);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(one(set, 0, 1, 0) == 0 && reap(children[i]) == 0 && value_of(set, 1) == i + 1);
        CHECK(semctl(set, 0, GETNCNT) == 3 - i);
    }
    // Who waits for more does not stop others that can go on
    CHECK(give(set, 0, 0) == 0 && give(set, 1, 0) == 0);
    if (!(children[0] = fork()))
        _exit(one(set, 0, -3, 0) ? 1 : 0);
    await(set, 0, GETNCNT, 1);
    if (!(children[1] = fork()))
        _exit(one(set, 0, -1, 0) ? 1 : 0);
    await(set, 0, GETNCNT, 2);
    CHECK(one(set, 0, 1, 0) == 0 && reap(children[1]) == 0 && value_of(set, 0) == 0);
    CHECK(one(set, 0, 3, 0) == 0 && reap(children[0]) == 0);
    // The set goes
    if (!(child = fork()))
        _exit(one(set, 0, -1, 0) == -1 && errno == EIDRM ? 0 : 1);
    await(set, 0, GETNCNT, 1);
    CHECK(semctl(set, 0, IPC_RMID) == 0 && reap(child) == 0);
}

static void nothing(int signal) { (void)signal; }

static void interruptions(void) {
    int set = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf down = {0, -1, 0};
    CHECK(set >= 0);
    struct timespec soon = {0, 1000000};
    FAILS(semtimedop(set, &down, 1, &soon), EAGAIN);
    soon.tv_nsec = 1000000000;
    FAILS(semtimedop(set, &down, 1, &soon), EINVAL);
    FAILS(syscall(SYS_semtimedop, set, &down, 1, (void *)8), EFAULT);
    CHECK(semctl(set, 0, GETNCNT) == 0);
    pid_t child = fork();
    if (!child) {
        signal(SIGUSR1, nothing);  // with SA_RESTART
        _exit(one(set, 0, -1, 0) == -1 && errno == EINTR ? 0 : 1);
    }
    await(set, 0, GETNCNT, 1);
    CHECK(kill(child, SIGUSR1) == 0 && reap(child) == 0 && semctl(set, 0, GETNCNT) == 0);
    if (!(child = fork()))
        _exit(one(set, 0, -1, 0) ? 1 : 0);
    await(set, 0, GETNCNT, 1);
    int status;
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    CHECK(semctl(set, 0, GETNCNT) == 0 && semctl(set, 0, IPC_RMID) == 0);
}

static int thread(void *set) {
    one(*(int *)set, 0, 1, SEM_UNDO);
    syscall(SYS_exit, 0);
    return 0;
}

static void undo(void) {
    static char stack[8192] __attribute__((aligned(16)));
    int set = semget(IPC_PRIVATE, 2, 0600);
    CHECK(set >= 0 && give(set, 0, 5) == 0);
    pid_t child = fork();
    if (!child) {
        if (one(set, 0, -3, SEM_UNDO) || one(set, 1, 4, SEM_UNDO) || one(set, 0, 1, 0))
            _exit(1);
        _exit(value_of(set, 0) == 3 && value_of(set, 1) == 4 ? 0 : 2);
    }
    CHECK(reap(child) == 0 && value_of(set, 0) == 6 && value_of(set, 1) == 0);
    CHECK(semctl(set, 0, GETPID) == child);
    // Who waits goes on when it is undone
    if (!(child = fork())) {
        if (one(set, 0, -6, SEM_UNDO))
            _exit(1);
        one(set, 1, 1, 0);
        pause();
        _exit(0);
    }
    CHECK(one(set, 1, -1, 0) == 0 && value_of(set, 0) == 0);
    pid_t waiter = fork();
    if (!waiter)
        _exit(one(set, 0, -6, 0) ? 1 : 0);
    await(set, 0, GETNCNT, 1);
    CHECK(kill(child, SIGKILL) == 0 && reap(child) == -1 && reap(waiter) == 0);
    // Setting a value forgets what was to be undone; values stay in their range
    CHECK(give(set, 0, 5) == 0);
    if (!(child = fork())) {
        if (one(set, 0, -3, SEM_UNDO) || give(set, 0, 9) || one(set, 1, 2, SEM_UNDO))
            _exit(1);
        _exit(one(set, 1, -1, 0) ? 2 : 0);
    }
    CHECK(reap(child) == 0 && value_of(set, 0) == 9 && value_of(set, 1) == 0);
    // It goes with the process that shares the list last
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
    if (!(child = fork())) {
        give(set, 0, 0);
        if (clone(thread, stack + sizeof stack, flags | CLONE_SYSVSEM, &set) < 0)
            _exit(1);
        while (value_of(set, 0) != 1)
            sched_yield();
        for (int i = 0; i < 100; i++)
            sched_yield();
        _exit(value_of(set, 0) == 1 ? 0 : 2);
    }
    CHECK(reap(child) == 0 && value_of(set, 0) == 0);
    if (!(child = fork())) {
        give(set, 0, 0);
        if (clone(thread, stack + sizeof stack, flags, &set) < 0)
            _exit(1);
        while (semctl(set, 0, GETPID) != getpid() || value_of(set, 0) != 0)
            sched_yield();
        _exit(0);
    }
    CHECK(reap(child) == 0);
    // Too much to undo
    CHECK(give(set, 0, 0) == 0 && one(set, 0, 32767, SEM_UNDO) == 0 && give(set, 1, 0) == 0);
    CHECK(one(set, 0, -32767, 0) == 0);
    struct sembuf rest[] = {{1, 1, 0}, {0, 2, SEM_UNDO}};
    FAILS(semop(set, rest, 2), ERANGE);
    CHECK(value_of(set, 1) == 0);
    // A set that goes takes it along
    CHECK(semctl(set, 0, IPC_RMID) == 0);
}

static void permissions(void) {
    int set = semget(KEY, 2, IPC_CREAT | 0604);
    CHECK(set >= 0);
    if (geteuid() == 0) {
        pid_t child = fork();
        if (!child) {
            struct semid_ds status;
            if (setresgid(7, 7, 7) || setresuid(1000, 1000, 1000))
                _exit(1);
            if (semget(KEY, 2, 0400) != set || semget(KEY, 2, 0600) != -1 || errno != EACCES)
                _exit(2);
            if (value_of(set, 0) != 0 || one(set, 0, 0, 0) || one(set, 0, 1, 0) != -1 || errno != EACCES)
                _exit(3);
            if (give(set, 0, 1) != -1 || errno != EACCES)
                _exit(4);
            if (semctl(set, 0, IPC_RMID) != -1 || errno != EPERM)
                _exit(5);
            if (semctl(set, 0, IPC_STAT, (union argument){.status = &status}))
                _exit(6);
            if (semctl(set, 0, IPC_SET, (union argument){.status = &status}) != -1 || errno != EPERM)
                _exit(7);
            _exit(0);
        }
        CHECK(reap(child) == 0);
    }
    struct semid_ds status;
    CHECK(semctl(set, 0, IPC_STAT, (union argument){.status = &status}) == 0);
    status.sem_perm.mode = 0666;
    CHECK(semctl(set, 0, IPC_SET, (union argument){.status = &status}) == 0);
    CHECK(semctl(set, 0, IPC_STAT, (union argument){.status = &status}) == 0);
    CHECK((status.sem_perm.mode & 0777) == 0666);
    status.sem_perm.uid = -1;
    FAILS(semctl(set, 0, IPC_SET, (union argument){.status = &status}), EINVAL);
    CHECK(semctl(set, 0, IPC_RMID) == 0);
}

int main(void) {
    ids();
    values();
    information();
    waiting();
    interruptions();
    undo();
    permissions();
    return 0;
}
