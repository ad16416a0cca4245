"""The checker's rules on memory, calls and style: each with its broken and its mended example."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pykasm import *
from tests.unit.checking import broken, findings, mended, rules


def test_a_pointer_from_a_program_is_followed() -> None:
    assert broken("E060") == [
        """\
error[E060]: `request` was given by a program
  FILE:LINE
  LINE |         ret(request.length)
        |             ^^^^^^^ this follows it
help: copy in what it points to, by a function marked `copies_user=True`"""
    ]
    assert mended("E060") == []


def test_read_only_data_is_written() -> None:
    assert broken("E061") == [
        """\
error[E061]: `Broken.hits` is read-only
  FILE:LINE
  LINE |         inc(self.hits)
        |         ^^^^^^^^^^^^^^ this writes to it
help: declare it with `data` if it is to change"""
    ]
    assert mended("E061") == []


def test_data_is_executed() -> None:
    assert broken("E062") == [
        """\
error[E062]: `Broken.code` is data
  FILE:LINE
  LINE |         call(symbol("Broken.code"))
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^ this runs it as code
help: call a function, or through a function pointer"""
    ]
    assert mended("E062") == []


def test_an_argument_is_missing() -> None:
    assert broken("E070") == [
        """\
error[E070]: `Broken.show` is called without its `value`
  FILE:LINE
  LINE |         call(self.show)
        |         ^^^^^^^^^^^^^^^ some path to here leaves rdi without a value
help: call it with arguments: `show(…)`"""
    ]
    assert mended("E070") == []


def test_an_undeclared_symbol_is_called() -> None:
    assert broken("E071") == [
        """\
error[E071]: nothing declares `Helper.work`
  FILE:LINE
  LINE |         self.helper.work()
        |         ^^^^^^^^^^^^^^^^^^ no subsystem of the image has it
help: list its subsystem in the image, or name it with `symbol(…)`"""
    ]
    assert mended("E071") == []


def test_a_write_that_nothing_reads() -> None:
    assert broken("W001") == [
        """\
warning[W001]: `rax` is written, and nothing reads it
  FILE:LINE
  LINE |         mov(rax, 6)
        |         ^^^^^^^^^^^
help: take it out"""
    ]
    assert mended("W001") == []


def test_a_name_that_is_never_used() -> None:
    assert broken("W002") == [
        """\
warning[W002]: `count` is never used
  FILE:LINE
  LINE |         count = scratch(U64)
        |         ^^^^^
help: take it out"""
    ]
    assert mended("W002") == []


def test_a_kept_register_without_calls() -> None:
    assert broken("W003") == [
        """\
warning[W003]: `double` is kept, but nothing is called
  FILE:LINE
  LINE |         double = keep(value)
        |         ^^^^^^
help: `double = scratch(…)`"""
    ]
    assert mended("W003") == []


@contextmanager
def twice() -> Iterator[Any]:
    """The block runs twice; it may call."""
    left = keep(U32)
    mov(left, 2)
    with while_(left != 0):
        yield left
        dec(left)


class KeptElsewhere(Subsystem):
    """Keeps a register for blocks of others, which may call."""

    @function
    def run(self) -> U64:
        xor(eax, eax)
        with twice() as left:
            add(rax, u64(left))
        ret(rax)


class Narrow(Subsystem):
    """Promises to leave all registers alone that `scratch` could hand out."""

    @function(clobbers=(rax,))
    def run(self, value: U64) -> U64:
        double = keep(value)
        add(double, double)
        ret(double)


@pytest.mark.parametrize("subsystem", [KeptElsewhere, Narrow])
def test_a_kept_register_that_nothing_else_can_stand_for(subsystem: Any) -> None:
    assert findings(subsystem()) == []


def test_code_and_written_data_share_a_section() -> None:
    assert broken("E063") == [
        """\
error[E063]: `.all` takes in code and data that is written
  FILE:LINE
  LINE |     sections = (OutputSection(".all", "r-x", inputs),)
        |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `.text.Broken` and `.data.Broken`
help: a section for each, `r-x` and `rw-`"""
    ]
    assert mended("E063") == []


class Progress(Struct):
    """Parts of something that is owned as a whole."""

    done: U32
    left: U32


class Job(Struct):
    """Something to be done."""

    state: U32 = field(written_by=("Clerk", "Registry"))
    progress: Progress = field(written_by="Clerk")
    owner: U64


class Clerk(Subsystem):
    """Writes what is its own, as it likes."""

    @function
    def run(self, job: Ptr[Job]) -> None:
        mov(job.state, 1)
        lea(rax, job.state)
        mov(u32[rax], 2)
        inc(job.progress.done)


class Visitor(Subsystem):
    """Reads what is not its own, and writes what is nobody's."""

    @function
    def run(self, job: Ptr[Job]) -> U32:
        mov(job.owner, 1)
        lea(rax, job.state)
        mov(ecx, u32[rax])
        add(ecx, job.progress.left)
        with if_(job.state != 0):
            xor(ecx, ecx)
        ret(ecx)


class Maker(Subsystem):
    """Writes what nobody else sees yet."""

    @function
    def run(self, job: Ptr[Job]) -> None:
        with unshared(job):
            mov(job.state, 0)


class Meddler(Subsystem):
    """Writes what is not its own, in every way."""

    @function
    def run(self, job: Ptr[Job]) -> None:
        inc(job.progress.done)
        lock.or_(job.state, 1)
        mov(eax, 1)
        xchg(eax, job.state)
        lea(rax, job.state)
        mov(u32[rax], 2)


def test_a_field_is_written_by_who_does_not() -> None:
    assert broken("E064") == [
        """\
error[E064]: `Job.waiting` is written by `Broken`
  FILE:LINE
  LINE |         mov(job.waiting, 0)
        |         ^^^^^^^^^^^^^^^^^^^ only `Mended` writes it
help: call a function of what writes it, or name this subsystem in its `written_by=` too"""
    ]
    assert mended("E064") == []


@pytest.mark.parametrize("subsystem", [Clerk, Visitor, Maker])
def test_fields_are_written_by_their_writers_and_read_by_all(subsystem: Any) -> None:
    assert findings(subsystem()) == []


def test_every_way_to_write_a_field_counts() -> None:
    found = [one.splitlines() for one in findings(Meddler())]
    assert {one[0] for one in found} == {
        "error[E064]: `Job.progress` is written by `Meddler`",
        "error[E064]: `Job.state` is written by `Meddler`",
    }
    assert [one[2].partition("|")[2].strip() for one in found] == [
        "inc(job.progress.done)",
        "lock.or_(job.state, 1)",
        "xchg(eax, job.state)",
        "mov(u32[rax], 2)",
    ]
    assert "only `Clerk` or `Registry` writes it" in "".join(found[1])


def test_a_subsystem_that_nothing_reaches() -> None:
    assert broken("W004") == [
        """\
warning[W004]: nothing can reach the subsystem `Clock`
  FILE:LINE
  LINE | class Clock(Subsystem):
        |       ^^^^^
help: take it out of the image, or call it"""
    ]
    assert mended("W004") == []


class Request(Struct):
    """What a program asks for."""

    length: U64


class FollowedByRegister(Subsystem):
    """Follows a program's pointer under the name of a machine register."""

    @function
    def run(self, request: User[Request]) -> U64:
        mov(rax, request)
        ret(u64[rax])


class FollowedBehind(Subsystem):
    """Follows it at a distance."""

    @function
    def run(self, request: User[Request], number: U64) -> U64:
        mov(rcx, number)
        lea(rax, request.length)
        add(rcx, rax)
        ret(u64[rcx])


class FollowedByString(Subsystem):
    """Follows it by a string instruction."""

    @function
    def run(self, request: User[Request]) -> U64:
        mov(rsi, request)
        lodsq()
        ret(rax)


class FollowedFromMemory(Subsystem):
    """Follows a pointer that was put away."""

    last = bss(User[Request])

    @function
    def run(self, request: User[Request]) -> U64:
        mov(self.last, request)
        mov(rdx, self.last)
        ret(u64[rdx])


class FollowedRoundedDown(Subsystem):
    """Follows it after it was rounded down, in another register."""

    @function
    def run(self, request: User[Request]) -> U64:
        mov(rcx, request)
        and_(rcx, -sizeof(U64))
        xor(eax, eax)
        xchg(rax, rcx)
        ret(u64[rax])


class FollowedFromStack(Subsystem):
    """Follows it after a `push` and a `pop`, with others in between."""

    @function
    def run(self, request: User[Request], number: U64) -> U64:
        push(request)
        push(number)
        pop(rcx)
        pop(rdx)
        ret(u64[rdx])


class FollowedFromLocal(Subsystem):
    """Follows it from a local, under a condition."""

    number = bss(U64)

    @function
    def run(self, request: User[Request], number: U64) -> U64:
        place = local(U64)
        mov(place, u64(request))
        lea(rcx, self.number)
        test(number, number)
        cmovne(rcx, place)
        ret(u64[rcx])


class PassedOn(Subsystem):
    """Passes it to code that takes the kernel's own pointers."""

    @function
    def run(self, request: User[Request]) -> U64:
        ret(self.length(cast(u64(request), Ptr[Request])))

    @function
    def length(self, request: Ptr[Request]) -> U64:
        ret(request.length)


class Work(Struct):
    """What is to be done for a program."""

    request: User[Request]
    own: Ptr[Request]
    number: U64


class FollowedAsDatum(Subsystem):
    """Follows what it reads from a datum as a number."""

    last = bss(User[Request])

    @function
    def run(self) -> U64:
        mov(rax, u64(self.last))
        ret(u64[rax])


class StoredAsOwn(Subsystem):
    """Takes it for a pointer of the kernel's in a field."""

    @function
    def run(self, work: Ptr[Work], request: User[Request]) -> None:
        mov(rax, request)
        mov(work.own, rax)


class ReturnedAsOwn(Subsystem):
    """Takes it for a pointer of the kernel's that it returns."""

    @function
    def run(self, work: Ptr[Work]) -> Ptr[Request]:
        ret(cast(u64(work.request), Ptr[Request]))


class KeptAsItIs(Subsystem):
    """Stores and returns it as what it is, or as a number."""

    last = bss(User[Request])

    @function
    def run(self, work: Ptr[Work], request: User[Request]) -> User[Request]:
        mov(work.request, request)
        mov(rax, request)
        mov(work.number, rax)
        mov(self.last, request)
        mov(work.own, 0)
        ret(request)


class PutAway(Subsystem):
    """Puts something else in its place before it is taken from there."""

    length = bss(U64)

    @function
    def run(self, request: User[Request]) -> U64:
        place = local(U64)
        mov(place, u64(request))
        push(request)
        mov(rax, address_of(self.length))
        mov(place, rax)
        add(rsp, 8)
        push(rax)
        pop(rcx)
        mov(rdx, place)
        add(rax, u64[rdx])
        ret(u64[rcx])


class Question(Struct):
    """What a program asks, with a pointer of its."""

    text: User[U8]


class FollowedAsNumber(Subsystem):
    """Follows a program's pointer from a field, which it sees as a number."""

    @function
    def run(self, question: Ptr[Question]) -> U64:
        mov(rax, u64(question.text))
        movzx(eax, u8[rax])
        ret(rax)


class Measured(Subsystem):
    """Uses the distance between two pointers of a program, and one of them as a number."""

    table = bss(U64 * 16)

    @function
    def run(self, request: User[Request], end: User[Request]) -> U64:
        mov(rcx, end)
        sub(rcx, request)
        and_(ecx, 15)
        mov(rax, self.table[rcx])
        mov(rdx, request)
        shr(rdx, 60)
        add(rax, self.table[rdx])
        mov(rdx, address_of(self.table))
        add(rax, u64[rdx])
        ret(rax)


def test_a_pointer_from_a_program_is_known_in_any_register() -> None:
    assert findings(FollowedByRegister()) == [
        """\
error[E060]: `request` was given by a program
  FILE:LINE
  LINE |         ret(u64[rax])
        |         ^^^^^^^^^^^^^ this follows it
help: copy in what it points to, by a function marked `copies_user=True`"""
    ]


WAYS = [
    FollowedBehind,
    FollowedByString,
    FollowedFromMemory,
    FollowedRoundedDown,
    FollowedFromStack,
    FollowedFromLocal,
    PassedOn,
    FollowedAsNumber,
    FollowedAsDatum,
    StoredAsOwn,
    ReturnedAsOwn,
]


@pytest.mark.parametrize("subsystem", WAYS)
def test_a_pointer_from_a_program_is_followed_on_its_ways(subsystem: Any) -> None:
    assert rules(subsystem()) == ["E060"]


def test_what_is_computed_from_a_programs_pointer_is_none() -> None:
    assert rules(Measured()) == []
    assert rules(PutAway()) == []
    assert rules(KeptAsItIs()) == []


class WrittenByRegister(Subsystem):
    """Writes to read-only data by its address."""

    primes = rodata(U64 * 3, [2, 3, 5])

    @function
    def run(self, number: U64) -> None:
        lea(rax, self.primes)
        add(rax, 8)
        mov(u64[rax + number * 8], 7)


class WrittenByString(WrittenByRegister):
    @function
    def run(self) -> None:
        lea(rdi, self.primes)
        xor(eax, eax)
        stosq()


class WrittenCode(Subsystem):
    """Writes to its own code."""

    @function
    def run(self) -> None:
        mov(u8[address_of(self.run)], 0xC3)


class ReadByRegister(WrittenByRegister):
    """Only reads there, and writes elsewhere by the same register."""

    last = bss(U64)

    @function
    def run(self, number: U64) -> None:
        lea(rax, self.primes)
        mov(rcx, u64[rax + number * 8])
        lea(rax, self.last)
        mov(u64[rax], rcx)


def test_code_is_written() -> None:
    assert findings(WrittenCode()) == [
        """\
error[E061]: `WrittenCode.run` is code
  FILE:LINE
  LINE |         mov(u8[address_of(self.run)], 0xC3)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ this writes to it
help: write to a `data` instead"""
    ]


def test_read_only_data_is_written_by_its_address() -> None:
    assert rules(WrittenByRegister()) == ["E061"]
    assert rules(WrittenByString()) == ["E061"]
    assert rules(ReadByRegister()) == []


class Node(Struct):
    """One of a list."""

    next: Ptr["Node"]
    status: U32


class LoadsForNothing(Subsystem):
    """Loads a pointer over another one where it means to store that; and reads a device, which
    clears what it reads."""

    @function
    def run(self, first: Ptr[Node], place: Ptr[Node]) -> None:
        node = scratch(Ptr[Node])
        mov(node, first.next)
        mov(eax, node.status)
        mov(node, place.next)


def test_a_pointer_is_loaded_for_nothing() -> None:
    assert findings(LoadsForNothing()) == [
        """\
warning[W001]: `r11` is written, and nothing reads it
  FILE:LINE
  LINE |         mov(node, place.next)
        |         ^^^^^^^^^^^^^^^^^^^^^
help: take it out"""
    ]


class Computes(Subsystem):
    """Computes what nobody reads."""

    @function
    def run(self, value: U64) -> U64:
        xor(ecx, ecx)
        add(rcx, value)
        ret(value)


class ComputesFlags(Subsystem):
    """Computes something of which only a flag is read."""

    @function
    def run(self, value: U64) -> U64:
        mov(rcx, value)
        add(rcx, rcx)
        with if_(CF):
            ret(1)
        ret(0)


def test_a_result_that_nothing_reads() -> None:
    assert findings(Computes()) == [
        """\
warning[W001]: `rcx` is written, and nothing reads it
  FILE:LINE
  LINE |         add(rcx, value)
        |         ^^^^^^^^^^^^^^^
help: take it out"""
    ]
    assert rules(ComputesFlags()) == []


class UnusedLocal(Subsystem):
    """Has a place in its frame that it does not use, beside two that it does."""

    @function
    def run(self, value: U64) -> U64:
        number, _spare = local(U64), local(U64)
        numbers = local(U64 * 4)
        mov(number, value)
        mov(numbers[value], 2)
        ret(number)


def test_a_local_that_is_never_used() -> None:
    assert findings(UnusedLocal()) == [
        """\
warning[W002]: `_spare` is never used
  FILE:LINE
  LINE |         number, _spare = local(U64), local(U64)
        |                 ^^^^^^
help: take it out"""
    ]


class LosesFlags(Subsystem):
    """Looks at a bit, and sets the flags anew before it reads what it saw."""

    @function
    def run(self, value: U64, number: U64) -> U64:
        bt(value, number)
        xor(eax, eax)
        adc(rax, 0)
        ret(rax)


class FindsNothing(Subsystem):
    """Searches what may be empty: then the flags stay as they were set before."""

    @function
    def run(self, text: Ptr[U8], length: U64) -> U64:
        mov(rcx, length)
        xor(eax, eax)
        cmp(eax, eax)
        repe.scasb()
        setne(al)
        ret(rax)


def test_flags_that_nothing_reads() -> None:
    assert findings(LosesFlags()) == [
        """\
warning[W001]: the flags are set, and nothing reads them
  FILE:LINE
  LINE |         bt(value, number)
        |         ^^^^^^^^^^^^^^^^^
help: take it out, or read them before other instructions set them"""
    ]
    assert rules(FindsNothing()) == []


class GoesOnByPointer(Subsystem):
    """Passes arguments to a function that it goes on in by a pointer."""

    handler = bss(Fn[[U64, U64], U64])

    @function
    def run(self, value: U64) -> U64:
        mov(rsi, value)
        mov(rdi, 5)
        tail(self.handler, rdi, rsi)


def test_arguments_of_what_a_pointer_leads_to_are_read() -> None:
    assert findings(GoesOnByPointer()) == []
