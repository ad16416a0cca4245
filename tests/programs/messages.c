// Message queues of System V: what calls do and refuse, which message comes, who waits.
#include "check.h"
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#ifndef MSG_COPY
#define MSG_COPY 040000
#endif
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define KEY 0x5e3a0002

struct message {
    long type;
    char text[8192];
};

static struct message buffer;

static int put(int queue, long type, const char *text, int flags) {
    struct message message = {.type = type};
    strcpy(message.text, text);
    return msgsnd(queue, &message, strlen(text), flags);
}

static int get(int queue, long type, int flags) {
    memset(&buffer, 0, sizeof buffer);
    return msgrcv(queue, &buffer, sizeof buffer.text, type, flags);
}

static int is(int queue, long type, int flags, long wanted, const char *text) {
    return get(queue, type, flags) == (int)strlen(text) && buffer.type == wanted &&
           !strcmp(buffer.text, text);
}

static struct msqid_ds status_of(int queue) {
    struct msqid_ds status;
    memset(&status, 0xff, sizeof status);
    CHECK(msgctl(queue, IPC_STAT, &status) == 0);
    return status;
}

static int reap(pid_t child) {
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Nothing tells who waits for a message: the state of the process does, which /proc shows on both.
static void await_sleep(pid_t child) {
    char name[32] = "/proc/", text[256];
    int length = 6;
    char digits[12];
    int count = 0;
    for (pid_t rest = child; rest; rest /= 10)
        digits[count++] = '0' + rest % 10;
    while (count)
        name[length++] = digits[--count];
    strcpy(name + length, "/stat");
    for (;;) {
        int file = open(name, O_RDONLY);
        CHECK(file >= 0);
        int size = read(file, text, sizeof text - 1);
        CHECK(size > 0);
        text[size] = 0;
        close(file);
        char *state = strrchr(text, ')') + 2;
        if (*state == 'S')
            return;
        sched_yield();
    }
}

static void ids(void) {
    int queue = msgget(KEY, IPC_CREAT | IPC_EXCL | 0600);
    CHECK(queue >= 0 && msgget(KEY, 0) == queue && msgget(KEY, IPC_CREAT) == queue);
    FAILS(msgget(KEY, IPC_CREAT | IPC_EXCL), EEXIST);
    FAILS(msgget(KEY + 1, 0), ENOENT);
    struct msqid_ds status = status_of(queue);
    CHECK(status.msg_qnum == 0 && status.msg_qbytes == 16384 && status.msg_cbytes == 0);
    CHECK(!status.msg_stime && !status.msg_rtime && labs(status.msg_ctime - time(0)) < 1000);
    CHECK(status.msg_perm.uid == geteuid() && (status.msg_perm.mode & 0777) == 0600);
    CHECK(msgctl(queue, IPC_RMID, 0) == 0);
    FAILS(msgctl(queue, IPC_RMID, 0), EINVAL);
    FAILS(put(queue, 1, "", IPC_NOWAIT), EINVAL);
    FAILS(get(queue, 1, IPC_NOWAIT), EINVAL);
    FAILS(msgctl(-1, IPC_STAT, &status), EINVAL);
    FAILS(msgctl(queue, 99, &status), EINVAL);
}

static void selection(void) {
    int queue = msgget(IPC_PRIVATE, 0600);
    CHECK(queue >= 0);
    FAILS(put(queue, 0, "x", 0), EINVAL);
    FAILS(put(queue, -1, "x", 0), EINVAL);
    FAILS(msgsnd(queue, &buffer, 8193, 0), EINVAL);
    FAILS(msgsnd(queue, &buffer, -1L, 0), EINVAL);
    FAILS(msgsnd(queue, (void *)8, 1, 0), EFAULT);
    FAILS(get(queue, 0, IPC_NOWAIT), ENOMSG);
    const long types[] = {5, 3, 7, 3, LONG_MAX, 1};
    const char *texts[] = {"five", "three", "seven", "drei", "most", ""};
    for (int i = 0; i < 6; i++)
        CHECK(put(queue, types[i], texts[i], 0) == 0);
    struct msqid_ds status = status_of(queue);
    CHECK(status.msg_qnum == 6 && status.msg_cbytes == 22 && status.msg_lspid == getpid());
    CHECK(status.msg_stime > 1000000000 && status.msg_lrpid == 0);
    FAILS(get(queue, 4, IPC_NOWAIT), ENOMSG);
    // At their places
    CHECK(is(queue, 2, MSG_COPY | IPC_NOWAIT, 7, "seven") && status_of(queue).msg_qnum == 6);
    FAILS(get(queue, 6, MSG_COPY | IPC_NOWAIT), ENOMSG);
    FAILS(get(queue, 0, MSG_COPY), EINVAL);
    FAILS(get(queue, 0, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT), EINVAL);
    FAILS(msgrcv(queue, &buffer, 2, 0, MSG_COPY | IPC_NOWAIT), E2BIG);
    FAILS(msgrcv(queue, &buffer, 2, 0, MSG_COPY | IPC_NOWAIT | MSG_NOERROR), EINVAL);
    // By their types
    CHECK(is(queue, 0, 0, 5, "five"));
    CHECK(is(queue, -4, 0, 1, ""));
    CHECK(is(queue, -4, 0, 3, "three"));
    CHECK(is(queue, 7, MSG_EXCEPT, 3, "drei"));
    FAILS(get(queue, -6, IPC_NOWAIT), ENOMSG);
    CHECK(is(queue, LONG_MIN, 0, 7, "seven"));
    CHECK(is(queue, LONG_MIN, 0, LONG_MAX, "most"));
    CHECK(status_of(queue).msg_lrpid == getpid() && status_of(queue).msg_cbytes == 0);
    // Too long
    CHECK(put(queue, 1, "longer", 0) == 0);
    FAILS(msgrcv(queue, &buffer, 3, 0, 0), E2BIG);
    FAILS(msgrcv(queue, &buffer, -1L, 0, 0), EINVAL);
    CHECK(status_of(queue).msg_qnum == 1);
    memset(&buffer, 0, sizeof buffer);
    CHECK(msgrcv(queue, &buffer, 3, 0, MSG_NOERROR) == 3 && !strcmp(buffer.text, "lon"));
    CHECK(status_of(queue).msg_qnum == 0);
    // A whole one
    struct message large = {.type = 9};
    for (int i = 0; i < 8192; i++)
        large.text[i] = i * 7;
    CHECK(msgsnd(queue, &large, 8192, 0) == 0 && get(queue, 9, 0) == 8192);
    CHECK(!memcmp(buffer.text, large.text, 8192));
    CHECK(put(queue, 1, "lost", 0) == 0);
    FAILS(msgrcv(queue, (void *)8, 10, 0, 0), EFAULT);
    CHECK(msgctl(queue, IPC_RMID, 0) == 0);
}

static void limits(void) {
    int queue = msgget(IPC_PRIVATE, 0600);
    struct msginfo information;
    CHECK(queue >= 0);
    for (int i = 0; i < 2; i++)
        CHECK(msgsnd(queue, &(struct message){.type = 1}, 8192, IPC_NOWAIT) == 0);
    FAILS(put(queue, 1, "x", IPC_NOWAIT), EAGAIN);
    CHECK(put(queue, 1, "", IPC_NOWAIT) == 0);
    CHECK(msgctl(queue, MSG_INFO, (void *)&information) >= 0);
    CHECK(information.msgpool >= 1 && information.msgmap >= 3 && information.msgtql >= 16384);
    CHECK(msgctl(queue, IPC_INFO, (void *)&information) >= 0);
    CHECK(information.msgmax == 8192 && information.msgmnb == 16384 && information.msgmni == 32000);
    CHECK(get(queue, 0, 0) == 8192 && get(queue, 0, 0) == 8192 && get(queue, 0, 0) == 0);
    struct msqid_ds status = status_of(queue);
    status.msg_qbytes = 3;
    CHECK(msgctl(queue, IPC_SET, &status) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(put(queue, 1, "", IPC_NOWAIT) == 0);
    FAILS(put(queue, 1, "", IPC_NOWAIT), EAGAIN);
    status.msg_qbytes = 20000;
    if (geteuid() == 0) {
        if (msgctl(queue, IPC_SET, &status))  // without CAP_SYS_RESOURCE
            CHECK(errno == EPERM);
        else
            CHECK(status_of(queue).msg_qbytes == 20000);
        pid_t child = fork();
        if (!child) {
            if (setresuid(1000, 1000, 1000) || msgctl(queue, IPC_SET, &status) != -1 || errno != EPERM)
                _exit(1);
            if (put(queue, 1, "", 0) != -1 || errno != EACCES || msgctl(queue, IPC_RMID, 0) != -1)
                _exit(2);
            queue = msgget(IPC_PRIVATE, 0600);
            status = status_of(queue);
            status.msg_qbytes = 16385;
            if (msgctl(queue, IPC_SET, &status) != -1 || errno != EPERM || msgctl(queue, IPC_RMID, 0))
                _exit(3);
            _exit(0);
        }
        CHECK(reap(child) == 0);
    }
    CHECK(msgctl(queue, IPC_RMID, 0) == 0);
}

static void receivers(void) {
    int queue = msgget(IPC_PRIVATE, 0600);
    CHECK(queue >= 0);
    pid_t any = fork();
    if (!any)
        _exit(is(queue, 0, 0, 4, "for anybody") ? 0 : 1);
    await_sleep(any);
    CHECK(put(queue, 4, "for anybody", 0) == 0 && reap(any) == 0);
    CHECK(status_of(queue).msg_qnum == 0 && status_of(queue).msg_lrpid == any);
    pid_t three = fork();
    if (!three)
        _exit(is(queue, 3, 0, 3, "for three") ? 0 : 1);
    await_sleep(three);
    pid_t low = fork();
    if (!low)
        _exit(is(queue, -2, 0, 2, "low") ? 0 : 1);
    await_sleep(low);
    pid_t small = fork();
    if (!small)
        _exit(msgrcv(queue, &buffer, 2, 6, 0) == -1 && errno == E2BIG ? 0 : 1);
    await_sleep(small);
    CHECK(put(queue, 5, "for nobody", 0) == 0 && status_of(queue).msg_qnum == 1);
    CHECK(put(queue, 2, "low", 0) == 0 && reap(low) == 0);
    CHECK(put(queue, 3, "for three", 0) == 0 && reap(three) == 0);
    CHECK(put(queue, 6, "for small", 0) == 0 && reap(small) == 0);
    CHECK(is(queue, 6, 0, 6, "for small") && is(queue, 0, 0, 5, "for nobody"));
    // Signals, and the end of the queue
    any = fork();
    if (!any)
        _exit(get(queue, 0, 0));
    await_sleep(any);
    int ended;
    CHECK(kill(any, SIGKILL) == 0 && waitpid(any, &ended, 0) == any && WTERMSIG(ended) == SIGKILL);
    CHECK(put(queue, 1, "left", 0) == 0 && is(queue, 0, IPC_NOWAIT, 1, "left"));
    any = fork();
    if (!any)
        _exit(get(queue, 0, 0) == -1 && errno == EIDRM ? 0 : 1);
    await_sleep(any);
    CHECK(msgctl(queue, IPC_RMID, 0) == 0 && reap(any) == 0);
}

static void nothing(int signal) { (void)signal; }

static void senders(void) {
    int queue = msgget(IPC_PRIVATE, 0600);
    CHECK(queue >= 0);
    struct msqid_ds status = status_of(queue);
    status.msg_qbytes = 4;
    CHECK(msgctl(queue, IPC_SET, &status) == 0 && put(queue, 1, "full", 0) == 0);
    pid_t first = fork();
    if (!first)
        _exit(put(queue, 2, "also", 0) ? 1 : 0);
    await_sleep(first);
    CHECK(is(queue, 0, 0, 1, "full") && reap(first) == 0 && status_of(queue).msg_qnum == 1);
    CHECK(status_of(queue).msg_lspid == first);
    pid_t second = fork();
    if (!second)
        _exit(put(queue, 3, "x", 0) ? 1 : 0);
    await_sleep(second);
    status.msg_qbytes = 5;
    CHECK(msgctl(queue, IPC_SET, &status) == 0 && reap(second) == 0);
    CHECK(is(queue, 0, 0, 2, "also") && is(queue, 0, 0, 3, "x"));
    CHECK(put(queue, 1, "fully", 0) == 0);
    first = fork();
    if (!first) {
        signal(SIGUSR1, nothing);
        _exit(put(queue, 2, "also", 0) == -1 && errno == EINTR ? 0 : 1);
    }
    await_sleep(first);
    CHECK(kill(first, SIGUSR1) == 0 && reap(first) == 0);
    first = fork();
    if (!first)
        _exit(put(queue, 2, "also", 0) == -1 && errno == EIDRM ? 0 : 1);
    await_sleep(first);
    CHECK(msgctl(queue, IPC_RMID, 0) == 0 && reap(first) == 0);
}

// What /proc tells of a queue
static void listed(void) {
    int queue = msgget(IPC_PRIVATE, 0640), id = -1, size = 0, part;
    CHECK(queue >= 0 && put(queue, 1, "12345", 0) == 0);
    static char list[1 << 16];
    int file = open("/proc/sysvipc/msg", O_RDONLY);
    CHECK(file >= 0);
    while ((part = read(file, list + size, sizeof list - 1 - size)) > 0)
        size += part;
    CHECK(close(file) == 0 && size > 0);
    long key = -1, mode = -1, bytes = -1, count = -1;
    for (char *line = strchr(list, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        char *at = line + 1;
        key = strtol(at, &at, 10);
        id = strtol(at, &at, 10);
        mode = strtol(at, &at, 8);
        bytes = strtol(at, &at, 10);
        count = strtol(at, &at, 10);
        if (id == queue)
            break;
    }
    CHECK(id == queue && key == 0 && mode == 0640 && bytes == 5 && count == 1);
    CHECK(msgctl(queue, IPC_RMID, 0) == 0);
}

int main(void) {
    int mounted = access("/proc/self", F_OK) != 0, made = mounted && mkdir("/proc", 0755) == 0;
    CHECK(!mounted || mount("proc", "/proc", "proc", 0, 0) == 0);
    listed();
    ids();
    selection();
    limits();
    receivers();
    senders();
    CHECK(!mounted || umount("/proc") == 0);
    CHECK(!made || rmdir("/proc") == 0);
    return 0;
}
