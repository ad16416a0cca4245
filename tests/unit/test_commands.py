"""The command line, by what its commands print and return, in a fresh project."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from pykasm.build.project import Project
from pykasm.commands.project import this_project
from pykasm.files import alone

SOURCE = Path(__file__).resolve().parents[2]
PATIENCE = 60
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(SOURCE),
    "NO_COLOR": "1",
    "TERM": "dumb",
    "COLUMNS": "200",
}


def pykasm(
    *arguments: str, folder: Path = SOURCE, text: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder` with `text` as its input; `environment` is added to the usual."""
    return subprocess.run(
        [sys.executable, "-m", "pykasm", *arguments],
        cwd=folder,
        env={**ENVIRONMENT, **environment},
        input=text,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project fresh from `new`, built."""
    folder = tmp_path_factory.mktemp("projects") / "demo"
    pykasm("new", str(folder))
    built = pykasm("build", folder=folder)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture
def broken(project: Path, tmp_path: Path) -> Path:
    """A copy of it, to be broken."""
    return Path(shutil.copytree(project, tmp_path / "demo"))


def replace(file: Path, old: str, new: str) -> None:
    """Put `new` in place of `old`, which must be there."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


# All commands


def test_help_names_every_command() -> None:
    shown = pykasm("--help").stdout
    listed = shown.partition("Commands:\n")[2].partition("\n\n")[0]
    names = [line.split()[0] for line in listed.splitlines()]
    assert " ".join(names) == (
        "build run debug profile test campaign check list size sym asm write new guide doctor clean"
    )


@pytest.mark.parametrize(
    "command", ["build", "run", "debug", "test", "campaign", "list", "size", "sym"]
)
def test_each_command_has_help(command: str) -> None:
    shown = pykasm(command, "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith(f"Usage: pykasm {command} ")


def test_an_unknown_command_is_a_usage_error() -> None:
    result = pykasm("fly")
    assert result.returncode == 2
    assert "No such command 'fly'" in result.stderr


def test_outside_of_a_project_one_message_says_so(tmp_path: Path) -> None:
    result = pykasm("build", folder=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"error[setting]: there is no pyproject.toml in {tmp_path}")
    assert "Traceback" not in result.stderr


# asm


def test_asm_prints_the_code_before_each_instruction() -> None:
    result = pykasm("asm", "mov eax, 5\nret")
    assert result.stdout == "b8 05 00 00 00  mov eax, 5\nc3              ret\n"
    assert result.returncode == 0


def test_asm_reads_a_file(tmp_path: Path) -> None:
    (tmp_path / "code.txt").write_text("nop\n\n  ret\r\n")
    assert pykasm("asm", "code.txt", folder=tmp_path).stdout == "90  nop\nc3  ret\n"


def test_output_that_has_no_room_is_told_in_one_line(project: Path) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "pykasm", "list", "Main"],
            cwd=project,
            env=ENVIRONMENT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert result.returncode == 1
    assert result.stderr.startswith("No space left on device\n")
    assert "Traceback" not in result.stderr


def test_asm_reads_standard_input() -> None:
    assert pykasm("asm", "-", text="nop\n").stdout == "90  nop\n"


def test_asm_knows_three_modes() -> None:
    assert pykasm("asm", "--bits", "16", "mov ax, 5").stdout == "b8 05 00  mov ax, 5\n"


def test_asm_goes_on_after_a_refused_line_and_returns_1() -> None:
    result = pykasm("asm", "nop\nmov eax\nret")
    assert result.stdout == "90  nop\nc3  ret\n"
    assert result.stderr.startswith("mov eax\n  error: ")
    assert result.returncode == 1


def test_asm_passes_over_comments_and_empty_lines() -> None:
    result = pykasm("asm", "-", text="# the end\n\nret  # of it\n")
    assert result.stdout == "c3  ret  # of it\n"


def test_asm_refuses_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "code.txt").write_bytes(b"\xff\xfe\x00\nnop\n@:\n" + b"[" * 1_000_000 + b"\n")
    result = pykasm("asm", "code.txt", folder=tmp_path)
    assert result.stdout == "90  nop\n"
    assert result.stderr.count("  error: ") == 3
    assert len(result.stderr) < 2000
    assert result.returncode == 1


def test_asm_prints_json_in_the_order_of_the_lines() -> None:
    result = pykasm("asm", "--json", "-", text="nop\nmov eax\nret\n")
    first, second, third = json.loads(result.stdout)
    assert first == {"text": "nop", "bytes": "90", "error": None}
    assert (second["text"], second["bytes"]) == ("mov eax", None)
    assert second["error"]
    assert third["bytes"] == "c3"
    assert result.returncode == 1


# build, list, size, sym, clean


def test_build_makes_everything(project: Path) -> None:
    made = {path.name for path in (project / "build").iterdir()}
    assert {"kernel.elf", "kernel.iso", "kernel.lst", "kernel.html"} <= made


def test_another_image_is_built_in_a_folder_of_its_own(broken: Path) -> None:
    with (broken / "kernel/image.py").open("a") as wiring:
        wiring.write("\n\nother = image\n")
    with (broken / "pyproject.toml").open("a") as settings:
        settings.write('\n[tool.pykasm.images]\nother = "kernel.image:other"\n')
    assert pykasm("build", "--image", "other", folder=broken).returncode == 0
    assert (broken / "build/images/other/kernel.iso").exists()
    shown = pykasm("sym", "--image", "other", "Main.run", folder=broken).stdout
    assert "Main.run" in shown
    refused = pykasm("check", "--image", "others", folder=broken).stderr
    assert refused.startswith("error[setting]: there is no image `others`\n  pyproject.toml:")
    assert refused.endswith("help: did you mean `other`?\n")


def test_build_prints_commands_if_asked(broken: Path) -> None:
    replace(broken / "kernel/main.py", "hello from", "greetings from")
    assert "+ ld -m elf_x86_64" in pykasm("build", "-v", folder=broken).stdout


def test_build_shows_a_mistake_without_a_traceback(broken: Path) -> None:
    replace(broken / "kernel/main.py", "            hlt()", "            mov(al, rbx)")
    result = pykasm("build", folder=broken)
    assert result.returncode == 1
    assert result.stderr.startswith("error[operand-")
    assert "kernel/main.py:" in result.stderr
    assert "Traceback" not in result.stderr


def test_build_shows_an_exception_of_the_project_without_frames_of_the_tool(broken: Path) -> None:
    replace(broken / "kernel/image.py", "Parts(CONTENTS)", "Parts(UNKNOWN)")
    result = pykasm("build", folder=broken)
    assert result.returncode == 1
    assert result.stderr == (
        """\
error[unknown-name]: there is no `UNKNOWN` here
  kernel/image.py:11
     11 |     parts = Parts(UNKNOWN)  # each given to those whose constructors ask for it
        |                   ^^^^^^^
expected: an instruction, a register, another word, or a name that the module has
got: UNKNOWN
help: import it, or give it a value before this line
"""
    )


def test_build_refuses_an_image_that_is_none(broken: Path) -> None:
    replace(broken / "kernel/image.py", "return Image(", "Image(")
    result = pykasm("build", folder=broken)
    assert result.returncode == 1
    assert result.stderr.startswith("error[declaration]: `kernel.image:image` gives no image\n")
    assert result.stderr.endswith("got: nothing\nhelp: end it by `return Image(…)`\n")


def test_build_says_where_it_may_not_write(broken: Path) -> None:
    shutil.rmtree(broken / "build")
    (broken / "build").write_text("not a folder")
    result = pykasm("build", folder=broken)
    assert result.returncode == 1
    assert result.stderr == f"{broken}/build/cache: Not a directory\n"


def test_list_shows_a_function_under_its_python(project: Path) -> None:
    shown = pykasm("list", "Main.run", folder=project).stdout
    assert shown.startswith("Main.run()")
    assert "| hlt()" in shown
    assert "call   Serial.write" in shown


def test_list_shows_a_subsystem(project: Path) -> None:
    shown = pykasm("list", "Boot", folder=project).stdout
    assert "Boot.start()" in shown
    assert "Boot.stack: U8 * 16384" in shown


def test_list_suggests_a_name(project: Path) -> None:
    result = pykasm("list", "Main.rum", folder=project)
    assert result.stderr == (
        "there is no function or subsystem `Main.rum`; did you mean `Main.run` or `Main`?\n"
    )
    assert result.returncode == 1


def test_size_counts_sections_subsystems_and_functions(project: Path) -> None:
    lines = [line.split() for line in pykasm("size", folder=project).stdout.splitlines()]
    assert [".bss", "16,384"] in lines
    assert ["Boot.start", "109"] in lines
    total = next(line for line in lines if line[:1] == ["all"])
    parts = [line for line in lines if len(line) == 5 and line[0] in ("Boot", "Serial", "Main")]
    numbers = [sum(int(part[n].replace(",", "")) for part in parts) for n in range(1, 5)]
    assert total[1:] == [f"{number:,}" for number in numbers]


def test_sym_finds_a_name_and_its_address(project: Path) -> None:
    by_name = pykasm("sym", "Main.run", folder=project).stdout
    address, location, place = by_name.split()[:3]
    assert (location, place.split(":")[0]) == ("Main.run+0x0", "kernel/main.py")
    assert pykasm("sym", address, folder=project).stdout == by_name
    assert pykasm("sym", address.removeprefix("0x"), folder=project).stdout == by_name


def test_sym_refuses_what_is_unknown(project: Path) -> None:
    result = pykasm("sym", "0x10", folder=project)
    assert result.stderr == "0x10 is in no function or datum of the kernel\n"
    assert result.returncode == 1


def test_clean_removes_what_was_built(broken: Path) -> None:
    assert pykasm("clean", folder=broken).returncode == 0
    assert not (broken / "build").exists()
    assert (broken / "kernel/main.py").exists()


@pytest.mark.parametrize("build", ["..", "../other", ".", "kernel", "grub"])
def test_clean_leaves_folders_alone_that_are_not_for_builds(broken: Path, build: str) -> None:
    replace(broken / "pyproject.toml", "[tool.pykasm]", f'[tool.pykasm]\nbuild = "{build}"')
    (broken / "../other").mkdir()
    (broken / "../other/theirs").touch()
    result = pykasm("clean", folder=broken)
    assert result.returncode == 1
    folder = (broken / build).resolve()
    assert (
        result.stderr == f"{folder} is no folder that builds alone have made, so it is left alone\n"
    )
    assert folder.exists()


def test_clean_waits_for_a_build(broken: Path) -> None:
    unfinished = broken / "build/cache/unfinished"
    with alone(broken / "build/cache/lock"):
        command = [sys.executable, "-m", "pykasm", "clean"]
        cleaning = subprocess.Popen(command, cwd=broken, env=ENVIRONMENT)
        while not is_waiting_for_a_lock(cleaning.pid):
            assert cleaning.poll() is None, "it did not wait"
        unfinished.touch()
    assert cleaning.wait(PATIENCE) == 0
    assert not (broken / "build").exists()


def is_waiting_for_a_lock(process: int) -> bool:
    """Whether a process waits until another one releases a file (proc(5), /proc/locks)."""
    locks = (line.split() for line in Path("/proc/locks").read_text().splitlines())
    return any(line[1] == "->" and line[5] == str(process) for line in locks)


# Where builds go


def test_all_commands_take_another_folder_for_builds(broken: Path, tmp_path: Path) -> None:
    shutil.rmtree(broken / "build")
    out = tmp_path / "out"
    assert pykasm("build", "--build", "../out", folder=broken).returncode == 0
    assert (out / "kernel.iso").exists()
    assert pykasm("size", "--build", str(out), folder=broken).returncode == 0
    assert pykasm("sym", "Main.run", folder=broken, PYKASM_BUILD=str(out)).returncode == 0
    assert not (broken / "build").exists()
    assert pykasm("clean", "--build", str(out), folder=broken).stdout == f"removed {out}\n"
    assert not out.exists()


@pytest.mark.parametrize(
    "command", ["build", "run", "debug", "test", "check", "list", "size", "sym", "write", "clean"]
)
def test_each_command_tells_of_the_folder_for_builds(command: str) -> None:
    assert "--build DIR" in pykasm(command, "--help").stdout


def test_a_tree_that_cannot_be_written_to_is_built_in_the_users_caches(
    broken: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.rmtree(broken / "build")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert Project.load(broken).folder == broken / "build"
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != broken and may(path, mode))
    folder = Project.load(broken).folder
    assert folder.is_relative_to(tmp_path / "caches/pykasm")
    assert folder.name.startswith("demo-")
    this_project(broken)
    assert capsys.readouterr().err == f"{broken} can't be written to: building in {folder}\n"


# Escape sequences


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["colours", "NO_COLOR", "dumb"],
)
@pytest.mark.parametrize(
    "command", [("doctor",), ("check", "--explain", "E012"), ("list", "Main.run")], ids=" ".join
)
def test_a_terminal_gets_escape_sequences_only_if_it_wants_them(
    project: Path, command: tuple[str, ...], environment: dict[str, str], coloured: bool
) -> None:
    usual = {name: value for name, value in ENVIRONMENT.items() if name != "NO_COLOR"}
    terminal = spawn(project, *command, **{**usual, "TERM": "xterm-256color", **environment})
    terminal.expect(pexpect.EOF)
    assert ("\x1b" in terminal.before) == coloured


@pytest.mark.parametrize("command", [("doctor",), ("build",), ("list", "Main.run")], ids=" ".join)
def test_a_pipe_gets_no_escape_sequences(project: Path, command: tuple[str, ...]) -> None:
    shown = pykasm(*command, folder=project, NO_COLOR="", TERM="xterm-256color")
    assert "\x1b" not in shown.stdout + shown.stderr


# run and debug


def test_a_kernel_that_is_entered_directly_needs_no_tools_of_isos(
    broken: Path, tmp_path: Path
) -> None:
    shutil.rmtree(broken / "build")
    for name in ("ld", "qemu-system-x86_64"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    options = ("run", "--direct", "--timeout", "3")
    result = pykasm(*options, folder=broken, PATH=str(tmp_path))
    assert "hello from demo" in result.stdout
    assert result.returncode == 124
    assert "xorriso" in pykasm("build", folder=broken, PATH=str(tmp_path)).stderr


def test_run_shows_the_serial_line_until_the_time_is_up(project: Path) -> None:
    result = pykasm("run", "--direct", "--timeout", "3", folder=project)
    assert "hello from demo" in result.stdout
    assert result.stderr == "\nstopped after 3 s\n"
    assert result.returncode == 124


def spawn(folder: Path, *arguments: str, **environment: str) -> pexpect.spawn:
    """A command on a terminal, with the usual environment or another."""
    return pexpect.spawn(
        sys.executable,
        ["-m", "pykasm", *arguments],
        cwd=folder,
        env=environment or ENVIRONMENT,
        encoding="utf-8",
        timeout=PATIENCE,
    )


def test_ctrl_a_x_leaves(project: Path) -> None:
    terminal = spawn(project, "run", "--direct")
    terminal.expect_exact("hello from demo")
    terminal.send("\x01x")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_a_signal_ends_the_machine_too(project: Path) -> None:
    terminal = spawn(project, "run", "--direct", "--", "-name", "to-be-ended")
    terminal.expect_exact("hello from demo")
    terminal.kill(signal.SIGTERM)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 128 + signal.SIGTERM
    assert "to-be-ended" not in "".join(_command_lines())


def _command_lines() -> Iterator[str]:
    """The command line of each process."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # ended meanwhile
            yield file.read_text()


def test_run_annotates_addresses(broken: Path) -> None:
    replace(broken / "kernel/main.py", "hello from demo", "at 0xffffffff80106001 ")
    terminal = spawn(broken, "run", "--direct")
    terminal.expect(r"at 0xffffffff80106001 <Main.run\+0x1 kernel/main.py:\d+>")
    terminal.close(force=True)


def test_run_passes_arguments_to_qemu_and_shows_its_complaint(project: Path) -> None:
    result = pykasm("run", "--direct", "--", "-device", "toaster", folder=project)
    assert result.returncode == 1
    assert result.stderr.startswith("QEMU failed with status 1\n")
    assert "toaster" in result.stderr


def test_run_takes_memory_with_a_unit(project: Path) -> None:
    result = pykasm("run", "--direct", "--timeout", "3", "--memory", "64M", folder=project)
    assert "hello from demo" in result.stdout


@pytest.mark.parametrize("size", ["0", "-1", "5Q", "1.5G", ""])
def test_run_refuses_what_is_no_size_of_memory(project: Path, size: str) -> None:
    result = pykasm("run", "--memory", size, folder=project)
    assert result.returncode == 2
    assert f"{size!r} is no size of memory such as 64, 64M or 2G." in result.stderr


@pytest.mark.parametrize(("command", "missing"), [("run", 1), ("debug", 2)])
def test_run_and_debug_name_missing_programs_before_they_build(
    broken: Path, tmp_path: Path, command: str, missing: int
) -> None:
    shutil.rmtree(broken / "build")
    (tmp_path / "bin").mkdir()
    result = pykasm(command, folder=broken, PATH=str(tmp_path / "bin"))
    assert result.returncode == 1
    assert result.stderr.startswith(f"{missing} external program")
    assert "qemu-system-x86_64: for run, debug and boot tests, in the package" in result.stderr
    assert not (broken / "build").exists()


def test_run_says_what_windows_need(broken: Path, tmp_path: Path) -> None:
    qemu = tmp_path / "qemu-system-x86_64"
    qemu.write_text("#!/bin/sh\necho Available display backend types:\necho none\necho curses\n")
    qemu.chmod(0o755)
    result = pykasm("run", "--display", folder=broken, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert result.returncode == 1
    assert result.stderr == (
        "this QEMU has no windows to show a screen in\n"
        "help: on Debian or Ubuntu: sudo apt install qemu-system-gui\n"
    )


def test_run_refuses_to_enter_directly_under_uefi(project: Path) -> None:
    result = pykasm("run", "--direct", "--uefi", folder=project)
    assert result.stderr == "UEFI firmware starts no kernel directly: start from the ISO\n"
    assert result.returncode == 1


def test_run_waits_for_gdb(project: Path) -> None:
    terminal = spawn(project, "run", "--direct", "--gdb=wait")
    terminal.expect(r"attach with: (gdb [^\r\n]*)")
    attach = str(terminal.match[1])
    gdb = pexpect.spawn("sh", ["-c", attach], encoding="utf-8", timeout=PATIENCE)
    gdb.expect_exact("(gdb) ")
    gdb.sendline("continue")
    terminal.expect_exact("hello from demo")
    gdb.close(force=True)
    terminal.close(force=True)


def test_debug_stops_at_the_first_line(project: Path) -> None:
    terminal = spawn(project, "debug")
    terminal.expect(r"Boot\.start \(\)")
    terminal.expect_exact("(gdb) ")
    terminal.sendline("frame")
    terminal.expect(r"boot\.py:\d+\s+\d+\s+cli\(\)")
    terminal.sendline("continue")
    terminal.expect_exact("hello from demo")
    terminal.sendintr()
    terminal.expect_exact("(gdb) ")
    terminal.sendline("kill")
    terminal.sendline("quit")
    terminal.expect(pexpect.EOF)


ECHO = """\
            mov(edx, 0x3FD)
            in_(al, dx)
            with if_((al & 1) != 0):
                mov(edx, 0x3F8)
                in_(al, dx)
                out(dx, al)
"""


def test_debug_types_on_the_serial_line(broken: Path) -> None:
    replace(broken / "kernel/main.py", "            hlt()\n", ECHO)
    terminal = spawn(broken, "debug")
    terminal.expect_exact("(gdb) ")
    terminal.sendline("serial typed text")
    terminal.expect_exact("(gdb) ")
    terminal.sendline("continue")
    terminal.expect(r"hello from demo\s+typed text")
    terminal.sendintr()
    terminal.expect_exact("(gdb) ")
    terminal.close(force=True)


# new, test, write, doctor


def test_the_tests_of_a_new_project_pass(project: Path) -> None:
    result = pykasm("test", folder=project)
    assert "4 passed" in result.stdout
    assert result.returncode == 0


def test_without_pytest_one_message_says_what_brings_it(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "from importlib.machinery import PathFinder\n"
        "class Without(PathFinder):\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        "        return None if name == 'pytest' else super().find_spec(name, path, target)\n"
        "sys.meta_path[:] = [Without if one is PathFinder else one for one in sys.meta_path]\n"
    )
    result = pykasm("test", PYTHONPATH=f"{tmp_path}:{SOURCE}")
    assert result.returncode == 1
    assert result.stderr == (
        "pytest, which runs the tests, is not there\n"
        f"help: {sys.executable} -m pip install pytest\n"
    )


def test_the_mnemonic_test_is_not_taken_for_a_test(broken: Path) -> None:
    (broken / "tests/test_names.py").write_text(
        "from pykasm import *\n\n\ndef test_it():\n    assert callable(test)\n"
    )
    result = pykasm("test", "tests/test_names.py", folder=broken)
    assert "1 passed" in result.stdout
    assert "warning" not in result.stdout


def test_the_template_passes_the_linter(project: Path) -> None:
    ruff = [sys.executable, "-m", "ruff", "check", "--config", str(SOURCE / "pyproject.toml")]
    shown = subprocess.run([*ruff, "kernel"], cwd=project, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stdout


def test_a_failed_boot_test_shows_the_serial_line(broken: Path) -> None:
    (broken / "tests/test_boot.py").write_text(
        "def test_it(machine):\n    machine().expect('farewell', timeout=2)\n"
    )
    result = pykasm("test", folder=broken)
    assert result.returncode == 1
    assert "nothing matched `farewell` within 2 s" in result.stdout
    message, _, section = result.stdout.partition("serial line of machine 1")
    assert "hello from demo" in message
    assert "hello from demo" in section


def test_new_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    assert pykasm("new", ".", folder=tmp_path / "here").stdout == (
        "here is ready; now:\n  python -m pykasm run --direct\n"
    )
    assert pykasm("new", "a b/there", folder=tmp_path).stdout == (
        "there is ready; now:\n  cd 'a b/there'\n  python -m pykasm run --direct\n"
    )


def test_new_leaves_a_folder_with_contents_alone(project: Path) -> None:
    result = pykasm("new", str(project))
    assert result.stderr == f"{project} is there already and not an empty folder\n"
    assert result.returncode == 1


def test_new_refuses_a_name_that_python_packaging_refuses(tmp_path: Path) -> None:
    result = pykasm("new", str(tmp_path / "-a b"))
    assert result.returncode == 2 or "can't be the name of a project" in result.stderr


def test_write_refuses_what_is_no_disk(tmp_path: Path) -> None:
    (tmp_path / "a.iso").write_bytes(b"image")
    (tmp_path / "file").write_bytes(b"kept")
    result = pykasm("write", "file", "--iso", "a.iso", folder=tmp_path)
    assert result.stderr == "file is not a disk; --force writes to it nevertheless\n"
    assert result.returncode == 1


def test_write_asks_first(tmp_path: Path) -> None:
    (tmp_path / "a.iso").write_bytes(b"image")
    (tmp_path / "file").write_bytes(b"kept")
    result = pykasm("write", "file", "--iso", "a.iso", "--force", folder=tmp_path, text="n\n")
    assert result.stdout.startswith("Overwrite file? [y/N]: ")
    assert result.returncode == 1
    assert (tmp_path / "file").read_bytes() == b"kept"


def test_write_writes_when_told_to(tmp_path: Path) -> None:
    (tmp_path / "a.iso").write_bytes(b"image")
    (tmp_path / "file").write_bytes(b"kept")
    result = pykasm("write", "file", "--iso", "a.iso", "--force", "--yes", folder=tmp_path)
    assert result.stdout.endswith("a.iso is on file and verified\n")
    assert (tmp_path / "file").read_bytes() == b"image"


def test_guide_shows_the_guide() -> None:
    assert pykasm("guide").stdout == (SOURCE / "pykasm/README.md").read_text() + "\n"


def test_doctor_names_each_tool() -> None:
    shown = pykasm("doctor").stdout
    assert "qemu-system-x86_64" in shown
    assert "xorriso" in shown
