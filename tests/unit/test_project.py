"""The settings of a project and the files of its build."""

import fcntl
from pathlib import Path

import pytest

from pykasm.build.project import ConfigurationError, Project
from pykasm.files import Stamps, alone, fingerprint, write_if_changed


@pytest.fixture(autouse=True)
def _clean_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", __import__("sys").path.copy())


def project_file(folder: Path, settings: str, head: str = "") -> Path:
    file = folder / "pyproject.toml"
    file.write_text(f"{head}\n[tool.pykasm]\n{settings}")
    return file


def failure(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Project.load(path)
    return str(caught.value)


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
    assert failure(tmp_path) == (
        f"there is no pyproject.toml in {tmp_path} or a folder above it\n"
        "help: go to the folder of a kernel, or make one: python -m pykasm new DIR"
    )


def test_a_project_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "other"\n')
    assert failure(tmp_path) == (
        f"{tmp_path}/pyproject.toml has no table [tool.pykasm]\n"
        'help: add one with image = "module:function"'
    )


@pytest.mark.parametrize("text", ["tool = 1", "[tool]\npykasm = 1"])
def test_a_number_in_place_of_a_table_is_no_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert failure(tmp_path).startswith(f"{tmp_path}/pyproject.toml has no table [tool.pykasm]\n")


def test_a_project_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("[project]\nname = 5\n[tool.pykasm]\n")
    assert failure(tmp_path) == f"{file}, [project]: name must be a string, not 5"


def test_an_unknown_setting_is_refused_with_a_guess(tmp_path: Path) -> None:
    file = project_file(tmp_path, 'comand_line = "test"')
    assert failure(tmp_path) == (
        f"{file}, [tool.pykasm]: unknown setting comand_line\nhelp: did you mean command_line?"
    )


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("smp = 0", "smp must be a number above 0, not 0"),
        ("debug = 0", "debug must be true or false, not 0"),
        ("memory = true", "memory must be a number above 0, not True"),
        ("build = 1", "build must be a string, not 1"),
        ('modules = "a"', "modules must be a list of strings, not 'a'"),
        ("modules = [1]", "modules must be a list of strings, not [1]"),
        ('image = "kernel"', "image must be \"module:function\", not 'kernel'"),
        (
            "images = 1",
            'images must be a table of names, each with "module:function", not 1',
        ),
        (
            'images = {small = "kernel"}',
            'images must be a table of names, each with "module:function", not '
            "{'small': 'kernel'}",
        ),
        (
            'images = {"../up" = "kernel:image"}',
            'images must be a table of names, each with "module:function", not '
            "{'../up': 'kernel:image'}",
        ),
    ],
)
def test_a_setting_of_the_wrong_kind_is_refused(
    tmp_path: Path, setting: str, complaint: str
) -> None:
    file = project_file(tmp_path, setting)
    assert failure(tmp_path) == f"{file}, [tool.pykasm]: {complaint}"


def test_another_image_is_built_elsewhere(tmp_path: Path) -> None:
    project_file(tmp_path, '[tool.pykasm.images]\nsmall = "kernel.image:small"\n')
    project = Project.load(tmp_path).with_image("small")
    assert project.image == "kernel.image:small"
    assert project.folder == tmp_path / "build/images/small"


def test_an_unknown_image_is_refused(tmp_path: Path) -> None:
    file = project_file(tmp_path, '[tool.pykasm.images]\nsmall = "kernel.image:small"\n')
    with pytest.raises(ConfigurationError) as caught:
        Project.load(tmp_path).with_image("smal")
    assert str(caught.value) == (
        f"{file}, [tool.pykasm.images]: there is no image smal\nhelp: did you mean small?"
    )


def test_a_file_with_mistakes_is_named(tmp_path: Path) -> None:
    file = project_file(tmp_path, "image = ")
    assert failure(tmp_path).startswith(f"{file} can't be read: ")


def test_the_image_function_is_called(tmp_path: Path) -> None:
    (tmp_path / "wiring_a.py").write_text("def image(): return 'the image'\n")
    project_file(tmp_path, 'image = "wiring_a:image"')
    assert Project.load(tmp_path).load_image() == "the image"


def test_a_missing_image_module_is_named(tmp_path: Path) -> None:
    file = project_file(tmp_path, 'image = "wiring_b:image"')
    with pytest.raises(ConfigurationError) as caught:
        Project.load(tmp_path).load_image()
    assert str(caught.value) == (
        f"wiring_b:image: there is no module wiring_b in {tmp_path}\n"
        f"help: set image under [tool.pykasm] in {file}"
    )


def test_a_missing_import_of_the_kernel_is_not_taken_for_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "wiring_c.py").write_text("import nothing_of_this_name\n")
    project_file(tmp_path, 'image = "wiring_c:image"')
    with pytest.raises(ModuleNotFoundError, match="nothing_of_this_name"):
        Project.load(tmp_path).load_image()


def test_a_missing_image_function_is_refused_with_a_guess(tmp_path: Path) -> None:
    (tmp_path / "wiring_d.py").write_text("def image(): ...\n")
    project_file(tmp_path, 'image = "wiring_d:imag"')
    with pytest.raises(ConfigurationError) as caught:
        Project.load(tmp_path).load_image()
    assert str(caught.value) == (
        "wiring_d:imag: the module has no function imag\nhelp: did you mean image?"
    )


def test_words_of_the_language_are_no_guesses_for_the_image_function(tmp_path: Path) -> None:
    (tmp_path / "wiring_e.py").write_text("from pykasm import *\n")
    project_file(tmp_path, 'image = "wiring_e:lop"')
    with pytest.raises(ConfigurationError) as caught:
        Project.load(tmp_path).load_image()
    assert str(caught.value) == "wiring_e:lop: the module has no function lop"


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
