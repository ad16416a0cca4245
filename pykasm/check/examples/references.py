"""A count of references, as examples need it."""

from pykasm import *


class ReferenceCount(Struct):
    count: U32 = field(written_by="ReferenceCount")

    @inline
    def gain(self) -> None:
        gaining(self)
        lock.inc(self.count)

    @inline
    def drop(self) -> Condition:
        dropping(self)
        lock.dec(self.count)
        return ZF
