"""What holds across calls: which locks code takes, what calls what, where interrupts are on.

Facts about one piece are computed along its paths; facts about what it calls are closed over the
call graph. Locks are bits of a set.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from iced_x86 import Mnemonic

from pykasm.check.facts import ENTRY, OFF, ON, SAME, Call, Facts, Situation
from pykasm.check.finding import span_of
from pykasm.check.graph import Graph, JumpTables, Node
from pykasm.errors import Note
from pykasm.isa.code import Line
from pykasm.isa.statement import BranchTarget
from pykasm.lang.builder import line_span
from pykasm.lang.locking import LockAction, LockEvent
from pykasm.lang.objects import PlacedPiece
from pykasm.objects.debug import EntryFrame
from pykasm.source import Source, Span

EVERY = -1
"""All locks, as a set."""

_BY_INTERRUPT = (EntryFrame.INTERRUPT, EntryFrame.INTERRUPT_WITH_ERROR)


class Summary:
    """The facts of all pieces of a build, and what follows from them."""

    def __init__(
        self,
        pieces: Mapping[str, PlacedPiece],
        tables: JumpTables,
        pointers: Mapping[str, Sequence[str]],
    ) -> None:
        self.pieces = {
            symbol: placed for symbol, placed in pieces.items() if placed.piece.bits == 64
        }
        self._tables = tables
        self._pointers = pointers
        self.facts = {
            symbol: Facts(placed.piece, self._targets) for symbol, placed in self.pieces.items()
        }
        self._graphs: dict[str, Graph] = {}
        self._exits = dict.fromkeys(self.facts, SAME)
        self._follow()

    def followed(self) -> list[Facts]:
        """The facts of all pieces that change locks or interrupts."""
        return [facts for facts in self.facts.values() if facts.situations]

    # Locks

    @cached_property
    def locks(self) -> list[str]:
        """The names of all locks; a lock's place is its bit."""
        pieces = [facts.piece for facts in self.facts.values()]
        found = {event.lock for piece in pieces for event in piece.lock_events}
        return sorted(found | {piece.holds for piece in pieces if piece.holds})

    @cached_property
    def bits(self) -> dict[str, int]:
        """Each lock as a set."""
        return {name: 1 << number for number, name in enumerate(self.locks)}

    def names(self, locks: int) -> list[str]:
        """The names of a set of locks."""
        return [name for number, name in enumerate(self.locks) if locks >> number & 1]

    def taken_under(self, symbol: str) -> int:
        """The locks that `symbol` or what it calls takes."""
        return self._taken.get(symbol, 0)

    @cached_property
    def _taken(self) -> dict[str, int]:
        taken: dict[str, int] = defaultdict(int)
        for name, first in self._takers.items():
            for symbol in first:
                taken[symbol] |= self.bits[name]
        return taken

    @cached_property
    def _takers(self) -> dict[str, dict[str, Call | None]]:
        """For each lock, what takes it: by the call that leads there, None where it happens.

        Code that breaks the lock open may take it whoever holds it.
        """
        return {
            name: self.leading_to(
                self._that(LockAction.TAKE, name),
                except_for=self.leading_to(self._that(LockAction.BREAK, name)),
            )
            for name in self.locks
        }

    def _that(self, action: LockAction, lock: str) -> list[str]:
        return [
            symbol
            for symbol, facts in self.facts.items()
            if any(one.action is action and one.lock == lock for one in facts.piece.lock_events)
        ]

    def way_to_lock(self, symbol: str, lock: str) -> list[Note]:
        """How `symbol` comes to take `lock`: the calls, then the instruction."""
        notes, last = self.way(symbol, self._takers[lock])
        return [*notes, self.where_taken(last, lock)]

    def place(self, symbol: str, line: Line) -> Span:
        """The line of the piece's own body that led to `line`, which a lock may have written."""
        return line_span(Source(self.facts[symbol].piece.declared.file, line.body_line))

    def where_taken(self, symbol: str, lock: str) -> Note:
        """The first instruction in `symbol` that takes `lock`."""
        nodes = self.graph(symbol).nodes
        for index, events in self.facts[symbol].events.items():
            if any(one.action is LockAction.TAKE and one.lock == lock for one in events):
                return Note(self.place(symbol, nodes[index].line), f"`{symbol}` takes `{lock}`")
        raise LookupError(lock)

    @cached_property
    def held_at_entry(self) -> dict[str, int]:
        """The locks that all callers of a piece hold, or that it says they do."""
        held = {symbol: self._promised(symbol) for symbol in self.facts}
        waiting = [symbol for symbol, locks in held.items() if locks != EVERY]
        for symbol in waiting:  # grows while what callees find changes
            for call in self.facts[symbol].calls:
                known = held[call.callee]
                less = known & self.held_at(call, held)
                if less != known and not self.facts[call.callee].piece.holds:
                    held[call.callee] = less
                    waiting.append(call.callee)
        return held

    def held_at(self, call: Call, at_entry: Mapping[str, int] | None = None) -> int:
        """The locks that are held at a call on every path to it."""
        entry = self.held_at_entry if at_entry is None else at_entry
        return self.facts[call.caller].before(call.at).must | entry[call.caller]

    def _promised(self, symbol: str) -> int:
        """The locks held at entry so far as the piece itself tells: all where callers decide."""
        piece = self.facts[symbol].piece
        if piece.holds:
            return self.bits[piece.holds]
        known = symbol in self.callers and symbol not in self._pointed_to and not piece.exported
        return EVERY if known else 0

    @cached_property
    def _pointed_to(self) -> set[str]:
        """What is reached by pointers, from code that nobody knows."""
        found = {symbol for table in self._pointers.values() for symbol in table}
        for facts in self.facts.values():
            found.update(facts.addresses)
        return found

    # Contexts

    @cached_property
    def entered_by_interrupts(self) -> list[str]:
        """Code that the processor enters by itself."""
        return [
            symbol
            for symbol, facts in self.facts.items()
            if facts.piece.entered in _BY_INTERRUPT and not facts.piece.pushed
        ]

    @cached_property
    def in_interrupts(self) -> list[str]:
        """Code that runs where interrupts brought the processor, or says that it does."""
        return [
            symbol
            for symbol, facts in self.facts.items()
            if facts.piece.entered in _BY_INTERRUPT or facts.piece.context == "interrupt"
        ]

    @cached_property
    def sleepers(self) -> dict[str, Call | None]:
        """What may sleep, by the call that leads there."""
        return self.leading_to(self._sleeping)

    @cached_property
    def sleepers_as_entered(self) -> dict[str, Call | None]:
        """What may sleep with interrupts as they were when it was entered."""
        return self.leading_to(self._sleeping, by=lambda call: bool(self._at(call) & SAME))

    @property
    def _sleeping(self) -> list[str]:
        return [symbol for symbol, facts in self.facts.items() if facts.piece.sleeps]

    @cached_property
    def thread_code(self) -> dict[str, Call | None]:
        """What leads to functions that state that they run in a thread, by the call there."""
        return self.leading_to(
            symbol for symbol, facts in self.facts.items() if facts.piece.context == "thread"
        )

    def way_to_sleep(self, symbol: str, sleepers: Mapping[str, Call | None]) -> list[Note]:
        """How `symbol` comes to sleep."""
        notes, last = self.way(symbol, sleepers)
        declared = line_span(self.facts[last].piece.declared)
        return [*notes, Note(declared, f"`{last}` sleeps")]

    @cached_property
    def entered_on(self) -> dict[str, Call | None]:
        """What may be entered with interrupts on, by the call that does so."""
        found: dict[str, Call | None] = {
            symbol: None for symbol, facts in self.facts.items() if facts.piece.context == "thread"
        }
        for facts in self.followed():
            for call in facts.calls:
                if self._at(call) & ON:
                    found.setdefault(call.callee, call)
        waiting = list(found)
        for symbol in waiting:  # grows while callees are met
            for call in self.facts[symbol].calls:
                if call.callee not in found and self._at(call) & SAME:
                    found[call.callee] = call
                    waiting.append(call.callee)
        return found

    def may_be_on(self, facts: Facts, at: int) -> bool:
        """Whether interrupts may be on before the `at`th instruction of a piece."""
        interrupts = facts.before(at).interrupts
        return bool(interrupts & ON or (interrupts & SAME and facts.symbol in self.entered_on))

    def turned_on_before(self, facts: Facts, at: int) -> list[Note]:
        """How interrupts come to be on: the calls from where they were turned on to the piece."""
        notes: list[Note] = []
        on_here = facts.before(at).interrupts & ON
        call = None if on_here else self.entered_on[facts.symbol]
        while call is not None:
            notes.insert(0, Note(span_of(call.line), f"`{call.caller}` calls `{call.callee}`"))
            on = self._at(call) & ON
            call = None if on else self.entered_on.get(call.caller)
        return notes

    def _at(self, call: Call) -> int:
        """How interrupts may be at a call."""
        return self.facts[call.caller].before(call.at).interrupts

    # Calls

    @cached_property
    def callers(self) -> dict[str, list[Call]]:
        """The calls of each piece."""
        found: dict[str, list[Call]] = defaultdict(list)
        for facts in self.facts.values():
            for call in facts.calls:
                found[call.callee].append(call)
        return found

    def leading_to(
        self,
        symbols: Iterable[str],
        *,
        except_for: Mapping[str, object] | None = None,
        by: Callable[[Call], bool] = lambda call: True,
    ) -> dict[str, Call | None]:
        """`symbols` and all that calls them, by the first call of a shortest way there.

        `except_for` is code that is left out, `by` tells which calls count.
        """
        left_out = except_for or {}
        found: dict[str, Call | None] = {one: None for one in symbols if one not in left_out}
        waiting = list(found)
        for symbol in waiting:  # grows while callers are met
            for call in self.callers.get(symbol, ()):
                if call.caller not in found and call.caller not in left_out and by(call):
                    found[call.caller] = call
                    waiting.append(call.caller)
        return found

    def way(self, symbol: str, leading: Mapping[str, Call | None]) -> tuple[list[Note], str]:
        """The calls from `symbol` to where `leading` ends, and what that is."""
        notes = []
        call = leading[symbol]
        while call is not None:
            notes.append(Note(span_of(call.line), f"`{call.caller}` calls `{call.callee}`"))
            symbol = call.callee
            call = leading[symbol]
        return notes, symbol

    def _targets(self, line: Line) -> Iterator[str]:
        """The pieces that an instruction calls or jumps to, so far as that is known."""
        for one in line.references:
            if isinstance(one.target, str):
                if isinstance(line.statement.operands[one.operand], BranchTarget):
                    yield from (one.target,) if one.target in self.pieces else ()
                elif line.statement.mnemonic in ("call", "jmp"):
                    table = self._pointers.get(one.target, ())
                    yield from dict.fromkeys(symbol for symbol in table if symbol in self.pieces)

    # Paths

    def graph(self, symbol: str) -> Graph:
        """The control flow of a piece."""
        if symbol not in self._graphs:
            self._graphs[symbol] = Graph(self.pieces[symbol], self._tables)
        return self._graphs[symbol]

    def _follow(self) -> None:
        """Follow each piece that changes locks or interrupts, until what calls leave is settled."""
        waiting = [
            symbol
            for symbol, facts in self.facts.items()
            if facts.piece.lock_events or facts.changes_interrupts
        ]
        for symbol in waiting:  # grows while what a callee leaves changes
            exits = self._followed(symbol)
            if exits != self._exits[symbol]:
                self._exits[symbol] = exits
                waiting += [call.caller for call in self.callers.get(symbol, ())]

    def _followed(self, symbol: str) -> int:
        """Compute the situations in a piece; how it leaves interrupts."""
        facts, nodes = self.facts[symbol], self.graph(symbol).nodes
        callees: dict[int, list[str]] = defaultdict(list)
        for call in facts.calls:
            callees[call.at].append(call.callee)
        situations = {0: ENTRY} if nodes else {}
        waiting = list(situations)
        exits = 0
        while waiting:
            index = waiting.pop()
            node = nodes[index]
            after = self._after(node, situations[index], facts.events.get(index, ()))
            after = self._returned(after, callees.get(index, ()))
            if node.leaves:
                exits |= after.interrupts
            for following in node.following:
                known = situations.get(following)
                joined = after if known is None else known.joined(after)
                if joined != known:
                    situations[following] = joined
                    waiting.append(following)
        facts.situations = situations
        return exits or SAME

    def after(self, facts: Facts, index: int) -> Situation:
        """What holds after the `index`th instruction of a piece."""
        node = self.graph(facts.symbol).nodes[index]
        return self._after(node, facts.before(index), facts.events.get(index, ()))

    def _after(self, node: Node, before: Situation, events: Iterable[LockEvent]) -> Situation:
        may, must, interrupts, saved = before
        for event in events:
            lock = self.bits[event.lock]
            if event.action is LockAction.TAKE:
                may, must = may | lock, must | lock
            else:
                may, must = may & ~lock, must & ~lock
        match node.effects.instruction.mnemonic:
            case Mnemonic.CLI:
                interrupts = OFF
            case Mnemonic.STI:
                interrupts = ON
            case Mnemonic.PUSHFQ:
                saved = (*saved, interrupts)
            case Mnemonic.POPFQ:
                interrupts, saved = (saved[-1], saved[:-1]) if saved else (SAME, ())
        return Situation(may, must, interrupts, saved)

    def _returned(self, before: Situation, callees: Iterable[str]) -> Situation:
        """What holds when one of `callees` came back."""
        exits = 0
        for callee in callees:
            exits |= self._exits[callee]
        if exits in (0, SAME):
            return before
        changed = exits & (OFF | ON) | (before.interrupts if exits & SAME else 0)
        return before._replace(interrupts=changed)
