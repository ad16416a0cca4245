"""E063: a section both writable and executable."""

from pykasm import *
from pykasm.link.layout import Layout, OutputSection


class Program(Subsystem):
    """Code, and data that it writes."""

    runs = data(U64, 0)

    @function
    def run(self) -> None:
        """Count how often this runs."""
        inc(self.runs)


class Broken(Program):
    """Puts all in one section."""

    inputs = (".text", ".data")
    sections = (OutputSection(".all", "r-x", inputs),)


class Mended(Program):
    """Keeps apart what runs and what is written."""

    sections = (OutputSection(".text", "r-x"), OutputSection(".data", "rw-"))


def image(program: Broken | Mended) -> Image:
    """The image, with a layout of its own."""
    layout = Layout("run", program.sections)
    return Image(entry=program.run, subsystems=[program], layout=layout)
