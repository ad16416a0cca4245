"""Programs of an initramfs: loaded, run, and how they end."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pykasm.machine.cpio import archive, directory, file
from pykasm.machine.session import Machine
from tests.elf import BASE, READ, WRITE, Segment, code, program

MakeMachine = Callable[..., Machine]

TEXT, DATA = BASE + 0x400, BASE + 0x3800
EXIT = ("mov eax, 231", "syscall", "ud2")

SUM = program(
    Segment(TEXT, code(f"mov ecx, {DATA}", "mov edi, [rcx]", "add edi, [rcx + 4]", *EXIT)),
    Segment(DATA, (30).to_bytes(4, "little"), READ | WRITE, zeros=0x2000),
    entry=TEXT,
)
"""Exits with the sum of a word in the file and one behind it, which is 0."""

ARGUMENTS = program(
    Segment(TEXT, code("mov edi, [rsp]", "mov rax, [rsp+16]", "add dil, [rax]", *EXIT)),
    entry=TEXT,
)
"""Exits with the number of arguments and the first character of the second one."""

CONSTANT = program(
    Segment(TEXT, code(f"mov ecx, {TEXT}", "mov dword ptr [rcx], 1", *EXIT)),
    entry=TEXT,
)
"""Writes to its own code."""

FAR = program(
    Segment(TEXT, code(f"mov ecx, {DATA + 0x9000}", "mov eax, [rcx]", *EXIT)),
    Segment(DATA, b"data", READ | WRITE, zeros=0x2000),
    entry=TEXT,
)
"""Reads behind its end."""


def started(machine: MakeMachine, folder: Path, /, **programs: bytes) -> Machine:
    """A machine with these programs in `/bin`."""
    return started_on(2, machine, folder, programs)


def started_on(
    processors: int, machine: MakeMachine, folder: Path, programs: dict[str, bytes]
) -> Machine:
    """A machine with so many processors and these programs."""
    initrd = folder / "initrd"
    files = [file(f"bin/{name}", contents, 0o755) for name, contents in programs.items()]
    initrd.write_bytes(archive([directory("bin"), directory("tmp", 0o1777), *files]))
    kernel = machine(modules=(initrd,), smp=processors)
    kernel.expect_prompt()
    return kernel


def test_programs_run(machine: MakeMachine, tmp_path: Path) -> None:
    kernel = started(
        *(machine, tmp_path), sum=SUM, arguments=ARGUMENTS, constant=CONSTANT, far=FAR, text=b"text"
    )
    assert kernel.command("run /bin/sum") == "sum[1]: exit status 30"
    assert kernel.command("run /bin/arguments 7") == "arguments[2]: exit status 57"
    assert kernel.command("run /bin/arguments +x") == "arguments[3]: exit status 45"
    line, end = kernel.command("run /bin/constant").splitlines()
    assert re.fullmatch(rf".*\[4\]: segfault at {TEXT:x} ip {TEXT + 5:x} sp 7f\w+ error 7", line)
    assert end == "constant[4]: signal 11"
    line, end = kernel.command("run /bin/far").splitlines()
    assert f"[5]: segfault at {DATA + 0x9000:x} " in line
    assert end == "far[5]: signal 11"
    assert kernel.command("run /bin/text") == "/bin/text: error 8"
    assert kernel.command("run /bin") == "/bin: error 13"
    assert kernel.command("run /bin/none") == "/bin/none: error 2"


FILES = r"""
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int step;
#define CHECK(condition) do { step++; if (!(condition)) return step; } while (0)
#define FAILS(call, error) CHECK((call) == -1 && errno == (error))

int main(void) {
    char text[16] = "";
    int file, again;
    CHECK(mkdir("/made", 0755) == 0);
    FAILS(mkdir("/made", 0755), EEXIST);
    CHECK(chdir("/made") == 0);
    CHECK((file = open("one", O_RDWR | O_CREAT | O_EXCL, 0644)) == 3);
    FAILS(open("one", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    CHECK(write(file, "some text", 9) == 9);
    CHECK(lseek(file, 0, SEEK_CUR) == 9);
    CHECK(pwrite(file, "more", 4, 0) == 4);
    CHECK(pread(file, text, 15, 0) == 9 && !strcmp(text, "more text"));
    CHECK((again = dup(file)) == 4);
    CHECK(dup2(file, 7) == 7);
    CHECK(lseek(7, 5, SEEK_SET) == 5 && read(again, text, 2) == 2);
    CHECK(close(7) == 0);
    FAILS(close(7), EBADF);
    FAILS(read(file, (void *)8, 4), EFAULT);
    FAILS(write(file, (void *)0xffff800000000000, 4), EFAULT);
    CHECK(rename("one", "two") == 0);
    FAILS(open("one", O_RDONLY), ENOENT);
    CHECK(link("two", "three") == 0);
    CHECK(symlink("three", "four") == 0);
    CHECK((again = open("/made/four", O_RDONLY)) == 5);
    CHECK(read(again, text, 15) == 9);
    CHECK(unlink("two") == 0 && unlink("three") == 0);
    FAILS(open("four", O_RDONLY), ENOENT);
    FAILS(open("four", O_RDONLY | O_NOFOLLOW), ELOOP);
    FAILS(rmdir("/made"), ENOTEMPTY);
    CHECK(unlink("four") == 0);
    CHECK(chdir("/") == 0);
    CHECK(rmdir("made") == 0);
    FAILS(chdir("made"), ENOENT);
    FAILS(open((char *)1, O_RDONLY), EFAULT);
    CHECK(umask(077) == 022 && umask(022) == 077);
    return 0;
}
"""
"""Exits with the number of the first check that fails."""


STATUS = r"""
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int step;
#define CHECK(condition) do { step++; if (!(condition)) return step; } while (0)
#define FAILS(call, error) CHECK((call) == -1 && errno == (error))

int main(void) {
    struct stat status;
    int file, folder, size, place, ends[2], names = 0;
    char text[16], entries[512];
    CHECK(mkdir("/s", 0755) == 0);
    CHECK((file = open("/s/file", O_RDWR | O_CREAT, 0640)) == 3);
    CHECK(write(file, "12345", 5) == 5);
    CHECK(fstat(file, &status) == 0 && status.st_size == 5 && status.st_mode == 0100640);
    CHECK(ftruncate(file, 3) == 0 && stat("/s/file", &status) == 0 && status.st_size == 3);
    CHECK(truncate("/s/file", 70000) == 0 && stat("/s/file", &status) == 0);
    CHECK(status.st_size == 70000 && status.st_nlink == 1 && status.st_uid == 0);
    FAILS(truncate("/s", 0), EISDIR);
    FAILS(ftruncate(file, -1), EINVAL);
    CHECK(chmod("/s/file", 0600) == 0 && fchmod(file, 0604) == 0 && fstat(file, &status) == 0);
    CHECK((status.st_mode & 07777) == 0604);
    CHECK(chown("/s/file", 5, 7) == 0 && stat("/s/file", &status) == 0);
    CHECK(status.st_uid == 5 && status.st_gid == 7);
    CHECK(symlink("file", "/s/link") == 0 && lstat("/s/link", &status) == 0);
    CHECK(S_ISLNK(status.st_mode) && status.st_size == 4);
    FAILS(stat("/s/none", &status), ENOENT);
    FAILS(stat("/s/file/under", &status), ENOTDIR);
    CHECK((folder = open("/s", O_RDONLY | O_DIRECTORY)) == 4);
    CHECK((size = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0);
    for (place = 0; place < size; place += ((struct dirent *)(entries + place))->d_reclen)
        names++;
    CHECK(names == 4 && syscall(SYS_getdents64, folder, entries, sizeof entries) == 0);
    CHECK(close(folder) == 0);
    CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0 && ends[0] == 4 && ends[1] == 5);
    CHECK(fcntl(ends[0], F_GETFD) == FD_CLOEXEC && fcntl(ends[0], F_SETFD, 0) == 0);
    CHECK(fcntl(ends[0], F_GETFD) == 0);
    FAILS(read(ends[0], text, 4), EAGAIN);
    CHECK(write(ends[1], "pipe", 4) == 4 && read(ends[0], text, 15) == 4);
    CHECK(!memcmp(text, "pipe", 4));
    FAILS(lseek(ends[0], 0, SEEK_SET), ESPIPE);
    CHECK(fcntl(ends[1], F_DUPFD, 9) == 9 && fcntl(9, F_GETFL) == (O_WRONLY | O_NONBLOCK));
    CHECK(close(9) == 0 && close(ends[1]) == 0 && read(ends[0], text, 4) == 0);
    FAILS(fcntl(9, F_GETFD), EBADF);
    FAILS(fcntl(3, 12345), EINVAL);
    CHECK(unlink("/s/file") == 0 && unlink("/s/link") == 0 && rmdir("/s") == 0);
    return 0;
}
"""
"""Exits with the number of the first check that fails."""


def compiled(folder: Path, name: str, source: str) -> bytes:
    """A static program of C."""
    if shutil.which("musl-gcc") is None:
        pytest.skip("musl-gcc is not installed (the package musl-tools)")
    text, made = folder / f"{name}.c", folder / name
    text.write_text(source)
    subprocess.run(["musl-gcc", "-static", "-o", made, text], check=True)
    return made.read_bytes()


def test_programs_in_c_run(machine: MakeMachine, tmp_path: Path) -> None:
    count = "int main(int count, char **words) { return count * 10 + *words[1] - '0'; }"
    programs = {"count": compiled(tmp_path, "count", count)}
    programs["files"] = compiled(tmp_path, "files", FILES)
    programs["status"] = compiled(tmp_path, "status", STATUS)
    kernel = started(machine, tmp_path, **programs)
    assert kernel.command("run /bin/count 7") == "count[1]: exit status 27"
    for number in (2, 3):  # the second one finds no traces of the first
        assert kernel.command("run /bin/files") == f"files[{number}]: exit status 0"
    for number in (4, 5):
        assert kernel.command("run /bin/status") == f"status[{number}]: exit status 0"


PRINTING = r"""
#include <stdio.h>
#include <unistd.h>

int main(void) {
    write(STDOUT_FILENO, "one\n", 4);
    printf("two %d\n", isatty(STDOUT_FILENO));
    fprintf(stderr, "\tthree\n");
    return 4;
}
"""


READING = r"""
#include <termios.h>
#include <unistd.h>

int main(void) {
    char text[80];
    struct termios modes;
    for (int length; (length = read(STDIN_FILENO, text, sizeof text)) > 0;) {
        write(STDOUT_FILENO, "line:", 5);
        write(STDOUT_FILENO, text, length);
    }
    tcgetattr(STDIN_FILENO, &modes);
    cfmakeraw(&modes);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &modes);
    write(STDOUT_FILENO, "raw", 3);
    read(STDIN_FILENO, text, 1);
    return text[0];
}
"""
"""Reads lines up to an end of file, and then one key."""


def test_programs_read_what_is_typed(machine: MakeMachine, tmp_path: Path) -> None:
    kernel = started(machine, tmp_path, reading=compiled(tmp_path, "reading", READING))
    kernel.send("run /bin/reading\r")
    kernel.expect("run /bin/reading\r\n")
    kernel.send("abd\x7fc\r")
    kernel.expect("abd\x08 \x08c\r\nline:abc\r\n")
    kernel.send("no end\x04")
    kernel.expect("line:no end")
    kernel.send("\x04")
    kernel.expect("raw")
    kernel.send("\x03")
    kernel.expect("exit status 3")
    kernel.expect_prompt()
    assert kernel.command("run /bin/none") == "/bin/none: error 2"


WAITING = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

static int step;
#define CHECK(condition) do { step++; if (!(condition)) return step; } while (0)
#define FAILS(call, error) CHECK((call) == -1 && errno == (error))
static volatile int caught;

static void handle(int number) {
    caught = number;
}

int main(void) {
    char text[100];
    int ends[2], terminal;
    struct stat status;
    struct utsname name;
    struct timeval time = {0, 20000};
    struct pollfd files[3];
    struct sigaction action = {.sa_handler = handle};
    fd_set set;
    CHECK(pipe(ends) == 0);
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    CHECK(select(ends[0] + 1, &set, 0, 0, &time) == 0 && !FD_ISSET(ends[0], &set));
    CHECK(write(ends[1], "x", 1) == 1);
    FD_SET(ends[0], &set);
    CHECK(select(ends[0] + 1, &set, 0, 0, 0) == 1 && FD_ISSET(ends[0], &set));
    FD_SET(50, &set);
    FAILS(select(51, &set, 0, 0, 0), EBADF);
    files[0] = (struct pollfd){ends[0], POLLIN, 0};
    files[1] = (struct pollfd){-1, POLLIN, 5};
    files[2] = (struct pollfd){77, POLLOUT, 0};
    CHECK(poll(files, 3, 1000) == 2);
    CHECK(files[0].revents == POLLIN && !files[1].revents && files[2].revents == POLLNVAL);
    CHECK(getcwd(text, 100) && !strcmp(text, "/"));
    CHECK(mkdir("/w", 0755) == 0 && chdir("/w") == 0 && getcwd(text, 100));
    CHECK(!strcmp(text, "/w"));
    FAILS(getcwd(text, 2) ? 0 : -1, ERANGE);
    CHECK(access("/w", R_OK | W_OK | X_OK) == 0);
    FAILS(access("none", F_OK), ENOENT);
    CHECK(symlink("target", "link") == 0 && readlink("link", text, 100) == 6);
    FAILS(readlink("/w", text, 100), EINVAL);
    CHECK(mknod("null", S_IFCHR | 0600, 0x103) == 0);
    CHECK((terminal = open("null", O_WRONLY)) >= 0 && write(terminal, "x", 1) == 1);
    FAILS(mknod("wrong", S_IFDIR, 0), EPERM);
    CHECK(unlink("null") == 0 && unlink("link") == 0 && chdir("/") == 0 && rmdir("/w") == 0);
    CHECK(tcgetpgrp(0) == getpgrp() && tcgetsid(0) == getsid(0));
    CHECK((terminal = open("/dev/tty", O_RDWR)) >= 0 && tcgetpgrp(terminal) == getpgrp());
    FAILS(tcsetpgrp(terminal, 99999), ESRCH);
    CHECK(ioctl(0, TIOCSCTTY, 0) == 0);
    CHECK(uname(&name) == 0 && !strcmp(name.sysname, "Linux") && !strcmp(name.machine, "x86_64"));
    CHECK(getrandom(text, 100, 0) == 100 && getrandom(text, 0, 0) == 0);
    FAILS(getrandom(text, 1, 8), EINVAL);
    CHECK((terminal = open("/", O_RDONLY)) >= 0 && fsync(terminal) == 0);
    CHECK(fstatat(terminal, "", &status, AT_EMPTY_PATH) == 0 && S_ISDIR(status.st_mode));
    FAILS(fstatat(terminal, "", &status, 0), ENOENT);
    FAILS(fsync(ends[0]), EINVAL);
    CHECK(syscall(SYS_close_range, 3, ~0U, 0) == 0);
    FAILS(fstat(terminal, &status), EBADF);
    sigaction(SIGINT, &action, 0);
    write(STDOUT_FILENO, "press", 5);
    FAILS(read(STDIN_FILENO, text, 1), EINTR);
    CHECK(caught == SIGINT && pipe(ends) == 0);
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, 0);
    CHECK(fork() || (write(STDOUT_FILENO, "again", 5), read(STDIN_FILENO, text, 1),
                     write(ends[1], "y", 1), _exit(0), 1));
    CHECK(read(ends[0], text, 1) == 1 && text[0] == 'y');
    return 0;
}
"""
"""Exits with the number of the first check that fails."""


def test_programs_wait_and_are_interrupted(machine: MakeMachine, tmp_path: Path) -> None:
    programs = {"waiting": WAITING, "reading": READING}
    made = {name: compiled(tmp_path, name, source) for name, source in programs.items()}
    kernel = started(machine, tmp_path, **made)
    kernel.send("run /bin/waiting\r")
    kernel.expect("press")
    kernel.send("\x03")
    kernel.expect("again")
    kernel.send("\x03\r")
    kernel.expect("exit status 0")
    kernel.expect_prompt()
    kernel.send("run /bin/reading\r")
    kernel.expect("run /bin/reading\r\n")
    kernel.send("abc\x03")
    kernel.expect(r"abc\^Creading\[3\]: signal 2")
    kernel.expect_prompt()


def busybox() -> bytes:
    """A static busybox of this machine."""
    place = shutil.which("busybox")
    if place is None or b"\0/lib64/ld-" in Path(place).read_bytes():
        pytest.skip("no static busybox is installed (the package busybox-static)")
    return Path(place).read_bytes()


def test_a_shell_talks(machine: MakeMachine, tmp_path: Path) -> None:
    kernel = started(machine, tmp_path, busybox=busybox())
    kernel.send("run /bin/busybox sh\r")
    kernel.expect(r"/ [$#] ")
    kernel.send("echo $((6 * 7))\r")
    kernel.expect(r"\r\n42\r\n")
    kernel.send("cd /bin; pwd\r")
    kernel.expect(r"\r\n/bin\r\n")
    kernel.send("exit 5\r")
    kernel.expect("exit status 5")
    kernel.expect_prompt()


def test_what_programs_print_is_seen(machine: MakeMachine, tmp_path: Path) -> None:
    kernel = started(machine, tmp_path, printing=compiled(tmp_path, "printing", PRINTING))
    answer = kernel.command("run /bin/printing").splitlines()
    assert answer == ["one", "two 1", "\tthree", "printing[1]: exit status 4"]
