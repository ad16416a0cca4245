"""Processes of this machine that do pieces of a campaign."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from pykasm.campaign.campaign import Campaign, Outcome
from pykasm.campaign.work import ATTEMPTS, LOST, Piece, done_of, failed


class Hand:
    """A process that does one piece after the other; `piece` is what it has in hand, and which
    attempt at that this is."""

    def __init__(self, campaign: Campaign) -> None:
        # forks see the campaign as it is: what it refers to need not be sent
        context = get_context("fork")
        self.pipe, other = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_work, args=(campaign, self.pipe, other), daemon=True
        )
        self.process.start()
        other.close()
        self.piece: tuple[Piece, int] | None = None

    def give(self, piece: Piece, attempt: int) -> None:
        """Have it do a piece."""
        self.piece = piece, attempt
        self.pipe.send(piece)

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _work(campaign: Campaign, other: Connection, pipe: Connection) -> None:
    """Do the pieces that come by `pipe`, until nobody is at the other end."""
    other.close()
    while True:
        try:
            piece: Piece = pipe.recv()
        except EOFError:
            return
        pipe.send(done_of(campaign, piece))


def done_here(
    campaign: Campaign, pieces: Iterable[Piece], processes: int
) -> Iterator[list[Outcome]]:
    """Yield what comes of `pieces`, as soon as each is done, by so many processes. A piece whose
    process ends is given to another one, which takes its place."""
    left = deque((piece, 1) for piece in pieces)
    hands = [Hand(campaign) for _ in range(min(processes, len(left)))]
    try:
        for hand in hands:
            hand.give(*left.popleft())
        while busy := [one for one in hands if one.piece is not None]:
            ready = wait([one.pipe for one in busy])
            for hand in [one for one in busy if one.pipe in ready]:
                assert hand.piece is not None
                piece, attempt = hand.piece
                try:
                    yield hand.pipe.recv()
                except (EOFError, ConnectionResetError):
                    hand.end()
                    hands[hands.index(hand)] = hand = Hand(campaign)
                    if attempt < ATTEMPTS:
                        left.append((piece, attempt + 1))
                    else:
                        yield failed(piece, LOST, f"its process ended, {ATTEMPTS} times")
                hand.piece = None
                if left:
                    hand.give(*left.popleft())
    finally:
        for hand in hands:
            hand.end()
