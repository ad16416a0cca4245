"""The parts of `kernel/vm`, in the order of reading."""

from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.demandpaging import DemandPaging
from kernel.vm.gaps import Gaps
from kernel.vm.growingstacks import GrowingStacks
from kernel.vm.heaps import Heaps
from kernel.vm.largepages import LargePages
from kernel.vm.mappedregions import MappedRegions
from kernel.vm.memoryadvice import MemoryAdvice
from kernel.vm.overcommit import Overcommit
from kernel.vm.pagefaults import PageFaults
from kernel.vm.regions import Regions
from kernel.vm.remapping import Remapping
from kernel.vm.structcopy import StructCopy
from kernel.vm.useraccess import UserAccess
from kernel.vm.usercopy import UserCopy
from kernel.vm.userpages import UserPages
from kernel.vm.userranges import UserRanges
from kernel.vm.userwords import UserWords
from pykasm import *

CONTENTS: Contents = (
    UserAccess,  # code that touches the memory of programs
    PageFaults,  # what becomes of page faults
    Overcommit,  # how much memory programs may have
    LargePages,  # pages of 2 MiB
    UserPages,  # pages that programs may share
    UserRanges,  # entries for the pages of a range
    Regions,  # ranges of a program's addresses
    MappedRegions,  # regions together with their pages
    Gaps,  # room between regions
    AddressSpaces,  # what programs see of memory
    Heaps,  # the heaps of programs (brk(2))
    Remapping,  # moving memory to other addresses (mremap(2))
    MemoryAdvice,  # advice for memory, and locking it (madvise(2), mlock(2))
    GrowingStacks,  # stacks that grow when they are touched
    DemandPaging,  # pages that are made when they are touched
    UserWords,  # single words of programs' memory
    UserCopy,  # copies between programs and the kernel
    StructCopy,  # copies of structs that grow with versions
)
