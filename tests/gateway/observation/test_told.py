"""What each transaction did to the wallet: trades, fees, and whatever else moved it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from neo_core.model import OfferEvent, OwnTransaction, Side, Transfer
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
    transaction,
    trust_line,
    was,
)
from tests.gateway.observation.serving import Node, entry, observe, told

NONE = Decimal(0)


@pytest.mark.rule("REC-11")
def test_a_fill_of_either_side_is_told_with_its_exact_amounts() -> None:
    node = Node()
    before = was("100", rlusd("50.5"))
    sold = entry(
        100,
        1,
        create(TAKER, rlusd("9"), "9"),
        meta(
            modified(MAKER, 9, "60", rlusd("30.3"), before),
            root(MAKER, 960, 1000),
            trust_line(MAKER, ISSUER, "30.2", "10"),
        ),
    )
    bought = entry(
        100,
        0,
        create(TAKER, "9", rlusd("9")),
        meta(
            deleted(MAKER, 10, rlusd("0"), "0", was(rlusd("0.00012"), "7")),
            root(MAKER, 1000, 993),
            trust_line(ISSUER, MAKER, "-10", "-10.00012"),
        ),
    )
    node.transactions = [sold, bought]
    account, transfers = told(node, since=99)
    assert account.events == (
        OfferEvent("filled", bought["hash"], 100, 10, Side.BUY, 7, Decimal("0.00012"), 0, NONE),
        OfferEvent("partial_fill", sold["hash"], 100, 9, Side.SELL, 40, Decimal("20.2"), 60, Decimal("30.3")),
    )
    assert (account.transactions, transfers, account.covers_from) == ((), (), 100)


def test_own_transactions_are_told_with_fee_result_and_what_names_them() -> None:
    node = Node()
    plain = entry(99, 0, create(MAKER, "5", rlusd("3"), sequence=50), meta(placed(MAKER, 50, "5", rlusd("3"))))
    by_ticket = entry(
        99,
        1,
        create(MAKER, "5", rlusd("3"), sequence=0, TicketSequence=41, Fee="12"),
        meta(result="tecUNFUNDED_OFFER"),
    )
    delegated = entry(100, 0, transaction("OfferCancel", MAKER, OfferSequence=3, Delegate=OTHER), meta())
    foreign = entry(100, 1, create(TAKER, "5", rlusd("3")), meta())
    node.transactions = [plain, by_ticket, delegated, foreign]
    account, _ = told(node, since=98)
    assert account.transactions == (
        OwnTransaction(plain["hash"], 99, 50, FEE, "tesSUCCESS"),
        OwnTransaction(by_ticket["hash"], 99, 41, 12, "tecUNFUNDED_OFFER"),
        OwnTransaction(delegated["hash"], 100, 50, 0, "tesSUCCESS"),
    )


def test_a_replaced_offer_and_the_one_in_its_place_are_two_events_of_one_transaction() -> None:
    node = Node()
    tx = create(MAKER, "5", rlusd("3"), OfferSequence=9)
    node.transactions = [
        entry(100, 0, tx, meta(deleted(MAKER, 9, "5", rlusd("2")), placed(MAKER, 50, "5", rlusd("3"))))
    ]
    events = observe(node, since=99).account.events
    assert [(event.event, event.cause, event.sequence) for event in events] == [
        ("removed", "replaced", 9),
        ("placed", "", 50),
    ]


def test_offers_of_other_pairs_and_of_other_owners_are_no_events() -> None:
    node = Node()
    nodes = [
        modified(MAKER, 9, "5", eur("3"), was("6", eur("4"))),
        modified(MAKER, 10, rlusd("5"), eur("3"), was(rlusd("6"), eur("4"))),
        modified(MAKER, 11, "5", {**rlusd("3"), "issuer": OTHER}, was("6", {**rlusd("4"), "issuer": OTHER})),
        modified(OTHER, 12, "5", rlusd("3"), was("6", rlusd("4"))),
    ]
    node.transactions = [entry(100, 0, create(TAKER, "5", rlusd("3")), meta(*nodes))]
    assert observe(node, since=99).account.events == ()


@pytest.mark.rule("TRU-1")
@pytest.mark.parametrize(
    ("tx", "nodes", "drops", "value"),
    [
        (transaction("Payment", OTHER), [root(MAKER, 1500, 1000)], 500, "0"),
        (transaction("Payment", MAKER), [root(MAKER, 490, 1000)], -500, "0"),
        (transaction("Payment", MAKER), [root(MAKER, 990, 1000)], 0, None),
        (transaction("Payment", OTHER), [trust_line(MAKER, ISSUER, "7", None)], 0, "7"),
        (transaction("Payment", OTHER), [trust_line(ISSUER, MAKER, "-7", "-9.5")], 0, "-2.5"),
        (transaction("Payment", OTHER), [trust_line(ISSUER, OTHER, "-7", "-9.5")], 0, None),
        (transaction("Payment", OTHER), [trust_line(MAKER, ISSUER, "7", "5", currency="EUR")], 0, None),
        (transaction("Payment", OTHER), [root(OTHER, 1500, 1000)], 0, None),
        # An offer of another pair was taken: for the pair's wallet that is XRP which came from elsewhere.
        (
            create(TAKER, eur("3"), "5"),
            [modified(MAKER, 9, eur("3"), "5", was(eur("4"), "25")), root(MAKER, 1020, 1000)],
            20,
            "0",
        ),
        # The issuer's transfer fee comes on top of what the offer gives.
        (
            create(TAKER, "100", rlusd("50")),
            [
                deleted(MAKER, 9, rlusd("0"), "0", was(rlusd("20"), "40")),
                root(MAKER, 1040, 1000),
                trust_line(MAKER, ISSUER, "79.96", "100"),
            ],
            0,
            "-0.04",
        ),
    ],
)
def test_what_moves_the_wallet_beside_trades_and_fees_is_told_by_transaction(
    tx: Json, nodes: list[Json], drops: int, value: str | None
) -> None:
    node = Node()
    node.transactions = [entry(100, 0, tx, meta(*nodes))]
    account, transfers = told(node, since=99)
    told_of = (node.transactions[0]["hash"], 100, drops, Decimal(value or 0), bool(account.events))
    assert transfers == (() if value is None else (Transfer(*told_of),))


@pytest.mark.rule("TRU-1")
def test_the_deposit_that_made_the_account_is_a_transfer() -> None:
    node = Node()
    made = {"CreatedNode": {"LedgerEntryType": "AccountRoot", "NewFields": {"Account": MAKER, "Balance": "77"}}}
    node.transactions = [entry(100, 0, transaction("Payment", OTHER), meta(made))]
    _, transfers = told(node, since=99)
    assert [(one.drops, one.rlusd) for one in transfers] == [(77, NONE)]


@pytest.mark.rule("TRU-1")
def test_dust_that_moved_without_xrp_is_a_transfer_and_no_fill() -> None:
    node = Node()
    dust = modified(MAKER, 9, "60", rlusd("30.3"), was(None, rlusd("30.4")))
    line = trust_line(MAKER, ISSUER, "10.1", "10")
    node.transactions = [entry(100, 0, create(TAKER, "5", rlusd("3")), meta(dust, line))]
    account, transfers = told(node, since=99)
    assert [(event.drops, event.rlusd) for event in account.events] == [(0, NONE)]
    assert [(one.drops, one.rlusd) for one in transfers] == [(0, Decimal("0.1"))]


@pytest.mark.rule("REC-11")
def test_drops_that_moved_for_too_little_rlusd_to_count_are_a_fill() -> None:
    node = Node()
    taken = modified(MAKER, 9, "99", rlusd("50.5"), was("100"))
    node.transactions = [entry(100, 0, create(TAKER, "5", rlusd("3")), meta(taken, root(MAKER, 99, 100)))]
    account, transfers = told(node, since=99)
    assert [(event.event, event.drops, event.rlusd) for event in account.events] == [("partial_fill", 1, NONE)]
    assert transfers == ()
