"""A project: the folder of a kernel, and what its `pyproject.toml` says of it."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from pykasm.errors import PykasmError

CONFIGURATION = "pyproject.toml"
DEFAULT_NAME = "kernel"
IMAGE = re.compile(r"(?P<module>[\w.]+):(?P<function>\w+)")
IMAGE_NAME = re.compile(r"\w[\w.-]*")


class ConfigurationError(PykasmError):
    """A setting that means nothing, and what would."""


@dataclass(frozen=True, slots=True)
class Project:
    """The settings under `[tool.pykasm]`; `root` is the folder of the file they stand in.

    `image` names the function that returns the image, `images` those of others by their names.
    `grub` is the folder with the template of the boot menu. `build` is where everything made goes.
    `command_line` is the kernel's, `modules` are files that the boot loader hands to it. `debug`
    keeps `asserts` and what else the code has for debug builds. `memory` (MiB), `smp` (processors)
    and `cpu` (a model of QEMU's) are the machine that `run` starts.
    """

    root: Path
    name: str = DEFAULT_NAME
    image: str = "kernel.image:image"
    images: Mapping[str, str] = field(default_factory=dict)
    build: str = "build"
    grub: str = "grub"
    command_line: str = ""
    modules: tuple[str, ...] = ()
    debug: bool = True
    memory: int = 256
    smp: int = 1
    cpu: str = "max"

    @classmethod
    def load(cls, path: Path) -> Project:
        """The project that `path` lies in: its folder, a folder below it, or its file.

        Raises `ConfigurationError` if there is none, or for a setting that is not as it should be.
        """
        file = _configuration(path.resolve())
        try:
            document = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as mistake:
            raise ConfigurationError(f"{file} can't be read: {mistake}") from None
        settings = _table(document, "tool").get("pykasm")
        if not isinstance(settings, dict):
            raise ConfigurationError(
                f'{file} has no table [tool.pykasm]\nhelp: add one with image = "module:function"'
            )
        name = _table(document, "project").get("name", DEFAULT_NAME)
        if not isinstance(name, str):
            raise ConfigurationError(f"{file}, [project]: name must be {TYPES[str]}, not {name!r}")
        return replace(cls(file.parent, name), **_checked(settings, file))

    def with_image(self, name: str) -> Project:
        """The project with that of its `images` in place of `image`, in a folder of its own.

        Raises `ConfigurationError` if there is none of this name.
        """
        if name not in self.images:
            raise ConfigurationError(
                f"{self.root / CONFIGURATION}, [tool.pykasm.images]: there is no image {name}"
                + _hint(name, list(self.images))
            )
        return replace(self, image=self.images[name], build=f"{self.build}/images/{name}")

    @property
    def folder(self) -> Path:
        """Where everything made goes."""
        return self.root / self.build

    @property
    def cache(self) -> Path:
        """What later builds may use again."""
        return self.folder / "cache"

    @property
    def objects(self) -> Path:
        """Where the object files are."""
        return self.folder / "objects"

    @property
    def kernel(self) -> Path:
        """The linked kernel with symbols and debugging information."""
        return self.folder / "kernel.elf"

    @property
    def iso(self) -> Path:
        """The image for CDs and USB sticks."""
        return self.folder / "kernel.iso"

    @property
    def listing(self) -> Path:
        """The listing as text."""
        return self.folder / "kernel.lst"

    @property
    def page(self) -> Path:
        """The listing as a page."""
        return self.folder / "kernel.html"

    @property
    def menu(self) -> Path:
        """The template of the boot menu."""
        return self.root / self.grub / "grub.cfg.j2"

    @property
    def image_folder(self) -> Path:
        """The folder, or the name of the file, that the module of `image` lies in."""
        return self.root / self.image.partition(":")[0].partition(".")[0]

    @property
    def module_files(self) -> list[Path]:
        """The files of `modules`."""
        return [self.root / module for module in self.modules]

    def load_image(self) -> Any:
        """Call the function that `image` names and give back its result.

        The project's folder is searched first for its modules. Raises `ConfigurationError` where
        there is no such module or function; mistakes in the code pass through.
        """
        place = IMAGE.fullmatch(self.image)
        assert place, "checked when the project was loaded"
        if str(self.root) not in sys.path:
            sys.path.insert(0, str(self.root))
        module = self._imported(place["module"])
        function = getattr(module, place["function"], None)
        if not callable(function):
            functions = [
                name
                for name, value in vars(module).items()
                if callable(value) and getattr(value, "__module__", "") == module.__name__
            ]
            raise ConfigurationError(
                f"{self.image}: the module has no function {place['function']}"
                + _hint(place["function"], functions)
            )
        return function()

    def _imported(self, name: str) -> ModuleType:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name is None or not f"{name}.".startswith(f"{missing.name}."):
                raise
            raise ConfigurationError(
                f"{self.image}: there is no module {missing.name} in {self.root}\n"
                f"help: set image under [tool.pykasm] in {self.root / CONFIGURATION}"
            ) from None


SETTINGS = {
    one.name: dict if one.default is MISSING else type(one.default)
    for one in fields(Project)
    if one.name != "root"
}
TYPES = {
    str: "a string",
    int: "a number above 0",
    tuple: "a list of strings",
    bool: "true or false",
    dict: 'a table of names, each with "module:function"',
}


def _configuration(path: Path) -> Path:
    folders = [path, *path.parents] if path.is_dir() else [path.parent]
    for folder in folders:
        if (folder / CONFIGURATION).is_file():
            return folder / CONFIGURATION
    raise ConfigurationError(
        f"there is no {CONFIGURATION} in {path} or a folder above it\n"
        "help: go to the folder of a kernel, or make one: python -m pykasm new DIR"
    )


def _table(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    """The table `name`; an empty one if there is none."""
    table = document.get(name)
    return table if isinstance(table, dict) else {}


def _checked(settings: Mapping[str, object], file: Path) -> dict[str, Any]:
    return {key: _setting(key, value, file) for key, value in settings.items()}


def _setting(key: str, value: object, file: Path) -> object:
    where = f"{file}, [tool.pykasm]"
    if key not in SETTINGS:
        raise ConfigurationError(f"{where}: unknown setting {key}{_hint(key, list(SETTINGS))}")
    kind = SETTINGS[key]
    if kind is tuple and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    right = type(value) is kind and not (type(value) is int and value <= 0)
    if isinstance(value, dict):
        right = right and all(map(_names_image, value.values(), value))
    if not right or (key == "image" and not _names_image(value)):
        wanted = '"module:function"' if key == "image" else TYPES[kind]
        raise ConfigurationError(f"{where}: {key} must be {wanted}, not {value!r}")
    return value


def _names_image(function: object, name: str = DEFAULT_NAME) -> bool:
    """Whether `name` can be that of an image, and `function` of what returns it."""
    is_function = isinstance(function, str) and IMAGE.fullmatch(function)
    return bool(is_function and IMAGE_NAME.fullmatch(name))


def _hint(word: str, known: list[str]) -> str:
    if not known:
        return ""
    close = get_close_matches(word, known, n=1)
    return f"\nhelp: did you mean {close[0]}?" if close else f"\nhelp: there are {', '.join(known)}"
