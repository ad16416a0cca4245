"""Who does something with files."""

from __future__ import annotations

from kernel.fs.credentials import Credentials
from kernel.fs.fscontext import FsContext
from pykasm import *


class Subject(Struct):
    """What matters of a thread for what it does with files. It has none of it itself: the thread,
    which does not change it meanwhile, does."""

    credentials: Ptr[Credentials]
    context: Ptr[FsContext]
