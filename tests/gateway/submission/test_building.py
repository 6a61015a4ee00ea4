from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from neo_core.model import Prepared, Side
from tests.gateway.submission.server import ACCOUNT, Server
from tests.gateway.submission.trading import ISSUER, RLUSD, Desk, cancel, codes, place

CANONICAL, PASSIVE, SELL = 0x8000_0000, 0x0001_0000, 0x0008_0000


def told(prepared: Prepared) -> dict[str, Any]:
    return json.loads(prepared.blob)


@pytest.mark.rule("QUO-3")
def test_an_ask_gives_drops_for_rlusd_until_its_end() -> None:
    [prepared] = Desk().prepare(place("a", drops=10_000_000, rlusd=Decimal("5.250"), expires_at=1_800_000_060.9))
    assert told(prepared) == {
        "Account": ACCOUNT,
        "TransactionType": "OfferCreate",
        "TakerGets": "10000000",
        "TakerPays": {"currency": RLUSD, "issuer": ISSUER, "value": "5.25"},
        "Expiration": 1_800_000_060 - 946_684_800,
        "Flags": CANONICAL | PASSIVE | SELL,
        "Fee": "10",
        "Sequence": 50,
        "LastLedgerSequence": 104,
    }
    assert (prepared.sequence, prepared.last_ledger) == (50, 104)


def test_a_bid_gives_rlusd_for_drops() -> None:
    [prepared] = Desk().prepare(place("a", Side.BUY))
    tx = told(prepared)
    assert tx["TakerGets"] == {"currency": RLUSD, "issuer": ISSUER, "value": "5.25"}
    assert tx["TakerPays"] == "10000000"
    assert tx["Flags"] == CANONICAL | PASSIVE


@pytest.mark.rule("QUO-3")
def test_an_offer_that_comes_without_an_end_gets_one_from_the_ledgers_close_time() -> None:
    desk = Desk(order_ttl_seconds=60.0)
    [prepared] = desk.prepare(place("a", expires_at=None))
    closed_at = desk.server.seen(desk.submission.questions()).close_time
    assert told(prepared)["Expiration"] == closed_at + 60 - 946_684_800


def test_a_replacement_names_the_offer_that_it_replaces() -> None:
    desk = Desk()
    [resting] = desk.rest(1)
    [prepared] = desk.prepare(place("b", replaces=resting, replaced_id="rest-0"))
    assert told(prepared)["OfferSequence"] == resting


def test_a_cancel_names_its_offer() -> None:
    desk = Desk()
    [resting] = desk.rest(1)
    [prepared] = desk.prepare(cancel("rest-0", resting))
    assert told(prepared) == {
        "Account": ACCOUNT,
        "TransactionType": "OfferCancel",
        "OfferSequence": resting,
        "Flags": CANONICAL,
        "Fee": "10",
        "Sequence": resting + 1,
        "LastLedgerSequence": 106,
    }


@pytest.mark.parametrize(("network_id", "named"), [(0, False), (1024, False), (1025, True), (21338, True)])
def test_only_a_network_above_1024_is_named(network_id: int, named: bool) -> None:
    [prepared] = Desk(network_id=network_id).prepare(place("a"))
    assert ("NetworkID" in told(prepared)) is named


@pytest.mark.parametrize(
    "changes",
    [
        {"drops": 0},
        {"drops": -1},
        {"drops": 10**17 + 1},
        {"rlusd": Decimal(0)},
        {"rlusd": Decimal(-1)},
        {"rlusd": Decimal("NaN")},
        {"rlusd": Decimal("Infinity")},
        {"rlusd": Decimal("1.2345678901234567")},
        {"rlusd": Decimal("1e-98")},
        {"rlusd": Decimal("1e97")},
    ],
)
def test_what_the_ledger_cannot_hold_exactly_does_not_leave(changes: dict[str, Any]) -> None:
    desk = Desk()
    acks = desk.do(place("a", **changes))
    assert codes(acks) in (["refused local_drops"], ["refused local_rlusd"])
    assert not desk.wire.sent


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1.234567890123456", "1.234567890123456"),
        ("1.2345678901234560000", "1.234567890123456"),
        ("1200", "1200"),
        ("1e3", "1000"),
        ("0.00001", "0.00001"),
        ("1e-7", "0.0000001"),
    ],
)
def test_an_amount_of_sixteen_digits_is_written_exactly(amount: str, text: str) -> None:
    [prepared] = Desk().prepare(place("a", rlusd=Decimal(amount)))
    assert told(prepared)["TakerPays"]["value"] == text


def test_nothing_leaves_before_the_ledger_was_seen() -> None:
    desk = Desk()
    blind = type(desk.submission)(ACCOUNT, desk.submission._signer, desk.submission._terms)
    acks = blind.send(desk.wire, blind.prepare([cancel("a", 7), place("b")]))
    assert codes(acks) == ["refused local_not_synced"] * 2
    assert not desk.wire.sent


def test_intents_keep_their_order() -> None:
    desk = Desk(Server())
    first, second = desk.rest(2)
    prepared = desk.prepare(cancel("rest-0", first), place("b"), cancel("rest-1", second), place("c"))
    assert [one.sequence for one in prepared] == [52, 53, 54, 55]
    assert [one.intent.order_id for one in prepared] == ["rest-0", "b", "rest-1", "c"]
