// Programs with set-user-ID and set-group-ID bits: who they are, and what they are told.
#include "check.h"
#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define FILE_NAME "/tmp/set-user-id"

static char stack[8192] __attribute__((aligned(16)));

struct report {
    unsigned user, effective, saved, group, effective_group, saved_group, secure, told;
    unsigned permitted, now;
};
static struct report got;

// The copy begins here, without the C library, which has its own ideas of what is secure.
__attribute__((naked)) void begin(void) {
    asm("mov %rsp, %rdi\n\tand $-16, %rsp\n\tcall report");
}

static long call(long number, void *one, void *two, void *three) {
    asm volatile("syscall" : "+a"(number) : "D"(one), "S"(two), "d"(three) : "rcx", "r11", "memory");
    return number;
}

static unsigned long find(unsigned long *word, unsigned long type) {
    for (word += *word + 2; *word; word++)
        ;
    for (word++; *word && *word != type; word += 2)
        ;
    return word[1];
}

__attribute__((used, optimize("no-stack-protector"))) void report(unsigned long *words) {
    unsigned header[] = {0x20080522, 0}, sets[6];
    struct report r;
    call(SYS_getresuid, &r.user, &r.effective, &r.saved);
    call(SYS_getresgid, &r.group, &r.effective_group, &r.saved_group);
    r.secure = find(words, AT_SECURE);
    r.told = find(words, AT_UID) == r.user && find(words, AT_EUID) == r.effective &&
             find(words, AT_GID) == r.group && find(words, AT_EGID) == r.effective_group;
    call(SYS_capget, header, sets, 0);
    r.now = sets[0];
    r.permitted = sets[1];
    long written = call(SYS_write, (void *)3, &r, (void *)sizeof r);
    call(SYS_exit_group, (void *)(long)(written != sizeof r), 0, 0);
}

static int wait_shared(void *ends) {
    char byte;
    close(((int *)ends)[1]);
    read(((int *)ends)[0], &byte, 1);
    syscall(SYS_exit, 0);
    return 0;
}

// Runs the program as somebody, perhaps with another process that shares its directories.
static void run(mode_t mode, uid_t owner, uid_t as, int is_shared) {
    int ends[2], hold[2], status;
    CHECK(chown(FILE_NAME, owner, 3000) == 0 && chmod(FILE_NAME, mode) == 0);
    CHECK(pipe(ends) == 0 && pipe(hold) == 0);
    pid_t child = fork();
    if (!child) {
        char *arguments[] = {"x", 0};
        if (is_shared)
            clone(wait_shared, stack + sizeof stack, CLONE_FS, hold);
        if (dup2(ends[1], 3) != 3 || syscall(SYS_setresgid, as, as, as) ||
            syscall(SYS_setresuid, as, as, as))
            _exit(99);
        execve(FILE_NAME, arguments, (char *[]){0});
        _exit(errno);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close(ends[1]);
    CHECK(read(ends[0], &got, sizeof got) == sizeof got && got.told);
    CHECK(close(ends[0]) == 0 && close(hold[0]) == 0 && close(hold[1]) == 0);
}

#define IS(u, e, g, eg, s) CHECK(got.user == (u) && got.effective == (e) && got.saved == (e) && \
    got.group == (g) && got.effective_group == (eg) && got.saved_group == (eg) && got.secure == (s))

static void copy_to(char *name, char *self) {
    static char block[65536];
    int from = open(self, O_RDONLY), to = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755), length;
    CHECK(from >= 0 && to >= 0);
    while ((length = read(from, block, sizeof block)) > 0)
        CHECK(write(to, block, length) == length);
    unsigned long entry = (unsigned long)begin;
    CHECK(pwrite(to, &entry, sizeof entry, offsetof(Elf64_Ehdr, e_entry)) == sizeof entry);
    CHECK(close(from) == 0 && close(to) == 0);
}

int main(int count, char **arguments) {
    CHECK(getauxval(AT_HWCAP) != 0 && getauxval(51) >= 1024 && getauxval(51) % 16 == 0);
    CHECK(getauxval(AT_SECURE) == 0 && getauxval(AT_UID) == 0 && getauxval(AT_EGID) == 0);
    CHECK(mkdir("/tmp", 0777) == 0 || errno == EEXIST);
    copy_to(FILE_NAME, arguments[0]);
    run(0755, 2000, 1000, 0);
    IS(1000, 1000, 1000, 1000, 0);
    CHECK(got.permitted == 0 && got.now == 0);
    run(04755, 2000, 1000, 0);
    IS(1000, 2000, 1000, 1000, 1);
    CHECK(got.permitted == 0);
    run(02755, 2000, 1000, 0);
    IS(1000, 1000, 1000, 3000, 1);
    run(02745, 2000, 1000, 0);  // it means something else then
    IS(1000, 1000, 1000, 1000, 0);
    run(04755, 0, 1000, 0);  // root has all rights
    IS(1000, 0, 1000, 1000, 1);
    CHECK(got.permitted && got.now == got.permitted);
    run(04755, 2000, 0, 0);  // root gives up what counts
    IS(0, 2000, 0, 0, 1);
    CHECK(got.permitted && got.now == 0);
    run(0755, 2000, 0, 0);
    IS(0, 0, 0, 0, 0);
    CHECK(got.permitted && got.now == got.permitted);
    run(06755, 0, 1000, 1);  // another process could change where names lead
    IS(1000, 1000, 1000, 1000, 1);
    CHECK(got.permitted == 0);
    CHECK(unlink(FILE_NAME) == 0);
    return 0;
}
