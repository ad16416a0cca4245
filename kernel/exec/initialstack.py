"""The stack that a program begins with."""

from __future__ import annotations

from typing import Any

from kernel.cpu.features import Features, Structured
from kernel.cpu.pagetable import PAGE
from kernel.exec.addresslayouts import AddressLayouts
from kernel.exec.argumentlist import ArgumentList
from kernel.exec.argumentlists import ArgumentLists
from kernel.exec.auxiliary import CLOCK_TICKS, AuxiliaryType, HardwareCapability
from kernel.exec.loader import ElfImage
from kernel.exec.loadrequest import LoadRequest
from kernel.fs.chacha import BLOCK
from kernel.fs.randomness import Randomness
from kernel.process.elf import ProgramHeader
from kernel.signals.signalframes import SignalFrames
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.region import Region, RegionFlags
from kernel.vm.rights import Rights
from kernel.vm.usercopy import UserCopy
from pykasm import *

FIRST_STACK = 128 << 10
"""Bytes of a stack that are mapped before it grows (Linux: stack_expand in fs/exec.c)."""

ALIGNMENT = 16
"""Of rsp where a program begins (System V ABI AMD64 supplement, 3.4.1)."""


PLATFORM = "x86_64"
"""What AT_PLATFORM says."""

RANDOM_BYTES = 16
"""What AT_RANDOM leads to."""

IMAGE_ROWS = 5
OTHER_ROWS = 16
VECTOR_WORDS = 2 * (IMAGE_ROWS + OTHER_ROWS)
"""Words of the auxiliary vector."""
VECTOR_SIZE = VECTOR_WORDS * sizeof(U64)


class StackContents(Struct):
    """Where things are on a stack that is being filled."""

    top: U64
    name: U64
    """What AT_EXECFN leads to."""
    platform: U64
    random: U64
    texts: U64
    """Arguments and environment."""
    environment: U64
    """Where the latter begins."""


class InitialStack(Subsystem):
    """Puts what a program is told on its stack: how many arguments there are, where each is, where
    the variables of its environment are, the auxiliary vector, and above these the texts (System V
    ABI AMD64 supplement, figure 3.9). Context: a thread in the space."""

    def __init__(
        self,
        spaces: AddressSpaces,
        layouts: AddressLayouts,
        copy: UserCopy,
        lists: ArgumentLists,
        randomness: Randomness,
        features: Features,
        signals: SignalFrames,
    ) -> None:
        self.spaces = spaces
        self.layouts = layouts
        self.copy = copy
        self.lists = lists
        self.randomness = randomness
        self.features = features
        self.signals = signals

    @function(context="thread", sleeps=True)
    def map(self, space: Keep[Ptr[AddressSpace]]) -> OrErrno[I32]:
        """Map the memory of the stack. Returns 0 or an error."""
        region = local(Region)
        self.layouts.place_stack(space)
        mov(rax, space.stack_top)
        mov(region.end, rax)
        sub(rax, FIRST_STACK)
        mov(region.node.key, rax)
        mov(region.offset, rax)
        mov(region.rights, Rights.READ | Rights.WRITE)
        # What is mapped is a beginning: faults below it make it larger, up to the limit
        mov(region.flags, RegionFlags.GROWS_DOWN)
        mov(region.backing, 0)
        result = self.spaces.map_region(space, address_of(region))
        ret(result)

    @function(context="thread", sleeps=True)
    def fill(
        self,
        request: Keep[Ptr[LoadRequest]],
        image: Keep[Ptr[ElfImage]],
        interpreter: Keep[Ptr[ElfImage]],
    ) -> OrErrno[I32]:
        """Fill the stack for the program of `request`, and note where rsp begins. `interpreter` has
        no end if there is none. Returns 0 or an error."""
        contents, vector = local(StackContents), local(U64 * VECTOR_WORDS)
        stack = address_of(contents)
        space = scratch(request.space)
        mov(rax, space.stack_top)
        release(space)
        sub(rax, sizeof(U64))  # the last word is 0
        mov(contents.top, rax)
        # From the top down, as the vector below points up to these
        try_(self._push_facts(stack, request.first_name))
        try_(self._push_texts(stack, request.list))
        self._align(stack, request.list)
        self._describe_image(address_of(vector), image, interpreter)
        rest = address_of(vector[2 * IMAGE_ROWS])
        self._describe_rest(rest, stack, request)
        try_(self._push(stack, address_of(vector), VECTOR_SIZE))
        space = scratch(request.space)
        mov(rax, contents.top)
        mov(space.auxiliary, rax)
        add(rax, VECTOR_SIZE)
        mov(space.auxiliary_end, rax)
        release(space)
        try_(self._store_pointers(stack, request.list))
        mov(rax, contents.top)
        mov(request.rsp, rax)
        self._note_texts(request.space, stack, request.list)
        ret(0)

    @inline(changes=rax)
    def _note_texts(
        self, space: Ptr[AddressSpace], stack: Ptr[StackContents], list: Ptr[ArgumentList]
    ) -> None:
        """Note in `space` where its texts are."""
        space, list, stack = scratch(space), scratch(list), scratch(stack)
        mov(rax, stack.texts)
        mov(space.arguments, rax)
        mov(rax, stack.environment)
        mov(space.environment, rax)
        mov(rax, stack.texts)
        add(rax, list.size)
        mov(space.environment_end, rax)

    @function(context="thread", sleeps=True)
    def _push(self, stack: Ptr[StackContents], source: U64, length: U64) -> OrErrno[I32]:
        """Push `length` bytes of the kernel's. Returns 0 or an error."""
        sub(stack.top, length)
        mov(rax, stack.top)
        result, left = self.copy.copy_out(cast(rax, User[U8]), source, length)
        ignore(left)
        ret(result)

    @function(context="thread", sleeps=True)
    def _push_facts(self, stack: Keep[Ptr[StackContents]], name: Keep[Ptr[U8]]) -> OrErrno[I32]:
        """Push what the auxiliary vector only points to. Returns 0 or an error."""
        block = local(U8 * BLOCK)
        mov(rdi, name)
        # No limit: the kernel's own text ends
        mov(rcx, -1)
        xor(eax, eax)
        repne.scasb()
        sub(rdi, name)
        try_(self._push(stack, u64(name), rdi))
        mov(rax, stack.top)
        mov(stack.name, rax)
        mov(rsi, text(PLATFORM))
        try_(self._push(stack, rsi, len(PLATFORM) + 1))
        mov(rax, stack.top)
        mov(stack.platform, rax)
        self.randomness.next_block(address_of(block))
        try_(self._push(stack, address_of(block), RANDOM_BYTES))
        mov(rax, stack.top)
        mov(stack.random, rax)
        ret(0)

    @function(context="thread", sleeps=True)
    def _push_texts(
        self, stack: Keep[Ptr[StackContents]], list: Keep[Ptr[ArgumentList]]
    ) -> OrErrno[I32]:
        """Push all texts of `list`. Returns 0 or an error."""
        target, position, part = keep(stack.top), keep(U64), local(U64)
        sub(target, list.size)
        mov(stack.top, target)
        mov(stack.texts, target)
        xor(u32(position), u32(position))
        with while_(lambda: position < list.size):
            source, room = self.lists.at(list, position)
            mov(rcx, list.size)
            sub(rcx, position)
            # Texts lie in pages of their own until now, and are copied piece by piece
            with if_(rcx > room):
                mov(rcx, room)
            mov(part, rcx)
            result, left = self.copy.copy_out(cast(target, User[U8]), source, part)
            ignore(left)
            with if_(result != 0):
                ret(result)
            mov(rax, part)
            add(target, rax)
            add(position, rax)
        ret(0)

    @function
    def _align(self, stack: Ptr[StackContents], list: Ptr[ArgumentList]) -> None:
        """Move the top such that it is aligned when all words that follow are there."""
        mov(eax, list.argument_count)
        add(eax, list.environment_count)
        # rsp is a multiple of 16 where a program begins (System V ABI, 3.4.1)
        and_(stack.top, -ALIGNMENT)
        with if_(~(eax & 1)):  # beside the pointers, the vector and an odd number of words
            sub(stack.top, sizeof(U64))

    @inline(changes=(rax, "vector"))
    def _add(self, vector: Ptr[U64], type: AuxiliaryType, value: Any, is_short: bool) -> None:
        """Store a row of the auxiliary vector, whose value has 32 bits if it `is_short`, and move
        on."""
        mov(eax if is_short else rax, value)
        mov(vector[1], rax)
        mov(vector[0], int(type))
        add(u64(vector), 2 * sizeof(U64))

    @function
    def _describe_image(
        self, vector: Ptr[U64], image: Ptr[ElfImage], interpreter: Ptr[ElfImage]
    ) -> None:
        """Make the rows of the auxiliary vector about where the program is."""
        headers, entry, base = scratch(image.headers), scratch(U64), scratch(U64)
        # 0 says that they are not in memory, which a bias must not hide
        with if_(headers != 0):
            add(headers, image.bias)
        mov(entry, image.header.entry)
        add(entry, image.bias)
        xor(u32(base), u32(base))
        with if_(interpreter.end != 0):
            mov(base, interpreter.bias)
        count = scratch(U64)
        movzx(u32(count), image.header.program_header_count)
        rows: list[tuple[AuxiliaryType, Any]] = [
            (AuxiliaryType.PROGRAM_HEADERS, headers),
            (AuxiliaryType.PROGRAM_HEADER_SIZE, sizeof(ProgramHeader)),
            (AuxiliaryType.PROGRAM_HEADER_COUNT, count),
            (AuxiliaryType.BASE, base),
            (AuxiliaryType.ENTRY, entry),
        ]
        assert len(rows) == IMAGE_ROWS
        for type, value in rows:
            self._add(vector, type, value, is_short=False)

    @function
    def _describe_rest(
        self,
        vector: Keep[Ptr[U64]],
        stack: Keep[Ptr[StackContents]],
        request: Keep[Ptr[LoadRequest]],
    ) -> None:
        """Make the other rows: about the machine, and who the program is."""
        # Before registers are taken for rows, as it is a call
        least = keep(self.signals.frame_room())
        more = scratch(U64)
        xor(u32(more), u32(more))
        with if_(self.features.structured & Structured.FSGSBASE):
            # That the processor has them is not enough: the kernel has to let programs use them
            mov(u32(more), HardwareCapability.FSGSBASE)
        credentials = scratch(request.credentials)
        asserts(credentials != 0)
        short: list[tuple[AuxiliaryType, Any]] = [
            (AuxiliaryType.CAPABILITIES, self.features.basic),
            (AuxiliaryType.USER, credentials.user),
            (AuxiliaryType.EFFECTIVE_USER, credentials.effective_user),
            (AuxiliaryType.GROUP, credentials.group),
            (AuxiliaryType.EFFECTIVE_GROUP, credentials.effective_group),
            (AuxiliaryType.SECURE, request.is_secure),
        ]
        rows: list[tuple[AuxiliaryType, Any]] = [
            (AuxiliaryType.VDSO, request.vdso),
            (AuxiliaryType.PAGE_SIZE, PAGE),
            (AuxiliaryType.CLOCK_TICKS, CLOCK_TICKS),
            (AuxiliaryType.FLAGS, 0),
            (AuxiliaryType.RANDOM, stack.random),
            (AuxiliaryType.MORE_CAPABILITIES, more),
            (AuxiliaryType.FILE_NAME, stack.name),
            (AuxiliaryType.PLATFORM, stack.platform),
            (AuxiliaryType.LEAST_SIGNAL_STACK, least),
            (AuxiliaryType.NULL, 0),
        ]
        assert len(short) + len(rows) == OTHER_ROWS
        for type, value in short:
            self._add(vector, type, value, is_short=True)
        for type, value in rows:
            self._add(vector, type, value, is_short=False)

    @function(context="thread", sleeps=True)
    def _store_pointers(
        self, stack: Keep[Ptr[StackContents]], list: Keep[Ptr[ArgumentList]]
    ) -> OrErrno[I32]:
        """Store the number of arguments, and where each text is. Returns 0 or an error."""
        word, position, count = keep(stack.top), keep(U64), keep(U32)
        mov(eax, list.argument_count)
        add(eax, list.environment_count)
        shl(rax, 3)
        sub(word, rax)
        sub(word, 3 * sizeof(U64))  # the number, and a null behind both kinds of texts
        mov(stack.top, word)
        mov(eax, list.argument_count)
        try_(self._store(word, rax))
        xor(u32(position), u32(position))
        for name in ("argument_count", "environment_count"):
            mov(count, getattr(list, name))
            with while_(count != 0):
                add(word, sizeof(U64))
                mov(rax, stack.texts)
                add(rax, position)
                try_(self._store(word, rax))
                # Behind its zero, where the next one begins
                mov(position, self.lists.end_of(list, position))
                dec(count)
            if name == "argument_count":
                mov(rax, stack.texts)
                add(rax, position)
                mov(stack.environment, rax)
            add(word, sizeof(U64))
            try_(self._store(word, 0))
        ret(0)

    @function(context="thread", sleeps=True)
    def _store(self, place: U64, value: U64) -> OrErrno[I32]:
        """Store `value` at the program's `place`. Returns 0 or an error."""
        word = local(U64)
        mov(word, value)
        result, left = self.copy.copy_out(cast(place, User[U8]), address_of(word), sizeof(U64))
        ignore(left)
        ret(result)
