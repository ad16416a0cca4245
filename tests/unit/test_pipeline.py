"""A whole build of a small project."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from pykasm.build import pipeline, units
from pykasm.build.outcome import BuildResult
from pykasm.build.pipeline import build
from pykasm.build.project import Project
from pykasm.build.stages import Stages
from pykasm.errors import BuildFailed
from pykasm.link.symbols import read_symbols
from pykasm.listing.files import SCRIPTS
from pykasm.toolchain import ToolsMissing

REPOSITORY = Path(__file__).parents[2]

IMAGE = '''
from pykasm import *


class Start(Subsystem):
    """The beginning."""

    greeting = rodata(U8 * 2, b"hi")
    table = data(U32, 7)

    @entry(bits=32)
    def start(self) -> None:
        """Stop at once."""
        hlt()

    @function(exported=True)
    def names(self) -> None:
        """Refer to the embedded symbol table."""
        mov(rax, address_of(symbol("symbols_start")))
        mov(ecx, self.table)


def image() -> Image:
    """The image."""
    start = Start()
    return Image(entry=start.start, subsystems=[start])
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of one subsystem, whose modules no other test imports."""
    return make_project(tmp_path / "project", monkeypatch)


def make_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    (folder / "grub").mkdir(parents=True)
    (folder / "wiring.py").write_text(IMAGE)
    menu = (REPOSITORY / "grub/grub.cfg.j2").read_text()
    (folder / "grub/grub.cfg.j2").write_text(menu)
    (folder / "pyproject.toml").write_text('[tool.pykasm]\nimage = "wiring:image"\n')
    monkeypatch.setattr(sys, "path", sys.path.copy())
    # compiled files would hide changes that come within a second
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return Project.load(folder)


def run(project: Project, *, listing: bool = False) -> tuple[BuildResult, dict[str, str]]:
    """Build as a new process would; the result, and what each stage noted."""
    sys.modules.pop("wiring", None)
    stages = Stages()
    result = build(project, stages, listing=listing)
    return result, {stage.name: stage.note for stage in stages.finished}


def settle(project: Project) -> None:
    """Make all files older, as builds take new ones for unfinished."""
    for file in project.root.rglob("*"):
        os.utime(file, (OLD, OLD))


OLD = 1_700_000_000


def edit(project: Project, old: str, new: str) -> None:
    file = project.root / "wiring.py"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_build_makes_the_kernel_and_the_iso(project: Project) -> None:
    result, notes = run(project)
    assert list(notes) == ["emit", "encode", "objects", "link", "check", "publish", "iso"]
    assert notes.pop("check") == "2 functions, 0 exceptions"
    assert set(notes.values()) == {""}
    assert result.kernel.read_bytes().startswith(b"\x7fELF")
    assert result.iso.stat().st_size > 0
    assert [one.subsystem.name for one in result.outcome.sizes] == ["Start"]


def test_the_symbol_table_is_linked_in_where_code_refers_to_it(project: Project) -> None:
    result, _ = run(project)
    found = {symbol.name: symbol.address for symbol in read_symbols(result.kernel)}
    assert found["symbols_end"] > found["symbols_start"]


def test_code_that_does_not_refer_to_the_symbol_table_goes_without(project: Project) -> None:
    edit(project, 'mov(rax, address_of(symbol("symbols_start")))', "nop()")
    result, _ = run(project)
    found = {symbol.name: symbol.address for symbol in read_symbols(result.kernel)}
    assert found["symbols_end"] == found["symbols_start"]


def test_a_second_build_does_nothing(project: Project) -> None:
    settle(project)
    first, _ = run(project)
    second, notes = run(project)
    assert notes == {}
    assert second == first


def test_a_build_looks_at_all_that_it_was_made_from(project: Project) -> None:
    settle(project)
    run(project)
    (project.root / "wiring").mkdir()  # Python may take it for the module
    (project.root / "wiring/__init__.py").write_text(IMAGE)
    assert run(project)[1]
    project.kernel.unlink()
    assert run(project)[1]["iso"] == "unchanged"
    assert run(project, listing=True)[1]["listing"] == ""
    assert run(project, listing=True)[1] == {}


def test_a_changed_instruction_is_built(project: Project) -> None:
    before = run(project)[0].iso.read_bytes()
    edit(project, "mov(ecx, self.table)", "mov(edx, self.table)")
    result, notes = run(project)
    assert notes["link"] == notes["iso"] == ""
    assert result.iso.read_bytes() != before


def test_only_changed_objects_are_written(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)
    edit(project, '"""Stop at once."""', '"""Stop at once."""  # for good')
    edit(project, "  # for good", "")
    monkeypatch.setattr(units, "write_object", pytest.fail)
    run(project)


def test_a_build_that_is_cut_short_leaves_nothing_as_fresh(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(path: Path, data: bytes) -> NoReturn:
        path.write_bytes(data)
        raise KeyboardInterrupt

    run(project)
    before = run(project)[0].kernel.read_bytes()
    edit(project, "mov(ecx, self.table)", "mov(edx, self.table)")
    with monkeypatch.context() as patches:
        patches.setattr(pipeline, "write_if_changed", cut_short)
        with pytest.raises(KeyboardInterrupt):
            run(project)
    edit(project, "mov(edx, self.table)", "mov(ecx, self.table)")
    assert run(project)[0].kernel.read_bytes() == before


def test_a_changed_boot_menu_makes_only_the_iso_again(project: Project) -> None:
    run(project)
    menu = project.menu.read_text().replace("timeout=0", "timeout=5")
    project.menu.write_text(menu)
    _, notes = run(project)
    assert (notes["link"], notes["iso"]) == ("unchanged", "")


BUILT = """
import sys
from pykasm.commands.project import built
built()
print(*{name.partition(".")[0] for name in sys.modules})
"""
BUILD = [sys.executable, "-c", BUILT]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
LIMIT = 120
"""Seconds that some builds at once may take on a busy machine."""


def test_a_rebuild_imports_no_library_that_it_has_no_use_for(project: Project) -> None:
    def imported() -> set[str]:
        shown = subprocess.check_output(BUILD, cwd=project.root, env=ENVIRONMENT, text=True)
        return {*shown.split()}

    slow = {"jinja2", "keystone"}
    assert imported() >= slow
    edit(project, "data(U32, 7)", "data(U32, 8)")
    assert not imported() & (slow | {"elftools", "rich"})


def test_a_missing_product_is_made_again(project: Project) -> None:
    result, _ = run(project)
    result.iso.unlink()
    result.kernel.unlink()
    result, _ = run(project)
    assert result.kernel.exists()
    assert result.iso.exists()


def test_the_same_source_makes_the_same_files_in_every_folder(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = run(project)
    there, _ = run(make_project(tmp_path / "another place", monkeypatch))
    assert there.iso.read_bytes() == here.iso.read_bytes()
    assert there.kernel.read_bytes() == here.kernel.read_bytes()


def test_the_listing_is_made_where_it_is_wanted(project: Project) -> None:
    run(project)
    assert not project.listing.exists()
    _, notes = run(project, listing=True)
    assert "listing" in notes
    assert "Start.names" in project.listing.read_text()


def test_a_refused_build_leaves_the_kernel_and_its_listing_as_they_were(project: Project) -> None:
    run(project, listing=True)
    files = [project.kernel, project.iso, project.listing, project.page]
    files += (project.folder / SCRIPTS).iterdir()
    before = [file.read_bytes() for file in files]
    edit(project, "mov(ecx, self.table)", "mov(ebx, self.table)")  # ebx is the caller's
    with pytest.raises(BuildFailed, match="rbx"):
        run(project, listing=True)
    assert [file.read_bytes() for file in files] == before
    edit(project, "mov(ebx, self.table)", "mov(edx, self.table)")
    run(project, listing=True)
    assert b"edx" in (project.folder / SCRIPTS / "Start.js").read_bytes()


def test_a_missing_tool_is_named_before_any_work(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolsMissing, match="xorriso"):
        build(project, Stages())
    assert not project.folder.exists()


def test_readelf_has_no_complaint(project: Project) -> None:
    result, _ = run(project)
    done = subprocess.run(
        ["readelf", "-a", result.kernel], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def test_builds_in_one_folder_wait_for_each_other(project: Project) -> None:
    builds = [
        subprocess.Popen(BUILD, cwd=project.root, env=ENVIRONMENT, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    ends = [(one.communicate(timeout=LIMIT)[1], one.returncode) for one in builds]
    assert ends == [(b"", 0)] * len(builds)


def test_another_date_makes_another_iso(project: Project) -> None:
    def made(**settings: str) -> bytes:
        subprocess.run(BUILD, cwd=project.root, env=ENVIRONMENT | settings, check=True)
        return project.iso.read_bytes()

    at_first = made()
    later = made(SOURCE_DATE_EPOCH="1700000000")
    assert later != at_first
    shutil.rmtree(project.folder)
    assert made(SOURCE_DATE_EPOCH="1700000000") == later


def test_another_linker_links_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    run(project)
    monkeypatch.setattr(pipeline, "identity", lambda name: f"another {name}")
    assert run(project)[1]["link"] == ""


@pytest.mark.parametrize("name", ["$HOME", "back\\slash", "at@@1M", "a=b", "*?[x]", "grün 'x'"])
def test_a_project_may_lie_in_a_folder_of_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    result, _ = run(make_project(tmp_path / name, monkeypatch))
    assert result.iso.stat().st_size > 0
    assert [*tmp_path.iterdir()] == [tmp_path / name]


def test_letters_that_are_not_those_pinned_are_warned_of_by_each_build(project: Project) -> None:
    edit(project, "from pykasm import *", "from pykasm import *\nfrom pykasm.fonts import *")
    read = """letters = BitmapFont.installed("Spleen 8x16").letters("a", Pin("none", ""))"""
    edit(project, "    start = Start()", f"    {read}\n    start = Start()")
    warned = run(project)[0].outcome.warnings
    assert [one[:13] for one in warned] == ["warning[font]", "warning[W001]"]
    settle(project)
    assert run(project)[0].outcome.warnings == warned
    assert run(project)[0].outcome.warnings == warned, "of which nothing has been made again"
