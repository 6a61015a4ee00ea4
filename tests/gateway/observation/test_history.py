"""What happened to the account since the last observation, and from which ledger on all of it was told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.observing.history import first_of_run
from neo_core.model import OfferEvent
from tests.gateway.making import (
    MAKER,
    TAKER,
    Json,
    create,
    deleted,
    meta,
    rlusd,
    root,
    transaction,
)
from tests.gateway.observation.serving import Node, closed_at, entry, gateway_to, observe, told

NONE = Decimal(0)


def cancelled(ledger_index: int, position: int = 0, sequence: int = 9) -> Json:
    tx = transaction("OfferCancel", MAKER, sequence=sequence + 1, OfferSequence=sequence)
    return entry(ledger_index, position, tx, meta(deleted(MAKER, sequence, "5", rlusd("3")), root(MAKER, 90, 100)))


def expired(ledger_index: int, expiration: int, position: int = 0, sequence: int = 9) -> Json:
    """Somebody else's transaction finds it so, or finds nothing behind it: its parent's close time tells."""
    node = deleted(MAKER, sequence, "5", rlusd("3"), Expiration=expiration)
    return entry(ledger_index, position, create(TAKER, rlusd("9"), "9"), meta(node))


@pytest.mark.rule("INT-1")
def test_all_pages_are_read_and_told_in_the_order_of_the_ledger() -> None:
    node = Node()
    node.page = 2
    node.transactions = [cancelled(99, 7, 3), cancelled(98, 1, 1), cancelled(99, 2, 2), cancelled(100, 0, 4)]
    node.transactions.append(node.transactions[0])
    account, _ = told(node, since=95)
    assert [event.sequence for event in account.events] == [1, 2, 3, 4]
    assert account.covers_from == 96
    assert node.trips == 3


def test_without_a_ledger_to_begin_from_nothing_of_the_past_is_asked_or_told() -> None:
    node = Node()
    node.transactions = [cancelled(100)]
    account, _ = told(node, since=None)
    assert (account.events, account.transactions, account.covers_from) == ((), (), 101)
    assert "account_tx" not in {asked["command"] for asked in node.requests}


GAPS = [
    ("2-100", 96),  # all of it
    ("97-100", 97),
    ("2-96,98-100", 98),
    ("5,98,100", 100),
    ("100", 100),
    ("2-99", 101),  # not even the ledger that it announced
    ("empty", 101),
    ("", 101),
]


@pytest.mark.rule("REC-13")
@pytest.mark.parametrize(("complete", "covers_from"), GAPS)
def test_what_a_node_does_not_hold_without_a_gap_is_not_told(complete: str, covers_from: int) -> None:
    node = Node()
    node.complete = complete
    node.transactions = [cancelled(index, sequence=index) for index in range(96, 101)]
    account, _ = told(node, since=95)
    assert account.covers_from == covers_from
    assert [event.ledger_index for event in account.events] == list(range(covers_from, 101))


@pytest.mark.parametrize("error", ["lgrIdxMalformed", "lgrIdxsInvalid", "invalidLgrRange", "lgrNotFound"])
def test_a_range_that_a_node_refuses_is_not_told(error: str) -> None:
    node = Node()
    node.mangle = lambda request, answer: {"error": error} if request["command"] == "account_tx" else answer
    assert told(node, since=95)[0].covers_from == 101


def test_a_range_that_a_node_refuses_again_is_asked_no_third_time() -> None:
    node = Node()
    node.complete = "98-100"
    node.mangle = lambda request, answer: (
        {"error": "lgrIdxMalformed"} if request["command"] == "account_tx" else answer
    )
    assert told(node, since=95)[0].covers_from == 101
    assert [asked["ledger_index_min"] for asked in node.requests if asked["command"] == "account_tx"] == [96, 98]


def test_a_range_of_which_the_second_page_is_refused_is_not_told() -> None:
    node = Node()
    node.page = 1
    node.transactions = [cancelled(98), cancelled(99, sequence=3)]

    def mangle(request: Json, answer: Json) -> Json:
        if "marker" not in request:
            return answer
        node.complete = "97-100"
        return {"error": "lgrIdxMalformed"}

    node.mangle = mangle
    account, _ = told(node, since=95)
    assert (account.events, account.covers_from) == ((), 101)
    assert node.trips == 2


@pytest.mark.parametrize("other", [{"ledger_index": 97}, {"validated": False}, {"ledger": None}])
def test_when_another_ledger_closed_is_not_taken_for_the_one_asked(other: Json) -> None:
    node = Node()
    node.transactions = [expired(98, closed_at(97))]
    node.mangle = lambda request, answer: (
        {**answer, **other} if request["command"] == "ledger" and request["ledger_index"] == 98 else answer
    )
    with pytest.raises(ObservationFailed, match="ledger"):
        observe(node, since=95)


@pytest.mark.parametrize(("first", "last", "covers_from"), [(96, 100, 96), (98, 100, 98), (96, 99, 101)])
def test_a_range_that_a_node_clamps_is_told_as_far_as_it_goes(first: int, last: int, covers_from: int) -> None:
    node = Node()
    node.transactions = [cancelled(index, sequence=index) for index in range(98, 100)]
    echo = {"ledger_index_min": first, "ledger_index_max": last}
    node.mangle = lambda request, answer: {**answer, **echo} if request["command"] == "account_tx" else answer
    assert told(node, since=95)[0].covers_from == covers_from


@pytest.mark.parametrize(
    "echo",
    [{"ledger_index_min": 95}, {"ledger_index_max": 101}, {"ledger_index_min": None}, {"validated": False}],
)
def test_a_range_that_was_not_asked_is_refused(echo: Json) -> None:
    node = Node()
    node.mangle = lambda request, answer: {**answer, **echo} if request["command"] == "account_tx" else answer
    with pytest.raises(ObservationFailed, match="account_tx"):
        observe(node, since=95)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"validated": False}, "expected validated transactions"),
        ({"hash": None}, "expected validated transactions"),
        ({"ledger_index": 42}, "expected ledgers 96 to 100, got a transaction of ledger 42"),
        ({"meta": None}, "account_tx, meta: expected fields by name"),
        ({"meta": {"AffectedNodes": [], "TransactionResult": "tesSUCCESS"}}, "TransactionIndex: expected a whole"),
        ({"tx_json": "blob"}, "account_tx, tx_json: expected fields by name"),
    ],
)
def test_a_transaction_that_cannot_be_read_is_refused(change: Json, sentence: str) -> None:
    node = Node()
    node.transactions = [{**cancelled(100), **change}]
    node.mangle = lambda request, answer: (
        {**answer, "transactions": node.transactions} if request["command"] == "account_tx" else answer
    )
    with pytest.raises(ObservationFailed, match=sentence):
        observe(node, since=95)


@pytest.mark.parametrize("text", ["x", "5-", "-5", "1-2-3", "5 - 9", "9" * 11, ",", 5, None])
def test_ledgers_that_are_no_ranges_are_refused(text: Any) -> None:
    with pytest.raises(ObservationFailed, match="complete_ledgers"):
        first_of_run(text, 100)


@pytest.mark.parametrize(("late", "cause"), [(0, "expired"), (1, "unfunded_or_dust")])
def test_whether_an_offer_expired_is_told_by_when_the_ledger_before_closed(late: int, cause: str) -> None:
    node = Node()
    node.transactions = [expired(100, closed_at(99) + late)]
    events = observe(node, since=99).account.events
    assert [event.cause for event in events] == [cause]
    assert node.trips == 1


@pytest.mark.parametrize(("late", "cause"), [(0, "expired"), (1, "unfunded_or_dust")])
def test_when_an_older_ledger_s_parent_closed_is_asked_once_where_it_matters(late: int, cause: str) -> None:
    node = Node()
    when = closed_at(95) + late
    node.transactions = [expired(96, when), expired(96, when, position=1, sequence=8), cancelled(97)]
    events = observe(node, since=95).account.events
    assert [event.cause for event in events] == [cause, cause, "cancelled"]
    assert node.trips == 2
    assert [asked["ledger_index"] for asked in node.requests if asked["command"] == "ledger"] == [100, 96]


@pytest.mark.parametrize(
    ("expiration", "cause"), [(closed_at(90), "expired"), (closed_at(97), "unfunded_or_dust")]
)
def test_when_a_ledger_closed_is_not_asked_where_its_neighbours_tell_enough(expiration: int, cause: str) -> None:
    node = Node()
    node.transactions = [cancelled(92, sequence=5), expired(96, expiration)]
    events = observe(node, since=80).account.events
    assert events[-1].cause == cause
    assert node.trips == 1


def test_when_ledgers_closed_is_remembered_from_one_observation_to_the_next() -> None:
    node = Node()
    gateway = gateway_to(node)
    gateway.observe(None)
    node.advance(2)
    node.transactions = [expired(101, closed_at(100))]
    assert [event.cause for event in gateway.observe(100).account.events] == ["expired"]
    assert node.trips == 2


@pytest.mark.rule("REC-13")
def test_what_happened_behind_a_ledger_that_stays_unclear_is_not_told_as_known() -> None:
    node = Node()
    node.transactions = [cancelled(96), expired(98, closed_at(97)), cancelled(99, sequence=3)]
    node.mangle = lambda request, answer: (
        {"error": "lgrNotFound"} if request["command"] == "ledger" and request["ledger_index"] == 98 else answer
    )
    account, _ = told(node, since=95)
    assert (account.events, account.covers_from) == ((), 101)


@pytest.mark.rule("INT-1", "REC-13")
def test_a_history_too_long_for_one_observation_is_told_when_the_last_of_it_was_fetched() -> None:
    node = Node(ledger_index=1000)
    node.page = 10
    node.transactions = [cancelled(index, sequence=index) for index in range(901, 1001)]
    gateway = gateway_to(node)
    covered = []
    events: list[OfferEvent] = []
    for since in (900, 900, 1001):
        account = gateway.observe(since).account
        events += account.events
        covered.append((account.covers_from, len(account.events)))
        assert node.trips <= 8
        node.trips = 0
    assert covered == [(1001, 0), (901, 100), (1002, 0)]
    assert [event.sequence for event in events] == list(range(901, 1001))


@pytest.mark.rule("INT-1")
def test_another_node_tells_a_long_history_from_its_beginning() -> None:
    node = Node(ledger_index=1000)
    node.page = 10
    node.transactions = [cancelled(index, sequence=index) for index in range(901, 1001)]
    gateway = gateway_to(node)
    gateway.observe(900)
    link = gateway._link
    link._names = ["wss://two.example/"]  # type: ignore[attr-defined]
    node.requests.clear()
    assert gateway.observe(900).account.covers_from == 1002
    asked = next(one for one in node.requests if one["command"] == "account_tx")
    assert asked["ledger_index_min"] == 901


@pytest.mark.rule("REC-11", "INT-1")
def test_what_stayed_unclear_is_told_later_and_nothing_of_it_twice() -> None:
    node = Node()
    node.transactions = [
        cancelled(96, sequence=1),
        expired(98, closed_at(97), sequence=2),
        cancelled(98, 1, sequence=3),
        cancelled(99, sequence=4),
    ]
    node.mangle = lambda request, answer: (
        {"error": "lgrNotFound"} if request["command"] == "ledger" and request["ledger_index"] == 98 else answer
    )
    gateway = gateway_to(node)
    assert gateway.observe(95).account.covers_from == 101
    node.mangle = lambda request, answer: answer
    account = gateway.observe(95).account
    assert [(event.sequence, event.cause) for event in account.events] == [
        (1, "cancelled"),
        (2, "expired"),
        (3, "cancelled"),
        (4, "cancelled"),
    ]
    assert [one.ledger_index for one in account.transactions] == [96, 98, 99]
    assert account.covers_from == 96
    assert [asked["ledger_index_min"] for asked in node.requests if asked["command"] == "account_tx"] == [96, 98]
