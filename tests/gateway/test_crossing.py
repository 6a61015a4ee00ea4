"""What a new offer traded at once leaves no Offer node: it is told from its owner's balances."""

from __future__ import annotations

from typing import Any

import pytest

from neo_core.errors import UnreadableTransaction
from tests.gateway.making import (
    FEE,
    ISSUER,
    MAKER,
    OTHER,
    TAKER,
    Json,
    create,
    deleted,
    eur,
    meta,
    modified,
    placed,
    rlusd,
    root,
    told,
    trust_line,
    was,
)

IMMEDIATE_OR_CANCEL, SELL = 0x0002_0000, 0x0008_0000
XRP = 1_000_000_000


def own(tx: Json, *nodes: Json) -> Json:
    """The event of the new offer: the last, after those of older ones."""
    return told(tx, meta(*nodes), account=TAKER)[-1]


def paid(drops: int) -> Json:
    return root(TAKER, XRP + drops - FEE, XRP)


def facts(event: Json) -> tuple[Any, ...]:
    return event["sequence"], event["event"], event["cause"], event["gets"], event["pays"]


def test_an_offer_that_is_taken_at_once_is_filled_without_its_fee() -> None:
    sold = create(TAKER, "4000000", rlusd("2"), sequence=18)
    maker = modified(MAKER, 9, rlusd("46"), "96363636", was(rlusd("48"), "100000000"))
    event = own(sold, paid(-3_636_364), trust_line(TAKER, ISSUER, "102", "100"), maker)
    assert facts(event) == (18, "filled", None, "3636364", rlusd("2"))
    assert event["rest"] == {"gets": "0", "pays": rlusd("0")}


def test_it_is_named_by_its_ticket_if_it_used_one() -> None:
    sold = create(TAKER, "4000000", rlusd("2"), sequence=0, TicketSequence=209)
    assert own(sold, paid(-4_000_000), trust_line(TAKER, ISSUER, "2", None))["sequence"] == 209


@pytest.mark.parametrize(
    ("low", "high", "balance", "before"),
    [(TAKER, ISSUER, "94.8", "100"), (ISSUER, TAKER, "-94.8", "-100")],
)
def test_a_balance_is_told_from_the_side_of_the_low_account(
    low: str, high: str, balance: str, before: str
) -> None:
    event = own(create(TAKER, rlusd("5.2"), "10000000"), paid(10_000_000), trust_line(low, high, balance, before))
    assert facts(event) == (50, "filled", None, rlusd("5.2"), "10000000")


def test_what_trades_in_part_is_placed_with_its_rest_and_tells_what_moved() -> None:
    bid = create(TAKER, rlusd("22"), "40000000")
    event = own(
        bid,
        placed(TAKER, 50, rlusd("5.5"), "10000000"),
        paid(30_000_000),
        trust_line(TAKER, ISSUER, "83.95", "100"),
    )
    assert facts(event) == (50, "placed", None, rlusd("16.05"), "30000000")
    assert event["rest"] == {"gets": rlusd("5.5"), "pays": "10000000"}


@pytest.mark.parametrize(("flags", "cause"), [(IMMEDIATE_OR_CANCEL, "cancelled"), (0, "funds_used_up")])
def test_a_rest_that_is_not_placed_is_removed_with_its_cause(flags: int, cause: str) -> None:
    bid = create(TAKER, rlusd("10"), "20000000", Flags=flags)
    event = own(bid, paid(8_000_000), trust_line(TAKER, ISSUER, "6", "10"))
    assert facts(event) == (50, "removed", cause, rlusd("4"), "8000000")
    assert event["rest"] == {"gets": rlusd("6"), "pays": "12000000"}


def test_an_offer_that_sells_all_goes_on_beyond_what_it_asks_for() -> None:
    nodes = paid(-3_000_000), trust_line(TAKER, ISSUER, "2", "0")
    asked = {"gets": "4000000", "pays": rlusd("1.6")}
    assert own(create(TAKER, **asked), *nodes)["event"] == "filled"
    event = own(create(TAKER, **asked, Flags=SELL), *nodes)
    assert (event["event"], event["rest"]) == ("removed", {"gets": "1000000", "pays": rlusd("0")})


@pytest.mark.parametrize(("balance", "event"), [("7000003.511111111", "filled"), ("7000003.51111110", "removed")])
def test_a_balance_that_has_no_room_for_every_digit_does_not_make_it_a_part(balance: str, event: str) -> None:
    """Seven million and sixteen digits leave nine behind the point. What moved is told as the balance has it."""
    tx = create(TAKER, "7000000", rlusd("3.511111111111111"))
    told_of = own(tx, paid(-7_000_000 + 1), trust_line(TAKER, ISSUER, balance, "7000000"))
    assert told_of["event"] == event
    assert told_of["pays"] == rlusd(balance.removeprefix("700000").rstrip("0"))


def test_the_issuers_transfer_fee_is_given_on_top() -> None:
    bid = create(TAKER, rlusd("26"), "50000000")
    event = own(bid, paid(50_000_000), trust_line(TAKER, ISSUER, "73.948", "100"))
    assert facts(event) == (50, "filled", None, rlusd("26.052"), "50000000")


def test_an_issuer_gives_on_every_line_that_it_has() -> None:
    tx = create(ISSUER, rlusd("5"), "10000000")
    nodes = meta(
        root(ISSUER, XRP + 10_000_000 - FEE, XRP),
        trust_line(MAKER, ISSUER, "3", "0"),
        trust_line(ISSUER, OTHER, "-2", "0"),
        trust_line(ISSUER, OTHER, "-7", "0", "EUR"),
    )
    assert facts(told(tx, nodes)[-1]) == (50, "filled", None, rlusd("5"), "10000000")


def test_lines_with_others_and_in_other_currencies_are_not_its_own() -> None:
    event = own(
        create(TAKER, rlusd("5.2"), "10000000"),
        paid(10_000_000),
        trust_line(TAKER, ISSUER, "94.8", "100"),
        trust_line(TAKER, OTHER, "1", "2"),
        trust_line(MAKER, ISSUER, "5.2", "0"),
        trust_line(TAKER, ISSUER, "1", "2", "EUR"),
    )
    assert event["gets"] == rlusd("5.2")


def test_what_an_older_offer_of_the_same_owner_traded_is_not_told_twice() -> None:
    """The new one buys euros by way of XRP, and the XRP of an older one lies on that way."""
    tx = create(TAKER, rlusd("5"), eur("4"))
    older = deleted(TAKER, 20, "0", rlusd("0"), was("10000000", rlusd("5")))
    maker = modified(MAKER, 9, eur("6"), "15000000", was(eur("10"), "25000000"))
    events = told(tx, meta(paid(-10_000_000), older, maker, trust_line(TAKER, ISSUER, "4", None, "EUR")))
    assert [facts(event) for event in events if event["owner"] == TAKER] == [
        (20, "filled", None, "10000000", rlusd("5")),
        (50, "filled", None, rlusd("5"), eur("4")),
    ]


def test_a_trade_that_brings_exactly_the_fee_is_told_although_the_balance_stayed() -> None:
    event = own(create(TAKER, rlusd("0.00001"), "10"), paid(10), trust_line(TAKER, ISSUER, "1", "1.00001"))
    assert facts(event) == (50, "filled", None, rlusd("0.00001"), "10")


def test_a_fee_that_somebody_else_paid_is_not_added_back() -> None:
    tx = create(TAKER, "4000000", rlusd("2"), Delegate=OTHER)
    assert own(tx, root(TAKER, XRP - 4_000_000, XRP), trust_line(TAKER, ISSUER, "2", "0"))["gets"] == "4000000"


def test_a_failed_offer_traded_nothing_whatever_the_fee_did() -> None:
    tx = create(TAKER, "4000000", rlusd("2"))
    assert told(tx, meta(root(TAKER, XRP - 5000, XRP), result="tecKILLED")) == []


@pytest.mark.parametrize(
    ("tx", "node"),
    [
        (create(TAKER, None, rlusd("2")), paid(0)),
        (create(TAKER, "4000000", rlusd("2"), Fee=None), paid(0)),
        (create(TAKER, "4000000", rlusd("2"), Fee=rlusd("1")), paid(0)),
        (create(TAKER, "4000000", rlusd("2"), Flags="0"), paid(-4)),
        (create(TAKER, "4000000", rlusd("2"), sequence=-1), paid(-4)),
        (create(TAKER, "4000000", rlusd("2")), trust_line(TAKER, ISSUER, "much", "0")),
        (create(TAKER, "4000000", rlusd("2")), {"CreatedNode": {"LedgerEntryType": "RippleState"}}),
    ],
)
def test_balances_that_cannot_be_read_are_refused(tx: Json, node: Json) -> None:
    with pytest.raises(UnreadableTransaction):
        own(tx, node)
