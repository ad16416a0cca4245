"""Open files on their way to another program."""

from __future__ import annotations

from kernel.structures.list import ListHead
from pykasm import *

MOST_PASSED = 253
"""Files that one message passes, at most (unix(7): SCM_MAX_FD)."""


class PassedFiles(Struct):
    """Those that one message passes (Linux: `struct scm_fp_list`)."""

    link: ListHead
    """Where they wait to be closed."""
    user: U32
    """Who has sent them."""
    count: U32
    files: Array[U64]
    """References."""
