// What processes leave behind when a signal ends them: whether there is a file, how it is called, and
// what is in it (core(5)). On a machine where files are called otherwise, nothing is looked at.
#include "check.h"
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define PAGE 4096
#define MAGIC 0x1122334455667788
#define FOLDER "/tmp/cores"

static volatile uint64_t known = 1;
static char *left_out, *shared, *untouched, *sparse;

// Files

static int put(const char *path, const char *text)
{
    int file = open(path, O_WRONLY), result;
    if (file < 0)
        return -1;
    result = write(file, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
    close(file);
    return result;
}

static int says(const char *path, const char *text)
{
    char found[256] = {0};
    int file = open(path, O_RDONLY);
    ssize_t length = read(file, found, sizeof found - 1);
    close(file);
    return length > 0 && !strcmp(found, text);
}

static char *image;
static size_t size;

static int load(const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &status))
        return 0;
    free(image);
    size = status.st_size;
    image = malloc(size + 1);
    if (read(file, image, size) != (ssize_t)size)
        return 0;
    close(file);
    return 1;
}

static Elf64_Phdr *segment(int number)
{
    Elf64_Ehdr *header = (void *)image;
    return number < header->e_phnum ? (void *)(image + header->e_phoff + number * header->e_phentsize) : 0;
}

// How many bytes of the memory at `place` the file has; -1 if it has no such region.
static long dumped(const void *place)
{
    Elf64_Phdr *one;
    for (int number = 0; (one = segment(number)); number++)
        if (one->p_type == PT_LOAD && one->p_vaddr <= (uintptr_t)place
            && (uintptr_t)place < one->p_vaddr + one->p_memsz)
            return one->p_filesz;
    return -1;
}

static void *memory(const void *place)
{
    Elf64_Phdr *one;
    for (int number = 0; (one = segment(number)); number++)
        if (one->p_type == PT_LOAD && one->p_vaddr <= (uintptr_t)place
            && (uintptr_t)place < one->p_vaddr + one->p_filesz)
            return image + one->p_offset + ((uintptr_t)place - one->p_vaddr);
    return 0;
}

// The note with this type, the first of which has the number 0; null if there are fewer.
static char *note(unsigned type, int number, unsigned *length)
{
    Elf64_Phdr *notes = segment(0);
    if (!notes || notes->p_type != PT_NOTE)
        return 0;
    for (size_t place = notes->p_offset; place < notes->p_offset + notes->p_filesz;) {
        Elf64_Nhdr *one = (void *)(image + place);
        char *start = (char *)(one + 1) + (one->n_namesz + 3) / 4 * 4;
        if (one->n_type == type && number-- == 0) {
            if (length)
                *length = one->n_descsz;
            return start;
        }
        place = start - image + (one->n_descsz + 3) / 4 * 4;
    }
    return 0;
}

// Children

static rlim_t limit = RLIM_INFINITY;
static pid_t child;

static int end(void (*act)(int), int argument)
{
    int status = -1;
    unlink("core");
    child = fork();
    if (child == 0) {
        struct rlimit both = {limit, RLIM_INFINITY};
        if (setrlimit(RLIMIT_CORE, &both))
            _exit(99);
        act(argument);
        _exit(98);
    }
    waitpid(child, &status, 0);
    return status;
}

static void send(int number) { kill(getpid(), number); }

static int is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static void signals(void)
{
    static const int all[] = {SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS};
    struct stat status;
    for (unsigned which = 0; which < sizeof all / sizeof *all; which++) {
        int ended = end(send, all[which]);
        CHECK(WIFSIGNALED(ended) && WTERMSIG(ended) == all[which] && WCOREDUMP(ended));
        CHECK(stat("core", &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 07777) == 0600);
        CHECK(status.st_uid == geteuid() && status.st_nlink == 1 && load("core"));
        CHECK(!memcmp(image, ELFMAG, SELFMAG) && ((Elf64_Ehdr *)image)->e_type == ET_CORE);
        CHECK(((prstatus_t *)note(NT_PRSTATUS, 0, 0))->pr_cursig == all[which]);
        CHECK(((siginfo_t *)note(0x53494749, 0, 0))->si_pid == child);
    }
    int ended = end(send, SIGTERM);
    CHECK(WTERMSIG(ended) == SIGTERM && !WCOREDUMP(ended) && !is_there("core"));
    ended = end(send, SIGKILL);
    CHECK(WTERMSIG(ended) == SIGKILL && !WCOREDUMP(ended) && !is_there("core"));
}

static void limits(void)
{
    struct stat status;
    siginfo_t info;
    for (limit = 0; limit <= 1024; limit += 1024) {
        int ended = end(send, SIGABRT);
        CHECK(WTERMSIG(ended) == SIGABRT && !WCOREDUMP(ended) && !is_there("core"));
    }
    limit = 8192;
    int ended = end(send, SIGABRT);
    CHECK(WCOREDUMP(ended) && stat("core", &status) == 0 && status.st_size > 0);
    CHECK(status.st_blocks * 512 <= 3 * PAGE);
    limit = RLIM_INFINITY;
    if (!(child = fork())) {
        struct rlimit both = {limit, limit};
        setrlimit(RLIMIT_CORE, &both);
        abort();
    }
    CHECK(waitid(P_PID, child, &info, WEXITED) == 0);
    CHECK(info.si_code == CLD_DUMPED && info.si_status == SIGABRT);
}

// What is in it

static pthread_barrier_t together;

static void *wait_for_end(void *unused)
{
    pthread_barrier_wait(&together);
    for (;;)
        pause();
}

static void fail_in_the_middle(int threads)
{
    known = MAGIC;
    shared[0] = 's';
    left_out[0] = 'l';
    sparse[3 * PAGE] = 'x';
    pthread_barrier_init(&together, 0, threads);
    for (int number = 1; number < threads; number++) {
        pthread_t thread;
        pthread_create(&thread, 0, wait_for_end, 0);
    }
    if (threads > 1)
        pthread_barrier_wait(&together);
    asm volatile("movq %0, %%xmm7; mov %1, %%r15; .globl fault_here; fault_here: ud2"
                 :: "r"(MAGIC), "r"(MAGIC + 1) : "r15", "xmm7");
}

extern char fault_here[];

static void contents(void)
{
    enum { THREADS = 4 };
    struct stat status;
    unsigned length;
    int ended = end(fail_in_the_middle, THREADS);
    CHECK(WTERMSIG(ended) == SIGILL && WCOREDUMP(ended) && load("core"));
    CHECK(*(uint64_t *)memory((void *)&known) == MAGIC);
    CHECK(*(char *)memory(shared) == 's' && dumped(left_out) == 0);
    CHECK(dumped(untouched) == 0 && dumped(sparse) >= 64 * PAGE);
    CHECK(*(char *)memory(sparse) == 0 && *(char *)memory(sparse + 3 * PAGE) == 'x');
    CHECK(stat("core", &status) == 0 && status.st_blocks * 512 < status.st_size);
    for (int number = 0; number < THREADS; number++) {
        prstatus_t *thread = (void *)note(NT_PRSTATUS, number, &length);
        CHECK(thread && length == sizeof(prstatus_t) && thread->pr_ppid == getpid());
        CHECK((thread->pr_pid == child) == (number == 0));
        CHECK(note(NT_FPREGSET, number, &length) && length == 512);
        uint64_t *registers = (void *)&thread->pr_reg;
        if (number == 0) {
            CHECK(registers[16] == (uintptr_t)fault_here && registers[0] == MAGIC + 1);
            CHECK(registers[21] != 0 && registers[15] == (uint64_t)-1);
            CHECK(thread->pr_info.si_signo == SIGILL && thread->pr_cursig == SIGILL);
            CHECK(*(uint64_t *)(note(NT_FPREGSET, 0, 0) + 160 + 7 * 16) == MAGIC);
        } else
            CHECK(memory((void *)registers[19]) && registers[21] != 0);
    }
    CHECK(!note(NT_PRSTATUS, THREADS, 0));
    prpsinfo_t *process = (void *)note(NT_PRPSINFO, 0, &length);
    CHECK(process && length == sizeof(prpsinfo_t) && process->pr_pid == child);
    CHECK(strstr(process->pr_fname, "cores") && strstr(process->pr_psargs, "cores"));
    siginfo_t *info = (void *)note(0x53494749, 0, &length);
    CHECK(info && length == sizeof(siginfo_t) && info->si_signo == SIGILL && info->si_addr == fault_here);
    uint64_t *row = (void *)note(NT_AUXV, 0, &length);
    CHECK(row && length % 16 == 0);
    while (row[0] != AT_PAGESZ)
        row += 2;
    CHECK(row[1] == PAGE);
    uint64_t *files = (void *)note(0x46494c45, 0, &length);
    CHECK(files && files[0] > 0 && files[1] == PAGE);
    CHECK(strstr((char *)(files + 2 + 3 * files[0]), "cores"));
}

static void set_filter(int kind)
{
    char text[16];
    sprintf(text, "0x%x\n", kind);
    if (put("/proc/self/coredump_filter", text))
        _exit(97);
    if (!fork())
        _exit(!says("/proc/self/coredump_filter", kind ? "00000002\n" : "00000000\n"));
    int status;
    wait(&status);
    if (status)
        _exit(96);
    known = MAGIC;
    shared[0] = 's';
    abort();
}

static void filters(void)
{
    CHECK(says("/proc/self/coredump_filter", "00000033\n"));
    CHECK(put("/proc/self/coredump_filter", "much\n") == -1 && errno == EINVAL);
    CHECK(WCOREDUMP(end(set_filter, 0)) && load("core"));
    CHECK(dumped((void *)&known) == 0 && dumped(shared) == 0);
    CHECK(WCOREDUMP(end(set_filter, 2)) && load("core"));
    CHECK(dumped((void *)&known) == 0 && dumped(shared) > 0);
}

// Where it is

static void not_dumpable(int number)
{
    prctl(PR_SET_DUMPABLE, 0);
    send(number);
}

static void somebody_else(int number)
{
    if (setuid(65534) || prctl(PR_GET_DUMPABLE) != 0 || prctl(PR_SET_DUMPABLE, 1))
        _exit(95);
    send(number);
}

// How the kernel is set; that of the machine that the tests are made on stays as it is.
static void settings(void)
{
    char name[64];
    int ended;
    CHECK(put("/proc/sys/kernel/core_pattern", "|/bin/true\n") == -1 && errno == EINVAL);
    CHECK(put("/proc/sys/kernel/core_pattern", FOLDER "/%e.%p.%s.%%.%q%u\n") == 0);
    ended = end(send, SIGQUIT);
    sprintf(name, FOLDER "/cores.%d.%d.%%.%d", child, SIGQUIT, getuid());
    CHECK(WCOREDUMP(ended) && is_there(name) && unlink(name) == 0);
    CHECK(put("/proc/sys/kernel/core_pattern", "core\n") == 0);
    CHECK(put("/proc/sys/kernel/core_uses_pid", "1\n") == 0);
    ended = end(send, SIGQUIT);
    sprintf(name, "core.%d", child);
    CHECK(WCOREDUMP(ended) && is_there(name) && unlink(name) == 0);
    CHECK(put("/proc/sys/kernel/core_uses_pid", "0\n") == 0);
    CHECK(put("/proc/sys/fs/suid_dumpable", "3\n") == -1 && errno == EINVAL);
    CHECK(says("/proc/sys/fs/suid_dumpable", "0\n"));
}

static void places(void)
{
    struct stat status;
    int ended;
    ended = end(not_dumpable, SIGQUIT);
    CHECK(WTERMSIG(ended) == SIGQUIT && !WCOREDUMP(ended) && !is_there("core"));
    CHECK(chmod(".", 0755) == 0);
    ended = end(somebody_else, SIGQUIT);
    CHECK(WTERMSIG(ended) == SIGQUIT && !WCOREDUMP(ended) && !is_there("core"));
    CHECK(chmod(".", 0777) == 0);
    ended = end(somebody_else, SIGQUIT);
    CHECK(WCOREDUMP(ended) && stat("core", &status) == 0 && status.st_uid == 65534);
    unlink("core");

    // A link is not followed: the file takes its place
    close(open("other", O_CREAT | O_WRONLY, 0644));
    child = fork();
    if (!child) {
        struct rlimit both = {RLIM_INFINITY, RLIM_INFINITY};
        setrlimit(RLIMIT_CORE, &both);
        symlink("other", "core");
        send(SIGQUIT);
    }
    waitpid(child, &ended, 0);
    CHECK(WCOREDUMP(ended) && lstat("core", &status) == 0 && S_ISREG(status.st_mode));
    CHECK(stat("other", &status) == 0 && status.st_size == 0);
    unlink("other");
    CHECK(unlink("core") == 0 && mkdir("core", 0755) == 0);
    ended = end(send, SIGQUIT);
    CHECK(WTERMSIG(ended) == SIGQUIT && !WCOREDUMP(ended) && rmdir("core") == 0);
}

// Without memory for some of it, the signal is told, and perhaps there is no file

#define FAIL_ALLOCATION 0x1000  // makes this thread's n-th allocation fail, in debug builds of pykasm

static void send_without_memory(int number)
{
    syscall(FAIL_ALLOCATION, number);
    send(SIGABRT);
}

static void shortages(void)
{
    for (int number = 1; number <= 24; number++) {
        int ended = end(send_without_memory, number);
        CHECK(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGABRT);
        CHECK(!WCOREDUMP(ended) || is_there("core"));
    }
    CHECK(WCOREDUMP(end(send, SIGABRT)));
}

// SIGKILL ends even that

static void leave_much(int number)
{
    enum { MUCH = 16 << 20 };
    char *much = mmap(0, MUCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int place = 0; place < MUCH; place += PAGE)
        much[place] = 1;
    send(number);
}

static void kills(void)
{
    int ended;
    unlink("core");
    child = fork();
    if (!child) {
        struct rlimit both = {RLIM_INFINITY, RLIM_INFINITY};
        setrlimit(RLIMIT_CORE, &both);
        leave_much(SIGABRT);
    }
    while (!is_there("core"))
        sched_yield();
    kill(child, SIGKILL);
    CHECK(waitpid(child, &ended, 0) == child);
    CHECK(WTERMSIG(ended) == SIGKILL ? !WCOREDUMP(ended) : WTERMSIG(ended) == SIGABRT && WCOREDUMP(ended));
    unlink("core");
}

int main(void)
{
    mkdir("/proc", 0755);
    int is_ours = access("/proc/self", F_OK) != 0 && mount("proc", "/proc", "proc", 0, 0) == 0;
    if (getuid() != 0 || !says("/proc/sys/kernel/core_pattern", "core\n"))
        return 0;
    umask(0);
    mkdir(FOLDER, 0777);
    if (chdir(FOLDER))
        return 1;
    left_out = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(madvise(left_out, PAGE, MADV_DONTDUMP) == 0);
    shared = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    untouched = mmap(0, 64 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sparse = mmap(0, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signals();
    limits();
    contents();
    filters();
    struct utsname system;
    uname(&system);
    if (strstr(system.release, "pykasm"))
        settings();
    places();
    shortages();
    kills();
    unlink("core");
    CHECK(chdir("/") == 0 && rmdir(FOLDER) == 0);
    return is_ours ? umount("/proc") != 0 : 0;
}
