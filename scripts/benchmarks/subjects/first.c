// Tells when its first instruction came, in ticks of the time-stamp counter, and how much memory is
// free then; and stays.
#include <stdio.h>
#include <sys/sysinfo.h>
#include <unistd.h>

unsigned long ticks;

int __libc_start_main(int (*)(void), int, char **);

__attribute__((naked)) void _start(void)
{
	__asm__("rdtsc\n shl $32, %rdx\n or %rax, %rdx\n mov %rdx, ticks(%rip)\n"
		"xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
}

int main(void)
{
	struct sysinfo told;
	sysinfo(&told);
	printf("FIRST %lu ticks, %lu bytes free\n", ticks, (unsigned long)told.freeram * told.mem_unit);
	fflush(stdout);
	for (;;)
		pause();
}

void begin(long *stack)
{
	__libc_start_main(main, stack[0], (char **)(stack + 1));
}
