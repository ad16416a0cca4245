// Pseudo-terminals: numbers, both ends, packets, sessions, and where their names are.
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <termios.h>

#define TCGETS2 0x802C542A
#define TCSETS2 0x402C542B
#define TIOCGPTPEER 0x5441
#define BOTHER 0010000
#define MANY 300

struct termios2 {
    unsigned input, output, control, local;
    unsigned char line, special[19];
    unsigned input_speed, output_speed;
};

static char name[40];
static volatile sig_atomic_t caught, hung, continued;

static void note(int signal) {
    caught++;
    hung += signal == SIGHUP;
    continued += signal == SIGCONT;
}

static int number_of(int master) {
    int number = -1;
    return ioctl(master, TIOCGPTN, &number) ? -1 : number;
}

static int unlock(int master) {
    int zero = 0;
    snprintf(name, sizeof name, "/dev/pts/%d", number_of(master));
    return ioctl(master, TIOCSPTLCK, &zero);
}

static int open_master(void) { return open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK); }

static void set_local(int file, unsigned off, unsigned on) {
    struct termios modes;
    CHECK(tcgetattr(file, &modes) == 0);
    modes.c_lflag = (modes.c_lflag & ~off) | on;
    CHECK(tcsetattr(file, TCSANOW, &modes) == 0);
}

static int waits(int file, int events) {
    struct pollfd one = {file, events};
    return poll(&one, 1, 10000) == 1 ? one.revents : -1;
}

static int expect(int file, const char *wanted) {
    char got[64] = "";
    int length = strlen(wanted), have = 0;
    while (have < length && waits(file, POLLIN) > 0) {
        int more = read(file, got + have, length - have);
        if (more <= 0)
            return 0;
        have += more;
    }
    return !memcmp(got, wanted, length);
}

static int clean_end(pid_t child) {
    int status;
    return waitpid(child, &status, 0) == child && status == 0;
}

static void numbers(void) {
    static int masters[MANY];
    for (int i = 0; i < MANY; i++)
        CHECK((masters[i] = open_master()) >= 0);
    int second = number_of(masters[1]);
    for (int i = 2; i < MANY; i++)
        CHECK(number_of(masters[i]) != second);
    close(masters[1]);
    CHECK((masters[1] = open_master()) >= 0 && number_of(masters[1]) == second);
    for (int i = 0; i < MANY; i++)
        CHECK(close(masters[i]) == 0);
}

static void both_ends(void) {
    int master = open_master(), lock = 0, left, slave;
    struct stat found;
    FAILS(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY), EIO);
    CHECK(ioctl(master, 0x80045439, &lock) == 0 && lock == 1);
    CHECK(unlock(master) == 0);
    CHECK((slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) >= 0);
    CHECK(fcntl(slave, F_GETFD) == FD_CLOEXEC && (fcntl(slave, F_GETFL) & O_ACCMODE) == O_RDWR);
    CHECK(fstat(slave, &found) == 0 && S_ISCHR(found.st_mode));
    CHECK(found.st_rdev == (136 << 8 | (number_of(master) & 255)) && found.st_uid == getuid());
    CHECK(stat(name, &found) == 0 && found.st_nlink == 1);
    FAILS(unlink(name), EPERM);
    FAILS(mkdir("/dev/pts/new", 0700), EPERM);
    FAILS(open("/dev/pts/new", O_CREAT | O_RDWR, 0600), EACCES);
    FAILS(lseek(slave, 0, SEEK_SET), ESPIPE);
    CHECK(write(slave, "out\n", 4) == 4);
    CHECK(waits(master, POLLIN) == POLLIN && ioctl(master, FIONREAD, &left) == 0 && left == 5);
    CHECK(expect(master, "out\r\n"));
    CHECK(write(master, "in", 2) == 2 && ioctl(slave, FIONREAD, &left) == 0 && left == 0);
    CHECK(write(master, "put\n", 4) == 4 && expect(slave, "input\n") && expect(master, "input\r\n"));
    CHECK(close(slave) == 0 && close(master) == 0);
    FAILS(open(name, O_RDWR | O_NOCTTY), ENOENT);
}

static void speeds(void) {
    int master = open_master(), slave;
    struct termios2 modes;
    CHECK(unlock(master) == 0 && (slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
    CHECK(ioctl(slave, TCGETS2, &modes) == 0 && modes.output_speed == 38400);
    modes.control = (modes.control & ~0x100F100F) | BOTHER;
    modes.output_speed = 12345;
    CHECK(ioctl(slave, TCSETS2, &modes) == 0);
    memset(&modes, 0, sizeof modes);
    CHECK(ioctl(master, TCGETS2, &modes) == 0);
    CHECK(modes.output_speed == 12345 && modes.input_speed == 12345);
    modes.control = (modes.control & ~0x100F) | B115200;
    CHECK(ioctl(slave, TCSETS2, &modes) == 0 && ioctl(slave, TCGETS2, &modes) == 0);
    CHECK(modes.output_speed == 115200);
    FAILS(ioctl(slave, TCGETS2, 8), EFAULT);
    close(slave);
    close(master);
}

static int packet(int master) {
    unsigned char got[64];
    return waits(master, POLLIN) > 0 && read(master, got, sizeof got) == 1 ? got[0] : -1;
}

static void packets(void) {
    int master = open_master(), slave, on = 1;
    char got[64];
    CHECK(unlock(master) == 0 && (slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
    CHECK(ioctl(master, TIOCPKT, &on) == 0 && ioctl(master, 0x80045438, &on) == 0 && on == 1);
    FAILS(read(master, got, sizeof got), EAGAIN);
    CHECK(write(slave, "data", 4) == 4);
    CHECK(waits(master, POLLIN | POLLPRI) == POLLIN);
    CHECK(read(master, got, sizeof got) == 5 && !memcmp(got, "\0data", 5));
    CHECK(tcflow(slave, TCOOFF) == 0);
    CHECK(waits(master, POLLIN | POLLPRI) == (POLLIN | POLLPRI));
    CHECK(packet(master) == TIOCPKT_STOP);
    CHECK(tcflow(slave, TCOON) == 0 && packet(master) == TIOCPKT_START);
    CHECK(tcflush(slave, TCIFLUSH) == 0 && packet(master) == TIOCPKT_FLUSHREAD);
    struct termios modes;
    CHECK(tcgetattr(slave, &modes) == 0);
    modes.c_iflag &= ~IXON;
    CHECK(tcsetattr(slave, TCSANOW, &modes) == 0 && packet(master) == TIOCPKT_NOSTOP);
    modes.c_iflag |= IXON;
    CHECK(tcsetattr(slave, TCSANOW, &modes) == 0 && packet(master) == TIOCPKT_DOSTOP);
    on = 0;
    CHECK(ioctl(master, TIOCPKT, &on) == 0 && write(slave, "x", 1) == 1 && expect(master, "x"));
    close(slave);
    close(master);
}

// A session of its own, whose terminal the slave becomes as it is opened.
static void lead(int master, int ready) {
    struct winsize size = {0};
    int slave, number = 0, own;
    setsid();
    FAILS(open("/dev/tty", O_RDWR), ENXIO);
    CHECK((slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
    FAILS(tcgetpgrp(slave), ENOTTY);
    close(slave);
    CHECK((slave = open(name, O_RDWR)) >= 0);
    CHECK(tcgetpgrp(slave) == getpid() && tcgetsid(slave) == getpid());
    CHECK(tcgetpgrp(master) == getpid());
    CHECK((own = open("/dev/tty", O_RDWR)) >= 0 && isatty(own));
    CHECK(ioctl(slave, TIOCSTI, "s") == 0 && ioctl(own, TIOCSTI, "\n") == 0);
    char got[8];
    CHECK(read(slave, got, 8) == 2 && !memcmp(got, "s\n", 2));
    signal(SIGWINCH, note);
    size.ws_row = 33;
    CHECK(ioctl(master, TIOCSWINSZ, &size) == 0 && caught == 1);
    CHECK(ioctl(master, TIOCSWINSZ, &size) == 0 && caught == 1);
    CHECK(ioctl(slave, TIOCGWINSZ, &size) == 0 && size.ws_row == 33);
    signal(SIGINT, note);
    CHECK(write(master, "\003", 1) == 1 && caught == 2);
    CHECK(ioctl(master, 0x40045436, SIGINT) == 0 && caught == 3);
    FAILS(ioctl(master, 0x40045436, SIGTERM), EINVAL);
    signal(SIGHUP, note);
    signal(SIGCONT, note);
    CHECK(ioctl(own, TIOCNOTTY) == 0 && hung == 1 && continued == 1);
    FAILS(open("/dev/tty", O_RDWR), ENXIO);
    FAILS(ioctl(own, TIOCNOTTY), ENOTTY);
    CHECK(ioctl(slave, TIOCSCTTY, 0) == 0 && ioctl(slave, TIOCSCTTY, 0) == 0);
    CHECK(close(own) == 0 && write(ready, "r", 1) == 1);
    pause();
    _exit(0);
}

static void sessions(void) {
    int master = open_master(), ready[2], slave;
    char got[4];
    CHECK(unlock(master) == 0 && pipe(ready) == 0);
    pid_t first = fork();
    if (!first)
        lead(master, ready[1]);
    CHECK(read(ready[0], got, 1) == 1);
    pid_t thief = fork();
    if (!thief) {
        setsid();
        CHECK((slave = open(name, O_RDWR)) >= 0);
        FAILS(tcgetpgrp(slave), ENOTTY);  // it has another session
        FAILS(ioctl(slave, TIOCSCTTY, 0), EPERM);
        if (geteuid() == 0)
            CHECK(ioctl(slave, TIOCSCTTY, 1) == 0 && tcgetsid(slave) == getpid());
        _exit(0);
    }
    CHECK(clean_end(thief));
    kill(first, SIGTERM);
    waitpid(first, 0, 0);
    close(master);
}

// Who has the slave open has nothing any more once the master is closed.
static void hang_up(void) {
    int master = open_master(), slave, own, ready[2];
    char got[8];
    CHECK(unlock(master) == 0 && pipe(ready) == 0);
    pid_t leader = fork();
    if (!leader) {
        sigset_t blocked, former;
        setsid();
        CHECK((slave = open(name, O_RDWR)) >= 0 && (own = open("/dev/tty", O_RDWR)) >= 0);
        close(master);
        signal(SIGHUP, note);
        signal(SIGCONT, note);
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGHUP);
        sigaddset(&blocked, SIGCONT);
        sigprocmask(SIG_BLOCK, &blocked, &former);
        CHECK(write(ready[1], "r", 1) == 1);
        while (!hung || !continued)
            sigsuspend(&former);
        CHECK(read(slave, got, 8) == 0 && read(own, got, 8) == 0);
        FAILS(write(own, "x", 1), EIO);
        FAILS(tcgetpgrp(slave), EIO);
        FAILS(tcsetpgrp(slave, getpid()), ENOTTY);
        CHECK(waits(slave, POLLIN | POLLOUT) == (POLLIN | POLLOUT | POLLERR | POLLHUP));
        FAILS(open("/dev/tty", O_RDWR), ENXIO);
        _exit(0);
    }
    CHECK(read(ready[0], got, 1) == 1 && close(master) == 0);
    CHECK(clean_end(leader));
}

// The terminal stays, but nobody has it open any more.
static void hang_up_own(void) {
    int master = open_master(), slave;
    CHECK(unlock(master) == 0);
    pid_t leader = fork();
    if (!leader) {
        setsid();
        CHECK((slave = open(name, O_RDWR)) >= 0);
        if (geteuid() != 0) {
            FAILS(vhangup(), EPERM);
            _exit(0);
        }
        signal(SIGHUP, note);
        signal(SIGCONT, note);
        CHECK(vhangup() == 0 && hung == 1 && continued == 1);
        FAILS(write(slave, "x", 1), EIO);
        FAILS(open("/dev/tty", O_RDWR), ENXIO);
        int again = open(name, O_RDWR);
        CHECK(again >= 0 && tcgetsid(again) == getpid() && write(again, "y", 1) == 1);
        FAILS(write(slave, "x", 1), EIO);
        _exit(0);
    }
    CHECK(clean_end(leader) && expect(master, "y"));
    close(master);
}

// Each place where names are mounted has its own.
static void instances(void) {
    struct stat found;
    struct statfs kind;
    int master, number = -1;
    mkdir("/tmp/own", 0700);
    if (mount("none", "/tmp/own", "devpts", 0, "newinstance,ptmxmode=600,mode=640,gid=7,max=1"))
        return;  // who may not
    CHECK(statfs("/tmp/own", &kind) == 0 && kind.f_type == 0x1CD1);
    CHECK(stat("/tmp/own/ptmx", &found) == 0 && found.st_mode == (S_IFCHR | 0600));
    CHECK((master = open("/tmp/own/ptmx", O_RDWR | O_NOCTTY)) >= 0 && number_of(master) == 0);
    CHECK(stat("/tmp/own/0", &found) == 0 && found.st_mode == (S_IFCHR | 0640));
    CHECK(found.st_gid == 7 && found.st_ino == 3);
    FAILS(open("/tmp/own/ptmx", O_RDWR), ENOSPC);
    FAILS(umount("/tmp/own"), EBUSY);
    CHECK(mount("none", "/tmp/own", "devpts", MS_REMOUNT, "max=2") == 0);
    int other = open("/tmp/own/ptmx", O_RDWR | O_NOCTTY);
    CHECK(other >= 0 && number_of(other) == 1 && close(other) == 0);
    CHECK(close(master) == 0 && umount("/tmp/own") == 0 && rmdir("/tmp/own") == 0);
    mkdir("/tmp/own", 0700);
    FAILS(mount("none", "/tmp/own", "devpts", 0, "size=1"), EINVAL);
    CHECK(rmdir("/tmp/own") == 0);
}

int main(void) {
    numbers();
    both_ends();
    speeds();
    packets();
    sessions();
    hang_up();
    hang_up_own();
    instances();
    return 0;
}
