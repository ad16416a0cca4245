"""The deepest paths over call graphs, against all paths of small ones."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from pykasm.check.depths import Depths, Frame, Step

NAMES = "abcde"

Steps = dict[str, list[Step]]


@st.composite
def graphs(draw: st.DrawFn, circles: bool) -> tuple[dict[str, int], Steps]:
    """What each routine needs by itself, and how it leads to others."""
    own = {name: draw(st.integers(0, 40)) for name in NAMES}
    steps: Steps = {}
    for place, name in enumerate(NAMES):
        callees = st.sampled_from(NAMES if circles else NAMES[place + 1 :] or [""])
        made = draw(st.lists(st.tuples(callees, st.integers(8, 40)), max_size=3))
        steps[name] = [Step(callee, depth, at) for at, (callee, depth) in enumerate(made) if callee]
    return own, steps


def deepest(name: str, own: dict[str, int], steps: Steps, left: dict[str, int]) -> int:
    """The deepest of all ways down from `name`, which may be entered as often as `left` says."""
    left = left | {name: left[name] - 1}
    ways = [
        step.depth + deepest(step.callee, own, steps, left)
        for step in steps[name]
        if left[step.callee]
    ]
    return max([own[name], *ways])


def entered(path: tuple[Frame, ...], name: str) -> int:
    return sum(frame.times for frame in path if frame.symbol == name)


@given(graphs(circles=False))
def test_without_recursion_paths_are_the_deepest(graph: tuple[dict[str, int], Steps]) -> None:
    own, steps = graph
    depths = Depths(own, steps, {})
    assert depths.circles == []
    for name in NAMES:
        found = depths.path(name)
        assert found.size == deepest(name, own, steps, dict.fromkeys(NAMES, 1))
        assert found.size == sum(frame.size for frame in found.frames)


LED_BACK_BY_A_CIRCLE: Steps = {
    "a": [Step("b", 8, 0), Step("d", 8, 1)],
    "b": [Step("a", 8, 0)],
    "c": [],
    "d": [Step("b", 8, 0)],
    "e": [],
}
"""The bounded "d" would come back to itself only by the step that is left out."""


@given(graphs(circles=True), st.dictionaries(st.sampled_from(NAMES), st.integers(1, 3)))
@example((dict.fromkeys(NAMES, 0), LED_BACK_BY_A_CIRCLE), {"d": 1})
def test_bounded_recursion_is_never_deeper(
    graph: tuple[dict[str, int], Steps], bounds: dict[str, int]
) -> None:
    own, steps = graph
    depths = Depths(own, steps, bounds)
    broken = set(depths.circles)
    kept = {
        caller: [one for one in leading if (caller, one) not in broken]
        for caller, leading in steps.items()
    }
    assert Depths(own, kept, bounds).circles == []
    for name in NAMES:
        found = depths.path(name)
        assert found.size >= deepest(name, own, kept, dict.fromkeys(NAMES, 1) | bounds)
        assert found.size == sum(frame.size * frame.times for frame in found.frames)
        assert all(entered(found.frames, one) <= times for one, times in bounds.items())


@given(graphs(circles=False), st.integers(8, 40), st.integers(1, 3))
def test_a_single_circle_is_gone_round_as_often_as_it_may_be(
    graph: tuple[dict[str, int], Steps], depth: int, times: int
) -> None:
    own, steps = graph
    steps["e"].append(Step("a", depth, 9))
    found = Depths(own, steps, {"a": times})
    assert found.circles == []
    assert found.path("a").size == deepest("a", own, steps, dict.fromkeys(NAMES, times))


def test_recursion_without_a_bound_is_told() -> None:
    back = Step("a", 16, 3)
    depths = Depths({"a": 8, "b": 8}, {"a": [Step("b", 16, 1)], "b": [back]}, {})
    assert depths.circles == [("b", back)]
    assert depths.path("a").frames == (Frame("a", 16), Frame("b", 8))


def test_frames_that_come_again_are_counted() -> None:
    steps = {"a": [Step("b", 16, 1)], "b": [Step("a", 24, 3), Step("c", 8, 4)], "c": []}
    depths = Depths({"a": 8, "b": 8, "c": 40}, steps, {"a": 3})
    assert depths.path("a").frames == (
        Frame("a", 16, 2),
        Frame("b", 24, 2),
        Frame("a", 16),
        Frame("b", 8),
        Frame("c", 40),
    )
