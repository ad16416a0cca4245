// Threads, and words that they wait for.
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

// include/uapi/linux/futex.h
enum {
    FUTEX_PRIVATE = 128, FUTEX_CLOCK_REALTIME = 256,
    FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_WAIT_BITSET = 9,
    FUTEX_WAIT_PRIVATE = FUTEX_WAIT | FUTEX_PRIVATE, FUTEX_WAKE_PRIVATE = FUTEX_WAKE | FUTEX_PRIVATE,
    FUTEX_REQUEUE_PRIVATE = 3 | FUTEX_PRIVATE, FUTEX_CMP_REQUEUE_PRIVATE = 4 | FUTEX_PRIVATE,
    FUTEX_WAKE_OP_PRIVATE = 5 | FUTEX_PRIVATE,
    FUTEX_WAIT_BITSET_PRIVATE = FUTEX_WAIT_BITSET | FUTEX_PRIVATE,
    FUTEX_WAKE_BITSET_PRIVATE = 10 | FUTEX_PRIVATE,
    FUTEX_OP_ADD = 1, FUTEX_OP_ANDN = 3, FUTEX_OP_OPARG_SHIFT = 8,
    FUTEX_OP_CMP_EQ = 0, FUTEX_OP_CMP_GT = 4,
};
#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_OP(op, argument, test, compared) \
    ((op) << 28 | (test) << 24 | ((argument) & 0xfff) << 12 | (compared) & 0xfff)

struct robust_list { struct robust_list *next; };
struct robust_list_head { struct robust_list list; long futex_offset; struct robust_list *pending; };

#define THREADS 4
#define ROUNDS 2000

static int futex(void *word, int operation, int value, void *timeout, void *second, int third) {
    return syscall(SYS_futex, word, operation, value, timeout, second, third);
}

// pthreads

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long sum, turn;
static __thread long own;

static void *count(void *argument) {
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        sum++;
        pthread_mutex_unlock(&mutex);
        own++;
    }
    return (void *)own;
}

static void *take_turns(void *argument) {
    long mine = (long)argument;
    for (int i = 0; i < 50; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % THREADS != mine)
            pthread_cond_wait(&changed, &mutex);
        turn++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return 0;
}

static void run_threads(void *(*run)(void *)) {
    pthread_t threads[THREADS];
    void *result;
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], 0, run, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], &result) == 0);
        CHECK(run != count || (long)result == ROUNDS);
    }
}

// The call itself

static volatile int words[4];
static volatile int woken;

static void *wait_bits(void *argument) {
    int bits = (long)argument;
    if (futex((void *)&words[0], FUTEX_WAIT_BITSET_PRIVATE, 0, 0, 0, bits) == 0)
        __sync_fetch_and_or(&woken, bits);
    return 0;
}

static void until_waiting(int count) {  // until so many were moved to the other word and back
    while (futex((void *)&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)9L, (void *)&words[1], 0) < count) {
        futex((void *)&words[1], FUTEX_REQUEUE_PRIVATE, 0, (void *)9L, (void *)&words[0], 0);
        sched_yield();
    }
    futex((void *)&words[1], FUTEX_REQUEUE_PRIVATE, 0, (void *)9L, (void *)&words[0], 0);
}

static void bits(void) {
    pthread_t one, two;
    CHECK(pthread_create(&one, 0, wait_bits, (void *)1) == 0);
    CHECK(pthread_create(&two, 0, wait_bits, (void *)2) == 0);
    until_waiting(2);
    CHECK(futex((void *)&words[0], FUTEX_WAKE_BITSET_PRIVATE, 9, 0, 0, 4) == 0);
    CHECK(futex((void *)&words[0], FUTEX_WAKE_BITSET_PRIVATE, 9, 0, 0, 2) == 1);
    CHECK(pthread_join(two, 0) == 0 && woken == 2);
    // One is moved to another word, and woken there
    CHECK(futex((void *)&words[0], FUTEX_REQUEUE_PRIVATE, 0, (void *)1L, (void *)&words[1], 0) == 1);
    CHECK(futex((void *)&words[0], FUTEX_WAKE_PRIVATE, 9, 0, 0, 0) == 0);
    words[2] = 5;  // which adds 3 to it, and wakes by the second word as it was 5
    int code = FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 1);
    words[1] = 1;
    CHECK(futex((void *)&words[2], FUTEX_WAKE_OP_PRIVATE, 1, (void *)1L, (void *)&words[1], code) == 1);
    CHECK(pthread_join(one, 0) == 0 && woken == 3 && words[1] == 4);
    words[1] = -1;
    code = FUTEX_OP(FUTEX_OP_ANDN | FUTEX_OP_OPARG_SHIFT, 4, FUTEX_OP_CMP_GT, -2);
    CHECK(futex((void *)&words[2], FUTEX_WAKE_OP_PRIVATE, 1, (void *)1L, (void *)&words[1], code) == 0);
    CHECK(words[1] == ~16);
    words[0] = words[1] = 0;
}

static void errors(void) {
    struct timespec span = {0, 10000000}, start, end, bad = {0, 1000000000};
    FAILS(futex((void *)&words[3], FUTEX_WAIT_PRIVATE, 1, 0, 0, 0), EAGAIN);
    clock_gettime(CLOCK_MONOTONIC, &start);
    FAILS(futex((void *)&words[3], FUTEX_WAIT_PRIVATE, 0, &span, 0, 0), ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK((end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec >= 10000000);
    FAILS(futex((void *)&words[3], FUTEX_WAIT_BITSET_PRIVATE, 0, &start, 0, 1), ETIMEDOUT);
    clock_gettime(CLOCK_REALTIME, &end);
    FAILS(futex((void *)&words[3], FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &end, 0, 1), ETIMEDOUT);
    FAILS(futex((void *)&words[3], FUTEX_WAIT_PRIVATE, 0, &bad, 0, 0), EINVAL);
    FAILS(futex((void *)&words[3], FUTEX_WAIT_BITSET_PRIVATE, 0, 0, 0, 0), EINVAL);
    FAILS(futex((char *)&words[3] + 1, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0), EINVAL);
    FAILS(futex((void *)64, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0), EFAULT);
    FAILS(futex((void *)0xffff800000000000, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0), EFAULT);
    FAILS(futex((void *)&words[3], FUTEX_WAIT_PRIVATE, 0, (void *)8, 0, 0), EFAULT);
    FAILS(futex((void *)&words[3], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1L, (void *)&words[1], 7), EAGAIN);
    FAILS(futex((void *)&words[3], FUTEX_REQUEUE_PRIVATE, -1, 0, (void *)&words[1], 7), EINVAL);
    FAILS(futex((void *)&words[3], 99, 0, 0, 0, 0), ENOSYS);
    CHECK(futex((void *)&words[3], FUTEX_WAKE, 1, 0, 0, 0) == 0);
}

static void between_processes(void) {
    int status;
    volatile int *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    pid_t child = fork();
    if (!child) {
        while (futex((void *)shared, FUTEX_WAIT, 0, 0, 0, 0) == -1 && errno == EINTR)
            ;
        _exit(*shared);
    }
    sched_yield();
    *shared = 7;
    futex((void *)shared, FUTEX_WAKE, 1, 0, 0, 0);
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
}

// A wait for as long as can be said does not end by itself, whatever is added to that.
static void longest(void) {
    struct timespec time = {INT64_MAX, 999999999};
    int *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    static const int operations[] = {FUTEX_WAIT, FUTEX_WAIT_BITSET,
                                     FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME};
    for (int i = 0; i < 3; i++) {
        int status;
        pid_t child = fork(), ended;
        if (!child)
            _exit(futex(shared, operations[i], 0, &time, 0, -1) == 0 ? 0 : 1);
        while ((ended = waitpid(child, &status, WNOHANG)) == 0 &&
               futex(shared, FUTEX_WAKE, 1, 0, 0, 0) == 0)
            sched_yield();
        CHECK(ended >= 0 && (ended || waitpid(child, &status, 0) == child));
        CHECK(status == 0);
    }
}

static void robust(void) {
    static struct {
        struct robust_list_head head;
        struct robust_list entry;
        volatile uint32_t word;
    } *list;
    int status;
    list = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FAILS(syscall(SYS_set_robust_list, list, 23), EINVAL);
    void *hidden = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    FAILS(syscall(SYS_futex, hidden, FUTEX_WAKE, 1), EFAULT);
    CHECK(syscall(SYS_futex, hidden, FUTEX_WAKE_PRIVATE, 1) == 0);
    list->head.list.next = &list->entry;
    list->entry.next = &list->head.list;
    list->head.futex_offset = (char *)&list->word - (char *)&list->entry;
    pid_t child = fork();
    if (!child) {
        list->word = getpid() | FUTEX_WAITERS;
        CHECK(syscall(SYS_set_robust_list, list, sizeof list->head) == 0);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(list->word == (FUTEX_OWNER_DIED | FUTEX_WAITERS));
}

int main(void) {
    run_threads(count);
    CHECK(sum == THREADS * ROUNDS && own == 0);
    run_threads(take_turns);
    CHECK(turn == THREADS * 50);
    bits();
    errors();
    between_processes();
    longest();
    robust();
    return 0;
}
