"""The checker's rules on the stack: each with its broken and its mended example."""

from tests.unit.checking import broken, mended


def test_depths_differ_where_paths_meet() -> None:
    assert broken("E020") == [
        """\
error[E020]: the stack has different depths on the paths to here
  FILE:LINE
  LINE |         pop(rax)
        |         ^^^^^^^^
help: push and pop the same on every path""",
    ]
    assert mended("E020") == []


def test_a_function_is_left_with_its_frame_on_the_stack() -> None:
    assert broken("E021") == [
        """\
error[E014]: `rbp` is not what the caller had in it
  FILE:LINE
  LINE |         jmp(self.tick)
        |         ^^^^^^^^^^^^^^ some path to here changed rbp and did not restore it
help: leave rbp to the prologue""",
        """\
error[E021]: the function returns with another stack depth than it was entered with
  FILE:LINE
  LINE |         jmp(self.tick)
        |         ^^^^^^^^^^^^^^ 8 bytes more are on it
help: pop what was pushed on every path""",
    ]
    assert mended("E021") == []


def test_a_call_finds_the_stack_misaligned() -> None:
    assert broken("E022") == [
        """\
error[E022]: the stack is not aligned to 16 bytes at this call
  FILE:LINE
  LINE |         self.tick()
        |         ^^^^^^^^^^^ 8 bytes too low
help: push in pairs, or `sub(rsp, 8)` before the call""",
    ]
    assert mended("E022") == []


def test_memory_below_the_stack_is_used() -> None:
    assert broken("E023") == [
        """\
error[E023]: memory below rsp is used
  FILE:LINE
  LINE |         mov(u64[rsp - 8], value)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^ an interrupt may overwrite it at any time
help: make room first: a `local`, or `sub(rsp, …)`""",
        """\
error[E023]: memory below rsp is used
  FILE:LINE
  LINE |         ret(u64[rsp - 8])
        |         ^^^^^^^^^^^^^^^^^ an interrupt may overwrite it at any time
help: make room first: a `local`, or `sub(rsp, …)`""",
    ]
    assert mended("E023") == []
