"""Short stretches of code that no interrupt comes into."""

from collections.abc import Iterator
from contextlib import contextmanager

from pykasm import *


@inline
@contextmanager
def interrupts_disabled() -> Iterator[None]:
    """Keep interrupts off in the block, which ends at its end only; then they are as before.

    What is there for each processor is safe in it from handlers, and from threads that take over.
    """
    flags = local(U64)
    pushfq()
    pop(flags)
    cli()
    yield
    push(flags)
    popfq()
