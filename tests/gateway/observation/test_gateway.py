"""The gateway as the session sees it: when it waits, when it starts over, and what it hands on."""

from __future__ import annotations

from decimal import Decimal

import pytest

from neo_core.errors import LeaseLost, ObservationFailed
from neo_core.gateways.base import Gateway
from neo_core.gateways.xrpl.connecting.link import RIPPLE_EPOCH
from neo_core.model import Cancel
from tests.gateway.making import MAKER, create, deleted, meta, placed, rlusd, transaction
from tests.gateway.observation.serving import (
    NODE,
    Node,
    ScriptedLink,
    Sender,
    ask_in_book,
    closed_at,
    entry,
    gateway_to,
    own_offer,
)

OTHER_NODE = "wss://two.example/"


def test_it_is_a_gateway() -> None:
    gateway: Gateway = gateway_to(Node())
    observation = gateway.observe(None)
    assert (observation.ledger_index, observation.close_time) == (100, float(closed_at(100) + RIPPLE_EPOCH))
    assert observation.account.proves_fills


def test_an_observation_costs_one_round_trip() -> None:
    node = Node()
    node.pool = {"amount": "10000000000", "amount2": rlusd("5000")}
    node.offers = [own_offer(seq, "1000000", rlusd("1")) for seq in range(50)]
    node.transactions = [
        entry(100, 0, create(MAKER, "5", rlusd("3")), meta(placed(MAKER, 50, "5", rlusd("3")))),
        entry(100, 1, create(MAKER, "5", rlusd("3")), meta(deleted(MAKER, 9, "5", rlusd("3"), Expiration=1))),
    ]
    gateway = gateway_to(node)
    gateway.observe(99)
    assert node.trips == 1
    node.requests.clear()
    gateway.observe(100)
    assert node.trips == 2
    assert [asked["ledger_index"] for asked in node.requests if asked["command"] == "ledger"] == [101]


def test_the_worst_observation_costs_eight_round_trips() -> None:
    node = Node(ledger_index=1000)
    node.page = 10
    node.asks = [ask_in_book(100, "0.00005", account=MAKER)] * 25
    node.offers = [own_offer(seq, "1000000", rlusd("1")) for seq in range(70)]
    gone = [deleted(MAKER, seq, "5", rlusd("3"), Expiration=closed_at(899 + seq)) for seq in range(100)]
    node.transactions = [entry(901 + seq, 0, transaction("Payment", MAKER), meta(gone[seq])) for seq in range(100)]
    for one in node.transactions:
        del one["tx_json"]["date"]
    gateway = gateway_to(node)
    observation = gateway.observe(900)
    assert node.trips == 8
    assert len(observation.account.offers) == 70
    node.requests.clear()
    gateway.observe(900)
    first = next(asked for asked in node.requests if asked["command"] == "account_tx")
    assert first["ledger_index_min"] == 970  # the last ledger of the seventh page may go on


def test_what_the_sender_asks_goes_along_and_comes_back_to_it_with_what_was_seen() -> None:
    node, sender = Node(), Sender()
    node.open_fee = "77"
    tx = entry(100, 0, transaction("OfferCancel", MAKER, OfferSequence=3), meta())
    node.transactions = [tx]
    gateway_to(node, sender=sender).observe(99)
    [seen] = sender.learnt
    assert (seen.ledger_index, seen.sequence, seen.base_fee) == (100, 5, 10)
    assert (seen.spare_drops, seen.reserve_step_drops) == (1_000_000_000 - 1_400_000, 200_000)
    assert seen.close_time == float(closed_at(100) + RIPPLE_EPOCH)
    assert [one.tx_hash for one in seen.transactions] == [tx["hash"]]
    assert (seen.load.sequence, seen.load.open_fee) == (5, 77)
    assert sender.calls == ["learn", "resend"]
    assert [asked["command"] for asked in node.requests].count("fee") == 1


def test_nothing_is_learnt_or_sent_again_where_nothing_was_seen() -> None:
    node, sender = Node(), Sender()
    node.mangle = lambda request, answer: None
    with pytest.raises(ObservationFailed):
        gateway_to(node, sender=sender).observe(None)
    assert sender.calls == []


def test_each_observation_waits_for_a_newer_ledger_than_the_last_one() -> None:
    link = ScriptedLink(Node())
    gateway = gateway_to(link=link)
    seen = [
        gateway.observe(None).ledger_index,
        gateway.observe(100).ledger_index,
        gateway.observe(95).ledger_index,
    ]
    assert seen == [100, 101, 102]
    assert link.asked_after == [None, 100, 101]


def test_a_ledger_that_could_not_be_read_is_not_asked_again_at_once() -> None:
    node = Node()
    link = ScriptedLink(node)
    gateway = gateway_to(link=link)
    node.mangle = lambda request, answer: None
    with pytest.raises(ObservationFailed):
        gateway.observe(99)
    node.mangle = lambda request, answer: answer
    observation = gateway.observe(99)
    assert (observation.ledger_index, observation.account.covers_from) == (101, 100)
    assert link.asked_after == [99, 100]


@pytest.mark.rule("INT-1")
def test_a_session_that_goes_on_waits_for_the_ledger_after_the_one_it_knows() -> None:
    link = ScriptedLink(Node())
    assert gateway_to(link=link).observe(100).ledger_index == 101
    assert link.asked_after == [100]


@pytest.mark.rule("INT-1")
def test_a_node_that_is_behind_what_was_seen_before_is_waited_for() -> None:
    """As long as for any ledger: it is for the link to say that none came in time."""
    link = ScriptedLink(Node())
    gateway_to(link=link).observe(5000)
    assert link.asked_after == [5000]


def test_a_change_of_node_on_the_way_starts_the_observation_over() -> None:
    first, second = Node(), Node(ledger_index=103)
    second.lines[0]["balance"] = "7"
    link = ScriptedLink(first, second, names=[NODE])

    def change(requests: object) -> list[object]:
        if link.serving is first:
            link.node = OTHER_NODE
        return link.serving.ask(requests)  # type: ignore[arg-type]

    link.ask = change  # type: ignore[method-assign]
    observation = gateway_to(link=link).observe(None)
    assert (observation.ledger_index, observation.account.rlusd) == (103, Decimal(7))
    assert link.asked_after == [None, None]


def test_a_second_change_of_node_on_the_way_is_given_up() -> None:
    link = ScriptedLink(Node())

    def change(requests: object) -> list[object]:
        link.node += "x"
        return link.serving.ask(requests)  # type: ignore[arg-type]

    link.ask = change  # type: ignore[method-assign]
    with pytest.raises(ObservationFailed, match="the node was changed twice"):
        gateway_to(link=link).observe(None)


@pytest.mark.rule("RISK-1")
def test_a_ledger_is_as_old_as_the_node_says_or_as_long_as_it_has_been_here() -> None:
    node = Node()
    link = ScriptedLink(node)
    link.received_at = 500.0
    ages = [
        gateway_to(link=link, monotonic=lambda: now).observe(None).health.ledger_age_seconds
        for now in (500.5, 507)
    ]
    assert ages == [1.0, 7.0]


def test_offers_that_stayed_the_same_are_told_by_the_same_tuple() -> None:
    node = Node()
    node.offers = [own_offer(9, "1000000", rlusd("1"))]
    gateway = gateway_to(node)
    first, second = (gateway.observe(since).account.offers for since in (None, 100))
    assert first is second
    node.offers[0]["taker_gets"] = "999999"
    assert gateway.observe(101).account.offers[0].drops == 999_999


def test_what_ends_the_waiting_goes_through() -> None:
    link = ScriptedLink(Node())

    def lost() -> None:
        raise LeaseLost("another engine trades")

    link.waiting = lost
    with pytest.raises(LeaseLost):
        gateway_to(link=link).observe(None)


def test_the_rest_is_handed_to_the_sender_and_the_link() -> None:
    sender = Sender()
    link = ScriptedLink(Node())
    gateway = gateway_to(link=link, sender=sender)
    prepared = gateway.prepare([Cancel("A-1", 9, "HALT_CANCEL")])
    assert gateway.send(prepared) == ()
    assert (prepared[0].sequence, sender.calls) == (5, ["send"])
    assert gateway.now() == link.now()
    gateway.close()
    assert link.closed


def test_a_node_whose_answers_cannot_be_is_left() -> None:
    node = Node()
    node.mangle = lambda request, answer: {**answer, "ledger_hash": "0" * 64} if "account" in request else answer
    link = ScriptedLink(node)
    with pytest.raises(ObservationFailed) as failed:
        gateway_to(link=link).observe(None)
    assert link.distrusted == [str(failed.value)]


def test_between_two_ledgers_the_time_is_the_ledgers_own_and_goes_on() -> None:
    now = 50.0
    link = ScriptedLink(Node())
    link.received_at = 50.0
    gateway = gateway_to(link=link, monotonic=lambda: now)
    assert gateway.now() == link.now()
    observation = gateway.observe(None)
    now = 53.5
    assert gateway.now() == observation.close_time + 3.5
