"""The parts of `kernel/paging`, in the order of reading."""

from kernel.paging.entryformat import EntryFormat
from kernel.paging.walk import PageWalk
from pykasm import *

CONTENTS: Contents = (
    EntryFormat,  # what page-table entries may hold
    PageWalk,  # what an address leads to
)
