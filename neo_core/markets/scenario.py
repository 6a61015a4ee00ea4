"""A seeded market that follows a table of phases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import repeat
from math import floor
from random import Random
from typing import Any

import msgspec

from neo_core.markets.base import MarketTick, Taker
from neo_core.model import DROPS, Side

__all__ = ["BALANCED", "Flow", "Phase", "Scenario"]

OPENING_MID = 2.0
WOBBLE_BPS = 0.3
WOBBLE_MEMORY = 0.98
_BUY, _SELL = Side.BUY, Side.SELL


class Flow(msgspec.Struct, frozen=True):
    """Who comes to trade. Takers come in pairs, a seller and a buyer in random order, `gap` ledgers apart.

    So one side is never met more than twice in a row by chance. Sizes are XRP, give or take 40 %; with 0
    nobody of that kind comes, and the turn passes. A `crowd` comes in one ledger.
    """

    sells_xrp: float = 90.0
    buys_xrp: float = 90.0
    gap: tuple[int, int] = (8, 16)
    crowd: int = 1


BALANCED = Flow()


class Phase(msgspec.Struct, frozen=True):
    """A stretch of a scenario: how many ledgers it lasts, and what is different while it does.

    `pool_bps` is how far the AMM's price stands above the book's mid, give or take `pool_noise_bps`;
    `slide_bps` is what the mid moves by, each ledger; the book's best offers stand `half_spread_bps` to each
    side of it. In the first ledger somebody withdraws `withdraws_xrp` from the wallet.
    """

    ticks: int
    pool_bps: float = 0.0
    pool_noise_bps: float = 1.0
    slide_bps: float = 0.0
    half_spread_bps: float = 12.0
    flow: Flow = BALANCED
    failure: str = ""
    withdraws_xrp: float = 0.0


class Scenario(msgspec.Struct, frozen=True):
    """A market with a story. `ticks` is its natural length; the last phase goes on for as long as asked.

    `settings` are sections of the configuration: the story is played with them, unless the file or the command
    line says otherwise.
    """

    name: str
    story: str
    ends: str
    ticks: int
    phases: tuple[Phase, ...]
    settings: Mapping[str, Any] = {}

    def market(self, seed: int) -> Iterator[MarketTick]:
        """The same ticks for the same seed, everywhere: only sums, products and one generator of numbers."""
        rng = Random(f"{self.name}/{seed}")  # noqa: S311 (a simulated market, no secret)
        uniform = rng.random
        takers = _Takers(rng)
        level, wobble, arrival = OPENING_MID, 0.0, 0
        for number, phase in enumerate(self.phases, 1):
            growth = 1.0 + phase.slide_bps / 10_000
            below = 100.0 * (10_000 - phase.half_spread_bps)
            above = 100.0 * (10_000 + phase.half_spread_bps)
            pool = 10_000 + phase.pool_bps - phase.pool_noise_bps
            noise = 2.0 * phase.pool_noise_bps
            failure, withdrawal = phase.failure, int(phase.withdraws_xrp * DROPS)
            lasts = repeat(None, phase.ticks) if number < len(self.phases) else repeat(None)
            arrival = takers.next_gap(phase.flow)
            for _ in lasts:
                level *= growth
                wobble = WOBBLE_MEMORY * wobble + WOBBLE_BPS * (2.0 * uniform() - 1.0)
                mid = level * (1.0 + wobble / 10_000.0)
                # Prices have six decimals: a whole number divided by a million is the nearest float to it.
                bid = floor(mid * below + 0.5) / 1_000_000
                ask = floor(mid * above + 0.5) / 1_000_000
                amm = floor(mid * 100.0 * (pool + noise * uniform()) + 0.5) / 1_000_000
                arrival -= 1
                if arrival:
                    came: tuple[Taker, ...] = ()
                else:
                    came = takers.come(phase.flow)
                    arrival = takers.next_gap(phase.flow)
                yield MarketTick(bid, ask, amm, came, failure, withdrawal)
                withdrawal = 0


class _Takers:
    """Deals out the takers of a flow, one of a pair at a time."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._second: Side | None = None

    def next_gap(self, flow: Flow) -> int:
        low, high = flow.gap
        return low + int(self._rng.random() * (high - low + 1))

    def come(self, flow: Flow) -> tuple[Taker, ...]:
        return tuple([taker for _ in range(flow.crowd) if (taker := self._next(flow)).drops])

    def _next(self, flow: Flow) -> Taker:
        side = self._second
        if side is None:
            side, self._second = (_SELL, _BUY) if self._rng.random() < 0.5 else (_BUY, _SELL)
        else:
            self._second = None
        xrp = flow.sells_xrp if side is _SELL else flow.buys_xrp
        drops = int(xrp * (0.6 + 0.8 * self._rng.random()) * DROPS)
        return Taker(side, drops)
