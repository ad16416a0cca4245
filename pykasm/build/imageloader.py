"""The image of a project: what the function gives that its settings name."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from pykasm.build.project import Project
from pykasm.build.settings import IMAGE, TABLE, SettingMistake, Settings
from pykasm.errors import DeclarationMistake, Mistake
from pykasm.guesses import did_you_mean
from pykasm.lang.image import Image
from pykasm.lang.operand import described
from pykasm.lang.pythonmistakes import told
from pykasm.source import Source, Span, line_span


def load_image(project: Project) -> Image:
    """Call the function that `image` of the `project` names and return its result.

    The module is one of the project's folder; others of its name elsewhere do not count. Raises
    `SettingMistake` where there is no such module or function, and `DeclarationMistake` where the
    function gives no image; mistakes in the code pass through.
    """
    if str(project.root) not in sys.path:
        sys.path.insert(0, str(project.root))
    function = _function(project)
    try:
        with told(lambda: _declared(function) or _span(project)):
            image = function()
    except Mistake as mistake:
        mistake.span = mistake.span or _declared(function)
        raise
    if not isinstance(image, Image):
        raise DeclarationMistake(
            f"`{project.image}` gives no image",
            expected="an `Image`",
            got="nothing" if image is None else described(image),
            fix="end it by `return Image(…)`",
            span=_declared(function) or _span(project),
        )
    return image


def _function(project: Project) -> Callable[[], Any]:
    place = IMAGE.fullmatch(project.image)
    assert place, "checked when the project was loaded"
    module, name = _imported(project, place["module"]), place["function"]
    function: Callable[[], Any] | None = getattr(module, name, None)
    if not callable(function):
        own = [one for one, value in vars(module).items() if _is_function_of(module, value)]
        raise _unknown(project, f"function `{name}` in `{module.__name__}`", name, own)
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError) as wrong:
        raise DeclarationMistake(
            f"`{project.image}` can't be called",
            expected=f"a function without parameters: `def {name}() -> Image:`",
            got=str(wrong),
            span=_declared(function) or _span(project),
        ) from None
    return function


def _is_function_of(module: ModuleType, value: object) -> bool:
    return callable(value) and getattr(value, "__module__", "") == module.__name__


def _imported(project: Project, name: str) -> ModuleType:
    top = name.partition(".")[0]
    if PathFinder.find_spec(top, [str(project.root)]) is None:
        raise _no_module(project, top)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name is None or not f"{name}.".startswith(f"{missing.name}."):
            raise
        raise _no_module(project, missing.name) from None
    if not Path(module.__file__ or project.root).is_relative_to(project.root):
        raise _no_module(project, name)  # a folder is no package where there is one elsewhere
    return module


def _no_module(project: Project, missing: str) -> SettingMistake:
    name = project.image.partition(":")[0]
    files = project.root.glob("**/*.py") if "." in name else project.root.glob("*")
    known = [".".join(one.relative_to(project.root).with_suffix("").parts) for one in files]
    return _unknown(project, f"module `{missing}`", name, known)


def _unknown(project: Project, what: str, name: str, known: list[str]) -> SettingMistake:
    return SettingMistake(
        f"there is no {what}",
        expected='`image` with "module:function"',
        got=f'"{project.image}"',
        fix=did_you_mean(name, known),
        span=_span(project),
    )


def _span(project: Project) -> Span:
    """Where the settings name the function."""
    settings = Settings(project.root)
    names = (name for name, value in project.images.items() if value == project.image)
    usual = (settings.table(TABLE) or {}).get("image")
    if usual == project.image or not project.images:
        return settings.span(TABLE, "image")
    inner = settings.span(f"{TABLE}.images", next(names, ""))
    return inner if inner.text.strip() else settings.span(TABLE, "images")


def _declared(function: object) -> Span | None:
    """The line of the `def` of `function`."""
    code = getattr(inspect.unwrap(function) if callable(function) else None, "__code__", None)
    return line_span(Source(code.co_filename, code.co_firstlineno)) if code else None
