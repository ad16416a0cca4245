"""Imports a project's modules, and knows which text each was made from.

Python keeps compiled files beside the sources and tells by the second and the size whether they are
as old as these. A build has to be sure, so it keeps compiled modules in its own cache, by what they
were compiled from.
"""

from __future__ import annotations

import ast
import marshal
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import decode_source, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

import pykasm
from pykasm.assignments import Names, know_names, names_in
from pykasm.build.modulesource import Layout, ModuleSource
from pykasm.build.redeclared import Redeclared, redeclared
from pykasm.files import digest_of
from pykasm.mentions import mentioned
from pykasm.parallel import in_parallel
from pykasm.source import INSTALLED
from pykasm.syntax import nodes_of

PACKAGE = "__init__.py"


class Compiled(NamedTuple):
    """What comes of the text of a module: its code as `marshal` writes it, its parts, the names in
    it, what it declares twice, and which words it mentions (None: it may use all)."""

    code: bytes
    source: ModuleSource
    names: tuple[bytes, Names]
    redeclared: tuple[Redeclared, ...]
    words: bytes | None

    @classmethod
    def of(cls, data: bytes, path: str) -> Compiled:
        """What comes of the file `path` with the contents `data`; raises `SyntaxError`."""
        from pykasm.lexicon import words_mentioned  # what has compiled all before does without

        try:
            tree = ast.parse(data, path)
            code = compile(tree, path, "exec", dont_inherit=True)
            text = decode_source(data)
        except (SyntaxError, ValueError) as error:
            if getattr(error, "filename", None):
                raise
            # a zero in it, or bytes that are no text
            place = (path, data.count(b"\n", 0, max(0, data.find(b"\0"))) + 1, None, None)
            raise SyntaxError(str(error), place) from None
        nodes = nodes_of(tree)
        source = ModuleSource.of(tree, nodes, text)
        names, twice = names_in(text, nodes), redeclared(nodes)
        return cls(marshal.dumps(code), source, names, twice, words_mentioned(text))


class Importer:
    """Finds the modules below the folder `root`. `known` are modules that were compiled before, by
    the keys of their files; `used` are those of this process."""

    def __init__(self, root: Path, known: Mapping[bytes, Compiled]) -> None:
        self._root = f"{root}/"
        self._known = {**known}
        self._listings: dict[str, set[str]] = {}
        self.used: dict[bytes, Compiled] = {}
        self.modules: dict[str, tuple[str, bytes]] = {}
        """The file of each module that was imported, and its key."""
        self.files: dict[str, bytes] = {}
        """Digests of the contents of those files."""
        know_names(dict(one.names for one in known.values()))

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Be asked for modules that are imported inside."""
        sys.meta_path.insert(0, self)
        try:
            yield
        finally:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module `name` if it is one of the project's (Python Reference, 5.3)."""
        file = self._file(name, path)
        if file is None:
            return None
        is_package = file.endswith(PACKAGE)
        folders = [file.removesuffix(f"/{PACKAGE}")] if is_package else None
        loader = _Loader(name, file, self)
        return spec_from_file_location(
            name, file, loader=loader, submodule_search_locations=folders
        )

    def _file(self, name: str, path: Sequence[str] | None) -> str | None:
        """The project's own file of the module `name`; None where Python has to look."""
        folders = [self._root.rstrip("/")] if path is None else [*path]
        if len(folders) != 1 or (path is None and name in sys.stdlib_module_names):
            return None
        folder, last = folders[0], name.rpartition(".")[2]
        names = self._listed(folder)
        found = (one for one in (f"{last}/{PACKAGE}", f"{last}.py") if one in names)
        file = next(found, None)  # in the order in which Python looks
        return None if file is None else f"{folder}/{file}"

    def _listed(self, folder: str) -> set[str]:
        """The project's modules and packages in a folder, by their files."""
        if folder not in self._listings:
            self._listings[folder] = _modules(folder) if self._is_own(f"{folder}/") else set()
        return self._listings[folder]

    def _is_own(self, file: str) -> bool:
        is_below = file.startswith(self._root) and not file.startswith(f"{pykasm.__path__[0]}/")
        return is_below and INSTALLED.isdisjoint(Path(file).parts)

    @property
    def knows_some(self) -> bool:
        """Whether any modules were compiled before."""
        return bool(self._known)

    @property
    def others(self) -> list[str]:
        """The project's modules that something else has imported."""
        return [
            name
            for name, module in [*sys.modules.items()]
            if name not in self.modules and self._is_own(getattr(module, "__file__", None) or "")
        ]

    def prepare(self, files: Sequence[Path]) -> None:
        """Compile those of `files` that are not known, on all processors."""
        pending = {}
        for file in files:
            data = file.read_bytes()
            key = _key(str(file), data)
            if key not in self._known:
                pending[key] = (data, str(file))
        found = in_parallel(_compiled, [*pending.values()])
        self._known |= {key: one for key, one in zip(pending, found, strict=True) if one}

    def code(self, name: str, path: str, data: bytes) -> CodeType:
        """The code of the module `name`, which the file `path` with the contents `data` holds."""
        key = _key(path, data)
        compiled = self._known.get(key) or Compiled.of(data, path)
        for one in compiled.redeclared:
            raise one.mistake(path)
        self.used[key] = self._known[key] = compiled
        self.files[path] = digest_of(data)
        self.modules[name] = path, key
        know_names(dict([compiled.names]))
        if compiled.words is not None:
            mentioned[name] = compiled.words
        code: CodeType = marshal.loads(compiled.code)
        return code

    def source(self, name: str) -> ModuleSource | None:
        """The parts of the module `name`; None if it is not of the project."""
        found = self.modules.get(name)
        return None if found is None else self.used[found[1]].source

    @property
    def variables(self) -> dict[str, frozenset[str]]:
        """The names that each module gives values to."""
        return {name: self.used[key].source.variables for name, (_, key) in self.modules.items()}

    @cached_property
    def layouts(self) -> dict[str, Layout]:
        """Which line of which file is what, once all modules have been imported."""
        return {path: Layout(self.used[key].source) for path, key in self.modules.values()}


def _key(path: str, data: bytes) -> bytes:
    """Tells a file with these contents from others; code knows its file."""
    return digest_of(path.encode() + b"\0" + data)


def _compiled(file: tuple[bytes, str]) -> Compiled | None:
    """What comes of a file; None if it is no Python, which is told where it is imported."""
    try:
        return Compiled.of(*file)
    except SyntaxError:
        return None


def _modules(folder: str) -> set[str]:
    """The files of modules and packages in a folder, without those that machine code hides."""
    entries = [*os.scandir(folder)]
    packages = [
        one.name for one in entries if one.is_dir() and os.path.exists(f"{one.path}/{PACKAGE}")
    ]
    code = {one.name.partition(".")[0] for one in entries if one.name.endswith(".so")}
    modules = [one.name for one in entries if one.name.endswith(".py")]
    found = {f"{name}/{PACKAGE}" for name in packages if name not in code}
    return found.union(name for name in modules if name.removesuffix(".py") not in code)


class _Loader(SourceFileLoader):
    """Loads a module by an `Importer`."""

    def __init__(self, name: str, path: str, importer: Importer) -> None:
        super().__init__(name, path)
        self._importer = importer

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code; other modules of its name may mention other words."""
        try:
            super().exec_module(module)
        finally:
            mentioned.pop(module.__name__, None)

    def get_code(self, fullname: str) -> Any:
        """The module's code (Python Library Reference, `importlib.abc.InspectLoader`)."""
        path = self.get_filename(fullname)
        return self._importer.code(fullname, path, self.get_data(path))
