"""The first program of a machine: mounts, starts commands on consoles, and switches off."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.programs.initcalls import InitCalls, OpenMode, PowerCommand
from kernel.programs.initcommands import InitCommands
from kernel.programs.initmessages import InitMessages
from kernel.programs.initmounts import InitMounts
from pykasm import *

CONFIGURATION = "/etc/init.conf"
"""Has a line for each command: its console, the program, arguments; `#` begins a comment."""

USUAL = "/dev/console /bin/sh"
"""The line that counts where there is no such file."""

MOST_TEXT = 0x10000
"""Bytes of the configuration that are read."""

ANY_CHILD = -1
"""Tells `wait4` to wait for any child (wait4(2))."""


class InitProgram(Subsystem):
    """Runs as process 1 until all other processes have ended."""

    configuration = bss(U8 * (MOST_TEXT + 1))
    usual = data(U8 * (len(USUAL) + 1), USUAL.encode() + b"\0")

    def __init__(
        self,
        calls: InitCalls,
        messages: InitMessages,
        mounts: InitMounts,
        commands: InitCommands,
    ) -> None:
        self.calls = calls
        self.messages = messages
        self.mounts = mounts
        self.commands = commands

    @program_entry()
    def start(self) -> None:
        """Begin."""
        xor(ebp, ebp)  # a backtrace ends here
        mov(rax, u64[rsp])  # the number of arguments
        lea(rax, u64[rsp + rax * 8 + 16])  # behind them and a 0 are the environment's strings
        mov(self.commands.environment, rax)
        self.run()
        self.calls.exit_group(0)
        never()

    @function
    def run(self) -> None:
        """Mount what there is, run all commands, wait until all has ended, and switch the machine
        off, unless this is not the first process."""
        self.mounts.mount_all()
        self.start_commands()
        self._reap()
        with if_(self.calls.getpid() == 1):
            self._power_off()

    @function
    def start_commands(self) -> None:
        """Start what the configuration says, or the usual command without one."""
        size = self._read_configuration()
        with if_(size < 0):
            self.commands.start(address_of(self.usual))
            ret()
        mov(self.configuration[size], 0)
        self._start_lines(address_of(self.configuration))

    @function
    def _read_configuration(self) -> OrErrno[I64]:
        """Read the configuration. Returns its size; what is larger than the room is cut off."""
        file = keep(self.calls.open(text(CONFIGURATION), OpenMode.READ, 0))
        with if_(file < 0):
            ret(file)
        size = keep(I64)
        xor(u32(size), u32(size))
        with while_(size < MOST_TEXT):
            left = scratch(U64)
            mov(left, MOST_TEXT)
            sub(left, u64(size))
            count = self.calls.read(u32(file), address_of(self.configuration[size]), left)
            break_if(count <= 0)
            add(size, count)
        ignore(self.calls.close(u32(file)), "it was open")
        ret(size)

    @function
    def _start_lines(self, line: Keep[Ptr[U8]]) -> None:
        """Start the command of each line of the text that begins with `line`."""
        end, more = keep(Ptr[U8]), keep(U8)
        with do_while(lambda: more != 0):
            mov(end, line)
            with while_((at(end) != 0) & (at(end) != ord("\n"))):
                inc(end)
            mov(more, at(end))
            mov(at(end), 0)
            self.commands.start(line)
            mov(line, end)
            inc(line)

    @function
    def _reap(self) -> None:
        """Wait until no child is left; whose parents have ended are children of process 1."""
        with loop():
            child = self.calls.wait4(ANY_CHILD, 0, 0, 0)
            break_if((child < 0) & (child != -Errno.EINTR))

    @function
    def _power_off(self) -> None:
        """Switch the machine off, or tell why that failed."""
        ignore(self.calls.sync(), "it never fails")
        result = self.calls.reboot(
            PowerCommand.MAGIC1, PowerCommand.MAGIC2, PowerCommand.POWER_OFF, 0
        )
        with if_(result < 0):
            self.messages.tell(text("power-off"), result)


CONTENTS: Contents = (InitProgram, InitCommands, InitMounts, InitMessages, InitCalls)


def program() -> LinuxProgram:
    """Return the program."""
    parts = Parts(CONTENTS)
    return LinuxProgram(entry=parts[InitProgram].start, subsystems=parts.all(Subsystem))
