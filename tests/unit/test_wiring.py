"""Parts are made once each, of those that their constructors ask for."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count, pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykasm import Contents, Parts, Steps, Subsystem, function
from pykasm.errors import WiringMistake
from tests.unit.messages import normalised

if TYPE_CHECKING:
    from nowhere import Hidden


class Clock:
    """Needs nothing."""


class Writer:
    """A base of others."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock


class Screen(Writer):
    """One writer."""


class Serial(Writer):
    """Another."""

    def __init__(self, clock: Clock, port: int, patience: int = 5) -> None:
        super().__init__(clock)
        self.port = port
        self.patience = patience


class Log:
    """Needs a writer, whichever there is."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer


class Tee:
    """Needs all writers."""

    def __init__(self, writers: Sequence[Writer], log: Log | None) -> None:
        self.writers = writers
        self.log = log


SERIAL = partial(Serial, port=0x3F8)


# What constructors get


def test_a_part_is_made_once() -> None:
    parts = Parts((Clock, Screen))
    assert parts[Screen].clock is parts[Clock] is parts[Clock]


def test_a_part_is_made_when_it_is_needed() -> None:
    class Bomb:
        def __init__(self) -> None:
            raise AssertionError

    assert isinstance(Parts((Bomb, Clock, Screen))[Screen], Screen)


def test_a_base_class_stands_for_the_only_class_that_is_derived_from_it() -> None:
    parts = Parts((Log, Screen, Clock))
    assert parts[Log].writer is parts[Screen] is parts[Writer]


def test_the_very_class_goes_before_those_that_are_derived_from_it() -> None:
    parts = Parts((Log, Screen, Writer, Clock))
    assert type(parts[Log].writer) is Writer


def test_a_sequence_gets_all_in_the_order_of_the_contents() -> None:
    parts = Parts((Tee, SERIAL, Clock, Screen))
    assert parts[Tee].writers == (parts[Serial], parts[Screen])
    assert Parts((Tee,))[Tee].writers == ()


def test_an_optional_part_may_be_missing() -> None:
    assert Parts((Tee,))[Tee].log is None
    parts = Parts((Tee, Log, Screen, Clock))
    assert parts[Tee].log is parts[Log]


def test_values_come_from_the_contents_and_from_defaults() -> None:
    serial = Parts((Clock, partial(Serial, port=7)))[Serial]
    assert (serial.port, serial.patience) == (7, 5)
    serial = Parts((Clock, partial(Serial, port=7, patience=9)))[Serial]
    assert serial.patience == 9


def test_values_by_position_are_those_of_the_first_parameters() -> None:
    clock = Clock()
    serial = Parts((partial(Serial, clock, 3),))[Serial]
    assert (serial.clock, serial.port) == (clock, 3)


def test_a_parameter_with_a_default_gets_the_part_if_there_is_one() -> None:
    class Alarm:
        def __init__(self, clock: Clock | None = None, *, log: Log = None) -> None:  # type: ignore
            self.clock, self.log = clock, log

    alarm = Parts((Alarm, Clock))[Alarm]
    assert isinstance(alarm.clock, Clock)
    assert alarm.log is None


class Named(Protocol):
    """A kind of parts told by what it has."""

    name: str

    def greet(self) -> None: ...


class Friend:
    """Has it, though no base class says so."""

    name: str

    def greet(self) -> None: ...


class Stranger:
    """Has half of it."""

    name: str


class Party:
    """Needs all who have it."""

    def __init__(self, guests: Sequence[Named]) -> None:
        self.guests = guests


def test_a_class_belongs_to_a_protocol_if_it_has_its_members() -> None:
    parts = Parts((Party, Stranger, Friend))
    assert parts[Party].guests == (parts[Friend],)


def test_whoever_asks_for_the_parts_themselves_gets_them() -> None:
    class Everything:
        def __init__(self, parts: Parts) -> None:
            self.parts = parts

    parts = Parts((Everything,))
    assert parts[Everything].parts is parts


def test_all_of_a_kind_are_made_in_the_order_of_the_contents() -> None:
    parts = Parts((Log, Screen, Clock))
    assert parts.all(Writer) == (parts[Screen],)
    assert parts.all(object) == (parts[Log], parts[Screen], parts[Clock])
    assert Writer in parts
    assert Serial not in parts


# Stand-ins


def test_a_stand_in_is_taken_as_it_is() -> None:
    fake: Any = object()
    parts = Parts((Log, Clock, Screen), instead={Screen: fake})
    assert parts[Log].writer is fake
    assert parts[Screen] is fake


def test_a_stand_in_keeps_its_place_among_all() -> None:
    fake: Any = object()
    parts = Parts((Tee, SERIAL, Screen, Clock), instead={Serial: fake})
    assert parts[Tee].writers == (fake, parts[Screen])


def test_what_only_a_stand_in_would_need_is_not_needed() -> None:
    fake: Any = object()
    assert Parts((Log,), instead={Writer: fake})[Log].writer is fake


# Roots


def test_with_roots_there_is_only_what_they_need() -> None:
    parts = Parts((Tee, Log, Screen, Clock), roots=[Log])
    assert parts.all(object) == (parts[Log], parts[Screen], parts[Clock])


def test_roots_can_do_without_what_is_optional() -> None:
    parts = Parts((Tee, Log, Screen, Clock), roots=[Tee])
    assert (parts[Tee].writers, parts[Tee].log) == ((), None)


# Steps


class Motor(Subsystem):
    """Has steps."""

    @function
    def start(self) -> None: ...

    @function
    def run(self) -> None: ...


class Wheel(Subsystem):
    """Has one."""

    @function
    def start(self) -> None: ...


class Starting(Steps):
    """An order."""

    order = (
        Wheel.start,
        Motor.start,
    )


class Driver(Subsystem):
    """Takes it."""

    def __init__(self, starting: Starting) -> None:
        self.starting = starting

    @function(exported=True)
    def drive(self) -> None:
        for step in self.starting:
            step()


def test_steps_are_functions_of_the_parts_in_their_order() -> None:
    parts = Parts((Motor, Wheel, Starting, Driver))
    assert [*parts[Driver].starting] == [parts[Wheel].start, parts[Motor].start]


def test_steps_of_parts_that_are_not_there_are_left_out() -> None:
    parts = Parts((Motor, Starting))
    assert [*parts[Starting]] == [parts[Motor].start]


# Any contents


class Graph(NamedTuple):
    """`classes` whose constructors ask for some of the others: `needs`, by numbers. Those that
    were made are in `born`."""

    classes: list[type[Any]]
    needs: list[list[int]]
    born: list[int]

    def reached(self, start: int) -> set[int]:
        """What is needed to make `start`, itself too."""
        found, waiting = set[int](), [start]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.needs[one]
        return found


_numbers = count()


def graph(needs: list[list[int]]) -> Graph:
    """Classes as somebody would write them, in a module of their own."""
    module = ModuleType(f"graph{next(_numbers)}")
    lines = ["from __future__ import annotations", "born = []"]
    for number, wanted in enumerate(needs):
        parameters = "".join(f", p{one}: C{one}" for one in wanted)
        kept = ", ".join(f"p{one}" for one in wanted)
        lines += [
            f"class C{number}:",
            f"    def __init__(self{parameters}) -> None:",
            f"        self.made_of = [{kept}]",
            f"        born.append({number})",
        ]
    source = "\n".join(lines) + "\n"
    file = f"{module.__name__}.py"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec", dont_inherit=True), vars(module))
    classes = [vars(module)[f"C{one}"] for one in range(len(needs))]
    return Graph(classes, needs, vars(module)["born"])


@st.composite
def graphs(draw: Callable[..., Any]) -> Graph:
    size = draw(st.integers(1, 8))
    some = st.lists(st.integers(0, size - 1), unique=True, max_size=3)
    return graph([draw(some) for _ in range(size)])


@st.composite
def trees(draw: Callable[..., Any]) -> Graph:
    """Without circles: each class asks only for those before it."""
    size = draw(st.integers(1, 8))
    some = [st.lists(st.integers(0, one - 1), unique=True, max_size=3) for one in range(1, size)]
    return graph([[], *(draw(one) for one in some)])


@given(trees(), st.data())
def test_any_parts_without_circles_are_wired(made: Graph, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(made.classes))))
    parts = Parts(tuple(made.classes[one] for one in order))
    wired = dict(zip(order, parts.all(object), strict=True))
    for number, needs in enumerate(made.needs):
        assert type(wired[number]) is made.classes[number]
        assert wired[number].made_of == [wired[one] for one in needs]


@given(trees(), st.data())
def test_only_what_is_needed_is_made(made: Graph, data: st.DataObject) -> None:
    classes = tuple(made.classes)
    wanted = data.draw(st.integers(0, len(classes) - 1))
    assert isinstance(Parts(classes)[classes[wanted]], classes[wanted])
    needed = sorted(made.reached(wanted))
    assert sorted(made.born) == needed
    kept = Parts(classes, roots=[classes[wanted]]).all(object)
    assert [type(one) for one in kept] == [classes[one] for one in needed]


@given(graphs())
def test_a_circle_is_found_wherever_there_is_one(made: Graph) -> None:
    for number, kind in enumerate(made.classes):
        bad = [
            one
            for one in made.reached(number)
            for two in made.needs[one]
            if one in made.reached(two)
        ]
        if not bad:
            Parts(tuple(made.classes))[kind]
            continue
        with pytest.raises(WiringMistake) as caught:
            Parts(tuple(made.classes))[kind]
        path = [int(one.removeprefix("C")) for one in caught.value.got.split(" → ")]
        assert path[0] == path[-1]
        assert all(two in made.needs[one] for one, two in pairwise(path))


# Mistakes


def message(ask: Callable[[], object]) -> str:
    with pytest.raises(WiringMistake) as caught:
        ask()
    return normalised(str(caught.value))


def test_a_missing_part() -> None:
    class Office:
        def __init__(self, log: Log) -> None: ...

    assert (
        message(lambda: Parts((Office, Clock, Log))[Office])
        == """\
error[wiring]: nothing in the contents is a `Writer`
  FILE:LINE
  LINE |     def __init__(self, writer: Writer) -> None:
        |                        ^^^^^^^^^^^^^^ `Log` needs it
expected: one part of this class, or of one that is derived from it
got: Office → Log → Writer
help: add `Writer` to the contents; a value is given there: `partial(Log, writer=…)`"""
    )


def test_a_part_that_nobody_knows() -> None:
    assert (
        message(lambda: Parts((Serial,))[Screen])
        == """\
error[wiring]: nothing in the contents is a `Screen`
  FILE:LINE
  LINE |         message(lambda: Parts((Serial,))[Screen])
        |                         ^^^^^^^^^^^^^^^^^^^^^^^^
expected: one part of this class, or of one that is derived from it
got: Screen
help: add `Screen` to the contents"""
    )


def test_two_candidates() -> None:
    assert (
        message(lambda: Parts((Clock, Log, Screen, SERIAL))[Log])
        == """\
error[wiring]: 2 parts are a `Writer`
  FILE:LINE
  LINE |     def __init__(self, writer: Writer) -> None:
        |                        ^^^^^^^^^^^^^^ `Log` needs it
expected: one
got: `Screen`, `Serial`, for Log → Writer
help: name the class of one of them, or take all: `Sequence[Writer]`"""
    )


class Hen:
    """Needs what it makes."""

    def __init__(self, clock: Clock, egg: Egg) -> None: ...


class Egg:
    """Needs what makes it."""

    def __init__(self, hens: Sequence[Hen]) -> None: ...


class Farm:
    """Leads into the circle."""

    def __init__(
        self,
        hen: Hen,
    ) -> None: ...


def test_a_circle() -> None:
    assert (
        message(lambda: Parts((Farm, Clock, Hen, Egg))[Farm])
        == """\
error[wiring]: `Hen` is needed to make itself
  FILE:LINE
  LINE |     def __init__(self, hens: Sequence[Hen]) -> None: ...
        |                        ^^^^^^^^^^^^^^^^^^^ `Egg` needs it
  LINE |     def __init__(self, clock: Clock, egg: Egg) -> None: ...
        |                                      ^^^^^^^^ `Hen` needs it
expected: parts that are made of parts made before
got: Hen → Egg → Hen
help: move what two of them need of each other to a part of its own"""
    )


def test_a_value_that_nobody_gives() -> None:
    assert (
        message(lambda: Parts((Clock, Serial))[Serial])
        == """\
error[wiring]: nothing says what `port` of `Serial` is
  FILE:LINE
  LINE |     def __init__(self, clock: Clock, port: int, patience: int = 5) -> None:
        |                                      ^^^^^^^^^ no part has this type
expected: `Part`, `Part | None`, `Sequence[Part]`, or a value in the contents
got: `int`
help: give it there: `partial(Serial, port=…)`"""
    )


@pytest.mark.parametrize(
    "hint", [Any, Clock | Log, list[Clock], Sequence[int], tuple[Clock, ...], type[Clock], "object"]
)
def test_types_that_no_part_has(hint: object) -> None:
    class Odd:
        def __init__(self, odd: Any) -> None: ...

    Odd.__init__.__annotations__["odd"] = hint
    assert "error[wiring]: nothing says what `odd` of `Odd` is\n" in message(
        lambda: Parts((Clock, Log, Odd))[Odd]
    )


def test_a_parameter_without_a_type() -> None:
    class Lazy:
        def __init__(self, clock) -> None: ...  # type: ignore[no-untyped-def]

    assert (
        message(lambda: Parts((Clock, Lazy))[Lazy])
        == """\
error[wiring]: nothing says what `clock` of `Lazy` is
  FILE:LINE
  LINE |         def __init__(self, clock) -> None: ...  # type: ignore[no-untyped-def]
        |                            ^^^^^ it has no type
expected: `Part`, `Part | None`, `Sequence[Part]`, or a value in the contents
got: no annotation
help: give it there: `partial(Lazy, clock=…)`"""
    )


class Shy:
    """Its type is there for type checkers only."""

    def __init__(self, ä: Clock, hidden: Sequence[Hidden]) -> None: ...


def test_a_type_that_is_imported_for_type_checkers_only() -> None:
    assert (
        message(lambda: Parts((Clock, Shy))[Shy])
        == """\
error[wiring]: the type of `hidden` of `Shy` can't be found
  FILE:LINE
  LINE |     def __init__(self, ä: Clock, hidden: Sequence[Hidden]) -> None: ...
        |                                  ^^^^^^^^^^^^^^^^^^^^^^^^ not known while the program runs
expected: a class that the module of the constructor knows
got: Sequence[Hidden]: name 'Hidden' is not defined
help: import it outside of `if TYPE_CHECKING:`, or let a base class stand between"""
    )


def test_a_class_twice_in_the_contents() -> None:
    assert (
        message(lambda: Parts((Serial, Clock, SERIAL)))
        == """\
error[wiring]: `Serial` is in the contents twice
  FILE:LINE
  LINE |         message(lambda: Parts((Serial, Clock, SERIAL)))
        |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: one entry for each class
got: a second one for `tests.unit.test_wiring.Serial`
help: a second part of its kind is a class of its own: `class SecondSerial(Serial)`"""
    )


def test_an_object_in_the_contents() -> None:
    contents: Any = (Clock(),)
    assert (
        message(lambda: Parts(contents))
        == """\
error[wiring]: an entry of the contents is no class
  FILE:LINE
  LINE |         message(lambda: Parts(contents))
        |                         ^^^^^^^^^^^^^^^
expected: a class, or `partial` of one
got: an object of `Clock`
help: write `Clock`: parts are made when they are needed"""
    )


@pytest.mark.parametrize("entry", [5, "Clock", len, partial(len, ()), (Clock,), None])
def test_things_that_are_no_classes(entry: Any) -> None:
    assert "an entry of the contents is no class\n" in message(lambda: Parts((entry,)))


def test_a_class_for_a_stand_in() -> None:
    assert (
        message(lambda: Parts((Log,), instead={Writer: Screen}))
        == """\
error[wiring]: a class is to stand for the part `Writer`
  FILE:LINE
  LINE |         message(lambda: Parts((Log,), instead={Writer: Screen}))
        |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: an object
got: the class `Screen`
help: `instead={Writer: Screen()}`"""
    )


@pytest.mark.parametrize(
    "ask",
    [
        lambda parts, wrong: parts[wrong],
        lambda parts, wrong: parts.all(wrong),
        lambda parts, wrong: wrong in parts,
        lambda parts, wrong: Parts((Clock,), roots=[wrong]),
        lambda parts, wrong: Parts((Clock,), instead={wrong: 1}),
    ],
)
@pytest.mark.parametrize("wrong", [5, "Clock", None])
def test_what_is_asked_for_is_a_class(ask: Callable[[Any, Any], object], wrong: object) -> None:
    said = message(lambda: ask(Parts((Clock,)), wrong))
    assert said.startswith("error[wiring]: parts are asked for by their classes\n")
    assert said.endswith(f"expected: a class\ngot: {wrong!r}")


def test_an_argument_that_a_constructor_does_not_take() -> None:
    contents: Contents = (Clock, partial(Serial, prot=5))  # type: ignore[call-arg]
    assert (
        message(lambda: Parts(contents)[Serial])
        == """\
error[wiring]: the contents give `Serial` an argument that it does not take
  FILE:LINE
  LINE |         message(lambda: Parts(contents)[Serial])
        |                         ^^^^^^^^^^^^^^^^^^^^^^^
expected: clock, port, patience
got: prot
help: did you mean `port`?"""
    )


def test_more_arguments_than_a_constructor_takes() -> None:
    contents: Contents = (partial(Screen, Clock(), 1, 2),)  # type: ignore[call-arg]
    assert message(lambda: Parts(contents)[Screen]).endswith(
        "expected: clock\ngot: 3 arguments by position"
    )


def test_a_failed_request_leaves_nothing_behind() -> None:
    parts = Parts((Farm, Clock, Hen, Egg))
    said = {message(lambda: parts[Farm]) for _ in range(2)}
    assert len(said) == 1


def test_a_step_that_is_no_code() -> None:
    def declare() -> None:
        class Wrong(Steps):
            order = (Motor.start, Motor)  # type: ignore[assignment]

    assert message(declare).endswith(
        "expected: functions of parts by their classes, such as `Serial.start`\ngot: `Motor`"
    )


def test_a_step_twice() -> None:
    def declare() -> None:
        class Wrong(Steps):
            order = (Motor.start, Wheel.start, Motor.start)

    assert "error[wiring]: `Motor.start` is twice in the order of `Wrong`\n" in message(declare)


def test_a_stand_in_without_the_step() -> None:
    parts = Parts((Motor, Starting), instead={Motor: Clock()})
    assert message(lambda: parts[Starting]).startswith(
        "error[wiring]: what stands for `Motor` lacks the step `start`\n"
    )
