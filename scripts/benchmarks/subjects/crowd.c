// Makes as many processes as its first number says, which sleep, and becomes the program /bench
// with all that comes after it.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **arguments, char **environment)
{
	for (long left = atol(arguments[1]); left > 0; left--) {
		pid_t child = fork();
		if (child < 0) {
			printf("no more processes: %ld are missing\n", left);
			fflush(stdout);
			break;
		}
		if (!child)
			for (;;)
				pause();
	}
	arguments[1] = "/bench";
	execve("/bench", arguments + 1, environment);
	return 1;
}
