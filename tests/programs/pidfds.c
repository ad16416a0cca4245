// Files that stand for processes, and looking into processes.
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { SEND = 424, OPEN = 434, GET = 438, ADVISE = 440, CLONE3 = 435 };
enum { PIDFD = 0x1000, P_FILE = 3, NONBLOCK = 04000, WILL_NEED = 3, PAGE_OUT = 21 };
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

struct clone_arguments {
    unsigned long flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static char stack[16384] __attribute__((aligned(16)));
static volatile int thread;

static int open_process(pid_t number) { return syscall(OPEN, number, 0); }

static int wait_thread(void *argument) {
    thread = syscall(SYS_gettid);
    for (;;)
        syscall(SYS_pause);
}

static void opening(void) {
    FAILS(syscall(OPEN, 0, 0), EINVAL);
    FAILS(syscall(OPEN, -5, 0), EINVAL);
    FAILS(syscall(OPEN, getpid(), 1), EINVAL);
    FAILS(syscall(OPEN, 0x7ffffff, 0), ESRCH);
    int file = open_process(getpid());
    CHECK(file >= 0 && fcntl(file, F_GETFD) == FD_CLOEXEC && fcntl(file, F_GETFL) == O_RDWR);
    char byte;
    FAILS(read(file, &byte, 1), EINVAL);
    FAILS(write(file, &byte, 1), EINVAL);
    FAILS(lseek(file, 0, SEEK_SET), ESPIPE);
    CHECK(close(file) == 0);
}

static void cloning(void) {
    int file = -1, status;
    siginfo_t info;
    long child = syscall(SYS_clone, PIDFD | SIGCHLD, 0, &file, 0, 0);
    if (!child)
        _exit(fcntl(file < 0 ? 3 : file, F_GETFD) == -1 ? 11 : 12);  // it has no such file
    CHECK(child > 0 && file >= 0 && fcntl(file, F_GETFD) == FD_CLOEXEC);
    memset(&info, 0, sizeof info);
    CHECK(syscall(SYS_waitid, P_FILE, file, &info, WEXITED, 0) == 0);
    CHECK(info.si_pid == child && info.si_status == 11 && info.si_code == CLD_EXITED);
    CHECK(close(file) == 0);
    struct clone_arguments arguments = {PIDFD, (long)&file, 0, 0, SIGCHLD};
    child = syscall(CLONE3, &arguments, sizeof arguments);
    if (!child)
        _exit(0);
    CHECK(child > 0 && syscall(SEND, file, 0, 0, 0) == 0);
    CHECK(waitpid(child, &status, 0) == child && close(file) == 0);
    FAILS(syscall(SYS_clone, PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &file, 0, 0), EINVAL);
    FAILS(syscall(SYS_clone, PIDFD | CLONE_DETACHED | SIGCHLD, 0, &file, 0, 0), EINVAL);
    FAILS(syscall(SYS_clone, PIDFD | SIGCHLD, 0, 8, 0, 0), EFAULT);
    struct rlimit limit, few = {0, 0};
    getrlimit(RLIMIT_NOFILE, &limit);
    few.rlim_max = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &few);
    FAILS(syscall(SYS_clone, PIDFD | SIGCHLD, 0, &file, 0, 0), EMFILE);
    setrlimit(RLIMIT_NOFILE, &limit);
    FAILS(waitpid(-1, &status, 0), ECHILD);
    int next = dup(0);
    CHECK(next == 3 && close(next) == 0);  // nothing was left open
}

static void waiting(void) {
    siginfo_t info = {0};
    int file = -1;
    long child = syscall(SYS_clone, PIDFD | SIGCHLD, 0, &file, 0, 0);
    if (!child)
        for (;;)
            pause();
    struct pollfd poller = {file, POLLIN, 0};
    CHECK(poll(&poller, 1, 0) == 0);
    CHECK(syscall(SYS_waitid, P_FILE, file, &info, WEXITED | WNOHANG, 0) == 0 && info.si_pid == 0);
    int quick = syscall(OPEN, child, NONBLOCK);
    FAILS(syscall(SYS_waitid, P_FILE, quick, &info, WEXITED, 0), EAGAIN);
    FAILS(syscall(SYS_waitid, P_FILE, 0, &info, WEXITED, 0), EBADF);
    FAILS(syscall(SYS_waitid, P_FILE, -1, &info, WEXITED, 0), EINVAL);
    pid_t sender = fork();
    if (!sender)
        _exit(syscall(SEND, file, SIGKILL, 0, 0));
    CHECK(poll(&poller, 1, -1) == 1 && poller.revents == POLLIN);
    CHECK(waitid(P_PID, sender, &info, WEXITED) == 0 && info.si_status == 0);
    CHECK(syscall(SEND, file, 0, 0, 0) == 0);
    FAILS(syscall(GET, file, 0, 0), ESRCH);
    CHECK(syscall(SYS_waitid, P_FILE, file, &info, WEXITED, 0) == 0);
    CHECK(info.si_pid == child && info.si_code == CLD_KILLED && info.si_status == SIGKILL);
    FAILS(syscall(SEND, file, 0, 0, 0), ESRCH);
    FAILS(syscall(SYS_waitid, P_FILE, file, &info, WEXITED, 0), ECHILD);
    CHECK(poll(&poller, 1, 0) == 1);
    FAILS(open_process(child), ESRCH);
    CHECK(close(file) == 0 && close(quick) == 0);
}

static volatile int code;
static void on_signal(int number, siginfo_t *info, void *context) { code = info->si_code; }

static void sending(void) {
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, 0);
    int file = open_process(getpid());
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    CHECK(syscall(SEND, file, SIGUSR1, 0, 0) == 0 && code == SI_USER);
    CHECK(syscall(SEND, file, SIGUSR1, &info, 0) == 0 && code == SI_QUEUE);
    FAILS(syscall(SEND, file, SIGUSR2, &info, 0), EINVAL);
    FAILS(syscall(SEND, file, SIGUSR1, 8, 0), EFAULT);
    FAILS(syscall(SEND, file, 65, 0, 0), EINVAL);
    FAILS(syscall(SEND, file, 0, 0, 1 << 12), EINVAL);
    FAILS(syscall(SEND, 0, 0, 0, 0), EBADF);
    int other = open_process(getppid() > 0 ? getppid() : getpid());
    info.si_code = SI_USER;
    pid_t child = fork();
    if (!child) {
        step = 0;
        FAILS(syscall(SEND, file, SIGUSR1, &info, 0), EPERM);  // as if the kernel had sent it
        CHECK(setresuid(1234, 1234, 1234) == 0);
        FAILS(syscall(SEND, file, 0, 0, 0), EPERM);
        FAILS(syscall(GET, file, 0, 0), EPERM);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close(other);
    CHECK(close(file) == 0);
}

// A child that has a pipe open, some memory and a thread; its number.
static pid_t other(int *end, char **memory) {
    int ends[2], ready[2];
    char byte;
    pipe(ends);
    pipe(ready);
    *memory = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (!child) {
        memset(*memory, 'c', 3 * 4096);
        mprotect(*memory + 8192, 4096, PROT_NONE);
        clone(wait_thread, stack + sizeof stack, THREAD, 0);
        while (!thread)
            sched_yield();
        write(ready[1], (void *)&thread, sizeof thread);
        for (;;)
            pause();
    }
    read(ready[0], (void *)&thread, sizeof thread);
    close(ready[0]), close(ready[1]), close(ends[0]);
    *end = ends[1];
    return child;
}

static void files_of_others(pid_t child, int end) {
    int file = open_process(child), copy = syscall(GET, file, end, 0);
    CHECK(copy >= 0 && fcntl(copy, F_GETFD) == FD_CLOEXEC);
    CHECK(syscall(SYS_kcmp, getpid(), child, 0, copy, end) == 0);
    CHECK(syscall(SYS_kcmp, getpid(), child, 0, 0, end) > 0);
    FAILS(syscall(SYS_kcmp, getpid(), child, 0, 999, end), EBADF);
    FAILS(syscall(GET, file, 999, 0), EBADF);
    FAILS(syscall(GET, file, end, 1), EINVAL);
    FAILS(syscall(GET, 0, end, 0), EBADF);
    CHECK(syscall(OPEN, thread, 0) == -1);  // no first thread
    close(copy);
    CHECK(close(file) == 0);
}

static void what_is_shared(pid_t child) {
    for (int what = 1; what <= 4; what++) {
        CHECK(syscall(SYS_kcmp, child, thread, what, 0, 0) == 0);
        int order = syscall(SYS_kcmp, getpid(), child, what, 0, 0);
        CHECK(order == 1 || order == 2);
        CHECK(syscall(SYS_kcmp, child, getpid(), what, 0, 0) == 3 - order);
    }
    CHECK(syscall(SYS_kcmp, getpid(), child, 5, 0, 0) == 0);
    CHECK(syscall(SYS_kcmp, getpid(), child, 6, 0, 0) == 0);
    FAILS(syscall(SYS_kcmp, getpid(), child, 99, 0, 0), EINVAL);
    FAILS(syscall(SYS_kcmp, getpid(), 0x7ffffff, 1, 0, 0), ESRCH);
}

static void memory_of_others(pid_t child, char *memory) {
    static char buffer[3 * 4096];
    struct iovec near[2] = {{buffer, 100}, {buffer + 100, 8000}};
    struct iovec far[2] = {{memory + 4090, 4}, {memory, 4096}};
    CHECK(syscall(SYS_process_vm_readv, child, near, 2, far, 2, 0) == 4100);
    for (int i = 0; i < 4100; i++)
        CHECK(buffer[i] == 'c');
    CHECK(buffer[4100] == 0 && memory[0] == 0);
    struct iovec whole = {memory, 3 * 4096}, all = {buffer, sizeof buffer};
    CHECK(syscall(SYS_process_vm_readv, thread, &all, 1, &whole, 1, 0) == 8192);  // as far as it goes
    buffer[1] = 'w';
    CHECK(syscall(SYS_process_vm_writev, child, &all, 1, &far[1], 1, 0) == 4096);
    buffer[1] = 0;
    CHECK(syscall(SYS_process_vm_readv, child, near, 1, &far[1], 1, 0) == 100 && buffer[1] == 'w');
    CHECK(syscall(SYS_process_vm_readv, child, near, 0, far, 1, 0) == 0);
    CHECK(syscall(SYS_process_vm_readv, child, near, 1, far, 0, 0) == 0);
    struct iovec closed = {memory + 8192, 10}, nowhere = {(void *)8, 10}, minus = {memory, -1};
    FAILS(syscall(SYS_process_vm_readv, child, near, 1, &closed, 1, 0), EFAULT);
    FAILS(syscall(SYS_process_vm_readv, child, near, 1, &nowhere, 1, 0), EFAULT);
    FAILS(syscall(SYS_process_vm_readv, child, near, 1, &minus, 1, 0), EINVAL);
    FAILS(syscall(SYS_process_vm_readv, child, near, 1, 8, 1, 0), EFAULT);
    FAILS(syscall(SYS_process_vm_readv, child, 8, 1, far, 1, 0), EFAULT);
    FAILS(syscall(SYS_process_vm_readv, child, near, 1025, far, 1, 0), EINVAL);
    FAILS(syscall(SYS_process_vm_readv, child, near, 1, far, 1, 1), EINVAL);
    FAILS(syscall(SYS_process_vm_readv, 0x7ffffff, near, 1, far, 1, 0), ESRCH);
    CHECK(syscall(SYS_process_vm_readv, getpid(), near, 1, &all, 1, 0) == 100);
}

static void advice_for_others(pid_t child, char *memory) {
    int file = open_process(child);
    struct iovec whole = {memory, 2 * 4096}, odd = {memory + 1, 4096};
    CHECK(syscall(ADVISE, file, &whole, 1, PAGE_OUT, 0) == 2 * 4096);
    CHECK(syscall(ADVISE, file, &whole, 1, WILL_NEED, 0) == 2 * 4096);
    FAILS(syscall(ADVISE, file, &whole, 1, WILL_NEED, 1), EINVAL);
    FAILS(syscall(ADVISE, file, &odd, 1, WILL_NEED, 0), EINVAL);
    FAILS(syscall(ADVISE, 0, &whole, 1, WILL_NEED, 0), EBADF);
    CHECK(close(file) == 0);
}

static void lists_of_others(pid_t child) {
    long head[3], found = 1, length = 0;
    CHECK(syscall(SYS_set_robust_list, head, sizeof head) == 0);
    CHECK(syscall(SYS_get_robust_list, 0, &found, &length) == 0);
    CHECK(found == (long)head && length == sizeof head);
    CHECK(syscall(SYS_get_robust_list, thread, &found, &length) == 0 && found == 0);
    FAILS(syscall(SYS_get_robust_list, 0x7ffffff, &found, &length), ESRCH);
    FAILS(syscall(SYS_get_robust_list, 0, 8, &length), EFAULT);
    FAILS(syscall(SYS_get_robust_list, 0, &found, 8), EFAULT);
    CHECK(syscall(SYS_set_robust_list, 0, sizeof head) == 0);
}

// Another user may look into nothing; nor the same one, if the process does not want it.
static void rights(pid_t child, int end, char *memory) {
    int status, file = open_process(child);
    long found, length;
    struct iovec near = {&found, 8}, far = {memory, 8};
    pid_t looker = fork();
    if (!looker) {
        step = 0;
        CHECK(setresgid(77, 77, 77) == 0 && setresuid(77, 77, 77) == 0);
        FAILS(syscall(SYS_process_vm_readv, child, &near, 1, &far, 1, 0), EPERM);
        FAILS(syscall(SYS_kcmp, getpid(), child, 1, 0, 0), EPERM);
        FAILS(syscall(SYS_get_robust_list, child, &found, &length), EPERM);
        FAILS(syscall(GET, file, end, 0), EPERM);
        pid_t own = fork();  // became another user: it is not dumpable
        if (!own)
            for (;;)
                pause();
        FAILS(syscall(SYS_kcmp, getpid(), own, 1, 0, 0), EPERM);
        kill(own, SIGKILL);
        CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
        own = fork();
        if (!own)
            for (;;)
                pause();
        CHECK(syscall(SYS_kcmp, getpid(), own, 1, 0, 0) > 0);
        CHECK(syscall(SYS_process_vm_readv, own, &near, 1, &far, 1, 0) == 8);
        FAILS(syscall(ADVISE, open_process(own), &far, 0, WILL_NEED, 0), EPERM);
        kill(own, SIGKILL);
        _exit(0);
    }
    CHECK(waitpid(looker, &status, 0) == looker && status == 0);
    CHECK(close(file) == 0);
}

int main(void) {
    char *memory;
    int end, status;
    opening();
    cloning();
    waiting();
    sending();
    pid_t child = other(&end, &memory);
    files_of_others(child, end);
    what_is_shared(child);
    memory_of_others(child, memory);
    advice_for_others(child, memory);
    lists_of_others(child);
    rights(child, end, memory);
    kill(child, SIGKILL);
    CHECK(waitpid(child, &status, 0) == child && status == SIGKILL);
    return 0;
}
