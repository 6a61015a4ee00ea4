"""What came in or went out by a validated transaction: known to wallet truth, no profit and no loss. (TRU-X4)"""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from neo_core.model import DROPS, Inventory, Observation, Transfer
from neo_core.testing.rehearsal import Rehearsal

from .making import account, kinds, named

pytestmark = pytest.mark.rule("TRU-X4", "TRU-1")

HASH = "D" * 64
EVERY_TICK = {"wallet_truth": {"interval_ticks": 1, "tolerance_xrp": 0.0, "tolerance_rlusd": 0.0}}


class Moved:
    """From a ledger on the wallet holds more, or less, and every observation that covers that ledger says why."""

    def __init__(self, xrp: int = 0, rlusd: str = "0", *, of_trade: bool = False, told: bool = True) -> None:
        self._drops, self._rlusd, self._of_trade = xrp * DROPS, Decimal(rlusd), of_trade
        self.told = told
        self._at = 0

    def __call__(self, seen: Observation) -> Observation:
        self._at = self._at or seen.ledger_index
        transfer = Transfer(HASH, self._at, self._drops, self._rlusd, self._of_trade)
        begins = seen.account.covers_from if self.told else seen.ledger_index + 1
        return account(
            seen,
            xrp_drops=seen.account.xrp_drops + self._drops,
            rlusd=seen.account.rlusd + self._rlusd,
            transfers=(transfer,) if begins <= self._at else (),
            covers_from=begins,
        )


def stage_of() -> Rehearsal:
    stage = Rehearsal(settings=EVERY_TICK)
    stage.ticks(3)
    return stage


def inventory(stage: Rehearsal) -> Inventory:
    assert stage.state.inventory is not None
    return stage.state.inventory


@pytest.mark.parametrize(("xrp", "rlusd"), [(250, "0"), (-250, "0"), (0, "99.5"), (-3, "7")])
def test_a_known_transfer_moves_the_inventory_once_and_is_no_difference(xrp: int, rlusd: str) -> None:
    stage, moved = stage_of(), Moved(xrp, rlusd)
    before = inventory(stage)
    decision = stage.tick(shown=moved)
    assert decision.truth is not None
    assert (decision.truth.verdict, stage.state.mode) == ("ok", "OK")
    assert inventory(stage) == Inventory(before.drops + xrp * DROPS, before.rlusd + Decimal(rlusd))
    event = named(decision, "transfer")
    assert event.facts == {"xrp": str(Decimal(xrp)), "rlusd": rlusd, "tx_hash": HASH}
    assert "transfer" not in kinds(stage.tick(shown=moved))
    assert stage.state.mode == "OK"


def test_a_transfer_is_neither_profit_nor_loss() -> None:
    stage = stage_of()
    before = stage.state.risk.pnl
    stage.tick(shown=Moved(-5_000))
    assert stage.state.risk.pnl == pytest.approx(before, abs=1e-6)


def test_what_comes_with_a_trade_is_a_cost_of_it_and_no_event() -> None:
    stage = stage_of()
    before = stage.state.risk.pnl
    decision = stage.tick(shown=Moved(0, "-0.5", of_trade=True))
    assert stage.state.risk.pnl == pytest.approx(before - 0.5, abs=1e-6)
    assert "transfer" not in kinds(decision)
    assert decision.truth is not None
    assert decision.truth.verdict == "ok"


def test_what_is_told_late_moves_the_inventory_when_it_is_told() -> None:
    stage = Rehearsal(settings={"wallet_truth": {"enabled": False}})
    stage.ticks(3)
    before, moved = inventory(stage), Moved(40, told=False)
    stage.ticks(2, shown=moved)
    assert inventory(stage).drops <= before.drops
    moved.told = True
    moved_at = stage.state.untold[0][0]
    stage.tick(shown=lambda seen: account(moved(seen), covers_from=moved_at))
    assert inventory(stage).drops >= before.drops + 39 * DROPS
    assert stage.state.untold == ()


def test_what_a_realign_took_from_the_wallet_is_not_moved_again() -> None:
    stage = stage_of()
    moved = Moved(40)
    stage.state = replace(stage.state, realigned=(stage.state.ledger_index or 0) + 1)
    before = inventory(stage)
    stage.tick(shown=moved)
    assert inventory(stage).rlusd == before.rlusd
    assert inventory(stage).drops <= before.drops
