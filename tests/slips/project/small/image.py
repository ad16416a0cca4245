"""What is built."""

from pykasm import *
from small.boot import Boot
from small.contents import CONTENTS
from small.main import Main


def image() -> Image:
    """The whole program."""
    parts = Parts(CONTENTS)
    subsystems = parts.all(Subsystem)
    return Image(entry=parts[Boot].start, subsystems=subsystems, on_assert=parts[Main].failed)


def quiet() -> Image:
    """The program without what it can do without."""
    parts = Parts(CONTENTS, roots=[Boot])
    return Image(entry=parts[Boot].start, subsystems=parts.all(Subsystem), complete=False)
