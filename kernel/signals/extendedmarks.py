"""What tells programs of saved x87, SSE and AVX registers."""

from __future__ import annotations

from pykasm import *

MAGIC1 = 0x4650_5853
MAGIC2 = 0x4650_5845
"""What says that there is more than FXSAVE writes: FP_XSTATE_MAGIC1 in front and FP_XSTATE_MAGIC2
behind it (arch/x86/include/uapi/asm/sigcontext.h)."""

MARKS_PADDING = 7
"""Words at the end of `ExtendedMarks`."""


class ExtendedMarks(Struct):
    """What is told of a saved state, in `SaveArea.software`: Linux's `struct _fpx_sw_bytes`."""

    magic: U32
    extended_size: U32
    """Bytes of the state, with MAGIC2 behind it."""
    components: U64
    size: U32
    """Those of the state alone."""
    padding: Array[U32] = field(count=MARKS_PADDING)
