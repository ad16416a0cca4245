// Each allocation of a call fails in turn: the call says so, and works when none fails.
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define FAIL_ALLOCATION 0x1000  // makes this thread's n-th allocation fail
#define MOST 200
#define TIOCGPTPEER 0x5441

static char stack[8192] __attribute__((aligned(16)));
static volatile int ran;

static int run(void *argument) {
    ran = 1;
    syscall(SYS_exit, 0);
    return 0;
}

static int reap(pid_t child) {
    int status;
    if (!child)
        _exit(0);
    return child < 0 ? -1 : waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

static int do_fork(void) { return reap(fork()); }

static int do_vfork(void) {
    pid_t child = vfork();
    if (!child)
        _exit(0);
    return reap(child);
}

static int do_thread(void) {
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
    ran = 0;
    if (clone(run, stack + sizeof stack, flags, 0) < 0)
        return -1;
    while (!ran)
        sched_yield();
    return 0;
}

static int do_setpgid(void) { return setpgid(0, 0) || setpgid(0, getsid(0)) ? -1 : 0; }

#define PAGE 4096L
#define READ_WRITE (PROT_READ | PROT_WRITE)

static char *map(int pages, int flags) {
    return mmap(0, pages * PAGE, READ_WRITE, flags | MAP_ANONYMOUS, -1, 0);
}

// A mapping with a hole and parts that differ.
static int do_map(void) {
    char *memory = map(6, MAP_PRIVATE);
    if (memory == MAP_FAILED || munmap(memory + PAGE, PAGE))
        return -1;
    if (mprotect(memory + 3 * PAGE, PAGE, PROT_READ))
        return -1;
    return madvise(memory + 5 * PAGE, PAGE, MADV_DONTFORK);
}

static int do_replace(void) {
    char *memory = map(4, MAP_PRIVATE);
    if (memory == MAP_FAILED)
        return -1;
    memory[2 * PAGE] = 1;
    char *place = mmap(memory + PAGE, 2 * PAGE, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    return place == MAP_FAILED ? memory[2 * PAGE] == 1 ? -1 : 1 : memory[2 * PAGE];
}

static int do_share(void) {
    char *memory = map(2, MAP_SHARED);
    return memory == MAP_FAILED ? -1 : munmap(memory, 2 * PAGE);
}

static int do_remap(void) {
    char *memory = map(4, MAP_PRIVATE);
    if (memory == MAP_FAILED)
        return -1;
    memory[PAGE] = 7;
    char *place = mremap(memory + PAGE, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    return place == MAP_FAILED ? memory[PAGE] == 7 ? -1 : 1 : place[0] != 7;
}

static int do_lock(void) {
    char *memory = map(2, MAP_PRIVATE);
    return memory == MAP_FAILED ? -1 : mlock(memory, 2 * PAGE);
}

static int do_brk(void) {
    long end = syscall(SYS_brk, 0);
    errno = ENOMEM;  // that it stays is all that it tells
    return syscall(SYS_brk, end + 2 * PAGE) == end + 2 * PAGE ? 0 : -1;
}

static int do_setgroups(void) { return syscall(SYS_setgroups, 2, (unsigned[]){7, 5}); }

static int do_setuid(void) { return syscall(SYS_setresuid, 0, 0, 0); }

static int do_capset(void) {
    unsigned header[] = {0x20080522, 0}, sets[6];
    if (syscall(SYS_capget, header, sets))
        return -1;
    return syscall(SYS_capset, header, sets);
}

static int do_prctl(void) {
    return prctl(PR_SET_KEEPCAPS, 0) || prctl(PR_SET_SECUREBITS, 0) ||
           prctl(PR_CAPBSET_DROP, 0, 0, 0, 0) ||
           prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ? -1 : 0;
}

static int do_eventfd(void) {
    int file = syscall(SYS_eventfd2, 1, 0);
    return file < 0 ? -1 : close(file);
}

static int do_pty(void) {
    char name[32];
    int zero = 0, number, master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    if (master < 0)
        return -1;
    int slave = ioctl(master, TIOCSPTLCK, &zero) || ioctl(master, TIOCGPTN, &number) ? -1 : 0;
    if (slave == 0) {
        snprintf(name, sizeof name, "/dev/pts/%d", number);
        slave = open(name, O_RDWR | O_NOCTTY);
    }
    int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY), failed = slave < 0 || peer < 0;
    int error = errno;
    close(slave), close(peer), close(master);
    errno = error;
    return failed ? -1 : 0;
}

static int do_devpts(void) {
    if (mount("none", "/mnt", "devpts", 0, "mode=600"))
        return -1;
    return umount("/mnt");
}

static int do_epoll(void) {
    struct epoll_event event = {.events = EPOLLIN};
    int set = syscall(SYS_epoll_create1, 0);
    if (set < 0)
        return -1;
    int result = syscall(SYS_epoll_ctl, set, EPOLL_CTL_ADD, 0, &event);
    return close(set) ? 1 : result;
}

static int do_timerfd(void) {
    int file = syscall(SYS_timerfd_create, 0, 0);
    return file < 0 ? -1 : close(file);
}

static int do_signalfd(void) {
    unsigned long set = 1;
    int file = syscall(SYS_signalfd4, -1, &set, 8, 0);
    return file < 0 ? -1 : close(file);
}

static int do_memfd(void) {
    int file = syscall(SYS_memfd_create, "x", 0);
    return file < 0 ? -1 : close(file);
}

static int do_waitv(void) {
    static unsigned word = 1;
    unsigned long entry[] = {2, (long)&word, 2};  // not the value that is there
    return syscall(449, entry, 1, 0, 0, 0) == -1 && errno == EAGAIN ? 0 : -1;
}

static int do_fallocate(void) {
    int file = open("/tmp/shortage", O_CREAT | O_RDWR, 0600);
    if (file < 0)
        return -1;
    int result = fallocate(file, 0, 0, 3 * PAGE);
    return unlink("/tmp/shortage") || close(file) ? -1 : result;
}

static int failed_before;  // whether one had failed then; -1 where nothing is ended

// Undoes what could not be undone for want of memory.
static int end_mount(int result) {
    int error = errno;
    failed_before = syscall(FAIL_ALLOCATION, 0);
    umount("/mnt");
    errno = error;
    return result;
}

static int do_mount(void) {
    if (mount("x", "/mnt", "tmpfs", 0, "size=1m"))
        return -1;
    int result = umount("/mnt");
    return result ? end_mount(result) : 0;
}

static int into_spaces(int *file) {
    if (unshare(CLONE_NEWNS) || mount("x", "/mnt", "tmpfs", 0, 0) ||
        mount(0, "/mnt", 0, MS_SHARED, 0) || mkdir("/mnt/a", 0755) || mkdir("/mnt/b", 0755) ||
        mkdir("/mnt/p", 0755) || mount("x", "/mnt/p", "proc", 0, 0))
        return -1;
    if ((*file = open("/mnt/p/self/ns/mnt", O_RDONLY)) < 0)
        return -1;
    return unshare(CLONE_NEWNS) || mount("x", "/mnt/a", "tmpfs", 0, 0) ||
           mount("/mnt", "/mnt/b", 0, MS_BIND | MS_REC, 0) || setns(*file, 0) ? -1 : 0;
}

// A mount that is passed on to another namespace, and into that.
static int do_spaces(void) {
    int file = -1, result = into_spaces(&file), error = errno;
    failed_before = syscall(FAIL_ALLOCATION, 0);
    if (file >= 0)
        close(file);
    umount2("/mnt", MNT_DETACH);
    errno = error;
    return result;
}

static int read_all(const char *name) {
    char text[1000];
    int file = open(name, O_RDONLY), got = 0;
    if (file < 0)
        return -1;
    while (!got && (got = read(file, text, sizeof text)) > 0)
        got = 0;
    int error = errno;
    close(file);
    errno = error;
    return got;
}

static int do_procfs(void) {
    char text[100];
    if (mount("x", "/mnt", "proc", 0, 0))
        return -1;
    int result = read_all("/mnt/self/maps") || read_all("/mnt/self/stat") ||
                 read_all("/mnt/self/cmdline") || read_all("/mnt/mounts") ||
                 readlink("/mnt/self/fd/0", text, sizeof text) < 0 ||
                 access("/mnt/self/cwd", F_OK) ? -1 : 0;
    return end_mount(result);
}

static int do_sendfile(void) {
    int from = open("/tmp/from", O_CREAT | O_RDWR, 0600), to = open("/tmp/to", O_CREAT | O_WRONLY, 0600);
    off_t place = 0;
    int result = from < 0 || to < 0 ? -1 : sendfile(to, from, &place, 1);
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return result;
}

static int do_lock_part(void) {
    struct flock part = {.l_type = F_WRLCK, .l_len = 9};
    int file = open("/tmp/lock", O_CREAT | O_RDWR, 0600);
    if (file < 0)
        return -1;
    int result = fcntl(file, F_SETLK, &part);
    if (result && errno == ENOLCK)
        errno = ENOMEM;
    int error = errno;
    close(file);
    errno = error;
    return result;
}

static int do_unshare_range(void) {
    return syscall(SYS_close_range, 100, 200, 2);
}

static int do_timer(void) {
    int id;
    return syscall(SYS_timer_create, 1, 0, &id) ? -1 : syscall(SYS_timer_delete, id);
}

#define PIDFD_OPEN 434
#define PIDFD 0x1000

static int do_pidfd(void) {
    int number = syscall(PIDFD_OPEN, getpid(), 0);
    return number < 0 ? -1 : close(number);
}

static int do_open_child(void) {
    int number = dup(0), lowest = number;
    close(number);
    long child = syscall(SYS_clone, PIDFD | SIGCHLD, 0, &number, 0, 0);
    int result = reap(child);
    if (child > 0)
        return result || number != lowest || close(number);
    number = dup(0);
    return close(number) || number != lowest ? 1 : -1;
}

static int do_read_other(void) {
    static char from[10], to[10];
    struct iovec near[10], far[10];
    for (int i = 0; i < 10; i++) {
        near[i] = (struct iovec){to + i, 1};
        far[i] = (struct iovec){from + i, 1};
    }
    long read = syscall(SYS_process_vm_readv, getpid(), near, 10, far, 10, 0);
    return read < 0 ? -1 : read != 10;
}

// Files

// What calls copy from and to, in memory of this process: a copy that finds none is an EFAULT.
static char bytes[3 * PAGE];

#define NAME "/tmp/shortage"
#define LONG_NAME "/tmp/a-name-that-is-too-long-for-the-place-that-an-entry-has-for-short-ones-itself"

static int new_file(const char *name) { return open(name, O_CREAT | O_RDWR, 0600); }

// Ends what a case has made, which is not to fail, and tells what came of it.
static int end(int file, int result) {
    int error = errno;
    failed_before = syscall(FAIL_ALLOCATION, 0);
    if (file >= 0)
        close(file);
    unlink(NAME), unlink(LONG_NAME), unlink(NAME "-2"), rmdir(NAME);
    errno = error;
    return result;
}

static int do_pipe(void) {
    int ends[2];
    return pipe(ends) ? -1 : close(ends[0]) | close(ends[1]);
}

static int do_write_pipe(void) {
    int ends[2];
    if (pipe(ends))
        return -1;
    long written = write(ends[1], bytes, sizeof bytes);
    int error = errno;
    close(ends[0]), close(ends[1]);
    errno = error;
    return written < 0 ? -1 : 0;
}

static int do_socketpair(void) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
        return -1;
    long written = write(ends[1], bytes, sizeof bytes);
    int error = errno;
    close(ends[0]), close(ends[1]);
    errno = error;
    return written < 0 ? -1 : 0;
}

// Files that come over a socket to which a name leads, in a message that is looked at before.
static int do_pass(void) {
    union {
        char room[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr header;
    } control = {0};
    struct sockaddr_un name = {AF_UNIX, NAME};
    struct iovec part = {bytes, 3 * PAGE};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = -1, taken = -1, result = -1;
    control.header.cmsg_len = CMSG_LEN(2 * sizeof(int));
    control.header.cmsg_level = SOL_SOCKET, control.header.cmsg_type = SCM_RIGHTS;
    if (listener < 0 || bind(listener, (void *)&name, sizeof name) || listen(listener, 1))
        goto end;
    if ((client = socket(AF_UNIX, SOCK_STREAM, 0)) < 0 || connect(client, (void *)&name, sizeof name))
        goto end;
    if ((taken = accept(listener, 0, 0)) < 0)
        goto end;
    int files[] = {listener, client}, came[2];
    memcpy(CMSG_DATA(&control.header), files, sizeof files);
    message.msg_controllen = sizeof control;
    if (sendmsg(client, &message, 0) != 3 * PAGE)
        goto end;
    for (int peek = MSG_PEEK; peek >= 0; peek -= MSG_PEEK) {
        message.msg_controllen = sizeof control;
        if (recvmsg(taken, &message, peek) != 3 * PAGE)
            goto end;
        if (message.msg_flags & MSG_CTRUNC) {
            errno = ENOMEM;  // the table of files did not grow
            goto end;
        }
        memcpy(came, CMSG_DATA(&control.header), sizeof came);
        close(came[0]), close(came[1]);
    }
    result = 0;
end:
    result = end(listener, result);
    int error = errno;
    if (client >= 0)
        close(client);
    if (taken >= 0)
        close(taken);
    errno = error;
    return result;
}

static int do_high_number(void) {
    int file = fcntl(0, F_DUPFD, 900);
    return file < 0 ? -1 : close(file);
}

static int do_create(void) {
    int file = new_file(LONG_NAME);
    return end(file, file < 0 ? -1 : 0);
}

static int do_directory(void) { return end(-1, mkdir(NAME, 0700)); }

static int do_names(void) {
    int file = new_file(NAME), result = -1;
    if (file >= 0)
        result = link(NAME, LONG_NAME) || rename(LONG_NAME, NAME "-2") ? -1 : 0;
    return end(file, result);
}

static int do_symlink(void) {
    char target[200];
    return end(-1, symlink(LONG_NAME LONG_NAME, NAME) ||
                   readlink(NAME, target, sizeof target) != 2 * sizeof LONG_NAME - 2 ? -1 : 0);
}

static int do_fifo(void) {
    int file = mknod(NAME, S_IFIFO | 0600, 0) ? -1 : open(NAME, O_RDWR);
    return end(file, file < 0 ? -1 : 0);
}

static int do_fill(void) {
    int file = new_file(NAME);
    long written = file < 0 ? -1 : write(file, bytes, sizeof bytes);
    return end(file, written < 0 ? -1 : ftruncate(file, 5 * PAGE) || ftruncate(file, 1) ? -1 : 0);
}

static int do_file_map(int flags) {
    int file = new_file(NAME);
    char *memory = MAP_FAILED;
    if (file >= 0 && !ftruncate(file, 3 * PAGE))
        memory = mmap(0, 3 * PAGE, READ_WRITE, flags, file, 0);
    if (memory == MAP_FAILED)
        return end(file, -1);
    int result = mprotect(memory + PAGE, PAGE, PROT_READ) || msync(memory, 3 * PAGE, MS_SYNC);
    int error = errno;
    munmap(memory, 3 * PAGE);
    errno = error;
    return end(file, result ? -1 : 0);
}
static int do_shared_file(void) { return do_file_map(MAP_SHARED); }
static int do_private_file(void) { return do_file_map(MAP_PRIVATE); }

static int do_unnamed(void) {
    int file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    return end(file, file < 0 || linkat(file, "", AT_FDCWD, NAME, AT_EMPTY_PATH) ? -1 : 0);
}

static int do_exchange(void) {
    int first = new_file(NAME), second = mkdir(NAME "-2", 0700);
    int result = first < 0 || second ? -1 : syscall(SYS_renameat2, AT_FDCWD, NAME, AT_FDCWD, NAME "-2", 2);
    int error = errno;
    rmdir(NAME "-2");
    errno = error;
    return end(first, result);
}

static int do_resize_pipe(void) {
    int ends[2];
    if (pipe(ends))
        return -1;
    int result = fcntl(ends[0], F_SETPIPE_SZ, 1 << 17) < 0 ? -1 : 0, error = errno;
    close(ends[0]), close(ends[1]);
    errno = error;
    return result;
}

static int do_attributes(void) {
    int file = new_file(NAME);
    int result = file < 0 || fsetxattr(file, "user.a", bytes, 9, 0) ||
                 fsetxattr(file, "user.a", bytes, 5000, 0) ||
                 fgetxattr(file, "user.a", bytes, sizeof bytes) != 5000 ? -1 : 0;
    return end(file, result);
}

static int do_inotify(void) {
    int queue = syscall(SYS_inotify_init1, O_NONBLOCK);
    if (queue < 0)
        return -1;
    int result = syscall(SYS_inotify_add_watch, queue, "/tmp", 0x100) < 0 ? -1 : 0, error = errno;
    if (!result) {
        int file = new_file(NAME);  // that it was made is told, or that something was lost
        error = errno;
        result = file < 0 ? -1 : read(queue, bytes, 100) < 16;
        end(file, 0);
    }
    close(queue);
    errno = error;
    return result;
}

static int do_splice(void) {
    int from[2], to[2], file = new_file(NAME);
    if (file < 0 || pipe(from))
        return end(file, -1);
    if (pipe(to)) {
        close(from[0]), close(from[1]);
        return end(file, -1);
    }
    struct iovec parts[10];
    for (int i = 0; i < 10; i++)
        parts[i] = (struct iovec){bytes, 1};
    int result = write(file, bytes, 9) != 9 || lseek(file, 0, SEEK_SET) ||
                 splice(file, 0, from[1], 0, 9, 0) != 9 || tee(from[0], to[1], 9, 0) != 9 ||
                 splice(from[0], 0, file, 0, 9, 0) != 9 || vmsplice(to[1], parts, 10, 0) != 10 ? -1 : 0;
    int error = errno;
    close(from[0]), close(from[1]), close(to[0]), close(to[1]);
    errno = error;
    return end(file, result);
}

static int do_list(void) {
    char entries[512];
    int file = open("/", O_RDONLY | O_DIRECTORY);
    return end(file, file < 0 || syscall(SYS_getdents64, file, entries, sizeof entries) < 0 ? -1 : 0);
}

static int do_getcwd(void) {
    char name[4096];
    return chdir("/tmp") || syscall(SYS_getcwd, name, sizeof name) < 0 || chdir("/") ? -1 : 0;
}

static int do_flock(void) {
    int file = new_file(NAME);
    int result = file < 0 ? -1 : flock(file, LOCK_EX);
    if (result && errno == ENOLCK)
        errno = ENOMEM;
    return end(file, result);
}

static int do_vectors(void) {
    struct iovec parts[20];
    for (int i = 0; i < 20; i++)
        parts[i] = (struct iovec){bytes + i, 1};
    int file = new_file(NAME);
    return end(file, file < 0 || writev(file, parts, 20) < 0 || preadv(file, parts, 20, 0) < 0 ? -1 : 0);
}

static int do_poll(void) {
    struct pollfd files[100];
    for (int i = 0; i < 100; i++)
        files[i] = (struct pollfd){.fd = i % 3, .events = POLLOUT};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(0, &set);
    return poll(files, 100, 0) < 0 || select(1, 0, &set, 0, &(struct timeval){0}) < 0 ? -1 : 0;
}

// Signals

static volatile int caught;
static void catch(int number) { caught++; }

static sigset_t only(int number) {
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, number);
    return set;
}

// Sends a signal that is blocked, and takes it again if it came.
static int queue(int number, int (*send)(int)) {
    sigset_t set = only(number);
    sigprocmask(SIG_BLOCK, &set, 0);
    int result = send(number), error = errno;
    int taken = sigtimedwait(&set, 0, &(struct timespec){0});
    sigprocmask(SIG_UNBLOCK, &set, 0);
    errno = error;
    return taken == (result ? -1 : number) ? result : 1;
}

static int send_value(int number) { return sigqueue(getpid(), number, (union sigval){.sival_int = 5}); }
static int send_to_thread(int number) { return syscall(SYS_tkill, syscall(SYS_gettid), number); }
static int send_signal(int number) { return kill(getpid(), number); }

static int do_queue(void) { return queue(SIGRTMIN + 3, send_value); }
static int do_queue_thread(void) { return queue(SIGRTMIN + 4, send_to_thread); }
static int do_kill(void) { return queue(SIGUSR1, send_signal); }  // which comes, whatever fails

static int do_handler(void) {
    caught = 0;
    struct sigaction action = {.sa_handler = catch};
    static char alternate[16384];
    stack_t own = {.ss_sp = alternate, .ss_size = sizeof alternate};
    if (sigaction(SIGUSR2, &action, 0) || sigaltstack(&own, 0) || raise(SIGUSR2))
        return -1;
    return caught != 1;
}

static int do_interval(void) {
    struct itimerval later = {.it_value = {1000, 0}}, never = {0};
    return setitimer(ITIMER_REAL, &later, 0) || setitimer(ITIMER_REAL, &never, 0) ? -1 : 0;
}

static int do_timed_wait(void) {
    sigset_t set = only(SIGUSR1);
    sigtimedwait(&set, 0, &(struct timespec){.tv_nsec = 1});
    return nanosleep(&(struct timespec){.tv_nsec = 1}, 0);
}

// Processes

static int do_clone3(void) {
    unsigned long arguments[8] = {[4] = SIGCHLD};
    return reap(syscall(435, arguments, sizeof arguments));
}

static int do_session(void) {
    syscall(FAIL_ALLOCATION, 0);
    pid_t child = fork();
    if (!child) {
        for (int number = 1, failed = 1; failed; number++) {
            syscall(FAIL_ALLOCATION, number);
            int result = setsid();
            failed = syscall(FAIL_ALLOCATION, 0);
            if (result < 0 && (!failed || errno != ENOMEM))
                _exit(1);
            if (result > 0)
                _exit(0);
        }
        _exit(2);
    }
    failed_before = 0;  // the child has gone through all
    return reap(child);
}

static int do_affinity(void) {
    cpu_set_t all = {.__bits = {3}};
    return sched_setaffinity(0, sizeof all, &all) ||
           syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &(int){0}) ||
           syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &(int){0}) ? -1 : 0;
}

static int do_lock_all(void) {
    return mlockall(MCL_CURRENT) || munlockall() ? -1 : 0;
}

static int do_futex(void) {
    static int word;
    syscall(SYS_futex, &word, 0, 0, &(struct timespec){.tv_nsec = 1}, 0, 0);
    return errno == ETIMEDOUT || syscall(SYS_futex, &word, 6, 0, 0, 0, 0) == 0 ?
           (word = 0) : -1;
}

// What programs share by keys

union semaphore_argument {
    int value;
    unsigned short *values;
};

static int do_semaphores(void) {
    unsigned short values[10] = {5};
    struct sembuf many[10];
    int set = semget(IPC_PRIVATE, 10, 0600), result = -1;
    if (set < 0)
        return -1;
    for (int i = 0; i < 10; i++)
        many[i] = (struct sembuf){i, 1, SEM_UNDO};
    if (semctl(set, 0, SETALL, (union semaphore_argument){.values = values}) == 0 &&
        semop(set, many, 10) == 0)
        result = semctl(set, 0, GETALL, (union semaphore_argument){.values = values});
    int kept = errno;
    if (result == 0)
        result = values[0] != 6 || values[9] != 1;
    semctl(set, 0, IPC_RMID);
    errno = kept;
    return result;
}

static int do_semaphore_thread(void) {
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
    ran = 0;
    if (clone(run, stack + sizeof stack, flags | CLONE_SYSVSEM, 0) < 0)
        return -1;
    while (!ran)
        sched_yield();
    return 0;
}

static int do_messages(void) {
    struct { long type; char text[4]; } message = {1, "abc"};
    int queue = msgget(IPC_PRIVATE, 0600), result = -1;
    if (queue < 0)
        return -1;
    if (msgsnd(queue, &message, 4, 0) == 0 &&
        msgrcv(queue, &message, 4, 0, 040000 | IPC_NOWAIT) == 4 &&
        msgrcv(queue, &message, 4, 0, 0) == 4)
        result = 0;
    int kept = errno;
    msgctl(queue, IPC_RMID, 0);
    errno = kept;
    return result;
}

static int do_segment(void) {
    int segment = shmget(IPC_PRIVATE, 3 * PAGE, 0600), result = -1;
    if (segment < 0)
        return -1;
    char *memory = shmat(segment, 0, 0);
    int kept = errno;
    if (memory != (void *)-1) {
        result = shmdt(memory);
        kept = errno;
    }
    shmctl(segment, IPC_RMID, 0);
    errno = kept;
    return result;
}

static int do_posix_queue(void) {
    int queue = syscall(SYS_mq_open, "shortage", O_RDWR | O_CREAT, 0600, 0), result = -1;
    if (queue < 0)
        return -1;
    char text[8192];
    struct sigevent none = {.sigev_notify = SIGEV_NONE};
    if (syscall(SYS_mq_notify, queue, &none) == 0 &&
        syscall(SYS_mq_timedsend, queue, "abc", 3, 1, 0) == 0 &&
        syscall(SYS_mq_timedreceive, queue, text, sizeof text, 0, 0) == 3)
        result = 0;
    int kept = errno;
    close(queue);
    syscall(SYS_mq_unlink, "shortage");
    errno = kept;
    return result;
}

static int (*const calls[])(void) = {
    do_posix_queue,
    do_semaphores, do_semaphore_thread, do_messages, do_segment,
    do_eventfd, do_epoll, do_timerfd, do_signalfd, do_memfd, do_waitv, do_fallocate, do_mount,
    do_pty, do_devpts, do_spaces, do_procfs, do_sendfile, do_unshare_range,
    do_pipe, do_write_pipe, do_socketpair, do_pass, do_high_number, do_create, do_directory, do_names,
    do_symlink, do_fifo,
    do_fill, do_shared_file, do_private_file, do_list, do_getcwd, do_flock, do_vectors, do_poll,
    do_queue, do_queue_thread, do_kill, do_handler, do_interval, do_timed_wait,
    do_clone3, do_session, do_affinity, do_lock_all, do_futex,
    do_lock_part,
    do_unnamed, do_exchange, do_resize_pipe, do_attributes, do_splice,
    do_inotify,
    do_fork, do_vfork, do_thread, do_setpgid, do_map,
    do_replace, do_share, do_remap, do_lock, do_brk,
    do_setgroups, do_setuid, do_capset, do_prctl, do_timer, do_pidfd,
    do_open_child, do_read_other,
};

static int all(void) {
    for (int i = 0; i < sizeof bytes; i += PAGE)
        bytes[i] = 1;
    for (int i = 0; i < sizeof calls / sizeof *calls; i++) {
        int failed, result, number = 0;
        do {
            syscall(FAIL_ALLOCATION, ++number);
            errno = 0, failed_before = -1;
            result = calls[i]();
            failed = failed_before < 0 ? syscall(FAIL_ALLOCATION, 0) : failed_before;
            step = 3 * i;
            CHECK(number < MOST);
            CHECK(failed || result == 0);
            CHECK(result == 0 || result == -1 && (errno == ENOMEM || errno == EAGAIN || errno == ENOSPC));
        } while (failed);
    }
    return 0;
}

// The program that runs is another one then, so the child itself has its allocations fail.
static int execute(char *self) {
    int status, number = 0;
    do {
        pid_t child = fork();
        number++;
        if (!child) {
            syscall(FAIL_ALLOCATION, number);
            execve(self, (char *[]){self, "second", 0}, (char *[]){"A=1", 0});
            _exit(syscall(FAIL_ALLOCATION, 0) == 1 && errno == ENOMEM ? 1 : 2);
        }
        CHECK(number < MOST && waitpid(child, &status, 0) == child);
        step = 90;
        CHECK(status == 0 || WEXITSTATUS(status) == 1);
    } while (status);
    CHECK(number > 10);
    return 0;
}

int main(int count, char **arguments) {
    int status;
    int failed = syscall(FAIL_ALLOCATION, 0);
    if (failed == -1)
        return 0;  // a release build
    if (count > 1)
        return failed;  // and the kernel could do without
    int made = mkdir("/mnt", 0755) == 0, made_tmp = mkdir("/tmp", 0777) == 0;
    execute(arguments[0]);
    pid_t child = fork();  // which leads no session, so it can change its group
    if (!child)
        _exit(all());
    int result = waitpid(child, &status, 0) == child ? WEXITSTATUS(status) : 255;
    unlink("/tmp/from"), unlink("/tmp/to"), unlink("/tmp/lock");
    if (made)
        rmdir("/mnt");
    if (made_tmp)
        rmdir("/tmp");
    return result;
}
