"""What may be done with a page of the kernel, as flags of its entry."""

from kernel.cpu.pagetable import NO_EXECUTE, PageFlags

READ = PageFlags.PRESENT | PageFlags.GLOBAL | NO_EXECUTE
WRITE = READ | PageFlags.WRITE
EXECUTE = PageFlags.PRESENT | PageFlags.GLOBAL
FRAMEBUFFER = WRITE | PageFlags.WRITE_THROUGH
"""Not cached, but stores are combined: so `Protection` has the processor read this flag."""
DEVICE = WRITE | PageFlags.CACHE_DISABLE | PageFlags.WRITE_THROUGH
"""Device registers: neither cached nor reordered (AMD64 APM vol. 2, 7.8.1)."""
