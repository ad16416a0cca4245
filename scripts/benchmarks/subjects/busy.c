// Tells how long it takes to count, in nanoseconds, alone and beside another process that does.
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 7
#define STEPS 150000000L

static long now_of(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

static long now(void)
{
	return now_of(CLOCK_MONOTONIC);
}

// Counts, and returns for how many of 100 parts of that it had a processor.
static int count(void)
{
	long start = now(), used = now_of(CLOCK_PROCESS_CPUTIME_ID);
	long left = STEPS;
	__asm__ volatile("1: dec %0\n jnz 1b" : "+r"(left));
	return 100 * (now_of(CLOCK_PROCESS_CPUTIME_ID) - used) / (now() - start);
}

// Has two processes count, and notes the least part of it that one of them had a processor.
static long together(int *part)
{
	long start = now();
	if (!fork())
		_exit(count());
	int own = count(), status;
	wait(&status);
	long elapsed = now() - start;
	*part = WEXITSTATUS(status) < own ? WEXITSTATUS(status) : own;
	return elapsed;
}

int main(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		int part;
		long start = now();
		count();
		long alone = now() - start, both = together(&part);
		printf("BUSY %ld %ld %d\n", alone, both, part);
		fflush(stdout);
	}
	printf("BUSY-END\n");
	fflush(stdout);
	for (;;)
		pause();
}
