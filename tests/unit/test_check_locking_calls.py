"""E05x, of locks that functions take for their callers: those that are waited for asleep."""

from pykasm import *
from tests.unit.checking import findings, rules
from tests.unit.messages import refusal


class Mutex(Struct):
    """Waited for asleep."""

    owner: U64


class Guarded(Struct):
    """What a mutex guards."""

    mutex: Mutex
    size: U64 = field(guarded_by="mutex")


class Mutexes(Subsystem):
    """Locks for its callers."""

    other = bss(Mutex)

    @function(sleeps=True, context="thread", locks="mutex")
    def lock(self, mutex: Ptr[Mutex]) -> None:
        mov(mutex.owner, 1)

    @function(context="thread", tries="mutex")
    def try_lock(self, mutex: Ptr[Mutex]) -> Bool:
        mov(mutex.owner, 1)
        ret(1)

    @function(context="thread", sleeps=True, tries="mutex")
    def lock_until(self, mutex: Ptr[Mutex], deadline: U64) -> OrErrno[I32]:
        mov(mutex.owner, deadline)
        ret(-1)

    @function(context="thread", unlocks="mutex")
    def unlock(self, mutex: Ptr[Mutex]) -> None:
        mov(mutex.owner, 0)


class Locks(Mutexes):
    """Takes and releases in turn."""

    @function(context="thread")
    def run(self, object: Keep[Ptr[Guarded]]) -> None:
        self.lock(address_of(object.mutex))
        mov(object.size, 1)
        self.rest()
        self.unlock(address_of(object.mutex))
        with if_(self.try_lock(address_of(self.other))):
            self.unlock(address_of(self.other))
        self.pass_on(address_of(self.other))

    @function(context="thread", sleeps=True)
    def rest(self) -> None:
        hlt()

    @function(context="thread")
    def pass_on(self, mutex: Ptr[Mutex]) -> None:
        """Locks what only its callers can name."""
        self.lock(mutex)


def test_functions_that_lock_for_their_callers() -> None:
    assert findings(Locks()) == []


class KeptLock(Mutexes):
    """Returns early with the lock, and takes it twice."""

    @function(context="thread")
    def run(self, object: Keep[Ptr[Guarded]]) -> None:
        self.lock(address_of(object.mutex))
        with if_(object.size == 0):
            ret()
        self.lock(address_of(self.other))
        self.lock(address_of(object.mutex))
        self.unlock(address_of(self.other))
        self.unlock(address_of(object.mutex))


def test_a_lock_of_a_function_is_kept_or_taken_twice() -> None:
    kept, twice = findings(KeptLock())
    assert (
        kept
        == """\
error[E050]: `Guarded.mutex` is not released on some path to here
  FILE:LINE
  LINE |             ret()
        |             ^^^^^ the function is left here
  LINE |         self.lock(address_of(object.mutex))
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `KeptLock.run` takes `Guarded.mutex`
help: release it on every path"""
    )
    assert twice.startswith("error[E050]: `Guarded.mutex` is taken while one of its kind is held")


class Unlocked(Mutexes):
    """Touches data of a mutex after it is released."""

    @function(context="thread")
    def run(self, object: Keep[Ptr[Guarded]]) -> None:
        self.lock(address_of(object.mutex))
        self.unlock(address_of(object.mutex))
        inc(object.size)


def test_data_that_a_sleeping_lock_guards() -> None:
    (message,) = findings(Unlocked())
    assert message.startswith("error[E051]: `Guarded.size` is touched without `Guarded.mutex`")


class Misnamed(Mutexes):
    """Names no parameter."""

    @function(locks="mutexes")
    def run(self, mutex: Ptr[Mutex]) -> None:
        mov(mutex.owner, 0)


def test_a_lock_that_is_no_parameter() -> None:
    message = refusal(lambda: findings(Misnamed()))
    assert "error[declaration]: `locks` names no lock: `mutexes`" in message
    assert message.endswith("help: did you mean `mutex`?")


class Tried(Mutexes):
    """Takes a lock if it gets it, and goes on without it if not."""

    @function(context="thread")
    def run(self, object: Keep[Ptr[Guarded]]) -> OrErrno[I32]:
        with if_(~self.try_lock(address_of(object.mutex))):
            ret(1)
        inc(object.size)
        self.unlock(address_of(object.mutex))
        ret(self.in_time(object))

    @function(context="thread")
    def in_time(self, object: Keep[Ptr[Guarded]]) -> OrErrno[I32]:
        try_(self.lock_until(address_of(object.mutex), 5))
        inc(object.size)
        self.unlock(address_of(object.mutex))
        ret(self.or_not(object))

    @function(context="thread")
    def or_not(self, object: Keep[Ptr[Guarded]]) -> OrErrno[I32]:
        result = keep(self.lock_until(address_of(object.mutex), 5))
        with if_(result == 0):
            inc(object.size)
            self.unlock(address_of(object.mutex))
        ret(result)


class TriedForLater(Mutexes):
    """Notes whether it has the lock, and tests that later."""

    taken = bss(Bool)

    @function(context="thread")
    def run(self, object: Keep[Ptr[Guarded]]) -> None:
        mov(self.taken, self.try_lock(address_of(object.mutex)))
        self.rest()
        with if_(self.taken):
            self.unlock(address_of(object.mutex))

    @function
    def rest(self) -> None:
        hlt()


def test_locks_that_are_tried() -> None:
    assert findings(Tried()) == []
    assert findings(TriedForLater()) == []


class KeptIfTaken(Mutexes):
    """Forgets that it has the lock."""

    @function(context="thread")
    def run(self, object: Keep[Ptr[Guarded]]) -> I32:
        with if_(self.try_lock(address_of(object.mutex))):
            ret(1)
        ret(0)


class UnlockedIfNot(Mutexes):
    """Releases the lock that it did not get in time."""

    @function(context="thread")
    def run(self, object: Keep[Ptr[Guarded]]) -> OrErrno[I32]:
        result = keep(self.lock_until(address_of(object.mutex), 5))
        with if_(result == 0):
            ret(0)
        self.unlock(address_of(object.mutex))
        ret(result)


class UnlockedTwice(Mutexes):
    """Releases what it has released."""

    @function(context="thread")
    def run(self, object: Keep[Ptr[Guarded]]) -> None:
        self.lock(address_of(object.mutex))
        self.unlock(address_of(object.mutex))
        self.unlock(address_of(object.mutex))


def test_locks_that_are_tried_and_kept_or_released_without() -> None:
    assert rules(KeptIfTaken()) == ["E050"]
    assert rules(UnlockedIfNot()) == ["E050", "E050"]
    (twice,) = findings(UnlockedTwice())
    assert "`Guarded.mutex` is released, but some path to here does not hold it" in twice
    assert "or state `tries=` where it may be taken" in twice


class KeptDatum(Mutexes):
    """Keeps a lock that is a datum; another function releases one as it is left."""

    @function(context="thread")
    def run(self) -> None:
        self.lock(address_of(self.other))
        self.in_turn()

    @function(context="thread")
    def in_turn(self) -> None:
        self.lock(address_of(self.other))
        tail(self.unlock, address_of(self.other))


def test_locks_that_are_data() -> None:
    kept, again = findings(KeptDatum())
    assert "`KeptDatum.other` is not released on some path to here" in kept
    assert "`KeptDatum.other` is held, and `KeptDatum.in_turn` takes it" in again
