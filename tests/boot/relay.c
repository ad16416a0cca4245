// Runs a command in a pseudo-terminal, as script(1) does, without keeping what is said. What is
// typed goes there where the standard input is a terminal.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void run(int master, char **command) {
    int slave;
    setsid();
    slave = open(ptsname(master), O_RDWR);
    for (int file = 0; file < 3; file++)
        dup2(slave, file);
    close(slave);
    close(master);
    execvp(*command, command);
    _exit(127);
}

static int move(int from, int to) {
    char bytes[4096];
    int length = read(from, bytes, sizeof bytes);
    return length > 0 && write(to, bytes, length) == length;
}

int main(int count, char **arguments) {
    struct termios former, raw;
    struct winsize size;
    int typed = !tcgetattr(0, &former), status, master = posix_openpt(O_RDWR | O_NOCTTY);
    if (count < 2 || master < 0 || unlockpt(master))
        return 126;
    ioctl(0, TIOCGWINSZ, &size);
    ioctl(master, TIOCSWINSZ, &size);
    if (typed) {
        raw = former;
        cfmakeraw(&raw);
        tcsetattr(0, TCSANOW, &raw);
    }
    pid_t child = fork();
    if (!child)
        run(master, arguments + 1);
    struct pollfd ends[2] = {{typed ? 0 : -1, POLLIN}, {master, POLLIN}};
    while (poll(ends, 2, -1) > 0) {
        if (ends[0].revents && !move(0, master))
            break;
        if (ends[1].revents && !move(master, 1))
            break;
    }
    if (typed)
        tcsetattr(0, TCSANOW, &former);
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}
