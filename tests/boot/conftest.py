"""What tests of running machines share."""

import pytest

from pykasm.machine.images import Images
from pykasm.machine.symbols import SymbolTable


@pytest.fixture(scope="session")
def kernel_symbols(kernel_images: Images) -> SymbolTable:
    """The symbols of the kernel under test."""
    return SymbolTable.from_elf(kernel_images.project.kernel)
