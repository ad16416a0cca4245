"""The settings of a project and the files of its build."""

import fcntl
from pathlib import Path

import pytest

from pykasm.build.imageloader import load_image
from pykasm.build.project import Project
from pykasm.build.settings import SettingMistake
from pykasm.errors import Mistake
from pykasm.files import Stamps, alone, fingerprint, write_if_changed
from pykasm.source import rooted_at


@pytest.fixture(autouse=True)
def _clean_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", __import__("sys").path.copy())


def project_file(folder: Path, settings: str, head: str = "") -> Path:
    file = folder / "pyproject.toml"
    file.write_text(f"{head}\n[tool.pykasm]\n{settings}")
    return file


def failure(path: Path) -> str:
    with pytest.raises(SettingMistake) as caught:
        Project.load(path)
    return told(caught.value, path)


def told(mistake: Mistake, folder: Path) -> str:
    """The message of `mistake` with paths below `folder`."""
    with rooted_at(folder):
        return str(mistake)


def test_settings_are_read(tmp_path: Path) -> None:
    project_file(
        tmp_path,
        'image = "os.wiring:make"\nbuild = "out"\nmodules = ["a", "b/c"]\nsmp = 4\n',
        '[project]\nname = "tiny"',
    )
    project = Project.load(tmp_path)
    assert (project.image, project.smp, project.name) == ("os.wiring:make", 4, "tiny")
    assert project.kernel == tmp_path / "out/kernel.elf"
    assert project.module_files == [tmp_path / "a", tmp_path / "b/c"]


def test_a_setting_left_out_has_its_default(tmp_path: Path) -> None:
    project_file(tmp_path, "")
    assert Project.load(tmp_path) == Project(tmp_path)


def test_a_project_is_found_from_a_folder_below_it(tmp_path: Path) -> None:
    project_file(tmp_path, "")
    (tmp_path / "kernel/mm").mkdir(parents=True)
    assert Project.load(tmp_path / "kernel/mm").root == tmp_path


def test_a_folder_outside_any_project_is_refused(tmp_path: Path) -> None:
    message = failure(tmp_path)
    assert f"there is no pyproject.toml in {tmp_path} or a folder above it\n" in message
    assert message.endswith(
        "help: go to the folder of a kernel, or make one: `python -m pykasm new DIR`"
    )


def test_a_project_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "other"\n')
    assert failure(tmp_path) == (
        """\
error[setting]: `pyproject.toml` has no table [tool.pykasm]
  pyproject.toml:2
      2 | name = "other"
        | ^^^^^^^^^^^^^^
help: add one with `image = "module:function"`"""
    )


@pytest.mark.parametrize("text", ["tool = 1", "[tool]\npykasm = 1", ""])
def test_a_number_in_place_of_a_table_is_no_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    message = "error[setting]: `pyproject.toml` has no table [tool.pykasm]\n  pyproject.toml:"
    assert failure(tmp_path).startswith(message)


def test_a_project_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 5\n[tool.pykasm]\n")
    assert (
        failure(tmp_path)
        == """\
error[setting]: `name` in [project] can't be this
  pyproject.toml:2
      2 | name = 5
        | ^^^^^^^^
expected: a string
got: 5"""
    )


def test_an_unknown_setting_is_refused_with_a_guess(tmp_path: Path) -> None:
    project_file(tmp_path, 'comand_line = "test"')
    assert (
        failure(tmp_path)
        == """\
error[setting]: there is no setting `comand_line`
  pyproject.toml:3
      3 | comand_line = "test"
        | ^^^^^^^^^^^^^^^^^^^^
expected: one of name, image, images, programs, campaigns, build, grub, command_line, modules, \
debug, memory, smp, cpu
got: comand_line
help: did you mean `command_line`?"""
    )


IMAGES = 'a table of names, each with "module:function"'


@pytest.mark.parametrize(
    ("setting", "expected", "got"),
    [
        ("smp = 0", "a number above 0", "0"),
        ("debug = 0", "true or false", "0"),
        ("memory = true", "a number above 0", "True"),
        ("build = 1", "a string", "1"),
        ('modules = "a"', "a list of strings", "'a'"),
        ("modules = [1]", "a list of strings", "[1]"),
        ('image = "kernel"', '"module:function"', "'kernel'"),
        ("images = 1", IMAGES, "1"),
        ('images = {small = "kernel"}', IMAGES, "{'small': 'kernel'}"),
        ('images = {"../up" = "kernel:image"}', IMAGES, "{'../up': 'kernel:image'}"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_refused(
    tmp_path: Path, setting: str, expected: str, got: str
) -> None:
    project_file(tmp_path, setting)
    assert (
        failure(tmp_path)
        == f"""\
error[setting]: `{setting.split()[0]}` in [tool.pykasm] can't be this
  pyproject.toml:3
      3 | {setting}
        | {"^" * len(setting)}
expected: {expected}
got: {got}"""
    )


def test_another_image_is_built_elsewhere(tmp_path: Path) -> None:
    project_file(tmp_path, '[tool.pykasm.images]\nsmall = "kernel.image:small"\n')
    project = Project.load(tmp_path).with_image("small")
    assert project.image == "kernel.image:small"
    assert project.folder == tmp_path / "build/images/small"


def test_an_unknown_image_is_refused(tmp_path: Path) -> None:
    project_file(tmp_path, '[tool.pykasm.images]\nsmall = "kernel.image:small"\n')
    with pytest.raises(SettingMistake) as caught:
        Project.load(tmp_path).with_image("smal")
    assert (
        told(caught.value, tmp_path)
        == """\
error[setting]: there is no image `smal`
  pyproject.toml:3
      3 | [tool.pykasm.images]
        | ^^^^^^^^^^^^^^^^^^^^
expected: one of small
got: smal
help: did you mean `small`?"""
    )


def test_a_file_with_mistakes_is_named(tmp_path: Path) -> None:
    project_file(tmp_path, "image = ")
    assert (
        failure(tmp_path)
        == """\
error[setting]: `pyproject.toml` can't be read
  pyproject.toml:3
      3 | image =
        | ^^^^^^^
expected: TOML
got: Invalid value (at end of document)"""
    )


def image_mistake(folder: Path, settings: str, **modules: str) -> str:
    """What is said where the image is loaded of a project with these `modules`."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    project_file(folder, settings)
    with pytest.raises(Mistake) as caught:
        load_image(Project.load(folder))
    return told(caught.value, folder)


def test_the_image_function_is_called(tmp_path: Path) -> None:
    text = "from pykasm import Image\nIMAGE = object.__new__(Image)\ndef image(): return IMAGE\n"
    (tmp_path / "wiring_a.py").write_text(text)
    project_file(tmp_path, 'image = "wiring_a:image"')
    assert load_image(Project.load(tmp_path)) is __import__("wiring_a").IMAGE


def test_a_missing_image_module_is_named(tmp_path: Path) -> None:
    assert (
        image_mistake(tmp_path, 'image = "wiring_b:image"', wiring_bee="")
        == """\
error[setting]: there is no module `wiring_b`
  pyproject.toml:3
      3 | image = "wiring_b:image"
        | ^^^^^^^^^^^^^^^^^^^^^^^^
expected: `image` with "module:function"
got: "wiring_b:image"
help: did you mean `wiring_bee`?"""
    )


def elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a package `wiring_x`, with an image, that is found in another folder."""
    package = folder / "elsewhere/wiring_x"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "image.py").write_text("from pykasm import Image\nIMAGE = object.__new__(Image)\n")
    monkeypatch.syspath_prepend(str(package.parent))


def test_a_module_of_this_name_elsewhere_is_not_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(tmp_path, monkeypatch)
    folder = tmp_path / "project"
    folder.mkdir()
    message = image_mistake(folder, 'image = "wiring_x.image:image"')
    assert message.startswith("error[setting]: there is no module `wiring_x`\n")


def test_a_package_of_this_name_elsewhere_does_not_stand_for_a_folder_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(tmp_path, monkeypatch)
    folder = tmp_path / "project"
    (folder / "wiring_x").mkdir(parents=True)
    monkeypatch.setattr("sys.path", [*__import__("sys").path, str(folder)])
    message = image_mistake(folder, 'image = "wiring_x.image:image"')
    assert message.startswith("error[setting]: there is no module `wiring_x.image`\n")


def test_a_missing_import_of_the_kernel_is_not_taken_for_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "wiring_c.py").write_text("import nothing_of_this_name\n")
    project_file(tmp_path, 'image = "wiring_c:image"')
    with pytest.raises(ModuleNotFoundError, match="nothing_of_this_name"):
        load_image(Project.load(tmp_path))


def test_a_missing_image_function_is_refused_with_a_guess(tmp_path: Path) -> None:
    message = image_mistake(tmp_path, 'image = "wiring_d:imag"', wiring_d="def image(): ...\n")
    assert message.startswith("error[setting]: there is no function `imag` in `wiring_d`\n")
    assert message.endswith("help: did you mean `image`?")


def test_words_of_the_language_are_no_guesses_for_the_image_function(tmp_path: Path) -> None:
    text = "from pykasm import *\n"
    message = image_mistake(tmp_path, 'image = "wiring_e:lop"', wiring_e=text)
    assert message.endswith('got: "wiring_e:lop"')


def test_an_image_function_that_gives_none(tmp_path: Path) -> None:
    assert (
        image_mistake(tmp_path, 'image = "wiring_f:image"', wiring_f="def image(): pass\n")
        == """\
error[declaration]: `wiring_f:image` gives no image
  wiring_f.py:1
      1 | def image(): pass
        | ^^^^^^^^^^^^^^^^^
expected: an `Image`
got: nothing
help: end it by `return Image(…)`"""
    )


def test_an_image_function_with_parameters(tmp_path: Path) -> None:
    text = "def image(board): pass\n"
    message = image_mistake(tmp_path, 'image = "wiring_g:image"', wiring_g=text)
    assert message.startswith(
        "error[declaration]: `wiring_g:image` can't be called\n  wiring_g.py:1\n"
    )
    assert message.endswith("got: missing a required argument: 'board'")


def test_a_file_is_written_only_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "a.o"
    assert write_if_changed(file, b"one")
    before = file.stat().st_ino
    assert not write_if_changed(file, b"one")
    assert file.stat().st_ino == before
    assert write_if_changed(file, b"two")
    assert file.read_bytes() == b"two"


def test_fingerprints_tell_contents_and_borders_apart(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("ab")
    assert fingerprint(file) == fingerprint("ab")
    assert fingerprint("a", "b") != fingerprint("ab")


def test_stamps_last_from_one_build_to_the_next(tmp_path: Path) -> None:
    product = tmp_path / "kernel.elf"
    product.touch()
    Stamps(tmp_path / "stamps.json").record({product: "digest"})
    stamps = Stamps(tmp_path / "stamps.json")
    assert stamps.fresh(product, "digest")
    assert not stamps.fresh(product, "other")
    product.unlink()
    assert not stamps.fresh(product, "digest")


def test_damaged_stamps_count_as_none(tmp_path: Path) -> None:
    (tmp_path / "stamps.json").write_text("{")
    assert not Stamps(tmp_path / "stamps.json").fresh(tmp_path, "digest")


def test_who_is_alone_keeps_others_out(tmp_path: Path) -> None:
    lock = tmp_path / "cache" / "lock"
    with alone(lock), lock.open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with lock.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
