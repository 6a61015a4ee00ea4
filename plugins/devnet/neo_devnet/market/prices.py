"""Where the price of the market stands in a ledger: from the seed and the ledger's index alone."""

from __future__ import annotations

import math
from functools import lru_cache
from random import Random

import msgspec

__all__ = ["BLOCK", "Moment", "moment"]

START = 2.0
BPS = 10_000.0

SWINGS = ((23, 1.5), (71, 3.0), (233, 4.0))
"""(how many ledgers, how many bps): the small movements that are always there, and that no pool follows."""

BLOCK = 180
"""Ledgers after which a hostile market begins anew, with other draws."""

STILL, AWAY, RUN, STORM = "still", "away", "run", "storm"


class Moment(msgspec.Struct, frozen=True):
    """`phase`: still; away (the book has left the pool's price); run (all take one side); storm (it jumps)."""

    mid: float
    phase: str = STILL
    direction: int = 0
    """Where the price went, or goes: 1 up, -1 down."""
    settles: bool = False
    """The first ledger of a block, or the first after something happened: the pool comes home."""


class _Block(msgspec.Struct, frozen=True):
    """What happens in a block, by the ledger's place in it: (first, behind the last), how far, where to."""

    away: tuple[int, int]
    away_bps: float
    run: tuple[int, int]
    run_bps: float
    storm: tuple[int, int]


def moment(seed: int, index: int, *, hostile: bool) -> Moment:
    calm = START * math.exp(_swing(seed, index) / BPS)
    if not hostile:
        return Moment(calm)
    number, place = divmod(index, BLOCK)
    block = _block(seed, number)
    if block.away[0] <= place < block.away[1]:
        return Moment(calm * math.exp(block.away_bps / BPS), AWAY, _sign(block.away_bps))
    if block.run[0] <= place < block.run[1]:
        there = (place - block.run[0] + 1) / (block.run[1] - block.run[0])
        return Moment(calm * math.exp(block.run_bps * there / BPS), RUN, _sign(block.run_bps))
    if block.storm[0] <= place < block.storm[1]:
        jump = Random(f"{seed} storm {index}").uniform(-25, 25)  # noqa: S311 (a market, no secret)
        return Moment(calm * math.exp(jump / BPS), STORM, _sign(jump))
    return Moment(calm, settles=place in (0, block.away[1], block.run[1], block.storm[1]))


def _swing(seed: int, index: int) -> float:
    return sum(bps * math.sin(math.tau * (index / period + _phase(seed, period))) for period, bps in SWINGS)


@lru_cache(maxsize=64)
def _phase(seed: int, period: int) -> float:
    return Random(f"{seed} swing {period}").random()  # noqa: S311 (as above)


@lru_cache(maxsize=64)
def _block(seed: int, number: int) -> _Block:
    draw = Random(f"{seed} block {number}")  # noqa: S311 (as above)
    away = draw.randint(12, 20)
    back = away + draw.randint(26, 36)
    # Long enough for an engine that stopped to see that all is well again.
    run = back + draw.randint(64, 72)
    stops = run + draw.randint(8, 14)
    storm = stops + draw.randint(6, 12)
    return _Block(
        away=(away, back),
        away_bps=draw.choice((-1, 1)) * draw.uniform(28, 42),
        run=(run, stops),
        run_bps=draw.choice((-1, 1)) * draw.uniform(60, 140),
        storm=(storm, storm + draw.randint(4, 8)),
    )


def _sign(number: float) -> int:
    return 1 if number > 0 else -1
