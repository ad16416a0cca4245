"""The parts of `kernel/structures`, in the order of reading."""

from kernel.structures.tree import Trees
from pykasm import *

CONTENTS: Contents = (
    Trees,  # search trees whose links lie in what they hold
)
