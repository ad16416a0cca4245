"""Names of signals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.signals.signalnames import SignalNames
from kernel.signals.signalnumber import SIGNALS, Signal
from kernel.text.numbers import Numbers
from kernel.text.strings import Strings
from pykasm.hostrun import Host


class Bench:
    def __init__(self) -> None:
        self.names = SignalNames(Strings(), Numbers())
        self.host = Host(self.names)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("signal", [*Signal])
def test_signals_have_names_with_and_without_their_prefix(bench: Bench, signal: Signal) -> None:
    for word in (signal.name, signal.name.removeprefix("SIG")):
        assert bench.host.call(bench.names.parse, word) == signal


@given(number=st.integers(0, 2 * SIGNALS))
def test_signals_have_numbers(bench: Bench, number: int) -> None:
    wanted = number if number <= SIGNALS else 0
    assert bench.host.call(bench.names.parse, str(number)) == wanted


@given(word=st.text(st.sampled_from("SIGTERM"), min_size=1, max_size=7))
def test_other_words_are_no_signals(bench: Bench, word: str) -> None:
    known = {one.name.removeprefix("SIG") for one in Signal}
    if word.removeprefix("SIG") not in known:
        assert bench.host.call(bench.names.parse, word) == 0
