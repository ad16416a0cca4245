"""Where mistakes are shown: at the author's line, whatever the module is called."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from pykasm import Image
from pykasm.errors import BuildFailed

WRONG = """\
from pykasm import *


class Wrong(Subsystem):
	@function
	def run(self) -> None:
		nop(); mov(rax, ebx)
"""


def mistake_in(name: str, folder: Path) -> str:
    """What a build says of the module `name`."""
    file = folder / f"{name}.py"
    file.write_text(WRONG, encoding="utf-8")
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    wrong = module.Wrong()
    with pytest.raises(BuildFailed) as caught:
        Image(entry=wrong.run, subsystems=[wrong]).assemble()
    return str(caught.value)


@pytest.mark.parametrize("name", ["contexts", "context", "pykasmos", "grün"])
def test_a_module_may_have_any_name(tmp_path: Path, name: str) -> None:
    assert f"  {tmp_path}/{name}.py:7\n" in mistake_in(name, tmp_path)


def test_marks_stand_under_the_source_behind_tabs_too(tmp_path: Path) -> None:
    shown = mistake_in("tabs", tmp_path).splitlines()
    assert shown[2:4] == [
        "      7 | \t\tnop(); mov(rax, ebx)",
        "        | \t\t       ^^^^^^^^^^^^^",
    ]
