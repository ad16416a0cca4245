"""Typing on the devices of a running machine."""

from pykasm.machine.pytest_plugin import MakeMachine

LINES = 300


def test_nothing_typed_is_lost_however_fast_it_comes(machine: MakeMachine) -> None:
    prompt = machine()
    prompt.expect_prompt()
    prompt.send("sym 0x10\r" * LINES)
    for _ in range(LINES):
        assert prompt.expect_prompt() == "sym 0x10\nno symbol is at 0x10\n"


def test_the_keyboard_types_as_the_serial_line_does(machine: MakeMachine) -> None:
    prompt = machine()
    prompt.expect_prompt()
    prompt.key("s", "y", "m", "spc", "shift-x", "backspace", "0", "x", "1", "kp_0", "ret")
    assert prompt.expect_prompt() == "sym X\b \b0x10\nno symbol is at 0x10\n"
    prompt.key("up", "home", "x", "delete", "caps_lock", "p", "shift-p", "ctrl-k", "ret")
    prompt.expect("unknown command: xPp")


def test_both_devices_type_side_by_side(machine: MakeMachine) -> None:
    prompt = machine()
    prompt.expect_prompt()
    prompt.key("s", "y", "m")
    prompt.expect("sym")
    prompt.send(" 0x10")
    prompt.expect(" 0x10")
    prompt.key("ret")
    assert prompt.expect_prompt() == "\nno symbol is at 0x10\n"


def test_a_machine_without_a_keyboard_controller_starts(machine: MakeMachine) -> None:
    prompt = machine(arguments=("-machine", "i8042=off"))
    assert "keyboard" not in prompt.expect_prompt()
    assert "Keyboard" not in prompt.command("irq")
