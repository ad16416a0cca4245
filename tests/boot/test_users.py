"""Users: they log in, become others by a password, and can't do what is not theirs to do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pykasm.machine.initramfs import of_folder
from pykasm.machine.session import Machine
from tests.boot.roots import shell_root
from tests.boot.test_shell import RELAY, Shell

MakeMachine = Callable[..., Machine]

REFUSED = {
    "cat /etc/shadow": "cat: can't open '/etc/shadow': Permission denied",
    "cat link": "cat: can't open 'link': Permission denied",
    "echo x >/etc/passwd": "can't create /etc/passwd: Permission denied",
    "echo x >/dev/console": "can't create /dev/console: Permission denied",
    "echo x >/dev/pts/0": "can't create /dev/pts/0: Permission denied",
    "echo x >/dev/kmsg": "can't create /dev/kmsg: Permission denied",
    "echo x >/proc/sys/kernel/hostname": (
        "can't create /proc/sys/kernel/hostname: Permission denied"
    ),
    "echo x >>/tmp/roots": "can't create /tmp/roots: Permission denied",
    "echo x >/new": "can't create /new: Permission denied",
    "rm -f /tmp/roots": "rm: can't remove '/tmp/roots': Operation not permitted",
    "rm -f /etc/motd": "rm: can't remove '/etc/motd': Permission denied",
    "mv /bin /other": "mv: can't rename '/bin': Permission denied",
    "ls /root": "ls: can't open '/root': Permission denied",
    "kill -9 1": "can't kill pid 1: Operation not permitted",
    "kill -9 $1": "can't kill pid $1: Operation not permitted",
    "kill -9 $2": "can't kill pid $2: Operation not permitted",
    "cat /proc/$1/mem": "cat: can't open '/proc/$1/mem': Permission denied",
    "cat /proc/$2/mem": "cat: can't open '/proc/$2/mem': Permission denied",
    "cat /proc/$2/environ": "cat: can't open '/proc/$2/environ': Permission denied",
    "ls /proc/$2/fd": "ls: can't open '/proc/$2/fd': Permission denied",
    "renice -n 5 $2": "renice: setpriority: Operation not permitted",
    "renice -n -5 $$": "renice: setpriority: Permission denied",
    "chown user /bin/cat": "chown: /bin/cat: Operation not permitted",
    "chown root own": "chown: own: Operation not permitted",
    "chmod 777 /etc": "chmod: /etc: Operation not permitted",
    "chmod +s /bin/busybox": "chmod: /bin/busybox: Operation not permitted",
    "mount -t tmpfs x /mnt": "mount: you must be root",
    "umount /proc": "umount: can't unmount /proc: Operation not permitted",
    "chroot / true": "chroot: can't change root directory to '/': Operation not permitted",
    "mknod n c 1 1": "mknod: n: Operation not permitted",
    "unshare -m true": "unshare: unshare(0x20000): Operation not permitted",
    "hostname mine": "hostname: sethostname: Operation not permitted",
    "dmesg -c": "dmesg: klogctl: Operation not permitted",
    "reboot -f": "reboot: (null): Operation not permitted",
    "poweroff -f": "poweroff: (null): Operation not permitted",
    "start-stop-daemon -S -c root -x /bin/id": (
        "start-stop-daemon: can't set groups: Operation not permitted"
    ),
    "passwd root": "passwd: user can't change password for root",
    "su -c id": "su: incorrect password",
}
"""What a user is told; `$1` is a process of root's, `$2` one of another user's."""

OTHER = "other:x:1001:1001:other:/tmp:/bin/sh"

ASKED = "(?s:.)*assword: "


@pytest.fixture
def shell(machine: MakeMachine, tmp_path: Path) -> Shell:
    """The console's shell, where another user has a pseudo-terminal."""
    if shutil.which("musl-gcc") is None:
        pytest.skip("musl-gcc is not installed")
    root = shell_root(tmp_path)
    subprocess.run(["musl-gcc", "-static", "-o", root / "bin" / "relay", RELAY], check=True)
    lines = ["cd", "touch own", "ln -s /etc/shadow link", *REFUSED]
    (root / "refused").write_text("\n".join(lines) + "\nid -u\n")
    with (root / "etc/passwd").open("a") as users:
        users.write(OTHER + "\n")
    initrd = tmp_path / "initrd"
    initrd.write_bytes(of_folder(root))
    return Shell(machine(modules=(initrd,), smp=2))


def test_users_are_kept_apart(shell: Shell) -> None:
    kernel = shell.machine
    shell.run("touch /tmp/roots; sleep 1000 & root=$!")
    shell.run("echo 'cd; echo $$ >pid; exec relay sh -c \"tty >tty; sleep 1000\"' >/tmp/start")
    shell.run("su other /tmp/start </dev/null >/dev/null &")
    shell.run("until [ -s /tmp/tty ]; do sleep 0.1; done")
    assert shell.run("cat /tmp/tty; stat -c '%A %U %G' /dev/pts/0") == [
        *("/dev/pts/0", "crw--w---- other tty"),
    ]
    root, other = shell.run("echo $root; cat /tmp/pid")
    said = shell.run("su user /refused $root $(cat /tmp/pid) </dev/null 2>&1")
    said.remove("Password: ")
    told = [text.replace("$1", root).replace("$2", other) for text in REFUSED.values()]
    missing = [text for text, line in zip(told, said, strict=False) if not line.endswith(text)]
    assert not missing, said
    assert said[len(told) :] == ["1000"]
    # with a password, they become each other
    shell.start("passwd user", "(?s:.)*password: ")
    kernel.send_line("one Two 3")
    kernel.expect(ASKED)
    kernel.send_line("one Two 3")
    assert "changed by root" in shell.await_prompt()
    assert shell.run("ls -l /etc/shadow | cut -c1-24; grep -c '^user:\\$' /etc/shadow") == [
        *("-rw-------    1 root     root"[:24], "1"),
    ]
    kernel.send_line("su - other")
    shell.await_prompt()
    assert shell.run("id; pwd") == ["uid=1001(other) gid=1001 groups=1001", "/tmp"]
    shell.start("su user -c 'id -u; su -c id root </dev/null'", ASKED)
    kernel.send_line("wrong")
    assert "incorrect password" in shell.await_prompt()
    shell.start("su user -c 'id -u; cat /etc/shadow'", ASKED)
    kernel.send_line("one Two 3")
    answer = shell.await_prompt()
    assert "1000" in answer.split()
    assert "Permission denied" in answer
    kernel.send_line("exit")
    shell.await_prompt()


def test_users_log_in_on_terminals(shell: Shell) -> None:
    kernel = shell.machine
    shell.start("relay getty 38400 -", "(?s:.)*login: ")
    kernel.send_line("user")
    shell.await_prompt()
    assert shell.run("id -u; tty; pwd; echo $USER") == ["1000", "/dev/pts/0", "/home/user", "user"]
    shell.start("passwd", "(?s:.)*password: ")  # nobody had set one, so it does not ask for it
    kernel.send_line("one Two 3")
    kernel.expect(ASKED)
    kernel.send_line("one Two 3")
    assert "changed by user" in shell.await_prompt()
    kernel.send_line("exit")
    shell.await_prompt()
    shell.start("login user", ASKED)
    kernel.send_line("wrong")
    kernel.expect("Login incorrect(?s:.)*login: ", timeout=60)
    kernel.send_line("user")
    kernel.expect(ASKED)
    kernel.send_line("one Two 3")
    shell.await_prompt()
    assert shell.run("id -u; tty") == ["1000", "/dev/console"]
