"""Machine checks: what error codes stand for."""

import pytest

from kernel.entry.machinechecks import MachineChecks
from tests.host.console_support import Paper, host_for, parts_on


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0x0000, "no error code"),
        (0x1005, "internal parity error"),
        (0x0400, "internal timer error"),
        (0x0405, "internal error"),
        (0xABCD_0011, "TLB error"),
        (0x000E, "generic cache hierarchy error"),
        (0x1151, "cache hierarchy error"),
        (0x009F, "memory controller error"),
        (0x0E0B, "bus or interconnect error"),
        (0xE000, "unknown error"),
    ],
)
def test_what_error_codes_stand_for(code: int, kind: str) -> None:
    checks = parts_on(Paper())[MachineChecks]
    host = host_for(checks)
    assert host.read_text(host.call(checks._kind_of, code)) == kind
