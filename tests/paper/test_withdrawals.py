"""Somebody else takes XRP out of a paper wallet, and none of our transactions tells of it."""

from __future__ import annotations

from itertools import chain, islice, repeat
from pathlib import Path

import pytest
from msgspec.structs import replace

from neo_core.errors import ObservationFailed
from neo_core.gateways.paper import PaperGateway
from neo_core.gateways.paper_journal import Entry
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.gateways.paper_wallet import read
from neo_core.markets import MarketTick, Phase, Scenario
from neo_core.model import DROPS

from .making import FEE, OPENING, QUIET, Desk, buy, sell, seller, state, told

XRP = 1_000 * DROPS


def withdrawal(xrp: float) -> MarketTick:
    return replace(QUIET, withdrawal_drops=round(xrp * DROPS))


@pytest.mark.rule("TRU-1")
@pytest.mark.parametrize("proves_fills", [True, False])
def test_a_withdrawal_is_in_the_balance_of_its_ledger_and_nowhere_else(proves_fills: bool) -> None:
    desk = Desk(proves_fills=proves_fills)
    before = desk.seen.account
    after = desk.ledger(withdrawal(25)).account
    assert after.xrp_drops == before.xrp_drops - 25 * DROPS
    assert after == replace(before, xrp_drops=after.xrp_drops, covers_from=after.covers_from)
    assert (after.events, after.transactions) == ((), ())
    assert desk.ledger().account.xrp_drops == after.xrp_drops


def test_a_withdrawal_leaves_the_reserve_of_the_offers_that_are_open() -> None:
    desk = Desk()
    desk.do(sell("2.005"), buy("1.95"))
    seen = desk.ledger(withdrawal(5_000))
    assert seen.account.reserve_drops == 1_600_000
    assert seen.account.xrp_drops == 1_600_000
    assert desk.ledger(withdrawal(1)).account.xrp_drops == 1_600_000
    assert len(desk.seen.account.offers) == 2


def test_a_wallet_below_its_reserve_gives_nothing() -> None:
    desk = Desk(replace(OPENING, xrp_drops=500_000))
    assert desk.ledger(withdrawal(1)).account.xrp_drops == 500_000


def test_a_withdrawal_comes_before_the_trades_and_transactions_of_its_ledger() -> None:
    desk = Desk()
    desk.do(sell("2.005", 900))
    desk.send(buy("1.95", 10))
    tick = MarketTick(2.01, 2.02, 2.0, withdrawal_drops=600 * DROPS)  # the market moves through our offer
    seen = desk.ledger(tick)
    assert ("removed", "funds_used_up", 1) in told(seen.account.events)
    assert [offer.sequence for offer in seen.account.offers] == [2]
    sold = sum(event.drops for event in seen.account.events)
    assert seen.account.xrp_drops == XRP - 600 * DROPS - sold - 2 * FEE


def test_a_withdrawal_in_a_ledger_that_nobody_saw_is_in_the_next_balance() -> None:
    desk = Desk()
    with pytest.raises(ObservationFailed):
        desk.ledger(replace(withdrawal(25), failure="away"))
    assert desk.ledger().account.xrp_drops == XRP - 25 * DROPS


def test_a_withdrawal_survives_reopening_with_or_without_anything_else_in_its_ledger(tmp_path: Path) -> None:
    path = tmp_path / "w.jsonl"
    market = chain([QUIET, withdrawal(25), replace(withdrawal(10), takers=(seller(7),))], repeat(QUIET))
    ledger = PaperLedger.open(path, OPENING)
    gateway = PaperGateway(ledger, market)
    gateway.send(gateway.prepare([buy("1.995")]))
    for _ in range(3):
        seen = gateway.observe(None)
    gateway.close()
    assert len(path.read_bytes().splitlines()) == 4
    again = read(path)
    assert state(again)[:-1] == state(ledger)[:-1]
    assert again.xrp_drops == seen.account.xrp_drops == XRP - (25 + 10 - 7) * DROPS - FEE
    assert again.index == seen.ledger_index
    reopened = PaperLedger.open(path, OPENING)
    reopened.shut()
    assert reopened.xrp_drops == again.xrp_drops


def test_a_withdrawal_of_nothing_is_not_written_and_old_files_know_of_none(tmp_path: Path) -> None:
    path = tmp_path / "w.jsonl"
    desk = Desk(replace(OPENING, xrp_drops=1_200_000), path)
    opening = path.read_bytes()
    desk.ledger(withdrawal(1))
    desk.gateway.close()
    assert path.read_bytes() == opening
    path.write_bytes(opening + b'{"ledger_index":90000009}\n')
    assert read(path).entries[-1] == Entry(90_000_009)
    assert read(path).xrp_drops == 1_200_000


def test_a_phase_withdraws_in_its_first_ledger_and_changes_nothing_else_in_the_market() -> None:
    def market(withdraws: float) -> list[MarketTick]:
        phases = (Phase(5), Phase(5, withdraws_xrp=withdraws), Phase(5))
        return list(islice(Scenario("x", "", "", 15, phases).market(1), 20))

    ticks = market(12.5)
    assert [number for number, tick in enumerate(ticks) if tick.withdrawal_drops] == [5]
    assert ticks[5].withdrawal_drops == 12_500_000
    assert [replace(tick, withdrawal_drops=0) for tick in ticks] == market(0.0)


def test_a_last_phase_that_goes_on_withdraws_once() -> None:
    ticks = list(islice(Scenario("x", "", "", 5, (Phase(5, withdraws_xrp=1.0),)).market(1), 30))
    assert [tick.withdrawal_drops for tick in ticks] == [DROPS] + [0] * 29
