from pykasm import *


class Broken(Subsystem):
    switches = percpu(U64)

    @function(context="thread")
    def run(self) -> None:
        mov(rax, self.switches)
        inc(rax)
        mov(self.switches, rax)


class Mended(Broken):
    @function(context="thread")
    def run(self) -> None:
        inc(self.switches)
