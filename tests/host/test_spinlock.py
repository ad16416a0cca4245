"""The ticket lock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.locks.spinlock import SpinLock
from pykasm import *
from pykasm.errors import BuildFailed
from pykasm.hostrun import Host, HostFault
from tests.unit.messages import normalised

INTERRUPTS = 1 << 9
"""RFLAGS.IF (AMD64 APM vol. 2, 3.1.6)."""
LAST_TICKET = (1 << 16) - 1

tickets = st.sampled_from([0, 1, LAST_TICKET - 1, LAST_TICKET]) | st.integers(0, LAST_TICKET)


class Counter(Subsystem):
    """A number under a lock."""

    count = bss(U64)
    flags_inside = bss(U64)

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function(exported=True)
    def add(self) -> None:
        with self.lock.held():
            pushfq()
            pop(self.flags_inside)
            inc(self.count)

    @function(exported=True)
    def add_with_interrupts(self) -> U64:
        sti()
        self.add()
        pushfq()
        pop(rax)
        ret(rax)

    @function(exported=True)
    def add_without_interrupts(self) -> U64:
        cli()
        self.add()
        pushfq()
        pop(rax)
        ret(rax)

    @function(exported=True)
    def seize(self) -> None:
        self.lock.break_open()


class Bench:
    """The counter and its host."""

    def __init__(self) -> None:
        self.counter = Counter()
        self.host = Host(self.counter, limit=10_000)

    def set_lock(self, next_ticket: int, now_serving: int) -> None:
        """Put the lock into a state."""
        self.host.reset()
        self.host[self.counter.lock.next_ticket] = next_ticket
        self.host[self.counter.lock.now_serving] = now_serving

    @property
    def lock(self) -> tuple[int, int]:
        """The next ticket and the one being served."""
        lock = self.counter.lock
        return self.host[lock.next_ticket], self.host[lock.now_serving]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_a_free_lock_is_taken_and_given_back(bench: Bench) -> None:
    bench.set_lock(7, 7)
    bench.host.call(bench.counter.add)
    assert bench.host[bench.counter.count] == 1
    assert bench.lock == (8, 8)


def test_tickets_wrap(bench: Bench) -> None:
    bench.set_lock(LAST_TICKET, LAST_TICKET)
    bench.host.call(bench.counter.add)
    assert bench.lock == (0, 0)


def test_a_held_lock_is_waited_for_in_line(bench: Bench) -> None:
    bench.set_lock(next_ticket=3, now_serving=2)
    with pytest.raises(HostFault):
        bench.host.call(bench.counter.add)
    assert bench.host[bench.counter.count] == 0
    assert bench.lock == (4, 2)


def test_a_broken_lock_can_be_taken(bench: Bench) -> None:
    bench.set_lock(next_ticket=5, now_serving=2)
    bench.host.call(bench.counter.seize)
    bench.host.call(bench.counter.add)
    assert bench.lock == (6, 6)


def test_interrupts_are_off_inside_and_on_again_after(bench: Bench) -> None:
    bench.set_lock(0, 0)
    assert bench.host.call(bench.counter.add_with_interrupts) & INTERRUPTS
    assert not bench.host[bench.counter.flags_inside] & INTERRUPTS


def test_interrupts_that_were_off_stay_off(bench: Bench) -> None:
    bench.set_lock(0, 0)
    assert not bench.host.call(bench.counter.add_without_interrupts) & INTERRUPTS


class Account(Struct):
    """A sum with a lock of its own."""

    balance: U64
    lock: SpinLock


class Bank(Subsystem):
    """Accounts behind pointers."""

    @function(exported=True)
    def deposit(self, account: Ptr[Account], amount: U64) -> None:
        account, amount = keep(account), keep(amount)
        with account.lock.held():
            add(account.balance, amount)

    @function(exported=True, context="interrupt")
    def deposit_interrupts_off(self, account: Ptr[Account], amount: U64) -> U64:
        account, amount = keep(account), keep(amount)
        with account.lock.held_interrupts_off():
            add(account.balance, amount)
            pushfq()
            pop(rax)
        ret(rax)

    @function(exported=True)
    def deposit_with_interrupts_off(self, account: Ptr[Account], amount: U64) -> U64:
        cli()
        tail(self.deposit_interrupts_off, account, amount)

    @function(exported=True)
    def deposit_with_interrupts_on(self, account: Ptr[Account], amount: U64) -> U64:
        sti()
        tail(self.deposit_interrupts_off, account, amount)


class BankBench:
    """The bank and its host."""

    def __init__(self) -> None:
        self.bank = Bank()
        self.host = Host(self.bank, limit=10_000)


@pytest.fixture(scope="module")
def bank_bench() -> BankBench:
    return BankBench()


@given(tickets, st.lists(st.integers(0, 1 << 32), max_size=4))
def test_a_lock_in_a_struct_is_that_structs_own(
    bank_bench: BankBench, ticket: int, amounts: list[int]
) -> None:
    host, bank = bank_bench.host, bank_bench.bank
    host.reset()
    held = {"next_ticket": 1, "now_serving": 0}
    other = host.new(Account, lock=held)
    account = host.new(Account, lock={"next_ticket": ticket, "now_serving": ticket})
    for amount in amounts:
        host.call(bank.deposit, account, amount)
    assert account.balance == sum(amounts)
    after = (ticket + len(amounts)) % (LAST_TICKET + 1)
    assert (account.lock.next_ticket, account.lock.now_serving) == (after, after)
    assert (other.balance, other.lock.next_ticket) == (0, 1)


def test_held_interrupts_off_leaves_interrupts_alone(bank_bench: BankBench) -> None:
    host, bank = bank_bench.host, bank_bench.bank
    host.reset()
    account = host.new(Account)
    assert not host.call(bank.deposit_with_interrupts_off, account, 5) & INTERRUPTS
    assert host.call(bank.deposit_with_interrupts_on, account, 2) & INTERRUPTS
    assert account.balance == 7
    assert account.lock.next_ticket == account.lock.now_serving == 2


class Leaver(Subsystem):
    """Forgets to give its lock back."""

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function(exported=True)
    def leave(self) -> None:
        with self.lock.held():
            ret()


def test_leaving_with_the_lock_held_is_a_mistake() -> None:
    leaver = Leaver()
    with pytest.raises(BuildFailed) as caught:
        Image(leaver.leave, [leaver]).assemble()
    assert (
        normalised(str(caught.value))
        == """\
error[flow]: the function is left while it holds a lock
  FILE:LINE
  LINE |         with self.lock.held():
        |              ^^^^^^^^^^^^^^^^
expected: `ret` and `tail` after the block
got: one of them inside

1 error"""
    )
