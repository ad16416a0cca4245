"""What the checker says of the examples of its rules."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pykasm.check
from pykasm.check.checker import check
from pykasm.encode.encoder import Encoder
from pykasm.lang.image import Image
from pykasm.lang.objects import assemble_program
from tests.unit.messages import normalised

EXAMPLES = Path(pykasm.check.__file__).parent / "examples"


def findings(subsystem: Any) -> list[str]:
    """The messages for a subsystem whose entry is `run`."""
    return findings_in(Image(entry=subsystem.run, subsystems=[subsystem]))


def rules(subsystem: Any) -> list[str]:
    """The numbers of the rules that a subsystem whose entry is `run` breaks."""
    return [one.partition("[")[2].partition("]")[0] for one in findings(subsystem)]


def faults(subsystem: Any) -> set[tuple[str, str]]:
    """The functions of a subsystem in which errors are found, with the rules that they break."""
    program = Image(entry=subsystem.run, subsystems=[subsystem]).assemble()
    found = _found(check(program, assemble_program(program, Encoder(), ".")))
    return {(one.symbol.rpartition(".")[2], one.rule) for one in found if one.severity == "error"}


def faults_by_name(kind: type) -> set[tuple[str, str]]:
    """What `faults` are to be found in a class whose functions are named after broken rules."""
    names = [name for name in vars(kind) if name.startswith("e0")]
    return {(name, name[:4].upper()) for name in names}


def findings_in(image: Image) -> list[str]:
    """The messages for an image."""
    program = image.assemble()
    units = assemble_program(program, Encoder(), ".")
    return [normalised(str(one)) for one in _found(check(program, units))]


def _found(result: Any) -> list[Any]:
    return list(getattr(result, "findings", result))


def broken(rule: str) -> list[str]:
    """The messages for the broken example of `rule`."""
    return _findings(_example(rule), "Broken")


def mended(rule: str) -> list[str]:
    """The messages for the mended example of `rule`."""
    return _findings(_example(rule), "Mended")


def _findings(example: Any, name: str) -> list[str]:
    """The messages for a class of an example, in the image that this makes where it does."""
    subsystem = getattr(example, name)()
    if hasattr(example, "image"):
        return findings_in(example.image(subsystem))
    return findings(subsystem)


def _example(rule: str) -> ModuleType:
    """The module, under a name that does not make it pykasm's own code."""
    name = f"example_{rule.lower()}"
    spec = spec_from_file_location(name, EXAMPLES / f"{rule.lower()}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
