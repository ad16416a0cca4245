"""The deepest paths over call graphs, against all paths of small ones."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from pykasm.check.depths import CallEdge, Depths, Frame

NAMES = "abcde"

Calls = dict[str, list[CallEdge]]


@st.composite
def graphs(draw: st.DrawFn, cycles: bool) -> tuple[dict[str, int], Calls]:
    """What each routine needs by itself, and how it leads to others."""
    own = {name: draw(st.integers(0, 40)) for name in NAMES}
    calls: Calls = {}
    for place, name in enumerate(NAMES):
        callees = st.sampled_from(NAMES if cycles else NAMES[place + 1 :] or [""])
        made = draw(st.lists(st.tuples(callees, st.integers(8, 40)), max_size=3))
        calls[name] = [
            CallEdge(callee, depth, at) for at, (callee, depth) in enumerate(made) if callee
        ]
    return own, calls


def deepest(name: str, own: dict[str, int], calls: Calls, left: dict[str, int]) -> int:
    """The deepest of all ways down from `name`, which may be entered as often as `left` says."""
    left = left | {name: left[name] - 1}
    ways = [
        call.depth + deepest(call.callee, own, calls, left)
        for call in calls[name]
        if left[call.callee]
    ]
    return max([own[name], *ways])


def entered(path: tuple[Frame, ...], name: str) -> int:
    return sum(frame.times for frame in path if frame.symbol == name)


@given(graphs(cycles=False))
def test_without_recursion_paths_are_the_deepest(graph: tuple[dict[str, int], Calls]) -> None:
    own, calls = graph
    depths = Depths(own, calls, {})
    assert depths.back_edges == []
    for name in NAMES:
        found = depths.path(name)
        assert found.size == deepest(name, own, calls, dict.fromkeys(NAMES, 1))
        assert found.size == sum(frame.size for frame in found.frames)


LED_BACK_BY_A_CYCLE: Calls = {
    "a": [CallEdge("b", 8, 0), CallEdge("d", 8, 1)],
    "b": [CallEdge("a", 8, 0)],
    "c": [],
    "d": [CallEdge("b", 8, 0)],
    "e": [],
}
"""The bounded "d" would come back to itself only by the call that is left out."""


@given(graphs(cycles=True), st.dictionaries(st.sampled_from(NAMES), st.integers(1, 3)))
@example((dict.fromkeys(NAMES, 0), LED_BACK_BY_A_CYCLE), {"d": 1})
def test_bounded_recursion_is_never_deeper(
    graph: tuple[dict[str, int], Calls], bounds: dict[str, int]
) -> None:
    own, calls = graph
    depths = Depths(own, calls, bounds)
    broken = set(depths.back_edges)
    kept = {
        caller: [one for one in edges if (caller, one) not in broken]
        for caller, edges in calls.items()
    }
    assert Depths(own, kept, bounds).back_edges == []
    for name in NAMES:
        found = depths.path(name)
        assert found.size >= deepest(name, own, kept, dict.fromkeys(NAMES, 1) | bounds)
        assert found.size == sum(frame.size * frame.times for frame in found.frames)
        assert all(entered(found.frames, one) <= times for one, times in bounds.items())


@given(graphs(cycles=False), st.integers(8, 40), st.integers(1, 3))
def test_a_single_cycle_is_gone_round_as_often_as_it_may_be(
    graph: tuple[dict[str, int], Calls], depth: int, times: int
) -> None:
    own, calls = graph
    calls["e"].append(CallEdge("a", depth, 9))
    found = Depths(own, calls, {"a": times})
    assert found.back_edges == []
    assert found.path("a").size == deepest("a", own, calls, dict.fromkeys(NAMES, times))


def test_recursion_without_a_bound_is_told() -> None:
    back = CallEdge("a", 16, 3)
    depths = Depths({"a": 8, "b": 8}, {"a": [CallEdge("b", 16, 1)], "b": [back]}, {})
    assert depths.back_edges == [("b", back)]
    assert depths.path("a").frames == (Frame("a", 16), Frame("b", 8))


def test_frames_that_come_again_are_counted() -> None:
    calls = {"a": [CallEdge("b", 16, 1)], "b": [CallEdge("a", 24, 3), CallEdge("c", 8, 4)], "c": []}
    depths = Depths({"a": 8, "b": 8, "c": 40}, calls, {"a": 3})
    assert depths.path("a").frames == (
        Frame("a", 16, 2),
        Frame("b", 24, 2),
        Frame("a", 16),
        Frame("b", 8),
        Frame("c", 40),
    )
