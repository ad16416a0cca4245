"""Loops that nothing leaves."""

from typing import NoReturn

import pytest

from pykasm import *
from pykasm.errors import BuildFailed


class Endless(Subsystem):
    @function(exported=True)
    def idle(self) -> NoReturn:
        with loop():
            hlt()


class Left(Subsystem):
    @function(exported=True)
    def idle(self) -> NoReturn:
        with loop():
            break_if(rax == 0)


def test_a_loop_without_a_way_out_ends_a_function_that_never_returns():
    subject = Endless()
    assert Image(subject.idle, [subject]).assemble().units


def test_a_loop_with_a_way_out_does_not():
    subject = Left()
    with pytest.raises(BuildFailed, match="can run off its end"):
        Image(subject.idle, [subject]).assemble()
