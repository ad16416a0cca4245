"""Branches: `if_`, `elif_`, `else_`, and `never`."""

from __future__ import annotations

from typing import NoReturn

from pykasm.errors import FlowMistake
from pykasm.isa.code import Label
from pykasm.lang.builder import current, emit, join
from pykasm.lang.condition import condition
from pykasm.lang.jumps import Test, jump_if
from pykasm.lang.word import Word


class _Branch(Word):
    """One block of an if-chain; `finish` is where the whole chain ends."""

    def __init__(self, name: str, test: Test | None, before: _Branch | None) -> None:
        super().__init__(name)
        self.test = test
        self.before = before
        self.otherwise = Label("else")
        self.finish: Label = before.finish if before else Label("end")
        self.joined = before is not None

    def begin(self) -> None:
        if self.before is not None:
            self._reopen(self.before)
        if self.test is not None:
            jump_if(self.test, self.otherwise, when=False)

    def _reopen(self, before: _Branch) -> None:
        """End the block before with a jump over this one, which begins here."""
        items = self.builder.items
        while items and isinstance(items[-1], Label) and items[-1] in before._endings:
            self.builder.placed.discard(self.builder.pop())
        if self.builder.falls_through:
            emit("jmp", self.finish)
        join(before.otherwise)

    @property
    def _endings(self) -> tuple[Label, Label]:
        return self.otherwise, self.finish

    def end(self) -> None:
        join(self.otherwise)
        if self.joined:
            join(self.finish)
        self.builder.last_branch = (self, len(self.builder.items))


def if_(test: Test) -> Word:
    """Run the block if the condition holds."""
    return _Branch("if_", condition(test), None)


def elif_(test: Test) -> Word:
    """Run the block if no block of the chain before ran and the condition holds."""
    return _Branch("elif_", condition(test), _chain("elif_"))


def else_() -> Word:
    """Run the block if no block of the chain before ran."""
    return _Branch("else_", None, _chain("else_"))


def _chain(name: str) -> _Branch:
    builder = current(name)
    branch, length = builder.last_branch or (None, -1)
    if not isinstance(branch, _Branch) or length != len(builder.items) or branch.test is None:
        raise FlowMistake(
            f"`{name}` without an `if_` just before it",
            expected="the block of an `if_` or `elif_` directly above",
            got="other code in between" if branch else "no `if_`",
            fix=f"a condition that calls goes into a function: `{name}(lambda: …)`"
            if name == "elif_"
            else "",
        )
    return branch


def never() -> NoReturn:
    """Say that control can't get here; a mistake if it can. Ends functions that never return."""
    if current("never").falls_through:
        raise FlowMistake(
            "control can get here",
            expected="a jump, an endless loop or a call that never returns before it",
            got="code that runs on",
        )
    return None  # type: ignore[misc] # the Python function does, the code being written does not
