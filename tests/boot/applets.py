"""What commands of busybox are tried with.

Each script in the folder `applets` is run by busybox's shell, here and on the kernel, in a folder
of its own with `text`, a file of forty lines. What it prints and its exit status have to be the
same at both places. Its first line names the commands that it shows; those under `shell` show the
shell.
"""

from __future__ import annotations

from pathlib import Path

TEXT = "".join(f"{number * 7919 % 100} name{number % 7}\n" for number in range(40))

SHELL = "shell"
SCRIPTS = sorted(Path(__file__).with_name("applets").glob("*/*.sh"))


def shown() -> dict[str, list[str]]:
    """The commands that the scripts show, by the names of the folders, but for the shell."""
    found: dict[str, list[str]] = {}
    for script in SCRIPTS:
        if script.parent.name != SHELL:
            first = script.read_text().partition("\n")[0]
            found.setdefault(script.parent.name, []).extend(first.removeprefix("# ").split())
    return found


PATTERNS: dict[str, tuple[str, str]] = {
    "adjtimex": ("adjtimex | tail -1", r" +return value: \d .*\n"),
    "cttyhack": ("cttyhack true; echo $?", "0\n"),
    "dmesg": ("dmesg | grep -c initramfs", "1\n"),
    "freeramdisk swapoff swapon": (
        "freeramdisk none; swapon none; swapoff none",
        "(freeramdisk|swapon): .*No such file.*\n" * 2 + "swapoff: none: .*\n",
    ),
    "free": ("free -m | grep Mem:", r"Mem: +\d+ +\d+ +\d+ +\d+ +\d+ +\d+\n"),
    "mount umount": (
        """
        mkdir m; mount -t tmpfs -o size=64k,mode=711 name m
        grep -c " $PWD/m " /proc/mounts; stat -c %a m
        dd if=/dev/zero of=m/f bs=1k count=100 2>&1 | grep -c 'No space'
        mount -o remount,ro m; echo >m/x; mount --bind /bin m; ls m | grep -c ^busybox
        umount m; umount m; umount m; mount -t none none m; echo $?""",
        "1\n711\n1\n.*Read-only file system\n1\numount: can't unmount m: Invalid argument\n"
        "mount: mounting none on m failed: No such device\n255\n",
    ),
    "pivot_root": (
        """
        cat >into <<'END'
        busybox mount -t tmpfs n /n; busybox mkdir /n/old /n/bin; busybox cp /bin/busybox /n/bin
        cd /n; busybox pivot_root . old && exec busybox chroot . busybox sh /old/then
        END
        echo 'cd /; echo /*; busybox umount -l /old; echo /old/*' >then
        mkdir m; unshare -m busybox sh -c 'mount -t tmpfs m m; mkdir m/n m/bin; cp into then m
        cp /bin/busybox m/bin; cd m; exec chroot . busybox sh /into'""",
        r"/bin /old\n/old/\*\n",
    ),
    "ps": ("ps -o pid,ppid,user,args | head -2", r"PID .*\n +1 +0 root +init\n"),
    "top": ("top -b -n 1 | head -4 | tail -1", " *PID .*\n"),
    "uptime": ("uptime", r" \d\d:\d\d:\d\d up .*load average: [\d., ]+\n"),
    "watchdog svok svc": (
        "watchdog -F none; svok none; echo $?; svc none",
        ".*No such file.*\n(.*\n)*111\n(.*\n)*",
    ),
}
"""What machines differ in: scripts, and what the whole output looks like."""

ELSEWHERE: dict[str, str] = {
    "getty login su": "test_users.py",
    "init linuxrc poweroff pwd reboot vi": "test_shell.py",
    "chvt deallocvt openvt": "test_virtual_consoles.py",
}
"""Commands that other tests show, and where."""

WITHOUT: dict[str, str] = {
    "arp arping brctl dnsdomainname dumpleases ftpget ftpput httpd ifconfig ifdown ifup ip "
    "ipneigh nameif nc netstat nslookup ping ping6 rdate route ssl_client tc telnet telnetd tftp "
    "traceroute traceroute6 tunctl udhcpc udhcpd uevent vconfig wget": "a network",
    "depmod insmod lsmod modinfo modprobe rmmod": "modules",
    "acpid fsfreeze i2cdetect i2cdump i2cget i2cset i2ctransfer ionice lsscsi mdev nuke resume "
    "run-init switch_root ubirename": "disks, buses of other kinds, and what starts from them",
    "dumpkmap loadfont loadkmap setkeycodes": "keys and letters that can be changed",
    "halt sulogin": "a machine that somebody repairs",
    "dpkg dpkg-deb mim rpm rpm2cpio": "packages and makefiles",
}
"""Commands that make no sense here yet, and what they would need."""
