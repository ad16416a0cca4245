"""What Linux calls the features that CPUID tells (arch/x86/include/asm/cpufeatures.h)."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.cpu.features import Leaf

WORD_BITS = 32

NAMELESS = "-"
"""Stands for a bit that has no name."""


@dataclass(frozen=True)
class FlagWord:
    """A register that CPUID leaves, and the names of its bits, from the lowest on."""

    leaf: int
    subleaf: int
    register: str
    text: str

    @property
    def names(self) -> list[str]:
        """Return a name for each bit, empty for those without one."""
        given = ["" if name == NAMELESS else name for name in self.text.split()]
        return given + [""] * (WORD_BITS - len(given))


def _at(**bits: int) -> str:
    """Return the names of a few bits."""
    names = {place: name for name, place in bits.items()}
    return " ".join(names.get(place, NAMELESS) for place in range(WORD_BITS))


FLAG_WORDS = (
    FlagWord(
        Leaf.BASIC,
        0,
        "d",
        "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts"
        " acpi mmx fxsr sse sse2 ss ht tm ia64 pbe",
    ),
    FlagWord(
        Leaf.EXTENDED,
        0,
        "d",
        _at(syscall=11, mp=19, nx=20, mmxext=22, fxsr_opt=25, pdpe1gb=26, rdtscp=27, lm=29),
    ),
    FlagWord(
        Leaf.BASIC,
        0,
        "c",
        "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm -"
        " pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand"
        " hypervisor",
    ),
    FlagWord(
        Leaf.EXTENDED,
        0,
        "c",
        "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop"
        " skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc"
        " perfctr_llc mwaitx",
    ),
    FlagWord(Leaf.POWER, 0, "d", _at(constant_tsc=8)),
    FlagWord(
        Leaf.STRUCTURED,
        0,
        "b",
        "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f"
        " avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd"
        " sha_ni avx512bw avx512vl",
    ),
    FlagWord(Leaf.EXTENDED_STATE, 1, "a", "xsaveopt xsavec xgetbv1 xsaves"),
    FlagWord(
        Leaf.STRUCTURED,
        0,
        "c",
        "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni"
        " avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid - bus_lock_detect cldemote -"
        " movdiri movdir64b enqcmd",
    ),
    FlagWord(
        Leaf.STRUCTURED,
        0,
        "d",
        _at(fsrm=4, md_clear=10, serialize=14, flush_l1d=28, arch_capabilities=29),
    ),
)
"""In the order in which they are shown."""
