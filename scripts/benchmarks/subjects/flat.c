// Prints what a few calls take, in nanoseconds, where they have little and where they have much to
// look at: names in a directory, descriptors that are watched, descriptors that are open.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 2000, FEW = 10, NAMES = 1000000, DESCRIPTORS = 100000 };

static void want(int holds, const char *what)
{
	if (holds)
		return;
	printf("%s failed\n", what);
	fflush(stdout);
	for (;;)
		pause();
}

static long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void tell(const char *name, long much, long start)
{
	printf("%s_%ld: %.1f ns/op\n", name, much, (double)(now() - start) / ROUNDS);
	fflush(stdout);
}

static void names(long count)
{
	static long made;
	char path[64];
	for (; made < count; made++) {
		sprintf(path, "/tmp/names/%07ld", made);
		want(mknod(path, S_IFREG | 0600, 0) == 0, "mknod");
	}
	// Always the same few names, which lie anywhere among all
	struct stat found;
	sprintf(path, "/tmp/names/%07ld", count / 2);
	want(stat(path, &found) == 0, "stat");
	long start = now();
	for (long i = 0; i < ROUNDS; i++)
		stat(path, &found);
	tell("stat", count, start);
}

static void watched(long count)
{
	static long made;
	static int set = -1, ready[2];
	struct epoll_event event = {.events = EPOLLIN}, told[4];
	if (set < 0) {
		set = epoll_create1(0);
		want(pipe(ready) == 0 && write(ready[1], "x", 1) == 1, "pipe");
		want(epoll_ctl(set, EPOLL_CTL_ADD, ready[0], &event) == 0, "epoll_ctl");
	}
	for (; made < count; made++) {
		int one = eventfd(0, 0);
		want(one >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, one, &event) == 0, "eventfd");
	}
	want(epoll_wait(set, told, 4, 0) == 1, "epoll_wait");
	long start = now();
	for (long i = 0; i < ROUNDS; i++)
		epoll_wait(set, told, 4, 0);
	tell("epoll_wait", count, start);
}

static void opened(long count)
{
	static long made;
	for (; made < count; made++)
		want(dup(0) >= 0, "dup");
	long start = now();
	for (long i = 0; i < ROUNDS; i++)
		close(dup(0));
	tell("dup_close", count, start);
}

int main(void)
{
	struct rlimit most = {4 * DESCRIPTORS, 4 * DESCRIPTORS};
	want(setrlimit(RLIMIT_NOFILE, &most) == 0, "setrlimit");
	want(mount("tmpfs", "/tmp", "tmpfs", 0, "nr_inodes=0,size=100%") == 0, "mount");
	want(mkdir("/tmp/names", 0755) == 0, "mkdir");
	names(FEW);
	names(NAMES);
	opened(FEW);
	opened(DESCRIPTORS);
	watched(FEW);
	watched(DESCRIPTORS);
	printf("BENCH-END\n");
	fflush(stdout);
	for (;;)
		pause();
}
