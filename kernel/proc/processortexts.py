"""Texts about processors."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.cpu.features import ANSWER, CpuidAnswer, Features, Leaf
from kernel.fs.inode import Inode
from kernel.fs.textwriter import TextWriter
from kernel.proc.processorflags import FLAG_WORDS, WORD_BITS
from kernel.proc.procsource import ProcSource, ProcText
from kernel.processors.processors import Processors
from pykasm import *

HZ_PER_KHZ, KHZ_PER_MHZ = 1000, 1000

VENDOR_SIZE, BRAND_SIZE = 12, 48
"""Bytes of the names that CPUID tells (AMD64 APM vol. 3, E.3.1, E.4.2)."""

FAMILY_MAX = 15
"""From here on a family has a second part, which is added (AMD64 APM vol. 3, E.3.2)."""

FIRST_EXTENDED_MODEL = 6
"""The first family whose models have a second part (Intel SDM vol. 2A, CPUID)."""

LINE_UNIT = 8
"""`Leaf.BASIC` tells the bytes of a cache line in these."""


class ProcessorTexts(ProcSource):
    """Writes what processors there are. They are all alike, and as the one that runs. Context:
    thread."""

    def __init__(
        self, writer: TextWriter, processors: Processors, features: Features, clock: Clock
    ) -> None:
        self.writer = writer
        self.processors = processors
        self.features = features
        self.clock = clock
        self.names = [rodata(Ptr[U8] * WORD_BITS, list(word.names)) for word in FLAG_WORDS]
        self.proc_files = [ProcText("cpuinfo", self.show_processors)]

    @function(context="thread")
    def show_processors(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write a paragraph for each processor, as Linux has it for this architecture. Each is
        shown as a core of its own in one package."""
        with self.processors.each() as processor:
            self.writer.print("processor\t: %u\n", processor.number)
            self._show_names()
            self._show_frequency()
            self.writer.print("physical id\t: 0\nsiblings\t: %u\n", self.processors.count)
            self.writer.print("core id\t\t: %u\n", processor.number)
            self.writer.print("cpu cores\t: %u\n", self.processors.count)
            self.writer.print(
                "apicid\t\t: %u\ninitial apicid\t: %u\n", processor.apic, processor.apic
            )
            self._show_flags()
            self._show_sizes()
        ret(0)

    @inline(changes=CALLER_SAVED)
    def _ask(self, leaf: int, subleaf: int, answer: CpuidAnswer) -> None:
        """Fill in a local `answer`."""
        self.features.ask(leaf, subleaf, address_of(answer))

    @function
    def _show_names(self) -> None:
        """Write who has made it, and what it is called."""
        answer, name = local(CpuidAnswer), local(U8 * (BRAND_SIZE + sizeof(U32)))
        self._ask(Leaf.HIGHEST, 0, answer)
        for place, register in enumerate(("b", "d", "c")):
            mov(eax, getattr(answer, register))
            mov(u32(name[place * sizeof(U32)]), eax)
        mov(name[VENDOR_SIZE], 0)
        start = scratch(address_of(name))
        self.writer.print("vendor_id\t: %s\n", start)
        self._show_model()
        mov(name[BRAND_SIZE], 0)
        for part in range(BRAND_SIZE // sizeof(CpuidAnswer)):
            self._ask(Leaf.BRAND + part, 0, answer)
            for place, register in enumerate(ANSWER):
                mov(eax, getattr(answer, register))
                mov(u32(name[part * sizeof(CpuidAnswer) + place * sizeof(U32)]), eax)
        start = scratch(address_of(name))
        self.writer.print("model name\t: %s\n", start)
        self._ask(Leaf.BASIC, 0, answer)
        mov(eax, answer.a)
        and_(eax, 0xF)
        self.writer.print("stepping\t: %u\n", rax)

    @function
    def _show_model(self) -> None:
        """Write family and model (AMD64 APM vol. 3, E.3.2)."""
        answer, family, model = local(CpuidAnswer), keep(U32), keep(U32)
        self._ask(Leaf.BASIC, 0, answer)
        self._take_bits(family, answer.a, 8, 4)
        self._take_bits(model, answer.a, 4, 4)
        with if_(family >= FIRST_EXTENDED_MODEL):
            self._take_bits(eax, answer.a, 16, 4)
            shl(eax, 4)
            add(model, eax)
        with if_(family == FAMILY_MAX):
            self._take_bits(eax, answer.a, 20, 8)
            add(family, eax)
        self.writer.print("cpu family\t: %u\nmodel\t\t: %u\n", family, model)

    @inline(changes="target")
    def _take_bits(self, target: U32, word: U32, first: int, count: int) -> None:
        """Load `target` with `count` bits of `word`, from bit `first` on."""
        mov(target, word)
        shr(target, first)
        and_(target, (1 << count) - 1)

    @function
    def _show_frequency(self) -> None:
        """Write the rate of the time-stamp counter, and the size of the second cache."""
        answer = local(CpuidAnswer)
        self._show_thousandths("cpu MHz\t\t: %u.%03u\n", 1)
        self._ask(Leaf.CACHE, 0, answer)
        self._take_bits(eax, answer.c, 16, 16)
        self.writer.print("cache size\t: %u KB\n", rax)

    @inline(changes=CALLER_SAVED)
    def _show_thousandths(self, format: str, factor: int) -> None:
        """Write so many times the MHz of the counter, in thousandths."""
        frequency = self.clock.frequency()
        imul(rax, frequency, factor)
        xor(edx, edx)
        mov(ecx, HZ_PER_KHZ)
        div(rcx)
        xor(edx, edx)
        mov(ecx, KHZ_PER_MHZ)
        div(rcx)
        self.writer.print(format, rax, rdx)

    @function
    def _show_flags(self) -> None:
        """Write what it can do."""
        answer = local(CpuidAnswer)
        self._ask(Leaf.HIGHEST, 0, answer)
        self.writer.print("fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\n", answer.a)
        self.writer.print("wp\t\t: yes\nflags\t\t:")
        for word, names in zip(FLAG_WORDS, self.names, strict=True):
            self._ask(word.leaf, word.subleaf, answer)
            self._show_word(getattr(answer, word.register), address_of(names))
        self.writer.print("\n")

    @function
    def _show_word(self, word: Keep[U32], name: Keep[Ptr[Ptr[U8]]]) -> None:
        """Write the names of the bits of `word` that have one."""
        with while_(word != 0):
            mov(rax, u64(at(name)))
            with if_((word & 1) & (u8[rax] != 0)):
                self.writer.print(" %s", cast(rax, Ptr[U8]))
            add(u64(name), sizeof(U64))
            shr(word, 1)

    @function
    def _show_sizes(self) -> None:
        """Write sizes of cache lines and addresses."""
        answer = local(CpuidAnswer)
        self._show_thousandths("bogomips\t: %u.%02u\n", 2)
        self._ask(Leaf.BASIC, 0, answer)
        self._take_bits(eax, answer.b, 8, 8)
        imul(eax, eax, LINE_UNIT)
        mov(answer.a, eax)
        self.writer.print("clflush size\t: %u\ncache_alignment\t: %u\n", answer.a, answer.a)
        self._ask(Leaf.SIZES, 0, answer)
        self._take_bits(eax, answer.a, 8, 8)
        self.writer.print(
            "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
            self.features.physical_bits,
            rax,
        )
