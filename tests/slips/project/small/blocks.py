"""Blocks of memory."""

from pykasm import *
from small.types import ENOMEM, Block, Link, Rights, State, divide, interrupts_off

MOST = 8


class Counter(Component):
    """A number that only grows."""

    value = bss(U64)

    def count(self) -> None:
        """Add 1."""
        lock.inc(self.value)


class Blocks(Subsystem):
    """Gives blocks out and takes them back."""

    blocks = bss(Block * MOST)
    spare = bss(Ptr[Block])
    limits = rodata(U32 * 4, [1, 2, 4, 8])
    names = rodata(Ptr[U8] * 3, ["free", "used", "lost"])
    first = data(Block, Block(size=64, state=State.FREE, rights=Rights.READ | Rights.WRITE))
    newest = data(Ptr[Block], first)
    current = percpu(U64)
    started = init(U32, 7)

    def __init__(self) -> None:
        self.taken = Counter()
        self.sizes = data(U64 * 2, [16, 32])

    @function(init=True)
    def start(self) -> None:
        """Make all blocks free."""
        mov(self.started, 1)
        with for_(scratch(U64), 0, MOST) as i:
            block = scratch(Ptr[Block])
            point_at(block, self.blocks, i)
            mov(block.state, State.FREE)
            with unshared(block):
                mov(block.users, 0)
            release(block)

    @function
    def find(self, size: U64) -> Ptr[Block]:
        """A free block of at least `size` bytes, or null."""
        mov(rax, address_of(self.blocks))
        block = cast(rax, Ptr[Block])
        left = scratch(U32)
        mov(left, MOST)
        with do_while(left != 0):
            with if_((block.state == State.FREE) & (block.size >= size)):
                ret(block)
            with elif_(block.state == State.LOST):
                continue_if(block.rights & Rights.WRITE)
            with else_():
                dec(left)
                break_if(ZF)
            add(rax, sizeof(Block))
        ret(0)

    @function
    def take(self, size: Keep[U64]) -> Ptr[Block]:
        """Take a block of `size` bytes; null if there is none."""
        self.taken.count()
        found = keep(self.find(size))
        with if_(found != 0):
            mov(found.state, State.USED)
            with found.lock.held():
                inc(found.users)
            found.grow(size)
        ret(found)

    @function
    def give_back(self, block: Ptr[Block]) -> None:
        """Make `block` free again."""
        with if_(block.is_used()):
            mov(block.state, State.FREE)
        and_(block.rights, ~Rights.WRITE)

    @function
    def pair(self, size: Keep[U64]) -> I32:
        """Take two blocks. Returns 0 or an error."""
        one = keep(try_(self.take(size), ENOMEM))
        errdefer(self.give_back, one)
        two = try_(self.take(size), ENOMEM)
        mov(one.place.address, two)
        lea(rcx, two.link)
        mov(one.link.next, rcx)
        fail_if(one.size == 0, ENOMEM)
        ret(0)

    @function(clobbers=(rcx,))
    def bits(self, value: U64) -> U64:
        """How many bits are set."""
        xor(eax, eax)
        mov(rcx, value)
        with while_(rcx != 0):
            inc(rax)
            blsr(rcx, rcx)
        ret(rax)

    @function
    def share(self, all: U64, heirs: U64) -> tuple[U64, U64]:
        """Quotient and rest."""
        asserts(heirs != 0)
        each, rest = divide(all, heirs)
        if debugging():
            nop()
        ret(each, rest)

    @function
    def kind(self, state: U32) -> Ptr[U8]:
        """The name of a state."""
        with switch(state):
            with case(State.FREE, State.USED):
                mov(rax, self.names[state])
                ret(rax)
            with case(State.LOST):
                nop()
            with default():
                ret(0)
        mov(rax, self.names[2])
        ret(rax)

    @function
    def owner(self, link: Ptr[Link]) -> U64:
        """The size of the block that has `link`."""
        block = scratch(container_of(link, Block, "link"))
        ret(block.size)

    @function
    def turn(self) -> U64:
        """Change the variable of this processor."""
        with interrupts_off():
            mov(rax, self.current)
            add(rax, 1)
            mov(self.current, rax)
        ret(rax)
