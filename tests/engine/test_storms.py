"""Seeded storms: nearly everything goes wrong for a while, and in the end nothing is open and the sums agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from neo_core.markets import Taker
from neo_core.model import DROPS, Ack, Inventory, Mode, Prepared, Side
from neo_core.testing.rehearsal import Rehearsal

from .making import Marker, guard, places, refuse, swallow

SETTINGS: dict[str, Any] = {
    "risk": {"max_failed_observations": None, "max_ledger_age_seconds": None},
    "degraded_recovery": {"max_degraded_episodes_per_source_per_session": 1000, "recovery_cooldown_ticks": 2},
    "plugin_fault": {"max": 1000, "clear_ticks": 2},
}
HOOKS = ("observe", "evaluate_entry", "evaluate_recovery", "on_rearm")
Send = Callable[[Sequence[Prepared]], tuple[Ack, ...]]


def unreliable(send: Send, random: Random) -> Send:
    """Loses some transactions, refuses others, and of some batches brings only the first part."""

    def sending(ready: Sequence[Prepared]) -> tuple[Ack, ...]:
        luck = random.random()
        if luck < 0.1:
            return swallow(ready)
        if luck < 0.2:
            return refuse(ready)
        kept = random.randrange(len(ready)) if luck < 0.3 and ready else len(ready)
        return (*send(ready[:kept]), *swallow(ready[kept:]))

    return sending


@pytest.mark.rule("MODE-1", "MODE-4", "MODE-5", "REC-11", "PAP-X2")
@pytest.mark.parametrize("seed", range(150))
def test_after_a_storm_nothing_is_open_and_the_books_agree_with_the_wallet(seed: int) -> None:
    random = Random(seed)
    script, plugin = guard()
    offset = random.choice([3.0, 8.0])
    quoting = {"bid_offset_bps": offset, "ask_offset_bps": offset}
    plugins = {"amber": plugin} if seed % 2 else {"amber": plugin, "marker": Marker}
    stage = Rehearsal(plugins, {**SETTINGS, "quoting": quoting})
    send, stage.send = stage.send, unreliable(stage.send, random)
    mid = 2.0
    for _ in range(random.randint(20, 120)):
        mid *= 1 + random.gauss(0, 2e-4)
        script.enter, script.well = random.random() < 0.05, random.random() < 0.4
        script.fail = random.choice(HOOKS) if random.random() < 0.02 else ""
        xrp = random.randint(1, 150)
        takers = (Taker(random.choice(list(Side)), xrp * DROPS + xrp),) if random.random() < 0.4 else ()
        before = stage.state.mode
        decision = stage.tick(
            mid=mid if random.random() < 0.97 else None,
            pool_bps=random.choice([0.0, 10.0, -30.0, None]),
            takers=takers,
            failure="the node is away" if random.random() < 0.1 else "",
        )
        assert decision.halt is None
        assert not places(decision) or (before, decision.mode) == (Mode.OK, Mode.OK)
    stage.send, script.fail = send, ""
    stage.tick(mid=mid, kill="enough")
    for _ in range(8):
        stage.tick(mid=mid)
    assert stage.state.sweep is None
    assert (stage.ledger.offers, dict(stage.state.orders)) == ((), {})
    assert stage.state.inventory == Inventory(stage.ledger.xrp_drops, stage.ledger.rlusd)
