// Signals that threads send to themselves, and frames whose memory is not there or changes.
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096

static volatile sig_atomic_t came, last, code, thread, depth, deepest;
static char *stack;
static ucontext_t *volatile seen;

static void note(int number, siginfo_t *info, void *context)
{
	came++;
	last = number, code = info->si_code, thread = syscall(SYS_gettid);
	if (info->si_pid != getpid() || info->si_uid != getuid())
		came += 1000;
	seen = context;
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
	sigaction(number, &action, 0);
}

static int ended(pid_t child)
{
	int status = -1;
	waitpid(child, &status, 0);
	return status & ~0x80;
}

static void *send_to_self(void *unused)
{
	syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1);
	return (void *)(intptr_t)(thread == syscall(SYS_gettid) && last == SIGUSR1);
}

static void nest(int number, siginfo_t *info, void *context)
{
	if (++depth > deepest)
		deepest = depth;
	if (deepest < 5)
		raise(number == SIGUSR1 ? SIGUSR2 : SIGUSR1);
	depth--;
}

static void forget_frame(int number, siginfo_t *info, void *context)
{
	madvise(stack, 16 * PAGE, MADV_DONTNEED);
}

static void drop_frame(int number, siginfo_t *info, void *context)
{
	seen = context;
	munmap(stack, 16 * PAGE);
}

static volatile int goes_on = 1;

/* Changes what is in frames at any time. */
static void *spoil(void *unused)
{
	while (goes_on) {
		ucontext_t *context = seen;
		if (!context)
			continue;
		char *extended = stack + 16 * PAGE - 2048; /* whatever is there */
		for (int i = 0; i < 2048; i += 64)
			extended[i + 9] ^= 0x80;
	}
	return 0;
}

static void on_own_stack(void (*handler)(int, siginfo_t *, void *))
{
	stack = mmap(0, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t own = {.ss_sp = stack, .ss_size = 16 * PAGE};
	sigaltstack(&own, 0);
	handle(SIGUSR1, handler, SA_ONSTACK);
}

int main(void)
{
	pid_t self = getpid();
	sigset_t set, pending;
	handle(SIGUSR1, note, 0), handle(SIGUSR2, note, 0), handle(SIGTSTP, note, 0);

	CHECK(kill(self, SIGUSR1) == 0 && came == 1 && last == SIGUSR1 && code == SI_USER);
	CHECK(syscall(SYS_tkill, self, SIGUSR2) == 0 && came == 2 && last == SIGUSR2 && code == SI_TKILL);
	CHECK(syscall(SYS_tgkill, self, self, SIGUSR1) == 0 && came == 3 && code == SI_TKILL);
	CHECK(kill(self, SIGTSTP) == 0 && came == 4 && last == SIGTSTP);
	CHECK(kill(self, 65) == -1 && errno == EINVAL && kill(self, 0) == 0 && came == 4);
	CHECK(syscall(SYS_tgkill, self, self, 65) == -1 && errno == EINVAL);
	CHECK(syscall(SYS_tgkill, self + 1, self, SIGUSR1) == -1 && errno == ESRCH && came == 4);

	/* What is ignored, once, or blocked */
	signal(SIGUSR2, SIG_IGN);
	CHECK(raise(SIGUSR2) == 0 && came == 4);
	handle(SIGUSR2, note, SA_RESETHAND);
	CHECK(raise(SIGUSR2) == 0 && came == 5);
	CHECK(signal(SIGUSR2, SIG_DFL) == SIG_DFL);
	handle(SIGUSR2, note, 0);
	sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, 0);
	raise(SIGUSR2), kill(self, SIGUSR1), kill(self, SIGUSR1);
	CHECK(came == 5 && sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &set, 0);
	CHECK(came == 7);

	/* Handlers in handlers, and a thread beside others */
	handle(SIGUSR1, nest, SA_NODEFER), handle(SIGUSR2, nest, SA_NODEFER);
	raise(SIGUSR1);
	CHECK(deepest == 5 && depth == 0);
	handle(SIGUSR1, note, 0);
	pthread_t other;
	void *right = 0;
	CHECK(pthread_create(&other, 0, send_to_self, 0) == 0);
	CHECK(pthread_join(other, &right) == 0 && right);

	/* Frames on pages that were never touched, are touched no more, or are gone */
	on_own_stack(note);
	came = 0;
	CHECK(raise(SIGUSR1) == 0 && came == 1);
	pid_t child = fork();
	if (!child)
		on_own_stack(forget_frame), raise(SIGUSR1), _exit(0);
	CHECK(ended(child) == SIGSEGV);
	child = fork();
	if (!child)
		on_own_stack(drop_frame), raise(SIGUSR1), _exit(0);
	CHECK(ended(child) == SIGSEGV);
	child = fork();
	if (!child) {
		on_own_stack(note);
		mprotect(stack, 16 * PAGE, PROT_READ);
		raise(SIGUSR1), _exit(0);
	}
	CHECK(ended(child) == SIGSEGV);

	/* Frames that somebody else changes meanwhile: that ends this program at most */
	for (int round = 0; round < 3; round++) {
		child = fork();
		if (!child) {
			on_own_stack(note);
			pthread_create(&other, 0, spoil, 0);
			for (int i = 0; i < 3000; i++)
				syscall(SYS_tkill, getpid(), SIGUSR1);
			_exit(0);
		}
		int status = ended(child);
		CHECK(status == 0 || status == SIGSEGV || status == SIGBUS || status == SIGILL);
	}
	return 0;
}
