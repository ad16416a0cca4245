// What the kernel tells of processes in /proc: the same as their own calls, and to no one else.
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

static char text[1 << 16], name[PATH_MAX], link_text[PATH_MAX];

// The text of a file, read by pieces of `piece` bytes
static int slurp(const char *path, int piece) {
    int file = open(path, O_RDONLY), got, size = 0;
    if (file < 0)
        return -1;
    while ((got = read(file, text + size, piece)) > 0)
        size += got;
    text[size] = 0;
    close(file);
    return got < 0 ? -1 : size;
}

static int leads_to(const char *path, const char *place) {
    int length = readlink(path, link_text, sizeof link_text - 1);
    link_text[length < 0 ? 0 : length] = 0;
    return length > 0 && !strcmp(link_text, place);
}

static long field(int number) {  // of stat, counted from 1; behind the name
    char *at = strrchr(text, ')') + 2;
    for (number -= 3; number; number--)
        at = strchr(at, ' ') + 1;
    return atol(at);
}

static void handled(int number) {
    (void)number;
}

static void self(void) {
    snprintf(name, sizeof name, "%d", getpid());
    CHECK(leads_to("/proc/self", name));
    struct stat by_link, by_number;
    snprintf(name, sizeof name, "/proc/%d", getpid());
    CHECK(stat("/proc/self", &by_link) == 0 && stat(name, &by_number) == 0);
    CHECK(by_link.st_ino == by_number.st_ino && S_ISDIR(by_link.st_mode));
    snprintf(name, sizeof name, "/proc/self/task/%d/comm", getpid());
    CHECK(prctl(PR_SET_NAME, "some (name)") == 0 && slurp(name, 100) == 12);
    CHECK(!strcmp(text, "some (name)\n"));
    CHECK(slurp("/proc/self/stat", 7) > 0 && atoi(text) == getpid());
    CHECK(field(4) == getppid() && field(5) == getpgrp() && field(6) == getsid(0));
    CHECK(field(19) == getpriority(PRIO_PROCESS, 0) && field(20) == 1 && field(23) > 0);
    CHECK(slurp("/proc/self/status", 1000) > 0 && strstr(text, "Name:\tsome (name)\n"));
    snprintf(name, sizeof name, "\nUid:\t%d\t%d\t", getuid(), geteuid());
    CHECK(strstr(text, name) && strstr(text, "\nSigCgt:\t0000000000000000\n"));
    signal(SIGUSR1, handled);
    CHECK(slurp("/proc/self/status", 1000) > 0 && strstr(text, "\nSigCgt:\t0000000000000200\n"));
    CHECK(slurp("/proc/self/limits", 100) > 0 && strstr(text, "\nMax open files "));
    FAILS(open("/proc/self/nothing", O_RDONLY), ENOENT);
    FAILS(open("/proc/012", O_RDONLY), ENOENT);
    CHECK(open("/proc/self/new", O_RDONLY | O_CREAT, 0600) == -1);
    CHECK(mkdir("/proc/self/new", 0700) == -1 && unlink("/proc/self/stat") == -1);
}

static void memory(char **arguments) {
    char *page = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    snprintf(name, sizeof name, "%08lx-%08lx r--p 00000000 00:00 0", (long)page, (long)page + 8192);
    CHECK(mprotect(page + 4096, 4096, PROT_NONE) == 0 && slurp("/proc/self/maps", 100) > 0);
    CHECK(!strstr(text, name) && strstr(text, "[stack]") && strstr(text, "[vdso]"));
    CHECK(mprotect(page + 4096, 4096, PROT_READ) == 0 && slurp("/proc/self/maps", 4096) > 0);
    CHECK(strstr(text, " r-xp "));
    char *shared = mmap(0, 4096, PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED && shared[1] == 0 && slurp("/proc/self/maps", 4096) > 0);
    snprintf(name, sizeof name, "%08lx-%08lx -w-s ", (long)shared, (long)shared + 4096);
    CHECK(strstr(text, name) && strstr(text, "[stack]") && munmap(shared, 4096) == 0);
    int size = slurp("/proc/self/cmdline", 1000);
    CHECK(size == (int)strlen(arguments[0]) + 1 && !strcmp(text, arguments[0]));
    CHECK(readlink("/proc/self/exe", link_text, sizeof link_text) > 0);
    struct stat program, named;
    CHECK(stat("/proc/self/exe", &program) == 0 && stat(arguments[0], &named) == 0);
    CHECK(program.st_ino == named.st_ino && program.st_dev == named.st_dev);
    int file = open("/proc/self/statm", O_RDONLY);
    CHECK(read(file, text, 5) == 5 && lseek(file, 0, SEEK_SET) == 0);
    CHECK(pread(file, name, 3, 2) == 3 && !memcmp(name, text + 2, 3) && close(file) == 0);
}

static void places(void) {
    CHECK(mkdir("/tmp/procfs", 0700) == 0 && chdir("/tmp/procfs") == 0);
    CHECK(leads_to("/proc/self/cwd", "/tmp/procfs") && leads_to("/proc/self/root", "/"));
    int file = open("file", O_CREAT | O_RDWR, 0600);
    CHECK(write(file, "text", 4) == 4);
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    CHECK(leads_to(name, "/tmp/procfs/file"));
    CHECK(unlink("file") == 0 && leads_to(name, "/tmp/procfs/file (deleted)"));
    int again = open(name, O_RDONLY);  // by its file, as it has no name any more
    CHECK(again >= 0 && again != file && read(again, text, 10) == 4 && close(again) == 0);
    FAILS(open(name, O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK(close(file) == 0);
    FAILS(readlink(name, link_text, sizeof link_text), ENOENT);
    int ends[2], counter = eventfd(0, 0);
    CHECK(pipe(ends) == 0);
    snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
    CHECK(readlink(name, link_text, sizeof link_text) > 6 && !memcmp(link_text, "pipe:[", 6));
    snprintf(name, sizeof name, "/proc/self/fd/%d", counter);
    CHECK(readlink(name, link_text, sizeof link_text) > 10 && !memcmp(link_text, "anon_inode", 10));
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0 && close(counter) == 0);
    CHECK(chdir("/proc/self/fd") == 0 && getcwd(text, sizeof text) && chdir("/") == 0);
    snprintf(name, sizeof name, "/proc/%d/fd", getpid());
    CHECK(!strcmp(text, name) && rmdir("/tmp/procfs") == 0);
}

static void listed(int child) {
    int found = 0, last = 0, number;
    DIR *all = opendir("/proc");
    CHECK(all);
    for (struct dirent *one; (one = readdir(all)); last = number ? number : last) {
        number = atoi(one->d_name);
        CHECK(!number || (number > last && one->d_type == DT_DIR));
        found += number == getpid() || number == child;
    }
    CHECK(closedir(all) == 0 && found == 2);
}

static void others(void) {
    int gone[2], status;
    CHECK(pipe(gone) == 0);
    int child = fork();
    if (!child) {
        CHECK(close(gone[1]) == 0 && read(gone[0], text, 1) == 0);
        _exit(0);
    }
    listed(child);
    snprintf(name, sizeof name, "/proc/%d", child);
    int directory = open(name, O_RDONLY | O_DIRECTORY), stat = openat(directory, "stat", O_RDONLY);
    CHECK(directory >= 0 && stat >= 0 && close(gone[1]) == 0 && close(gone[0]) == 0);
    siginfo_t info;
    CHECK(waitid(P_PID, child, &info, WEXITED | WNOWAIT) == 0);
    snprintf(name, sizeof name, "/proc/%d/stat", child);
    CHECK(slurp(name, 1000) > 0 && strstr(text, ") Z "));
    snprintf(name, sizeof name, "/proc/%d/cmdline", child);
    CHECK(slurp(name, 1000) == 0 && waitpid(child, &status, 0) == child);
    CHECK(read(stat, text, 100) == -1 && errno == ESRCH && close(stat) == 0);
    CHECK(openat(directory, "stat", O_RDONLY) == -1 && close(directory) == 0);
    FAILS(open(name, O_RDONLY), ENOENT);
}

static void strangers(void) {
    int parent = getpid(), status, child = geteuid() ? 0 : fork();
    if (!child && !geteuid()) {
        CHECK(setgid(1000) == 0 && setuid(1000) == 0);
        snprintf(name, sizeof name, "/proc/%d/environ", parent);
        FAILS(open(name, O_RDONLY), EACCES);
        snprintf(name, sizeof name, "/proc/%d/fd", parent);
        FAILS(open(name, O_RDONLY), EACCES);
        snprintf(name, sizeof name, "/proc/%d/cwd", parent);
        FAILS(readlink(name, link_text, sizeof link_text), EACCES);
        snprintf(name, sizeof name, "/proc/%d/stat", parent);
        CHECK(slurp(name, 1000) > 0);
        _exit(0);
    }
    CHECK(!child || (waitpid(child, &status, 0) == child && status == 0));
}

static void *asleep(void *place) {
    *(volatile int *)place = syscall(SYS_gettid);
    return pause() ? 0 : place;
}

static char state_of(int thread) {
    snprintf(name, sizeof name, "/proc/self/task/%d/stat", thread);
    return slurp(name, 1000) > 0 ? strrchr(text, ')')[2] : 0;
}

static void threads(void) {
    pthread_t other;
    volatile int number = 0;
    CHECK(pthread_create(&other, 0, asleep, (void *)&number) == 0);
    while (number == 0 || state_of(number) != 'S')
        sched_yield();
    CHECK(state_of(getpid()) == 'R');
    pthread_cancel(other);
    CHECK(pthread_join(other, 0) == 0);
}

static void machine(void) {
    struct utsname names;
    CHECK(uname(&names) == 0 && slurp("/proc/version", 1000) > 0 && strstr(text, names.release));
    CHECK(slurp("/proc/sys/kernel/hostname", 1) > 0 && !strncmp(text, names.nodename, strlen(names.nodename)));
    CHECK(slurp("/proc/meminfo", 100) > 0 && !strncmp(text, "MemTotal: ", 10));
    CHECK(slurp("/proc/uptime", 100) > 0 && atof(text) > 0);
    CHECK(slurp("/proc/filesystems", 100) > 0 && strstr(text, "nodev\ttmpfs\n"));
    CHECK(slurp("/proc/mounts", 100) > 0 && strstr(text, " /proc proc rw"));
    CHECK(leads_to("/proc/mounts", "self/mounts") && slurp("/proc/cmdline", 100) > 0);
}

static void details(void) {
    char *pages = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int file = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY), size, rss;
    CHECK(pages != MAP_FAILED && file >= 0);
    memset(pages, 1, 1 << 20);
    CHECK(slurp("/proc/self/smaps", 4096) > 0);
    snprintf(name, sizeof name, "\n%lx-", (long)pages);
    char *found = strstr(text, name);
    if (!found) {  // another one that is alike lies below it
        snprintf(name, sizeof name, "-%lx rw-p", (long)pages + (1 << 20));
        found = strstr(text, name);
    }
    CHECK(found && (found = strstr(found, "\nSize: ")) && sscanf(found + 7, "%d kB", &size) == 1);
    CHECK((found = strstr(found, "\nRss: ")) && sscanf(found + 6, "%d kB", &rss) == 1);
    CHECK(size >= 1024 && rss >= 1024 && rss <= size && strstr(found, "\nVmFlags: rd wr "));
    CHECK(slurp("/proc/self/smaps_rollup", 4096) > 0 && strstr(text, "[rollup]\nRss: "));
    CHECK(sscanf(strstr(text, "\nRss: ") + 6, "%d kB", &size) == 1 && size >= rss);
    long long mapped, inside, shared, code;
    CHECK(slurp("/proc/self/statm", 100) > 0);
    CHECK(sscanf(text, "%lld %lld %lld %lld", &mapped, &inside, &shared, &code) == 4);
    CHECK(mapped >= inside && inside >= 256 && shared > 0 && inside > shared && code > 0);

    // Memory is a file, of one's own and of others whom one may look into
    int memory = open("/proc/self/mem", O_RDWR);
    CHECK(memory >= 0 && pread(memory, text, 3, (long)pages + 4095) == 3 && !memcmp(text, "\1\1\1", 3));
    CHECK(pwrite(memory, "abcd", 4, (long)pages + 4094) == 4 && !memcmp(pages + 4094, "abcd", 4));
    CHECK(lseek(memory, (long)pages + 4095, SEEK_SET) == (long)pages + 4095);
    CHECK(read(memory, text, 2) == 2 && !memcmp(text, "bc", 2));
    CHECK(read(memory, text, 2) == 2 && text[0] == 'd');
    int ends[2], status, child;
    CHECK(pipe(ends) == 0 && (child = fork()) >= 0);
    if (!child) {
        strcpy(pages, "of the child");
        write(ends[1], "x", 1);
        for (;;)
            pause();
    }
    snprintf(name, sizeof name, "/proc/%d/mem", child);
    int other = open(name, O_RDONLY);
    CHECK(other >= 0 && read(ends[0], text, 1) == 1);
    CHECK(pread(other, text, 13, (long)pages) == 13 && !strcmp(text, "of the child"));
    CHECK(pages[0] == 1 && kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
    CHECK(pread(other, text, 13, (long)pages) <= 0 && close(other) == 0);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0 && munmap(pages, 1 << 20) == 0);
    FAILS(pread(memory, text, 3, (long)pages), EIO);
    CHECK(close(memory) == 0);

    CHECK(mkdir("/tmp/procfs", 0700) == 0 && close(file) == 0);
    file = open("/tmp/procfs/file", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
    long long position;
    unsigned flags;
    CHECK(write(file, "some", 4) == 4);
    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", file);
    CHECK(slurp(name, 100) > 0 && sscanf(text, "pos:\t%lld\nflags:\t%o\n", &position, &flags) == 2);
    CHECK(position == 4 && flags == (O_RDWR | O_APPEND | 0100000 | O_CLOEXEC));
    CHECK(strstr(text, "\nmnt_id:\t") && close(file) == 0);
    FAILS(open(name, O_RDONLY), ENOENT);
    CHECK(unlink("/tmp/procfs/file") == 0 && rmdir("/tmp/procfs") == 0);

    int counter = eventfd(0, 0), set = epoll_create1(0);
    snprintf(name, sizeof name, "/proc/self/fd/%d", counter);
    CHECK(leads_to(name, "anon_inode:[eventfd]"));
    snprintf(name, sizeof name, "/proc/self/fd/%d", set);
    CHECK(leads_to(name, "anon_inode:[eventpoll]") && close(set) == 0 && close(counter) == 0);
}

static int put(const char *path, const char *what) {
    int file = open(path, O_WRONLY), length = strlen(what);
    if (file < 0)
        return -1;
    int written = write(file, what, length), error = errno;
    close(file);
    errno = error;
    return written == length ? 0 : -1;
}

static void *stay(void *arguments) {
    int *ends = arguments;
    char byte;
    ends[2] = syscall(SYS_gettid);
    write(ends[3], "x", 1);
    read(ends[0], &byte, 1);
    return 0;
}

static void changes(void) {
    CHECK(put("/proc/self/comm", "other name") == 0 && prctl(PR_GET_NAME, name) == 0);
    CHECK(!strcmp(name, "other name"));
    CHECK(put("/proc/self/comm", "a name that is longer than that") == 0);
    CHECK(slurp("/proc/self/comm", 100) == 16 && !strcmp(text, "a name that is \n"));
    int status, child = fork();
    if (!child) {  // lower and higher, as children inherit it
        CHECK(put("/proc/self/oom_score_adj", "500\n") == 0);
        CHECK(slurp("/proc/self/oom_score_adj", 100) == 4 && atoi(text) == 500);
        CHECK(slurp("/proc/self/oom_score", 100) > 0 && atoi(text) >= 900);
        int heir = fork();
        if (!heir) {
            CHECK(slurp("/proc/self/oom_score_adj", 100) == 4 && atoi(text) == 500);
            _exit(0);
        }
        CHECK(waitpid(heir, &status, 0) == heir && status == 0);
        FAILS(put("/proc/self/oom_score_adj", "1001"), EINVAL);
        FAILS(put("/proc/self/oom_score_adj", "many"), EINVAL);
        if (!geteuid() && put("/proc/self/oom_score_adj", "-1000") == 0) {
            CHECK(slurp("/proc/self/oom_score", 100) == 2 && atoi(text) == 0);
            CHECK(put("/proc/self/oom_score_adj", "-10") == 0);
        }
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    // A thread that is not the first is found, and not listed
    int ends[6], started[2];
    pthread_t thread;
    CHECK(pipe(ends) == 0 && pipe(started) == 0);
    ends[3] = started[1];
    CHECK(pthread_create(&thread, 0, stay, ends) == 0 && read(started[0], name, 1) == 1);
    snprintf(name, sizeof name, "/proc/%d/status", ends[2]);
    CHECK(slurp(name, 1000) > 0);
    snprintf(link_text, sizeof link_text, "\nTgid:\t%d\n", getpid());
    CHECK(strstr(text, link_text));
    snprintf(link_text, sizeof link_text, "\nPid:\t%d\n", ends[2]);
    CHECK(strstr(text, link_text));
    DIR *all = opendir("/proc");
    CHECK(all);
    for (struct dirent *one; (one = readdir(all));)
        CHECK(atoi(one->d_name) != ends[2]);
    CHECK(closedir(all) == 0 && write(ends[1], "x", 1) == 1 && pthread_join(thread, 0) == 0);
    FAILS(open(name, O_RDONLY), ENOENT);
    for (int end = 0; end < 2; end++)
        CHECK(close(ends[end]) == 0 && close(started[end]) == 0);
}

static long long value(const char *key) {  // behind `key` at the start of a line
    char *at = text;
    for (; at; at = strchr(at, '\n'), at = at ? at + 1 : 0)
        if (!strncmp(at, key, strlen(key)))
            return atoll(at + strlen(key));
    return -1;
}

static void load(void) {
    long long user, nice, system, idle, waiting;
    double averages[3], up, rest;
    int running, all, last, processors = sysconf(_SC_NPROCESSORS_ONLN);
    CHECK(slurp("/proc/stat", 1000) > 0);
    CHECK(sscanf(text, "cpu %lld %lld %lld %lld %lld", &user, &nice, &system, &idle, &waiting) == 5);
    CHECK(value("cpu0 ") >= 0 && value("intr ") > 0 && value("ctxt ") > 0);
    snprintf(name, sizeof name, "cpu%d ", processors - 1);
    CHECK(value(name) >= 0 && value("processes ") >= getpid() / 2 && value("procs_running ") > 0);
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0 && value("btime ") <= now.tv_sec);
    int child = fork();
    if (!child)
        _exit(0);
    long long before = value("processes "), switches = value("ctxt ");
    CHECK(waitpid(child, 0, 0) == child && slurp("/proc/stat", 1000) > 0);
    CHECK(value("processes ") > before && value("ctxt ") > switches);
    struct rusage used;
    do {  // what it spends comes to be seen, by ticks at the latest
        CHECK(getrusage(RUSAGE_SELF, &used) == 0 && slurp("/proc/stat", 4096) > 0);
    } while (value("cpu ") <= user && used.ru_utime.tv_sec < 20);
    CHECK(value("cpu ") > user);
    CHECK(slurp("/proc/loadavg", 100) > 0);
    CHECK(sscanf(text, "%lf %lf %lf %d/%d %d", averages, averages + 1, averages + 2, &running, &all, &last) == 6);
    CHECK(running > 0 && all >= running && last > 0 && averages[0] >= 0 && averages[2] >= 0);
    CHECK(slurp("/proc/uptime", 100) > 0 && sscanf(text, "%lf %lf", &up, &rest) == 2);
    CHECK(up > 0 && rest >= 0 && rest <= up * processors + 1);
    CHECK(slurp("/proc/cpuinfo", 1000) > 0 && value("processor\t: ") == 0 && strstr(text, " sse2 "));
    CHECK(strstr(text, "\nvendor_id\t: ") && strstr(text, "\nflags\t\t: fpu "));
    CHECK(slurp("/proc/interrupts", 1000) > 0 && strstr(text, "CPU0 ") && strstr(text, "\nLOC: "));
}

static int store(const char *path, const char *value) {
    int file = open(path, O_WRONLY), result = write(file, value, strlen(value));
    int error = errno;
    close(file);
    errno = error;
    return result == strlen(value) ? 0 : -1;
}

static void numbers(void) {  // on this kernel alone: others may need what is set
    struct rlimit limit;
    CHECK(slurp("/proc/sys/fs/nr_open", 100) > 0 && atoi(text) >= 1 << 20);
    strcpy(link_text, text);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && store("/proc/sys/fs/nr_open", "10000\n") == 0);
    struct rlimit more = {100, 10001}, largest = {100, 10000};
    FAILS(setrlimit(RLIMIT_NOFILE, &more), EPERM);
    CHECK(setrlimit(RLIMIT_NOFILE, &largest) == 0 && setrlimit(RLIMIT_NOFILE, &limit) == 0);
    FAILS(store("/proc/sys/fs/nr_open", "9"), EINVAL);
    FAILS(store("/proc/sys/fs/nr_open", "x"), EINVAL);
    CHECK(store("/proc/sys/fs/nr_open", link_text) == 0);
    CHECK(store("/proc/sys/kernel/pid_max", "310") == 0);
    for (int i = 0, child; i < 400; i++) {  // more than there are numbers
        child = fork();
        if (!child)
            _exit(0);
        CHECK(child > 0 && child < 310 && waitpid(child, 0, 0) == child);
    }
    CHECK(store("/proc/sys/kernel/pid_max", "32768") == 0);
    FAILS(store("/proc/sys/kernel/pid_max", "32769"), EINVAL);
    CHECK(store("/proc/sys/vm/max_map_count", "2") == 0);
    FAILS((int)(long)mmap(0, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    CHECK(store("/proc/sys/vm/max_map_count", "65530") == 0);
}

static void settings(void) {
    struct utsname names;
    long long files, most, first;
    CHECK(slurp("/proc/sys/kernel/pid_max", 100) > 0 && atoi(text) > 300);
    CHECK(slurp("/proc/sys/fs/file-nr", 100) > 0);
    CHECK(sscanf(text, "%lld %lld %lld", &files, &first, &most) == 3 && files > 0 && most > files);
    CHECK(slurp("/proc/sys/kernel/random/boot_id", 100) == 37 && text[14] == '4');
    strcpy(link_text, text);
    CHECK(slurp("/proc/sys/kernel/random/boot_id", 100) == 37 && !strcmp(text, link_text));
    CHECK(slurp("/proc/sys/kernel/random/uuid", 100) == 37 && strcmp(text, link_text));
    CHECK(slurp("/proc/swaps", 100) > 0 && slurp("/proc/partitions", 100) > 0);
    CHECK(slurp("/proc/devices", 100) > 0 && strstr(text, "\n  1 mem\n"));
    CHECK(uname(&names) == 0);
    int file = geteuid() ? -1 : open("/proc/sys/kernel/hostname", O_WRONLY | O_TRUNC);
    if (file >= 0) {
        CHECK(write(file, "other\n", 6) == 6 && gethostname(name, sizeof name) == 0);
        CHECK(!strcmp(name, "other") && close(file) == 0);
        CHECK(sethostname(names.nodename, strlen(names.nodename)) == 0);
    }
    CHECK(slurp("/proc/sys/kernel/ostype", 100) == 6 && !strcmp(text, "Linux\n"));
}

int main(int count, char **arguments) {
    int is_ours = access("/proc/self", F_OK) != 0;
    (void)count;
    if (is_ours) {
        mkdir("/proc", 0755);
        CHECK(mount("proc", "/proc", "proc", 0, 0) == 0);
    }
    memory(arguments);
    self();
    places();
    others();
    strangers();
    threads();
    machine();
    details();
    changes();
    load();
    settings();
    if (is_ours)
        numbers();
    CHECK(!is_ours || umount("/proc") == 0);
    return 0;
}
