"""What the command `irq` shows of processors, on one that takes all of their places in turn."""

from __future__ import annotations

from typing import Any

from kernel.cpu.pagetable import PAGE
from kernel.cpu.percpu import PerCpu
from kernel.interrupts.localapic import LocalApic
from kernel.irq.deferred import Deferred
from kernel.irq.lines import Lines
from kernel.monitor.commands.irq import InterruptCommands
from kernel.processors.processors import Processors
from tests.host.console_support import Paper, host_for, parts_on, written

BLOCKS = 0xFFFF_C200_0000_0000
"""Where the per-CPU blocks lie."""


def test_errors_of_all_processors_are_shown() -> None:
    paper: Any = Paper()
    parts = parts_on(paper, Lines, Deferred)
    per_cpu, apic, processors = parts[PerCpu], parts[LocalApic], parts[Processors]
    commands = parts[InterruptCommands]
    host = host_for(commands, processors, per_cpu)
    host.map(BLOCKS, 4 * 4 * PAGE)
    for number, bits in enumerate(([], [0x80], [0x20, 0x40], [])):
        host.call(per_cpu.fill, BLOCKS + number * 4 * PAGE)
        host.call(per_cpu.use, BLOCKS + number * 4 * PAGE, number)
        host.stub(apic.id, lambda number=number: number)
        host.call(processors.enter)
        for one in bits:
            host.stub(apic.read_errors, lambda one=one: one)
            host.call(apic.note_error, 0)
    host.call(commands.show_errors)
    assert written(host, paper).decode().splitlines() == [
        "cpu 1: 1 errors of its local APIC, the last 0x80",
        "cpu 2: 2 errors of its local APIC, the last 0x40",
    ]
