// Programs that make way for others: arguments, environment, scripts, threads, what is kept.
#include "check.h"
#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char *self;
static char stack[8192] __attribute__((aligned(16)));

static int run(char *file, char **arguments, char **environment) {
    int status;
    pid_t child = fork();
    if (!child) {
        execve(file, arguments, environment);
        _exit(100 + errno);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void write_file(char *name, char *text, int mode) {
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);
    CHECK(file >= 0 && write(file, text, strlen(text)) == strlen(text) && close(file) == 0);
}

// What is run in the second life, by its first argument.
static int second(int count, char **arguments, char **environment) {
    char *what = arguments[1];
    if (!strcmp(what, "count"))
        return count;
    if (!strcmp(what, "environment"))
        return !(!strcmp(environment[0], "A=1") && !strcmp(environment[1], "B=") && !environment[2]);
    if (!strcmp(what, "long"))
        return !(count == 4 && strlen(arguments[2]) == 100000 && strlen(arguments[3]) == 131071);
    if (!strcmp(what, "files"))
        return !(fcntl(20, F_GETFD) == 0 && fcntl(21, F_GETFD) == -1 && errno == EBADF);
    if (!strcmp(what, "number"))
        return !(getpid() == atoi(arguments[2]) && syscall(SYS_gettid) == getpid());
    if (!strcmp(what, "vector"))
        return !(!strcmp((char *)getauxval(AT_EXECFN), arguments[0]) && getauxval(AT_PAGESZ) == 4096 &&
                 getauxval(AT_RANDOM) && !strcmp((char *)getauxval(AT_PLATFORM), "x86_64"));
    return 99;
}

// What a script runs: "script" OPTION FILE ARGUMENT
static int script(int count, char **arguments) {
    if (count == 5)
        return !(!strcmp(arguments[2], "one two") && !strcmp(arguments[4], "last"));
    return !(count == 4 && !strcmp(arguments[3], "last"));
}

static int execute(void *argument) {
    char number[16], *p = number + 15;
    *p = 0;
    for (int n = getpid(); n; n /= 10)
        *--p = '0' + n % 10;
    execve(self, (char *[]){self, "number", p, 0}, environ);
    _exit(50);
}

static void from_a_thread(void) {
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
    int status;
    pid_t child = fork();
    if (!child) {
        clone(execute, stack + sizeof stack, flags, 0);
        for (;;)
            sched_yield();
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void scripts(void) {
    char line[600];
    strcat(strcpy(line, "#!"), self);
    write_file("/tmp/plain", strcat(line, "\nrest"), 0755);
    CHECK(run("/tmp/plain", (char *[]){"zeroth", "script", "last", 0}, 0) == 99);
    strcat(strcpy(line, "#! \t"), self);
    write_file("/tmp/option", strcat(line, "  script\t \n"), 0755);
    CHECK(run("/tmp/option", (char *[]){"zeroth", "last", 0}, 0) == 0);
    write_file("/tmp/nested", "#!/tmp/option one two \n", 0755);
    CHECK(run("/tmp/nested", (char *[]){"zeroth", "last", 0}, 0) == 1);  // more arguments
    write_file("/tmp/loop", "#!/tmp/loop\n", 0755);
    CHECK(run("/tmp/loop", (char *[]){"zeroth", 0}, 0) == 100 + ELOOP);
    write_file("/tmp/empty", "#! \n", 0755);
    CHECK(run("/tmp/empty", (char *[]){"zeroth", 0}, 0) == 100 + ENOEXEC);
    write_file("/tmp/lost", "#!/tmp/none\n", 0755);
    CHECK(run("/tmp/lost", (char *[]){"zeroth", 0}, 0) == 100 + ENOENT);
    memset(line, 'x', 599);
    memcpy(line, "#!/tmp/", 7);
    line[599] = 0;
    write_file("/tmp/endless", line, 0755);
    CHECK(run("/tmp/endless", (char *[]){"zeroth", 0}, 0) == 100 + ENOEXEC);
}

static void errors(void) {
    char *none[] = {"x", 0};
    CHECK(run("/tmp/none", none, 0) == 100 + ENOENT);
    CHECK(run("/tmp", none, 0) == 100 + EACCES);
    write_file("/tmp/text", "text", 0755);
    CHECK(run("/tmp/text", none, 0) == 100 + ENOEXEC);
    write_file("/tmp/closed", "text", 0644);
    CHECK(run("/tmp/closed", none, 0) == 100 + EACCES);
    CHECK(run((char *)8, none, 0) == 100 + EFAULT);
    CHECK(run(self, (char **)8, 0) == 100 + EFAULT);
    CHECK(run(self, (char *[]){"x", (char *)8, 0}, 0) == 100 + EFAULT);
    CHECK(run("", none, 0) == 100 + ENOENT);
    FAILS(syscall(SYS_execveat, AT_FDCWD, self, none, none, 1), EINVAL);
    FAILS(syscall(SYS_execveat, 99, "x", none, none, 0), EBADF);
}

int main(int count, char **arguments, char **environment) {
    static char one[100001], two[131073];
    self = arguments[0];
    if (count > 1 && !strcmp(arguments[1], "script"))
        return script(count, arguments);
    if (count > 1)
        return second(count, arguments, environment);
    CHECK(mkdir("/tmp", 0777) == 0 || errno == EEXIST);
    CHECK(run(self, (char *[]){self, "count", "", "x", 0}, 0) == 4);
    CHECK(run(self, (char *[]){self, "environment", 0}, (char *[]){"A=1", "B=", 0}) == 0);
    CHECK(run(self, (char *[]){self, "vector", 0}, 0) == 0);
    memset(one, 'a', 100000);
    memset(two, 'b', 131071);
    CHECK(run(self, (char *[]){self, "long", one, two, 0}, 0) == 0);
    two[131071] = 'b';
    CHECK(run(self, (char *[]){self, "long", one, two, 0}, 0) == 100 + E2BIG);
    CHECK(open("/tmp/kept", O_RDWR | O_CREAT, 0600) >= 0);
    CHECK(dup2(open("/tmp/kept", O_RDWR), 20) == 20);
    CHECK(dup3(20, 21, O_CLOEXEC) == 21);
    CHECK(run(self, (char *[]){self, "files", 0}, 0) == 0 && fcntl(21, F_GETFD) == FD_CLOEXEC);
    from_a_thread();
    scripts();
    errors();
    return 0;
}
