// Virtual consoles: what they answer, how they are asked and switched (ioctl_console(2)). A system
// that shows this user none has nothing to be looked at.
#include "check.h"
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#define KDGKBTYPE 0x4B33
#define KDSETMODE 0x4B3A
#define KDGETMODE 0x4B3B
#define KDGKBMODE 0x4B44
#define KDSKBMODE 0x4B45
#define TIOCLINUX 0x541C
#define VT_OPENQRY 0x5600
#define VT_GETMODE 0x5601
#define VT_SETMODE 0x5602
#define VT_GETSTATE 0x5603
#define VT_ACTIVATE 0x5606
#define VT_WAITACTIVE 0x5607
#define VT_DISALLOCATE 0x5608
#define KB_101 2
#define KD_TEXT 0
#define K_XLATE 1
#define K_UNICODE 3
#define VT_AUTO 0
#define TIOCL_GETFGCONSOLE 12

struct vt_stat { unsigned short v_active, v_signal, v_state; };
struct vt_mode { char mode, waitv; short relsig, acqsig, frsig; };

#define NAME "/dev/tty4"

// What is answered to a question.
static const char *answer(int file, const char *question)
{
    static char answer[64];
    size_t length = 0;
    CHECK(write(file, question, strlen(question)) == (ssize_t)strlen(question));
    do
        CHECK(read(file, answer + length, 1) == 1);
    while (!strchr("cnR", answer[length++]));
    answer[length] = 0;
    return answer;
}

static void answers(int file)
{
    struct termios modes, raw;
    CHECK(tcgetattr(file, &modes) == 0);
    raw = modes;
    cfmakeraw(&raw);
    CHECK(tcsetattr(file, TCSANOW, &raw) == 0);
    CHECK(strcmp(answer(file, "\033c\033[c"), "\033[?6c") == 0);
    CHECK(strcmp(answer(file, "\033[5n"), "\033[0n") == 0);
    CHECK(strcmp(answer(file, "\033[3;4H\033[6n"), "\033[3;4R") == 0);
    CHECK(strcmp(answer(file, "\033[999;999H\033[6n"), "\033[25;80R") == 0);
    CHECK(write(file, "\033c", 2) == 2);
    CHECK(tcsetattr(file, TCSANOW, &modes) == 0);
}

static void requests(int file)
{
    struct vt_stat state;
    struct vt_mode mode;
    struct winsize size;
    struct stat status;
    unsigned char kind = 0;
    int number = 0;
    CHECK(fstat(file, &status) == 0 && status.st_rdev == makedev(4, 4));
    CHECK(ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_row == 25 && size.ws_col == 80);
    CHECK(ioctl(file, KDGKBTYPE, &kind) == 0 && kind == KB_101);
    CHECK(ioctl(file, KDGETMODE, &number) == 0 && number == KD_TEXT);
    CHECK(ioctl(file, KDSETMODE, KD_TEXT) == 0);
    CHECK(ioctl(file, KDGKBMODE, &number) == 0 && number == K_UNICODE);
    CHECK(ioctl(file, KDSKBMODE, K_XLATE) == 0);
    CHECK(ioctl(file, KDGKBMODE, &number) == 0 && number == K_XLATE);
    CHECK(ioctl(file, KDSKBMODE, K_UNICODE) == 0);
    FAILS(ioctl(file, KDSKBMODE, 77), EINVAL);
    CHECK(ioctl(file, VT_GETMODE, &mode) == 0 && mode.mode == VT_AUTO);
    CHECK(ioctl(file, VT_SETMODE, &mode) == 0);
    CHECK(ioctl(file, VT_GETSTATE, &state) == 0 && (state.v_state & (1 << 4)));
    CHECK(ioctl(file, VT_OPENQRY, &number) == 0 && number != 4);
    FAILS(ioctl(file, VT_GETSTATE, 1), EFAULT);
    FAILS(ioctl(file, VT_ACTIVATE, 70), ENXIO);
    FAILS(ioctl(file, VT_DISALLOCATE, 4), EBUSY);
}

static void switching(int file)
{
    struct vt_stat state;
    char which = TIOCL_GETFGCONSOLE;
    int front;
    CHECK(ioctl(file, VT_GETSTATE, &state) == 0);
    CHECK(ioctl(file, VT_ACTIVATE, 4) == 0 && ioctl(file, VT_WAITACTIVE, 4) == 0);
    CHECK(ioctl(file, TIOCLINUX, &which) == 3);
    front = open("/dev/tty0", O_RDWR | O_NOCTTY);
    CHECK(front >= 0);
    answers(front);
    CHECK(close(front) == 0);
    CHECK(ioctl(file, VT_ACTIVATE, state.v_active) == 0);
    CHECK(ioctl(file, VT_WAITACTIVE, state.v_active) == 0);
}

int main(void)
{
    int file = open(NAME, O_RDWR | O_NOCTTY);
    if (file < 0 && (errno == ENXIO || errno == ENOENT || errno == EACCES || errno == EPERM))
        return 0;
    CHECK(file >= 0);
    answers(file);
    requests(file);
    switching(file);
    CHECK(close(file) == 0);
    return 0;
}
