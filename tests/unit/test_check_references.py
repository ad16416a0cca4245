"""Rules E08x: references to what is counted."""

from pykasm import *
from pykasm.check.examples.references import ReferenceCount
from tests.unit.checking import broken, findings, mended, rules
from tests.unit.messages import message_of


def test_a_reference_of_the_callers_is_dropped() -> None:
    assert broken("E085") == [
        """\
error[E085]: a reference is dropped that somebody else owns
  FILE:LINE
  LINE |         with if_(file.references.drop()):
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  LINE |     def run(self, file: Ptr[File]) -> U64:
        |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the caller goes on owning it
help: take it over as an `Owned[…]`, or say who had this reference: `take_over(…)`"""
    ]
    assert mended("E085") == []


def test_nobody_looks_whether_it_was_the_last_reference() -> None:
    assert broken("E086") == [
        """\
error[E086]: nobody frees what this drops
  FILE:LINE
  LINE |         file.references.drop()
        |         ^^^^^^^^^^^^^^^^^^^^^^ nothing looks whether it was the last reference
help: `with if_(…):` around this, then `Files.free`"""
    ]
    assert mended("E086") == []


class File(Struct):
    """An open file."""

    references: ReferenceCount
    size: U64
    next: Ptr["File"]


class Device(Struct):
    """What has one function that frees it."""

    references: ReferenceCount = field(freed_by="Elsewhere.free")


class Files(Subsystem):
    """Frees files, and keeps one."""

    first = bss(Ptr[File])
    spare = bss(Owned[Ptr[File]])

    @function(exported=True)
    def free(self, file: Owned[Ptr[File]]) -> None:
        """Keep the file that nobody has any more."""
        mov(self.spare, file)

    @function(exported=True)
    def drop(self, file: Owned[Ptr[File]]) -> None:
        """Drop a reference."""
        with if_(file.references.drop()):
            tail(self.free, file)

    @function(exported=True)
    def get(self) -> Owned[Ptr[File]]:
        """Return a reference to the first file."""
        file = scratch(self.first)
        file.references.gain()
        ret(file)


class Failing(Files):
    """Loses what it gained where something else failed."""

    @function
    def run(self, wanted: Keep[U64]) -> U64:
        """Return how large the first file is, if that is `wanted`."""
        file = scratch(self.first)
        file.references.gain()
        with if_(file.size != wanted):
            ret(0)
        self.drop(file)
        ret(wanted)


class Late(Files):
    """Uses a file behind its reference."""

    @function
    def run(self) -> U64:
        """Return the size of the first file."""
        file = scratch(self.first)
        file.references.gain()
        with if_(file.references.drop()):
            self.free(file)
            ret(0)
        ret(file.size)


class Twice(Files):
    """Drops what it has once twice."""

    @function
    def run(self, file: Keep[Owned[Ptr[File]]]) -> None:
        """Drop `file`."""
        self.drop(file)
        with if_(file.references.drop()):
            self.free(file)


class Elsewhere(Subsystem):
    """Frees it by another function."""

    spare = bss(Owned[Ptr[Device]])

    @function(exported=True)
    def free(self, device: Owned[Ptr[Device]]) -> None:
        """Free `device`."""
        mov(self.spare, device)

    @function(exported=True)
    def keep_for_later(self, device: Owned[Ptr[Device]]) -> None:
        """Keep `device`."""
        mov(self.spare, device)

    @function
    def run(self, device: Owned[Ptr[Device]]) -> None:
        """Drop `device`."""
        with if_(device.references.drop()):
            self.keep_for_later(device)


class Unfreed(Files):
    """Looks, and does not free."""

    count = bss(U64)

    @function
    def run(self, file: Owned[Ptr[File]]) -> None:
        """Drop `file`."""
        with if_(file.references.drop()):
            inc(self.count)


class ByHand(Files):
    """Counts without the words for it."""

    @function
    def run(self, file: Ptr[File]) -> None:
        """Gain a reference."""
        inc(file.references.count)


def test_references_are_owned() -> None:
    assert rules(Failing()) == ["E080"]
    assert rules(Late()) == ["E081"]
    assert "given away once more" in findings(Twice())[0]
    assert "`Elsewhere.free` frees this, and nothing else" in findings(Elsewhere())[0]
    assert rules(Unfreed()) == ["E080"]
    assert "only `ReferenceCount` writes it" in findings(ByHand())[0]


class Correct(Files):
    """Keeps all rules, in ways that are not the simplest."""

    first_of_two = bss(Owned[Ptr[File]])
    second_of_two = bss(Owned[Ptr[File]])
    was_last = bss(U8)

    @function
    def run(self, file: Ptr[File], wanted: Keep[U64]) -> U64:
        """Call all others."""
        file = keep(file)
        self.store_twice(file)
        self.unlink(file)
        self.walk()
        self.look_if(wanted)
        self.note(self.get())
        ret(self.look(file, wanted))

    @function
    def look(self, file: Keep[Ptr[File]], wanted: U64) -> U64:
        """Use a file of the caller's behind a reference of its own."""
        file.references.gain()
        with if_(file.size == wanted):
            self.drop(file)
            ret(file.size)
        self.drop(file)
        ret(file.size)

    @function
    def walk(self) -> None:
        """Go from one file to the next, always with a reference to one of them."""
        file, next = keep(self.get()), keep(Ptr[File])
        with while_(file != 0):
            mov(next, file.next)
            with if_(next != 0):
                next.references.gain()
            self.drop(file)
            mov(file, next)

    @function
    def look_if(self, wanted: Keep[U64]) -> None:
        """Have a reference only where one is wanted, as a number in the frame and one in a register
        tell."""
        file, has, has_too = keep(self.first), keep(U32), local(U32)
        xor(has, has)
        mov(has_too, 0)
        with if_((file != 0) & (wanted != 0)):
            file.references.gain()
            inc(has)
            file.references.gain()
            inc(has_too)
        mov(self.was_last, 0)
        with if_(has != 0):
            self.drop(file)
        with if_(has_too != 0):
            self.drop(file)

    @function
    def store_twice(self, file: Ptr[File]) -> None:
        """Keep two references."""
        file.references.gain()
        file.references.gain()
        mov(self.first_of_two, file)
        mov(self.second_of_two, file)

    @function
    def unlink(self, file: Ptr[File]) -> None:
        """Drop the reference of `first`, which is that of `file`."""
        mov(self.first, 0)
        take_over(file, "the list had it")
        with if_(file.references.drop()):
            tail(self.free, file)

    @function
    def note(self, file: Owned[Ptr[File]]) -> None:
        """Drop a reference, and note whether it was the last."""
        file.references.drop()
        sete(self.was_last)
        with if_(self.was_last != 0):
            mov(self.spare, file)


def test_correct_code_is_accepted() -> None:
    assert findings(Correct()) == []


class Misplaced(Subsystem):
    """Counts what is no field."""

    @function
    def wrong(self) -> None:
        """Do it."""
        gaining(rax)


def test_counts_are_fields() -> None:
    assert "`gaining` takes a count of references" in message_of(Misplaced)
