"""A seeded session in which everything happens: what the conformance suite feeds to plugins."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from neo_core.model import Fill, Mode, Order, OrderStatus, Side, View
from neo_core.testing.values import fill, order, view

__all__ = ["Scene", "scenes"]

SIDES = (Side.BUY, Side.SELL)
CAUSES = ("DEGRADED_CANCEL", "HALT_CANCEL", "SESSION_END_CANCEL", "STARTUP_CANCEL", "OPERATOR_CANCEL")


class Scene(NamedTuple):
    """One tick: its view, the orders that vanished on it, and the cause of its cancel_all, if it has one."""

    view: View
    vanished: tuple[Order, ...]
    cancel_cause: str


class Spell(NamedTuple):
    """What stays the same for some ticks. `fill_sides`: where fills come from, if any come."""

    mode: Mode
    source: str
    error_bps: float
    spread_bps: float
    fill_sides: tuple[Side, ...]
    xrp: float
    rlusd: float
    blind: float


def scenes(seed: int, ticks: int, source: str | None) -> tuple[Scene, ...]:
    """`ticks` scenes, the same for the same arguments. `source` is that of the guard under test."""
    random = Random(seed)  # noqa: S311 (a story to be told again, no secret)
    story: list[Scene] = []
    tick = 0
    while len(story) < ticks:
        spell = _spell(random, source) if story else _quiet()
        cancel_cause = random.choice(CAUSES) if spell.mode is not Mode.OK else ""
        for nth in range(1, random.randint(15, 60) + 1):
            tick += 1 if random.random() < 0.97 else random.randint(2, 5)
            story.append(_scene(random, spell, tick, nth, cancel_cause if nth == 1 else ""))
    return tuple(story[:ticks])


def _quiet() -> Spell:
    return Spell(Mode.OK, "", 0.0, 1.0, (), 10_000.0, 20_000.0, 0.0)


def _spell(random: Random, source: str | None) -> Spell:
    mode, shown = random.choice(
        [
            (Mode.OK, ""),
            (Mode.OK, ""),
            (Mode.DEGRADED, source or "another_guard"),
            (Mode.DEGRADED, source or "another_guard"),
            (Mode.DEGRADED, "another_guard"),
            (Mode.DEGRADED, "wallet_truth"),
            (Mode.HALT, ""),
        ]
    )
    return Spell(
        mode,
        shown,
        error_bps=random.choice([-10.0, -7.0, 0.0, 0.0, 5.0, 10.0]),
        spread_bps=random.choice([0.0, 1.0, 6.0]),
        fill_sides=random.choice([(), (), SIDES, (Side.BUY,), (Side.SELL,)]),
        xrp=random.choice([0.0, 10_000.0, 10_000.0, 25_000.0, 1e-6, 1e11]),
        rlusd=random.choice([0.0, 20_000.0, 20_000.0, 1e-15, 1e9]),
        blind=random.choice([0.0, 0.0, 0.2, 1.0]),
    )


def _scene(random: Random, spell: Spell, tick: int, nth: int, cancel_cause: str) -> Scene:
    seen = random.random() >= spell.blind
    error_bps: float | None = spell.error_bps + random.uniform(-1.0, 1.0) * spell.spread_bps
    if random.random() < 0.05:
        error_bps = None
    orders = tuple(_order(random, side, tick) for side in SIDES if random.random() < 0.7)
    shown = view(
        tick,
        mid=random.choice([2.0, 2.1, 1e-9, 1e9]) if seen else None,
        anchor_error_bps=error_bps,
        xrp=spell.xrp,
        rlusd=spell.rlusd,
        mode=spell.mode,
        source=spell.source,
        ticks_in_mode=nth,
        amm_price=random.choice([None, 2.0]),
        fills=_fills(random, spell.fill_sides, tick),
        open_orders=orders,
    )
    vanished = tuple(_order(random, random.choice(SIDES), tick) for _ in range(random.choice([0, 0, 0, 1, 2])))
    return Scene(shown, vanished, cancel_cause)


def _fills(random: Random, sides: tuple[Side, ...], tick: int) -> tuple[Fill, ...]:
    if not sides:
        return ()
    return tuple(
        fill(
            random.choice(sides),
            tick=tick,
            rlusd=random.choice(["0.000002", "200", "1234.567890123456", "900000000"]),
            sequence=number,
            proven=random.random() < 0.9,
        )
        for number in range(random.choice([0, 0, 0, 1, 1, 3]))
    )


def _order(random: Random, side: Side, tick: int) -> Order:
    made = order(side, tick=tick)
    marked = random.random() < 0.3
    return order(
        side,
        tick=tick,
        placed_at=made.placed_at - random.choice([0.0, 4.0, 299.0, 300.0, 86_400.0]),
        expires_at=random.choice([None, made.placed_at, made.expires_at]),
        rest_drops=random.choice([0, 1, made.drops]),
        status=OrderStatus.CANCELLED_BY_ENGINE if marked else random.choice(list(OrderStatus)),
        cancelled_at="2026-01-01T00:00:00+00:00" if marked else "",
        cancel_reason=random.choice(CAUSES) if marked else "",
        cancel_tx_hash=random.choice(["", "AB" * 32]),
        seen=random.random() < 0.8,
    )
