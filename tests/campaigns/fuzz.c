// Calls system calls with arguments by chance, from several threads: each case is told by its seed.
#include "cases.h"
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <dirent.h>
#include <ftw.h>

// How a parameter is made up (kernel/entry/parameterkind.py), with the values that have names.
struct parameter {
    int form, size, count;
    const unsigned long *values;
};

struct call {
    int number, count;
    struct parameter parameters[6];
};

#include "calls.h"

#define LIMIT 20000000000LL  // nanoseconds for a case
#define PART 1000000000LL    // and for each of its processes
#define WORKERS 2
#define CALLS 1000           // of a case
#define MOST_PARTS 50        // a process may end at any call: then another one goes on
#define POKE (SIGRTMIN + 20)
#define PAGE 4096
#define ARENA (8 * PAGE)
#define MOST_MEMORY (96L << 20)
#define MOST_FILE (1L << 20)
#define FILES 12
#define KERNEL_TEXT 0xffffffff80100000
#define DIRECT_MAP 0xffff800000000000
#define NOT_CANONICAL 0x0000800000000000
#define USER_END 0x00007ffffffff000

static pid_t runner, supervisor;
static volatile unsigned *total;  // calls that were made in this case, by all of its processes
static char *arena, *constants, *edge;  // memory, some that can only be read, and the end of some
static volatile unsigned progress[WORKERS];
static volatile int tids[WORKERS], running;

static uint64_t next(uint64_t *state) {  // xorshift64*
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1d;
}

static unsigned below(uint64_t *state, unsigned end) { return (next(state) >> 32) % end; }

static const uint64_t edges[] = {
    0, 1, 2, 7, 8, 9, 15, 16, 63, 64, 65, 127, 128, 255, 256, 511, 512, 513, 1023, 1024, 1025,
    PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 65535, 65536, 1 << 20, INT_MAX, 1UL << 31, UINT_MAX,
    1UL << 32, LONG_MAX, 1UL << 63, -4096UL, -2UL, -1UL,
};

static uint64_t number(uint64_t *state) {
    uint64_t value = edges[below(state, sizeof edges / sizeof *edges)];
    switch (below(state, 8)) {
    case 0: return next(state);
    case 1: return value + 1;
    case 2: return value - 1;
    case 3: case 4: return below(state, 64);
    default: return value;
    }
}

static uint64_t address(uint64_t *state) {
    switch (below(state, 16)) {
    case 0: return 0;
    case 1: return (uint64_t)edge - below(state, 64);  // and nothing behind
    case 2: return (uint64_t)constants + below(state, PAGE);
    case 3: return KERNEL_TEXT + below(state, PAGE);
    case 4: return DIRECT_MAP + below(state, 1 << 20);
    case 5: return NOT_CANONICAL - below(state, 16);
    case 6: return USER_END - below(state, 16);
    case 7: return number(state);
    case 8: return (uint64_t)arena + below(state, ARENA);
    case 9: return (uint64_t)arena + PAGE * below(state, 8);
    default: return (uint64_t)arena + 8 * below(state, ARENA / 8);
    }
}

static const char *const names[] = {
    "a", "b", "c", "a/b", "a/b/c", ".", "..", "", "/", "/none", "a/", "./b", "../x", "link",
};

static uint64_t text(uint64_t *state) {
    static char long_name[2 * PAGE];
    switch (below(state, 16)) {
    case 0: return address(state);
    case 1: return (uint64_t)memset(long_name, 'n', below(state, sizeof long_name));
    case 2: edge[-1] = 'e'; return (uint64_t)edge - 1;  // without an end
    default: return (uint64_t)names[below(state, sizeof names / sizeof *names)];
    }
}

static uint64_t strings(uint64_t *state) {
    char **list = (char **)arena + below(state, ARENA / 16);
    for (unsigned i = 0, count = below(state, 6); i < 6; i++)
        list[i] = i < count ? (char *)text(state) : 0;
    return below(state, 8) ? (uint64_t)list : address(state);
}

static uint64_t named(uint64_t *state, const struct parameter *one, int flags) {
    uint64_t value = 0;
    if (!one->count || !below(state, 16))
        return number(state);
    for (unsigned i = 0, most = flags ? below(state, 5) : 1; i < most; i++)
        value |= one->values[below(state, one->count)];
    return below(state, 16) ? value : flags ? value ^ 1UL << below(state, 64) : value + 1;
}

// No process outside of the case is meant: neither the one that runs cases, nor all.
static uint64_t process(uint64_t *state) {
    const pid_t own = getpid();
    int value;
    switch (below(state, 10)) {
    case 0: value = 0; break;
    case 1: value = number(state); break;
    case 2: value = -own; break;
    case 3: value = own + below(state, 4); break;
    case 4: value = tids[below(state, WORKERS)]; break;
    default: value = own;
    }
    const int positive = value < 0 ? -value : value;
    return positive == runner || positive == supervisor || positive == 1 ? own : value;
}

static uint64_t signal_number(uint64_t *state) {
    const int value = below(state, 8) ? below(state, 66) : number(state);
    const int stops = value == SIGSTOP || value == SIGTSTP || value == SIGTTIN || value == SIGTTOU;
    return stops && below(state, 16) ? 0 : value;  // what stops has to be killed: that takes time
}

static uint64_t made(uint64_t *state, const struct parameter *one) {
    switch (one->form) {
    case FORM_FILE: return below(state, 8) ? below(state, FILES + 3) : number(state);
    case FORM_DIRECTORY: return below(state, 4) ? (uint64_t)AT_FDCWD : below(state, FILES + 3);
    case FORM_FLAGS: return named(state, one, 1);
    case FORM_VALUE: return named(state, one, 0);
    case FORM_SIGNAL: return signal_number(state);
    case FORM_TEXT: return text(state);
    case FORM_STRINGS: return strings(state);
    case FORM_PROCESS: return process(state);
    case FORM_USER: return below(state, 4) ? below(state, 2) * 1000 : number(state);
    case FORM_ADDRESS: case FORM_INPUT: case FORM_OUTPUT: case FORM_RECORD_IN:
    case FORM_RECORD_OUT: case FORM_SIGNAL_SET: return address(state);
    default: return number(state);
    }
}

// What would end everything is called such that it does not.
static void tame(long call, uint64_t *arguments, uint64_t *state) {
    if (call == SYS_reboot)
        arguments[2] = 0;  // Ctrl-Alt-Del, which nobody presses
    if ((call == SYS_waitid || call == SYS_wait4) && below(state, 8))
        arguments[call == SYS_wait4 ? 2 : 3] |= WNOHANG;
    if (call == SYS_rt_sigaction && arguments[0] == (uint64_t)POKE)
        arguments[0] = SIGUSR1;  // what wakes threads that wait
}

// A system call of which only this thread comes back: a new one, or a new process, exits at once.
static long invoke(long call, const uint64_t *arguments) {
    register long r10 __asm__("r10") = arguments[3];
    register long r8 __asm__("r8") = arguments[4];
    register long r9 __asm__("r9") = arguments[5];
    const long is_new = call == SYS_fork || call == SYS_vfork || call == SYS_clone ||
                        call == SYS_clone3;
    long result;
    __asm__ volatile(
        "syscall\n test %%rbx, %%rbx\n jz 1f\n test %%rax, %%rax\n jnz 1f\n"
        "xor %%edi, %%edi\n mov $60, %%eax\n syscall\n ud2\n 1:"
        : "=a"(result)
        : "a"(call), "D"(arguments[0]), "S"(arguments[1]), "d"(arguments[2]), "r"(r10), "r"(r8),
          "r"(r9), "b"(is_new)
        : "rcx", "r11", "memory");
    return result;
}

static void fill(uint64_t *state) {  // numbers and addresses, as structs have them
    uint64_t *word = (uint64_t *)arena + below(state, ARENA / 8 - 8);
    for (int i = 0; i < 8; i++)
        word[i] = below(state, 2) ? address(state) : number(state);
}

static void once(uint64_t *state) {
    const struct call *call = &calls[below(state, sizeof calls / sizeof *calls)];
    const int ends = call->number == SYS_exit || call->number == SYS_exit_group;
    uint64_t arguments[6];
    long wanted = call->number;
    if (ends && below(state, 64))
        return;
    for (int i = 0; i < 6; i++)
        arguments[i] = i < call->count ? made(state, &call->parameters[i]) : next(state);
    if (!below(state, 64))
        wanted = below(state, 2) ? below(state, 600) : number(state);
    tame(wanted, arguments, state);
    if (wanted == SYS_rt_sigreturn && below(state, 16))
        return;  // from no signal it hardly ever comes back
    invoke(wanted, arguments);
}

static uint64_t seed, part;

static void *work(void *place) {
    const long own = (long)place;
    const uint64_t stream = own + WORKERS * part + 1;
    uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15 + stream * 0xbf58476d1ce4e5b9;
    tids[own] = syscall(SYS_gettid);
    while (*total < CALLS) {
        if (!below(&state, 4))
            fill(&state);
        __atomic_fetch_add(total, 1, __ATOMIC_SEQ_CST);
        once(&state);
        progress[own]++;
    }
    running--;
    return 0;
}

static void wake(int signal) {}

static void limit(int resource, rlim_t most) {
    setrlimit(resource, &(struct rlimit){most, most});
}

static char *map(int pages, int rights) {
    return mmap(0, pages * PAGE, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void prepare(const char *name) {
    char folder[80];
    int ends[2];
    snprintf(folder, sizeof folder, "/tmp/%s", name);
    mkdir(folder, 0755);
    if (chdir(folder))
        _exit(100);
    limit(RLIMIT_AS, MOST_MEMORY);
    limit(RLIMIT_FSIZE, MOST_FILE);
    limit(RLIMIT_CORE, 0);
    arena = map(8, PROT_READ | PROT_WRITE);
    constants = map(1, PROT_READ);
    edge = map(2, PROT_READ | PROT_WRITE) + PAGE;
    munmap(edge, PAGE);
    for (int i = 0; i < FILES; i++)
        close(i);
    open("/dev/null", O_RDWR);
    open("/dev/zero", O_RDWR);
    open("a", O_RDWR | O_CREAT, 0644);
    open("b", O_RDWR | O_CREAT | O_APPEND, 0644);
    open(".", O_RDONLY | O_DIRECTORY);
    if (pipe2(ends, O_NONBLOCK) || pipe(ends))
        _exit(101);
    mkdir("c", 0755);
    open("c", O_PATH);
    for (int i = 1; i < NSIG; i++)
        if (i != SIGSEGV && i != SIGBUS && i != SIGILL && i != SIGFPE && i != SIGTRAP)
            sigaction(i, &(struct sigaction){.sa_handler = wake}, 0);
}

// Threads that wait for what never comes are woken.
static void watch(void) {
    const struct timespec pause = {0, 1000000};
    unsigned seen[WORKERS] = {0};
    while (running > 0) {
        nanosleep(&pause, 0);
        for (int i = 0; i < WORKERS; i++) {
            if (seen[i] == progress[i] && tids[i])
                syscall(SYS_tgkill, getpid(), tids[i], POKE);
            seen[i] = progress[i];
        }
    }
}

static void begin(const char *name) {
    pthread_t thread;
    setpgid(0, 0);
    prepare(name);
    running = WORKERS;
    for (long i = 0; i < WORKERS; i++)
        if (pthread_create(&thread, 0, work, (void *)i))
            _exit(102);
    watch();
    _exit(0);
}

static void run(const char *name, void (*fail)(int error)) {
    int status;
    seed = strtoull(name, 0, 10);
    supervisor = getpid();
    total = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (part = 0; part < MOST_PARTS && *total < CALLS; part++) {
        const pid_t child = fork();
        if (child < 0)
            fail(errno);
        if (child == 0)
            begin(name);
        setpgid(child, child);
        ended_late(child, PART, &status);
        kill(-child, SIGKILL);
    }
    _exit(*total < CALLS);
}

static int drop(const char *path, const struct stat *status, int kind, struct FTW *place) {
    return place->level ? remove(path) : 0;
}

static int uncover(const char *path, const struct stat *status, int kind, struct FTW *place) {
    while (!umount2(path, MNT_DETACH))
        ;
    return 0;
}

static int is_ours(const char *name) {
    static const char *const known[] = {".", "..", "test", "cases", "tmp", "dev", "proc", "sys"};
    for (int i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(name, known[i]))
            return 0;
    return 1;
}

// Removes what is found by keys, of one kind: by its three calls.
static void remove_kind(int information, int status, int (*control)(int, int, void *)) {
    char room[256];
    for (int index = control(0, information, room); index >= 0; index--) {
        int id = control(index, status, room);
        if (id >= 0)
            control(id, IPC_RMID, 0);
    }
}

static int control_messages(int id, int command, void *room) { return msgctl(id, command, room); }

static int control_segment(int id, int command, void *room) { return shmctl(id, command, room); }

static int control_semaphores(int id, int command, void *room) {
    return syscall(SYS_semctl, id, 0, command, room);
}

static void remove_shared(void) {
    remove_kind(MSG_INFO, MSG_STAT, control_messages);
    remove_kind(SHM_INFO, SHM_STAT, control_segment);
    remove_kind(SEM_INFO, SEM_STAT, control_semaphores);
    mkdir("/tmp/queues", 0755);
    if (mount("mqueue", "/tmp/queues", "mqueue", 0, 0) == 0) {
        nftw("/tmp/queues", drop, 8, FTW_DEPTH | FTW_PHYS);
        umount("/tmp/queues");
    }
}

// Nothing that a case has made stays.
static void after(void) {
    char path[300];
    nftw("/", uncover, 8, FTW_PHYS);
    mount(0, "/", 0, MS_REMOUNT, 0); // who unmounts the root makes it read-only
    remove_shared();
    DIR *root = opendir("/");
    nftw("/tmp", drop, 8, FTW_DEPTH | FTW_PHYS);
    for (struct dirent *one; root && (one = readdir(root));) {
        if (is_ours(one->d_name)) {
            snprintf(path, sizeof path, "/%s", one->d_name);
            nftw(path, drop, 8, FTW_DEPTH | FTW_PHYS);
            remove(path);
        }
    }
    closedir(root);
}

int main(void) {
    runner = getpid();
    unshare(CLONE_NEWNS); // cases mount and unmount, which nobody else is to see
    setpgid(0, 0);
    signal(SIGHUP, SIG_IGN); // cases may end a session that this group is the foreground of
    return all(LIMIT);
}
