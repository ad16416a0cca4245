"""A control flow graph as text: the basic blocks, their lines, and where each leads."""

from __future__ import annotations

from collections.abc import Iterator

from iced_x86 import FlowControl

from pykasm.check.graph import Graph, Node


def graph_text(graph: Graph) -> Iterator[str]:
    """Yield the lines of the text: a block begins with its number, the author's lines follow, then
    the blocks that control goes to, with the instruction that decides."""
    numbers = {start: number for number, start in enumerate(graph.blocks, 1)}
    yield graph.routine.symbol
    for start, end in graph.blocks.items():
        note = "" if start in graph.reachable else " (no path leads here)"
        yield f"{numbers[start]:>4}{note}"
        yield from _lines(graph.nodes[start:end])
        yield f"       -> {', '.join(_edges(graph.nodes[end - 1], end, numbers))}"


def _lines(nodes: list[Node]) -> Iterator[str]:
    """Yield the author's lines of a block, without repeating one for its further instructions."""
    before = None
    for node in nodes:
        source = node.line.source
        if source != before:
            yield f"  {source.line:5} | {source.text.strip()}"
        before = source


def _edges(node: Node, after: int, numbers: dict[int, int]) -> Iterator[str]:
    mnemonic = node.line.statement.mnemonic
    conditional = node.effects.flow == FlowControl.CONDITIONAL_BRANCH
    for successor in node.successors:
        taken = conditional and successor != after
        yield f"{numbers[successor]}{f' if {mnemonic}' if taken else ''}"
    if node.leaves:
        yield f"out by {mnemonic}{f' to {node.callee}' if node.callee else ''}"
    elif node.callee and node.falls_off:
        yield f"behind the end, after {node.callee}"
    elif not node.successors:
        yield f"nowhere: {node.callee or mnemonic} does not return"
