"""Numbers for open files."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.filetable import FIRST_CAPACITY, MOST_FILES, WORD, FileArrays, FileTable
from kernel.fs.recordlocks import RecordLocks
from kernel.mm.heap import Heap
from kernel.mm.slabs import SlabCache, Slabs
from pykasm import *

WORD_SHIFT = 6
"""log2 of the numbers by a word of a bitmap."""

BYTE_SHIFT = 3
"""log2 of the bits of a byte."""

ADDRESS_SHIFT = 3
"""log2 of the bytes of an address."""

BITMAPS = (("used", WORD_SHIFT), ("close_on_exec", WORD_SHIFT), ("full", 2 * WORD_SHIFT))
"""Each with log2 of the numbers by a word of it."""

TAKEN = 1
"""No address of a file: its number is taken, and there is none yet."""


class FileTables(LeakChecks):
    """Makes, copies and frees tables of open files, and finds, enters and removes their files. The
    lowest free number is found by two levels of bitmaps. Context: thread."""

    count = bss(U64)

    def __init__(self, slabs: Slabs, heap: Heap, files: Files, parts: RecordLocks) -> None:
        self.heap = heap
        self.files = files
        self.parts = parts
        self.records = SlabCache(slabs, "file table", FileTable)
        self.leak_checks = [leak_check("file tables", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of tables."""
        ret(self.count)

    # Making and freeing

    @function
    def create(self) -> Owned[OrNull[Ptr[FileTable]]]:
        """Return a table without files, or null without memory."""
        tail(self._create, FIRST_CAPACITY)

    @function
    def _create(self, capacity: Keep[U64]) -> Owned[OrNull[Ptr[FileTable]]]:
        """Return a table with room for `capacity` numbers, or null without memory."""
        table = keep(try_(self.records.allocate()))
        errdefer(self._free_record, table)
        table.references.start()
        mov(table.lock.next_ticket, 0)
        mov(table.lock.now_serving, 0)
        with unshared(table):
            mov(table.first_free, 0)
            fail_if(~self._allocate(address_of(table.arrays), capacity))
        lock.inc(self.count)
        ret(table)

    @function
    def _free_record(self, table: Owned[Ptr[FileTable]]) -> None:
        """Free the record of a table alone."""
        self.records.free(table)

    @function
    def _allocate(self, arrays: Keep[Ptr[FileArrays]], capacity: Keep[U64]) -> Bool:
        """Allocate empty arrays for `capacity` numbers. Returns whether there was memory."""
        size = scratch(capacity)
        shl(size, ADDRESS_SHIFT)
        files = keep(self.heap.allocate(size))
        fail_if(files == 0)
        errdefer(self.heap.free, files)
        mov(rax, capacity)
        shr(rax, BYTE_SHIFT - 1)  # two bitmaps
        mov(rcx, capacity)
        shr(rcx, WORD_SHIFT + BYTE_SHIFT)  # one bit for each of their words
        lea(rdi, bare[rax + rcx + sizeof(U64)])
        bits = scratch(try_(self.heap.allocate(rdi)))
        mov(arrays.capacity, capacity)
        mov(arrays.files, cast(files, Ptr[U64]))
        mov(arrays.used, cast(bits, Ptr[U64]))
        mov(rax, capacity)
        shr(rax, BYTE_SHIFT)
        lea(rdx, bare[bits + rax])
        mov(arrays.close_on_exec, rdx)
        add(rdx, rax)
        mov(arrays.full, rdx)
        disown(files, "the arrays have it")
        disown(bits, "the arrays have it")
        self._clear(arrays)
        ret(True)

    @inline(changes=(rax, rcx, rdi))
    def _clear(self, arrays: Ptr[FileArrays]) -> None:
        """Make new arrays empty."""
        xor(eax, eax)
        mov(rdi, arrays.files)
        mov(rcx, arrays.capacity)
        rep.stosq()
        mov(rdi, arrays.used)
        mov(rcx, arrays.capacity)
        shr(rcx, WORD_SHIFT - 1)  # the two bitmaps
        rep.stosq()
        mov(rcx, arrays.capacity)
        shr(rcx, 2 * WORD_SHIFT)
        inc(rcx)
        rep.stosq()

    @function
    def _free_arrays(self, arrays: Keep[Ptr[FileArrays]]) -> None:
        """Free arrays, but not the files."""
        self.heap.free(u64(arrays.files))
        self.heap.free(u64(arrays.used))

    @function(context="thread")
    def drop(self, table: Owned[Ptr[FileTable]]) -> None:
        """Drop a reference to `table`; close its files with the last one."""
        with if_(table.references.drop()):
            tail(self.free, table)

    @function(context="thread")
    def free(self, table: Keep[Owned[Ptr[FileTable]]]) -> None:
        """Close all files of `table`, which nobody has any more, and free it."""
        self.close_range(table, 0, MOST_FILES)
        with unshared(table):
            self._free_arrays(address_of(table.arrays))
        self._free_record(table)
        lock.dec(self.count)

    # Numbers

    @function(context="thread")
    def reserve(
        self, table: Keep[Ptr[FileTable]], least: U64, limit: Keep[U64], close_on_exec: Keep[Bool]
    ) -> OrErrno[I32]:
        """Return the lowest free number from `least` on for a file that is being opened, and take
        it; -EMFILE if it would not be below `limit`, -ENOMEM. `enter` or `release` follows."""
        number, capacity, start = keep(U64), keep(U64), local(U64)
        mov(start, least)
        with if_(limit > MOST_FILES):
            mov(limit, MOST_FILES)
        with loop():
            with table.lock.held():
                mov(rsi, start)
                with if_(rsi < table.first_free):
                    mov(rsi, table.first_free)
                mov(number, self._find_free(table, rsi))
                mov(capacity, table.arrays.capacity)
                with if_((number < capacity) & (number < limit)):
                    self._take(table, number, close_on_exec)
                    mov(rax, start)
                    with if_(rax <= table.first_free):
                        lea(rax, bare[number + 1])
                        mov(table.first_free, rax)
            fail_if(number >= limit, Errno.EMFILE)
            with if_(number < capacity):
                ret(i32(number))
            # Without the lock, as it allocates; then another number may be the lowest one
            try_(self._grow(table, number))

    @function(holds="table.lock")
    def _find_free(self, table: Ptr[FileTable], least: U64) -> U64:
        """Return the lowest number from `least` on that is not taken, perhaps one for which there
        is no room yet."""
        with if_(least >= table.arrays.capacity):
            ret(least)
        word, words = scratch(least), scratch(table.arrays.used)
        shr(word, WORD_SHIFT)
        mov(rcx, least)
        mov(rax, words[word])
        not_(rax)
        shr(rax, cl)  # by the number modulo 64
        with if_(rax != 0):
            bsf(rax, rax)
            add(rax, least)
            ret(rax)
        inc(word)
        # `least` may lie within the first word: only behind it can full words be skipped
        tail(self._find_word, table, word)

    @function(holds="table.lock")
    def _find_word(self, table: Ptr[FileTable], word: U64) -> U64:
        """Return the lowest number in or after the `word` of the bitmap that is not taken."""
        words, place, end = scratch(table.arrays.full), scratch(U64), scratch(U64)
        mov(end, table.arrays.capacity)
        shr(end, WORD_SHIFT)
        with while_(word < end):
            mov(place, word)
            shr(place, WORD_SHIFT)
            mov(rcx, word)
            mov(rax, words[place])
            not_(rax)
            shr(rax, cl)
            with if_(rax != 0):
                bsf(rax, rax)
                add(word, rax)
                break_()
            add(word, WORD)
            and_(word, -WORD)
        with if_(word >= end):
            ret(table.arrays.capacity)
        mov(words, table.arrays.used)
        mov(rcx, words[word])
        not_(rcx)
        bsf(rcx, rcx)
        shl(word, WORD_SHIFT)
        lea(rax, bare[word + rcx])
        ret(rax)

    @function(holds="table.lock")
    def _take(self, table: Ptr[FileTable], number: U64, close_on_exec: U32) -> None:
        """Mark `number` as taken."""
        word, words = scratch(number), scratch(table.arrays.used)
        shr(word, WORD_SHIFT)
        mov(rax, words[word])
        bts(rax, number)
        mov(words[word], rax)
        with if_(i64(rax) == -1):
            # No number of this word is free: a bit less to look at for `_find_word`
            mov(words, table.arrays.full)
            bts(at(words), word)
        mov(words, table.arrays.close_on_exec)
        btr(at(words), number)
        with if_(close_on_exec != 0):
            bts(at(words), number)

    @function(context="thread")
    def _grow(self, table: Keep[Ptr[FileTable]], number: U64) -> OrErrno[I32]:
        """Make room for `number`, which is below `MOST_FILES`. Returns 0 or -ENOMEM."""
        fresh, capacity = local(FileArrays), scratch(U64)
        mov(capacity, FIRST_CAPACITY)
        with while_(capacity <= number):
            add(capacity, capacity)
        fail_if(~self._allocate(address_of(fresh), capacity), Errno.ENOMEM)
        with table.lock.held():
            mov(rax, fresh.capacity)
            with if_(rax > table.arrays.capacity):  # or another thread was faster
                self._move(table, address_of(fresh))
        self._free_arrays(address_of(fresh))
        ret(0)

    @function(holds="table.lock")
    def _move(self, table: Ptr[FileTable], fresh: Ptr[FileArrays]) -> None:
        """Copy what `table` has to larger arrays, and exchange them."""
        arrays, larger = keep(address_of(table.arrays)), keep(fresh)
        self._copy_bits(arrays, larger)
        mov(rcx, arrays.capacity)
        mov(rsi, arrays.files)
        mov(rdi, larger.files)
        rep.movsq()
        for name in ("capacity", "files", "used", "close_on_exec", "full"):
            mov(rax, u64(getattr(arrays, name)))
            xchg(u64(getattr(larger, name)), rax)
            mov(u64(getattr(arrays, name)), rax)

    @function
    def _copy_bits(self, arrays: Ptr[FileArrays], larger: Ptr[FileArrays]) -> None:
        """Copy all bitmaps."""
        arrays, larger = scratch(arrays), scratch(larger)
        for name, shift in BITMAPS:
            mov(rcx, arrays.capacity)
            add(rcx, (1 << shift) - 1)
            shr(rcx, shift)
            mov(rsi, u64(getattr(arrays, name)))
            mov(rdi, u64(getattr(larger, name)))
            rep.movsq()

    @function
    def enter(self, table: Ptr[FileTable], number: U64, file: Owned[Ptr[File]]) -> None:
        """Make `file` that of a reserved `number`."""
        with table.lock.held():
            files = scratch(table.arrays.files)
            # The number was reserved, so nobody else enters a file there
            asserts(files[number] == 0)
            mov(files[number], u64(file))
            disown(file, "the table has it")

    @function
    def release(self, table: Keep[Ptr[FileTable]], number: Keep[U64]) -> None:
        """Give a reserved `number` back."""
        with table.lock.held():
            self._release(table, number)

    @function(holds="table.lock")
    def _release(self, table: Ptr[FileTable], number: U64) -> None:
        """Mark `number` as free."""
        with if_(number < table.first_free):
            mov(table.first_free, number)
        word, words = scratch(number), scratch(table.arrays.used)
        shr(word, WORD_SHIFT)
        btr(at(words), number)
        mov(words, table.arrays.full)
        btr(at(words), word)

    # Files

    @function
    def get(self, table: Ptr[FileTable], number: U32) -> Owned[OrNull[Ptr[File]]]:
        """Return a reference to the file `number`, or null."""
        file = scratch(Ptr[File])
        with table.lock.held():
            xor(u32(file), u32(file))
            with if_(u64(number) < table.arrays.capacity):
                files = scratch(table.arrays.files)
                mov(file, cast(files[number], Ptr[File]))
                with if_(file != 0):
                    file.references.gain()
        ret(file)

    @inline(changes=(rax, rcx))
    def find(self, table: Ptr[FileTable], number: U32) -> OrNull[Ptr[File]]:
        """Return the file `number` in rax, or null. Context: no other thread has `table`."""
        with unshared(table):
            mov(ecx, number)  # all of rcx
            xor(eax, eax)
            with if_(rcx < table.arrays.capacity):
                mov(rax, table.arrays.files)
                mov(rax, u64[rax + rcx * sizeof(U64)])
        return cast(rax, Ptr[File])

    @function
    def remove(self, table: Keep[Ptr[FileTable]], number: Keep[U64]) -> Owned[OrNull[Ptr[File]]]:
        """Remove the file `number`, and return the reference to it; null if there is none."""
        file = keep(Ptr[File])
        xor(u32(file), u32(file))
        with table.lock.held(), if_(number < table.arrays.capacity):
            files = scratch(table.arrays.files)
            xor(eax, eax)
            xchg(files[number], rax)
            mov(file, cast(rax, Ptr[File]))
            with if_(rax != 0):
                self._release(table, number)
        with if_(file != 0):
            take_over(file, "the table had it")
            # Without the lock: it takes others, and nobody finds the file by this number any more
            self._unlock(table, file)
        ret(file)

    @function(context="thread")
    def _unlock(self, table: Ptr[FileTable], file: Ptr[File]) -> None:
        """Unlock what processes with `table` have locked of the file that `file` has open: closing
        it by any number does that (fcntl(2))."""
        inode = scratch(file.inode)
        with if_(inode.records.next != 0):
            # Most files never had such locks, and then there is no list
            tail(self.parts.release, inode, u64(table))

    @function(context="thread")
    def close_range(self, table: Keep[Ptr[FileTable]], first: Keep[U64], last: Keep[U64]) -> None:
        """Close all files from the number `first` to `last`, with it."""
        with loop():
            mov(first, self.next_taken(table, first))
            break_if(first > last)
            self._close(table, first)
            inc(first)

    @function(context="thread")
    def _close(self, table: Ptr[FileTable], number: U64) -> None:
        """Close the file `number`, if there is one by now."""
        file = self.remove(table, number)
        with if_(file != 0):
            tail(self.files.drop, file)

    @function
    def mark_range(self, table: Keep[Ptr[FileTable]], first: Keep[U64], last: Keep[U64]) -> None:
        """Have the files from the number `first` to `last`, with it, be closed when another program
        is loaded."""
        with loop():
            mov(first, self.next_taken(table, first))
            break_if(first > last)
            file = keep(self.get(table, u32(first)))
            with if_(file != 0):
                self.set_close_on_exec(table, first, 1)
                self.files.drop(file)
            release(file)
            inc(first)

    @function
    def next_taken(self, table: Ptr[FileTable], number: U64) -> U64:
        """Return the lowest number from `number` on that is taken; 2**64 - 1 if none is."""
        with table.lock.held():
            arrays = scratch(address_of(table.arrays))
            self._taken_from(arrays, number)
        ret(number)

    @inline(changes=(rax, rcx, rdx, "number"))
    def _taken_from(self, arrays: Ptr[FileArrays], number: U64) -> U64:
        """Return the lowest number from the register `number` on that is taken; 2**64 - 1 if none
        is."""
        with loop():
            with if_(number >= arrays.capacity):
                mov(number, -1)
                break_()
            words = scratch(arrays.used)
            mov(rcx, number)
            mov(rdx, number)
            shr(rdx, WORD_SHIFT)
            mov(rax, words[rdx])
            release(words)
            shr(rax, cl)  # by the number modulo 64
            with if_(rax != 0):
                bsf(rax, rax)
                add(number, rax)
                break_()
            or_(number, WORD - 1)
            inc(number)
        return number

    @function(context="thread")
    def close_on_exec(self, table: Keep[Ptr[FileTable]]) -> None:
        """Close all files that are to be closed when another program is loaded."""
        number = keep(U64)
        xor(u32(number), u32(number))
        with loop():
            mov(number, self.next_taken(table, number))
            break_if(number > MOST_FILES)
            with if_(self.is_close_on_exec(table, number)):
                self._close(table, number)
            inc(number)

    @function
    def is_close_on_exec(self, table: Ptr[FileTable], number: U64) -> Bool:
        """Return whether the file `number`, for which there is room, is to be closed then."""
        result = scratch(Bool)
        with table.lock.held():
            xor(result, result)
            words = scratch(table.arrays.close_on_exec)
            bt(at(words), number)
            adc(result, 0)
        ret(result)

    @function
    def set_close_on_exec(self, table: Ptr[FileTable], number: U64, close_on_exec: Bool) -> None:
        """Set whether the open file `number` is to be closed then."""
        with table.lock.held():
            words = scratch(table.arrays.close_on_exec)
            with if_(close_on_exec):
                bts(at(words), number)
            with else_():
                btr(at(words), number)

    @function(context="thread")
    def replace(
        self,
        table: Keep[Ptr[FileTable]],
        number: Keep[U64],
        file: Keep[Owned[Ptr[File]]],
        close_on_exec: Keep[Bool],
    ) -> OrErrno[I32]:
        """Make `file` that of `number`, below `MOST_FILES`, and close what that was before. Returns
        0; -EBUSY while the number is taken for a file that is being opened, or -ENOMEM, and `file`
        is dropped."""
        old = keep(U64)
        errdefer(self.files.drop, file)
        try_(self._grow(table, number))
        with table.lock.held():
            mov(old, self._exchange(table, number, u64(file), close_on_exec))
        fail_if(old == TAKEN, Errno.EBUSY)
        disown(file, "the table has it")
        with if_(old != 0):
            take_over(old, "the table had it")
            self.files.drop(cast(old, Ptr[File]))
        ret(0)

    @function(holds="table.lock")
    def _exchange(
        self, table: Keep[Ptr[FileTable]], number: Keep[U64], file: Keep[U64], close_on_exec: U32
    ) -> U64:
        """Enter a file. Returns the one that was there, 0 for none; TAKEN if the number is taken
        without any."""
        files, words = keep(table.arrays.files), scratch(table.arrays.used)
        bt(at(words), number)
        with if_(CF & (files[number] == 0)):
            ret(TAKEN)
        self._take(table, number, close_on_exec)
        mov(rax, file)
        xchg(files[number], rax)
        ret(rax)

    @function(context="thread")
    def clone(self, table: Keep[Ptr[FileTable]]) -> Owned[OrNull[Ptr[FileTable]]]:
        """Return a table with the same files, or null without memory."""
        made, capacity, copied = keep(Ptr[FileTable]), keep(U64), keep(Bool)
        with loop():
            with table.lock.held():
                mov(capacity, table.arrays.capacity)
            mov(made, try_(self._create(capacity)))
            with table.lock.held():
                xor(copied, copied)
                # The table may have grown between the two: then room was made for too few
                with if_(capacity == table.arrays.capacity), unshared(made):
                    self._copy(address_of(table.arrays), address_of(made.arrays))
                    inc(copied)
            with if_(copied):
                ret(made)
            self.drop(made)

    @function
    def _copy(self, arrays: Keep[Ptr[FileArrays]], copy: Keep[Ptr[FileArrays]]) -> None:
        """Copy files and bits to empty arrays of the same capacity, without the numbers that have
        no file yet."""
        self._copy_bits(arrays, copy)
        number = keep(U64)
        xor(u32(number), u32(number))
        with loop():
            self._taken_from(arrays, number)
            break_if(i64(number) == -1)
            files = scratch(arrays.files)
            file = scratch(cast(files[number], Ptr[File]))
            with if_(file != 0):
                file.references.gain()
                disown(file, "the copy has it")
                mov(files, copy.files)
                mov(files[number], u64(file))
            with else_():
                mov(files, copy.used)
                # Reserved by another thread that is opening a file: it enters that in its own table
                btr(at(files), number)
                mov(files, copy.full)
                mov(rax, number)
                shr(rax, WORD_SHIFT)
                btr(at(files), rax)
            release(file, files)
            inc(number)
