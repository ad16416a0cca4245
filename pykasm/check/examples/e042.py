from pykasm import *
from pykasm.objects.debug import EntryFrame


class Broken(Subsystem):
    handler = bss(U64)
    interrupted_cs = 8
    privilege = 3

    @function
    def run(self) -> None:
        lea(rax, self.tick)
        mov(self.handler, rax)

    @naked(entered=EntryFrame.INTERRUPT)
    def tick(self) -> None:
        test(u8[rsp + self.interrupted_cs], self.privilege)
        with if_(~ZF):
            swapgs()
        push(rax)
        pop(rax)
        iretq()


class Mended(Broken):
    @naked(entered=EntryFrame.INTERRUPT)
    def tick(self) -> None:
        self.swap_for_user()
        push(rax)
        pop(rax)
        self.swap_for_user()
        iretq()

    def swap_for_user(self) -> None:
        test(u8[rsp + self.interrupted_cs], self.privilege)
        with if_(~ZF):
            swapgs()
