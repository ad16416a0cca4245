"""The machine that kernels run on: QEMU, its serial line and monitor, gdb, symbols."""
