// The vDSO: its times are those of the system calls, on all processors, and nobody can change them.
#include "check.h"
#include <elf.h>
#include <link.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static char *image;
static long (*gettime)(long, struct timespec *);
static long (*getres)(long, struct timespec *);
static long (*getday)(struct timeval *, struct timezone *);
static long (*gettime_seconds)(long *);
static long (*getcpu_of)(unsigned *, unsigned *, void *);

static void *find(const char *name)
{
    Elf64_Ehdr *header = (void *)image;
    Elf64_Phdr *segment = (void *)(image + header->e_phoff);
    Elf64_Dyn *row = 0;
    for (int i = 0; i < header->e_phnum; i++)
        if (segment[i].p_type == PT_DYNAMIC) row = (void *)(image + segment[i].p_offset);
    char *texts = 0;
    Elf64_Sym *symbols = 0;
    Elf64_Word *hash = 0;
    for (; row->d_tag; row++) {
        if (row->d_tag == DT_STRTAB) texts = image + row->d_un.d_ptr;
        if (row->d_tag == DT_SYMTAB) symbols = (void *)(image + row->d_un.d_ptr);
        if (row->d_tag == DT_HASH) hash = (void *)(image + row->d_un.d_ptr);
    }
    if (!hash) return 0;
    for (unsigned i = 1; i < hash[1]; i++)
        if (!strcmp(texts + symbols[i].st_name, name)) return image + symbols[i].st_value;
    return 0;
}

static long long nanoseconds(struct timespec time) { return time.tv_sec * 1000000000LL + time.tv_nsec; }

static int agree(int clock)
{
    struct timespec before, between, after;
    for (int i = 0; i < 1000; i++) {
        if (syscall(SYS_clock_gettime, clock, &before) || gettime(clock, &between)
            || syscall(SYS_clock_gettime, clock, &after))
            return 0;
        if (nanoseconds(before) > nanoseconds(between) || nanoseconds(between) > nanoseconds(after)) return 0;
    }
    return 1;
}

static int dies(void (*deed)(void))
{
    int status;
    pid_t child = fork();
    if (!child) {
        deed();
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
}

static void write_image(void) { *(volatile char *)image = 0; }
static void write_clock(void) { *(volatile char *)(image - 4096) = 1; }
static void run_clock(void) { ((void (*)(void))(image - 4096))(); }

static void change_copies(void)
{
    mprotect(image, 4096, PROT_READ | PROT_WRITE); // which need not be allowed
    memset(image, 0x55, 4096);
    *(volatile char *)0 = 0;
}

int main(void)
{
    struct timespec time;
    struct timeval day;
    struct timezone zone = {7, 7};
    long seconds = 0;
    unsigned cpu = 99, node = 99, again;

    image = (char *)getauxval(AT_SYSINFO_EHDR);
    CHECK(image && !((long)image & 4095) && !memcmp(image, "\177ELF", 4));
    gettime = find("__vdso_clock_gettime");
    getres = find("__vdso_clock_getres");
    getday = find("__vdso_gettimeofday");
    gettime_seconds = find("__vdso_time");
    getcpu_of = find("__vdso_getcpu");
    CHECK(gettime && getres && getday && gettime_seconds && getcpu_of);

    CHECK(agree(CLOCK_REALTIME) && agree(CLOCK_MONOTONIC) && agree(CLOCK_BOOTTIME) && agree(CLOCK_TAI));
    CHECK(gettime(10, &time) == -EINVAL && gettime(77, &time) == -EINVAL && gettime(0x7fffffff, &time) == -EINVAL);
    CHECK(getres(CLOCK_MONOTONIC, &time) == 0 && time.tv_sec == 0 && time.tv_nsec >= 1);
    CHECK(getres(CLOCK_MONOTONIC, 0) == 0 && getres(77, &time) == -EINVAL);

    CHECK(getday(&day, &zone) == 0 && zone.tz_minuteswest == 0 && zone.tz_dsttime == 0);
    CHECK(getday(0, 0) == 0 && day.tv_usec < 1000000);
    CHECK(gettime_seconds(&seconds) == seconds && seconds - day.tv_sec <= 1 && gettime_seconds(0) >= seconds);

    do { // the thread may be moved
        syscall(SYS_getcpu, &again, &node, 0);
        getcpu_of(&cpu, &node, 0);
    } while (cpu != again && step++ < 1000);
    CHECK(cpu == again && node == 0 && getcpu_of(0, 0, 0) == 0);

    CHECK(dies(write_image) && dies(write_clock) && dies(run_clock) && dies(change_copies));
    CHECK(agree(CLOCK_REALTIME)); // what the children did is theirs
    if (!fork()) { // it may go, and the time is still told
        munmap(image - 4096, 8192);
        _exit(syscall(SYS_clock_gettime, 0, &time));
    }
    int status;
    CHECK(wait(&status) > 0 && status == 0);
    return 0;
}
