"""Where lines of code stand."""

import inspect
from pathlib import Path

from pykasm.lang.function import Function


def line_of(owner: type, name: str, code: str) -> str:
    """`file:line` of the line with `code` in the function `name` of `owner`."""
    function = inspect.getattr_static(owner, name)
    assert isinstance(function, Function)
    lines, first = inspect.getsourcelines(function.body)
    (found,) = [number for number, line in enumerate(lines, first) if code in line]
    path = Path(function.body.__code__.co_filename).relative_to(Path.cwd())
    return f"{path}:{found}"
