"""Typing on the devices of a running machine."""

from pykasm.machine.pytest_plugin import MakeMachine

LINES = 300


def test_nothing_typed_is_lost_however_fast_it_comes(machine: MakeMachine) -> None:
    prompt = machine()
    prompt.expect_prompt()
    prompt.send("sym 0x10\r" * LINES)
    for _ in range(LINES):
        assert prompt.expect_prompt() == "sym 0x10\nno symbol is at 0x10\n"
