"""What is asked for when names of pseudo-terminals are mounted, as a text."""

from __future__ import annotations

from kernel.fs.optionnumbers import OptionNumbers
from kernel.pty.pseudoterminal import DevptsOptions
from pykasm import *

MOST = 1 << 20
"""Pseudo-terminals, at most: as many as there are numbers of devices (NR_UNIX98_PTY_MAX)."""


class DevptsOptionTexts(Subsystem):
    """Reads them, with commas between them. Context: any."""

    def __init__(self, numbers: OptionNumbers) -> None:
        self.numbers = numbers

    @function
    def parse(self, text: Keep[Ptr[U8]], options: Keep[Ptr[DevptsOptions]]) -> OrErrno[I32]:
        """Set in `options` what `text` asks for. Returns 0, or -EINVAL for what nobody knows."""
        self.numbers.parse_each(text, options, self._parse_one)
        ret(0)

    @function
    def _parse_one(self, text: Ptr[U8], options: Ptr[DevptsOptions]) -> OrNull[Ptr[U8]]:
        """Set what the option at the start of `text` asks for. Returns its end; null if it is
        none."""
        for name, setter in (
            ("mode=", self._set_mode),
            ("ptmxmode=", self._set_master_mode),
            ("uid=", self._set_user),
            ("gid=", self._set_group),
            ("max=", self._set_most),
        ):
            with if_(self.numbers.begins(text, name)):
                lea(rdi, text[len(name)])
                tail(setter, cast(rdi, Ptr[U8]), options)
        with if_(self.numbers.begins(text, "newinstance")):  # each mount has names of its own
            lea(rax, text[len("newinstance")])
            ret(cast(rax, Ptr[U8]))
        ret(0)

    @function
    def _set_mode(self, text: Ptr[U8], options: Keep[Ptr[DevptsOptions]]) -> OrNull[Ptr[U8]]:
        """Set the permissions of slaves."""
        number, end = self.numbers.permissions(text)
        mov(options.mode, u32(number))
        ret(end)

    @function
    def _set_master_mode(self, text: Ptr[U8], options: Keep[Ptr[DevptsOptions]]) -> OrNull[Ptr[U8]]:
        """Set the permissions of `ptmx`."""
        number, end = self.numbers.permissions(text)
        mov(options.master_mode, u32(number))
        ret(end)

    @function
    def _set_user(self, text: Ptr[U8], options: Keep[Ptr[DevptsOptions]]) -> OrNull[Ptr[U8]]:
        """Set who owns slaves."""
        number, end = self.numbers.account(text)
        mov(options.user, u32(number))
        mov(options.has_user, 1)
        ret(end)

    @function
    def _set_group(self, text: Ptr[U8], options: Keep[Ptr[DevptsOptions]]) -> OrNull[Ptr[U8]]:
        """Set their group."""
        number, end = self.numbers.account(text)
        mov(options.group, u32(number))
        mov(options.has_group, 1)
        ret(end)

    @function
    def _set_most(self, text: Ptr[U8], options: Keep[Ptr[DevptsOptions]]) -> OrNull[Ptr[U8]]:
        """Set how many there may be."""
        number, end = self.numbers.any(text)
        with if_(number > MOST):
            ret(0)
        mov(options.most, u32(number))
        ret(end)
