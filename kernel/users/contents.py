"""The parts of `kernel/users`, in the order of reading."""

from kernel.users.useraccounts import UserAccounts
from pykasm import *

CONTENTS: Contents = (
    UserAccounts,  # what each of them has
)
