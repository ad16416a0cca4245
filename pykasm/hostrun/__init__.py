"""Functions of an image run in this process, one call at a time, for tests.

    lists = Lists()
    host = Host(lists)                                   # and all that it refers to
    node = host.new(Node, state=State.FREE)              # typed memory
    assert host.call(lists.push, node) == node           # arguments and results by signature
    assert host[lists.head].state is State.FREE          # data of subsystems
    host.stub(lists.device.notify, lambda number: None)  # Python in place of a function
    host.on_in(0x3F8, lambda port: 0)                    # and behind ports
    host.reset()                                         # as it was at the last checkpoint

The code runs in an emulator of the processor. What it does wrong becomes a `HostFault` that names
the Python line, the callers, the registers and the last lines run: accesses to memory that is not
there or that forbids them, also past the ends of the test's objects, exceptions, endless loops,
and results of a call that the calling convention rules out (a stack pointer or kept register that
is not what it was, the direction flag set).
"""

from pykasm.hostrun.faults import HostAssertion, HostError, HostFault, HostStop
from pykasm.hostrun.host import Host
from pykasm.hostrun.standins import stand_ins

__all__ = ["Host", "HostAssertion", "HostError", "HostFault", "HostStop", "stand_ins"]
