"""The pytest plugin of pykasm: kernels booted by the fixture `machine`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pykasm.machine.images import Images
    from pykasm.machine.session import Machine

MakeMachine = Callable[..., "Machine"]

_MACHINES: pytest.StashKey[list[Machine]] = pytest.StashKey()
"""The machines of a test, kept for the report."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options."""
    group = parser.getgroup("pykasm")
    group.addoption(
        "--qemu-cpu", metavar="MODEL", help="run machines with this processor of QEMU's"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect no mnemonics as tests: `from pykasm import *` brings `test` and `testui`."""
    config.addinivalue_line(
        "filterwarnings", "ignore:cannot collect 'test(ui)?' because:pytest.PytestCollectionWarning"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the last serial output of a failed test's machines to its report."""
    report = yield
    if report.when == "call" and report.failed and _MACHINES in item.stash:
        machines = item.stash[_MACHINES]
        for number, machine in enumerate(machines, 1):
            report.sections.append((f"serial line of machine {number}", machine.last_output()))
    return report


@pytest.fixture(scope="session")
def kernel_images(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Images:
    """The project's kernel and ISOs, built once a run."""
    from pykasm.build.project import Project
    from pykasm.machine.images import Images

    return Images.build(Project.load(request.config.rootpath), tmp_path_factory.mktemp("images"))


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Iterator[MakeMachine]:
    """Makes machines that run the project's kernel, and ends them after the test.

    `machine()` enters the kernel directly with the command line `test`; `machine(direct=False)`
    starts the ISO under a BIOS and `machine(uefi=True)` under UEFI. `image` is the name of
    another image of the project's. `command_line`, `lifetime` and the fields of `MachineOptions`
    can be given too.
    """
    images: Images = request.getfixturevalue("kernel_images")
    machines = request.node.stash.setdefault(_MACHINES, [])

    def make(*, image: str | None = None, **settings: Any) -> Machine:
        chosen = images if image is None else images.of_image(image)
        settings.setdefault("cpu", request.config.getoption("--qemu-cpu") or images.project.cpu)
        made = chosen.machine(**settings)
        machines.append(made)
        return made

    yield make
    for one in machines:
        one.close()
