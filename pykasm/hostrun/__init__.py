"""Functions of an image run in this process, one call at a time, for tests."""

from pykasm.hostrun.faults import HostAssertion, HostError, HostFault, HostStop
from pykasm.hostrun.host import Host

__all__ = ["Host", "HostAssertion", "HostError", "HostFault", "HostStop"]
