"""What the other participants do: the same for the same seed, never dull, and in a hostile market nasty."""

from __future__ import annotations

import time
from collections import Counter
from functools import cache
from statistics import mean
from typing import Any

import msgspec
import pytest
from neo_devnet.market import KINDS, RLUSD, Market
from neo_devnet.market.keys import genesis, key_of
from neo_devnet.market.prices import BLOCK, moment
from neo_devnet.node import Node
from neo_devnet.tx import read

START = 1_000_000_000
CPU_A_LEDGER = 0.010


def node() -> Node:
    return Node(clock=lambda: START, ledger_seconds=4.0, monotonic=lambda: 0.0)


class Played(msgspec.Struct):
    """A market after some ledgers. Tests only look at it: it is the same one for several of them."""

    node: Node
    market: Market
    seconds: float = 0.0
    """CPU that the market took."""

    @property
    def entered(self) -> list[Any]:
        ledgers = map(self.node.history.get, range(2, self.node.validated.index + 1))
        return [one for ledger in ledgers if ledger for one in ledger.entered]


@cache
def played(kind: str, ledgers: int, seed: int = 7, transfer_rate: int = 0) -> Played:
    done = Played(node(), Market(seed, kind, transfer_rate=transfer_rate))
    done.market.setup(done.node)

    def measured(at: Node) -> None:
        began = time.process_time()
        done.market.before_close(at)
        done.seconds += time.process_time() - began

    done.node.before_close = measured
    for _ in range(ledgers):
        done.node.accept()
    return done


LEDGERS = {"calm": 40, "hostile": 160}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_ledgers(kind: str) -> None:
    first, again, other = played(kind, 12), played.__wrapped__(kind, 12), played(kind, 12, seed=8)
    assert first.node.validated.hash == again.node.validated.hash != other.node.validated.hash


@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_has_money_of_both_kinds_and_a_book_around_the_price(kind: str) -> None:
    done = played(kind, 12)
    at, engine, issuer = done.node, done.market.engine, done.market.issuer
    root = at.open.account(engine.address)
    assert root is not None
    assert int(root["Balance"]) > 5_000_000_000
    lines = at.rpc("account_lines", {"account": engine.address, "ledger_index": "validated"})["lines"]
    assert [(line["currency"], float(line["balance"]) > 5000) for line in lines] == [(RLUSD, True)]
    token = {"currency": RLUSD, "issuer": issuer}
    for gets, pays in (({"currency": "XRP"}, token), (token, {"currency": "XRP"})):
        book = at.rpc("book_offers", {"taker_gets": gets, "taker_pays": pays, "ledger_index": "validated"})
        assert len(book["offers"]) >= 3


def test_the_issuer_is_as_the_real_one_and_charges_for_transfers_if_asked() -> None:
    done = played("calm", 1, transfer_rate=1_002_000_000)
    root = done.node.open.account(done.market.issuer)
    assert root is not None
    assert (root["TickSize"], root["TransferRate"]) == (7, 1_002_000_000)
    assert root["Flags"] & 0x0080_0000  # DefaultRipple


@pytest.mark.parametrize("kind", KINDS)
def test_every_ledger_trades_and_only_few_transactions_are_sent(kind: str) -> None:
    at = played(kind, LEDGERS[kind]).node
    sizes = [
        len(ledger.entered) for index in range(9, at.validated.index + 1) if (ledger := at.history.get(index))
    ]
    assert min(sizes) >= 1
    assert max(sizes) <= 15


def test_a_calm_market_is_small_and_stays_where_it_is() -> None:
    prices = [moment(7, index, hostile=False).mid for index in range(2000)]
    assert 1.998 < min(prices) < max(prices) < 2.002


def test_a_hostile_price_leaves_the_pool_s_for_a_while_and_comes_back() -> None:
    phases = [moment(7, index, hostile=True) for index in range(10 * BLOCK)]
    away = [each.phase for each in phases].count("away")
    assert 10 * 20 < away < 10 * 40
    assert {each.phase for each in phases} == {"still", "away", "run", "storm"}
    assert {each.direction for each in phases if each.phase == "away"} == {1, -1}
    assert phases[BLOCK].phase == phases[2 * BLOCK].phase == "still"


def test_the_book_leaves_the_pool_s_price_by_more_than_an_anchor_bears_and_comes_back() -> None:
    done = played("hostile", LEDGERS["hostile"])
    seen: dict[str, list[float]] = {"still": [], "away": []}
    for index in range(9, done.node.validated.index + 1):
        phase, apart = moment(7, index, hostile=True).phase, bps_apart(done, index)
        if phase in seen and apart is not None:
            seen[phase].append(abs(apart))
    assert mean(seen["still"]) < 8
    assert mean(seen["away"]) > 20


def bps_apart(done: Played, index: int) -> float | None:
    """How far the pool's price stands from the middle of the book; None while one of them is not there."""
    at = {"ledger_index": index}
    xrp, token = {"currency": "XRP"}, {"currency": RLUSD, "issuer": done.market.issuer}
    pool = done.node.rpc("amm_info", {"asset": xrp, "asset2": token, **at})
    asks = done.node.rpc("book_offers", {"taker_gets": xrp, "taker_pays": token, **at})["offers"]
    bids = done.node.rpc("book_offers", {"taker_gets": token, "taker_pays": xrp, **at})["offers"]
    if "amm" not in pool or not asks or not bids:
        return None
    middle = (float(asks[0]["quality"]) + 1 / float(bids[0]["quality"])) / 2
    return (float(pool["amm"]["amount2"]["value"]) / float(pool["amm"]["amount"]) / middle - 1) * 10_000


def test_a_hostile_market_does_all_that_hurts() -> None:
    every = played("hostile", LEDGERS["hostile"]).entered
    kinds = Counter((one.tx.fields["TransactionType"], one.result) for one in every)
    assert kinds["Payment", "tesSUCCESS"] > 10
    assert kinds["OfferCreate", "tecKILLED"] >= 5
    assert kinds["AMMCreate", "tesSUCCESS"] >= 2
    assert kinds["AMMWithdraw", "tesSUCCESS"] >= 1
    gone = Counter(cause for one in every for cause in removed(one))
    assert min(gone[cause] for cause in ("unfunded", "expired", "own")) > 0, gone


def removed(one: Any) -> list[str]:
    """Why offers went without a trade that their owner had not asked to go."""
    causes = []
    for node in one.meta["AffectedNodes"]:
        offer = node.get("DeletedNode", {})
        if offer.get("LedgerEntryType") != "Offer" or "TakerGets" in offer.get("PreviousFields", {}):
            continue
        final = offer["FinalFields"]
        if final["Account"] != one.tx.account:
            causes.append("expired" if "Expiration" in final else "unfunded")
        elif final["Sequence"] != one.tx.fields.get("OfferSequence"):
            causes.append("own")
    return causes


def test_a_cancel_of_the_engine_finds_takers_in_its_ledger() -> None:
    at, market = node(), Market(7, "hostile")
    market.setup(at)
    at.before_close = market.before_close
    engine, won, lost = market.engine, 0, 0
    for number in range(30):
        root = at.open.account(engine.address)
        assert root is not None
        fields = {
            "Account": engine.address,
            "Sequence": root["Sequence"],
            "Fee": "10",
            "TransactionType": "OfferCreate",
        }
        price = moment(7, at.open.index, hostile=True).mid * (1.0005 + number % 3 / 10_000)
        pays = {"currency": RLUSD, "issuer": market.issuer, "value": f"{20 * price:.6f}"}
        at.submit(engine.sign({**fields, "TakerGets": "20000000", "TakerPays": pays}))
        at.accept()
        cancel = {**fields, "Sequence": root["Sequence"] + 1, "TransactionType": "OfferCancel"}
        at.submit(engine.sign({**cancel, "OfferSequence": root["Sequence"]}))
        provisional = len(at.open.txs)
        at.accept()
        assert provisional
        for one in at.validated.entered:
            if one.tx.account == engine.address:
                offers = [each for each in one.meta["AffectedNodes"] if "Offer" in str(each.get("DeletedNode"))]
                won, lost = won + bool(offers), lost + (not offers)
    assert won
    assert lost, "no taker ever was faster than a cancel"


def test_keys_sign_what_the_ledger_takes() -> None:
    for key in (key_of(7, "engine"), genesis()):
        assert key.seed.startswith("s")
        fields = {"TransactionType": "AccountSet", "Account": key.address, "Sequence": 1, "Fee": "10"}
        assert read(key.sign(fields)).account == key.address
    assert key_of(7, "engine").address == key_of(7, "engine").address != key_of(8, "engine").address


@pytest.mark.parametrize("kind", KINDS)
def test_the_market_takes_little_time(kind: str) -> None:
    done = played(kind, LEDGERS[kind])
    # Ten milliseconds a ledger; a machine that is busy with other tests may take longer.
    assert done.seconds / LEDGERS[kind] < 3 * CPU_A_LEDGER
