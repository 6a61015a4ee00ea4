"""A gateway that proves no fills: what it still tells, and that the ledger behind it is the same."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from msgspec.structs import replace

from neo_core.errors import ObservationFailed
from neo_core.gateways.paper import PaperGateway
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.markets import find
from neo_core.model import Cancel, Observation

from .making import OPENING, QUIET, Desk, buy, buyer, results, sell, seller, told

SEEDS = (1, 2, 3)

seen_and_unseen = pytest.mark.parametrize("proves_fills", [True, False], ids=["events", "disappearance"])


def test_an_observation_says_whether_fills_are_proven() -> None:
    assert Desk().seen.account.proves_fills
    assert not Desk(proves_fills=False).seen.account.proves_fills


def test_without_proof_an_offer_shrinks_and_is_gone_and_only_balances_and_offers_tell() -> None:
    desk = Desk(proves_fills=False)
    before = desk.do(buy("1.995")).account
    assert (before.events, results(desk.seen)) == ((), ["tesSUCCESS"])
    shrunk = desk.ledger(replace(QUIET, takers=(seller(40),))).account
    assert [offer.drops for offer in shrunk.offers] == [60_000_000]
    assert (shrunk.events, shrunk.transactions) == ((), ())
    gone = desk.ledger(replace(QUIET, takers=(seller(60),))).account
    assert (gone.offers, gone.events, gone.transactions) == ((), (), ())
    assert gone.xrp_drops - before.xrp_drops == 100_000_000
    assert before.rlusd - gone.rlusd == 199.5


def test_without_proof_own_transactions_are_told_with_fee_and_result_also_those_of_unseen_ledgers() -> None:
    desk = Desk(proves_fills=False)
    since = desk.seen.ledger_index
    desk.send(buy("1.95"))
    with pytest.raises(ObservationFailed):
        desk.ledger(replace(QUIET, failure="away"))
    desk.send(Cancel("o-1", 1, "requote"))
    account = desk.ledger().account
    assert [(one.sequence, one.fee_drops, one.result) for one in account.transactions] == [
        (1, 10, "tesSUCCESS"),
        (2, 10, "tesSUCCESS"),
    ]
    assert (account.events, account.covers_from) == ((), since + 1)


def test_the_same_cancel_after_a_fill_and_before_one_looks_the_same_but_for_the_balances() -> None:
    """What a race looks like from outside: who was first is in the wallet only."""
    taken, spared = Desk(proves_fills=False), Desk(proves_fills=False)
    for desk in (taken, spared):
        desk.do(buy("1.995"))
    taken.ledger(replace(QUIET, takers=(seller(100),)))
    spared.ledger()
    accounts = [desk.do(Cancel("o-1", 1, "x")).account for desk in (taken, spared)]
    first, second = (
        (account.offers, account.events, [(one.sequence, one.result) for one in account.transactions])
        for account in accounts
    )
    assert first == second == ((), (), [(2, "tesSUCCESS")])
    assert accounts[0].xrp_drops - accounts[1].xrp_drops == 100_000_000


def trade(path: Path, seed: int, *, proves_fills: bool) -> list[Observation]:
    """Quotes on both sides, renewed every twelve ledgers, whatever is seen of them."""
    ledger = PaperLedger.open(path, replace(OPENING, seed=seed))
    gateway = PaperGateway(ledger, islice(find("trend").market(seed), 130), proves_fills=proves_fills)
    seen = [gateway.observe(None)]
    resting: list[int] = []
    for number in range(1, 130):
        if number % 12 == 1:
            book = seen[-1].market
            assert book.bid is not None
            assert book.ask is not None
            cancels = [Cancel("o", sequence, "renew") for sequence in resting]
            quotes = [buy(f"{book.bid + 0.0002:.5f}"), sell(f"{book.ask - 0.0002:.5f}")]
            ready = gateway.prepare([*cancels, *quotes])
            gateway.send(ready)
            resting = [one.sequence for one in ready[-2:]]
        seen.append(gateway.observe(seen[-1].ledger_index))
    gateway.close()
    return seen


@pytest.mark.rule("TICK-3")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_wallets_file_does_not_depend_on_what_is_shown(seed: int, tmp_path: Path) -> None:
    open_eyes = trade(tmp_path / "events.jsonl", seed, proves_fills=True)
    blind = trade(tmp_path / "disappearance.jsonl", seed, proves_fills=False)
    assert (tmp_path / "events.jsonl").read_bytes() == (tmp_path / "disappearance.jsonl").read_bytes()
    assert blind == [
        replace(seen, account=replace(seen.account, events=(), proves_fills=False)) for seen in open_eyes
    ]
    happened = {kind for seen in open_eyes for kind, _, _ in told(seen.account.events)}
    assert happened == {"placed", "partial_fill", "filled", "removed"}


@pytest.mark.rule("TICK-3")
@seen_and_unseen
@pytest.mark.parametrize("seed", SEEDS)
def test_the_file_of_a_wallet_that_nobody_trades_on_is_its_opening(
    seed: int, proves_fills: bool, tmp_path: Path
) -> None:
    opening = replace(OPENING, seed=seed)
    path = tmp_path / "w.jsonl"
    PaperLedger.open(path, opening).shut()
    alone = path.read_bytes()
    market = islice(find("cycling").market(seed), 300)
    gateway = PaperGateway(PaperLedger.open(path, opening), market, proves_fills=proves_fills)
    for _ in range(300):
        gateway.observe(None)
    gateway.close()
    assert path.read_bytes() == alone


@seen_and_unseen
def test_what_is_shown_of_takers_on_both_sides_never_differs_in_the_offers(proves_fills: bool) -> None:
    desk = Desk(proves_fills=proves_fills)
    desk.do(buy("1.995"), sell("2.005"))
    seen = desk.ledger(replace(QUIET, takers=(seller(30), buyer(20))))
    assert [offer.drops for offer in seen.account.offers] == [70_000_000, 80_000_000]
