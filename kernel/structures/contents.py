"""The parts of `kernel/structures`, in the order of reading."""

from kernel.structures.sort import HeapSort
from kernel.structures.tree import Trees
from pykasm import *

CONTENTS: Contents = (
    HeapSort,  # sorting of arrays in place
    Trees,  # search trees whose links lie in what they hold
)
