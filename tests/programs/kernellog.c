// The kernel's log.
#include "check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { CLOSE, OPEN, READ, READ_ALL, READ_CLEAR, CLEAR, OFF, ON, LEVEL, UNREAD, SIZE,
       FAIL_ALLOCATION = 0x1000 };

static char text[1 << 18], again[1 << 18];

static long call(int action, void *buffer, int length) {
    return syscall(SYS_syslog, action, buffer, length);
}

static void refused(void) {
    FAILS(call(-1, 0, 0), EINVAL);
    FAILS(call(11, 0, 0), EINVAL);
    for (int action = READ; action <= READ_ALL; action++) {
        FAILS(call(action, 0, 5), EINVAL);
        FAILS(call(action, text, -1), EINVAL);
        CHECK(call(action, text, 0) == 0);
    }
    FAILS(call(READ_ALL, (void *)8, 1 << 17), EFAULT);
    FAILS(call(LEVEL, 0, 0), EINVAL);
    FAILS(call(LEVEL, 0, 9), EINVAL);
    CHECK(call(OPEN, 0, 0) == 0 && call(CLOSE, 0, 0) == 0 && call(SIZE, 0, 0) >= 4096);
}

// A line is `<level>[seconds.microseconds] text`.
static int lines(const char *text, long length) {
    int count = 0;
    while (length) {
        const char *end = memchr(text, '\n', length);
        unsigned level, seconds, fraction;
        if (!end || sscanf(text, "<%u>[%u.%u]", &level, &seconds, &fraction) != 3 || level > 7)
            return -1;
        length -= end + 1 - text;
        text = end + 1;
        count++;
    }
    return count;
}

// A child that faults makes a new message.
static void fault(void) {
    int status;
    pid_t child = fork();
    if (!child)
        *(volatile int *)8 = 1;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
}

static void all(void) {
    for (int i = 0; i < 5; i++)
        fault();
    long length = call(READ_ALL, text, sizeof text);
    CHECK(length > 100 && lines(text, length) > 3);
    // The latest that a small one takes, whole
    long shorter = call(READ_ALL, again, length / 2);
    CHECK(shorter > 0 && shorter <= length / 2 && lines(again, shorter) > 0);
    CHECK(!memcmp(again, text + length - shorter, shorter));
    CHECK(text[length - shorter - 1] == '\n');
}

// What is read so is read once.
static void unread(void) {
    long left = call(UNREAD, 0, 0), length = 0, piece;
    CHECK(left > 0);
    piece = call(READ, text, 10);
    CHECK(piece == 10 && text[0] == '<' && call(UNREAD, 0, 0) == left - 10);
    for (length = piece; length < left; length += piece) {
        piece = call(READ, text + length, 1000);
        CHECK(piece > 0);
    }
    CHECK(length == left && lines(text, length) > 3 && call(UNREAD, 0, 0) == 0);
}

static void cleared(void) {
    CHECK(call(READ_CLEAR, text, sizeof text) > 0 && call(READ_ALL, again, sizeof again) == 0);
    CHECK(call(CLEAR, 0, 0) == 0 && call(READ_ALL, again, sizeof again) == 0);
}

// A new message ends a wait.
static void news(void) {
    int status;
    pid_t reader = fork();
    if (!reader)
        _exit(call(READ, text, sizeof text) > 3 && text[0] == '<' ? 0 : 1);
    CHECK(waitpid(reader, &status, WNOHANG) == 0);
    fault();
    CHECK(waitpid(reader, &status, 0) == reader && status == 0);
    long length = call(READ_ALL, text, sizeof text);
    CHECK(length > 0 && lines(text, length) == 1 && memmem(text, length, "segfault", 8));
}

static void unprivileged(void) {
    int status;
    pid_t child = fork();
    if (!child) {
        CHECK(setresuid(7, 7, 7) == 0);
        for (int action = CLOSE; action <= SIZE; action++)
            if (action != READ_ALL && action != SIZE)
                FAILS(call(action, text, 5), EPERM);
        FAILS(call(11, 0, 0), EPERM);
        CHECK(call(SIZE, 0, 0) > 0 && call(READ_ALL, text, 1) == 0);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(void) {
    if (syscall(FAIL_ALLOCATION, 0) == -1)  // what others need of the log stays
        return 0;
    refused();
    all();
    unread();
    cleared();
    CHECK(call(LEVEL, 0, 1) == 0 && call(OFF, 0, 0) == 0 && call(OFF, 0, 0) == 0);
    CHECK(call(ON, 0, 0) == 0 && call(ON, 0, 0) == 0);
    news();
    CHECK(call(LEVEL, 0, 5) == 0);
    unprivileged();
    return 0;
}
