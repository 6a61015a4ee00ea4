"""What subscribers are told, and in which order."""

from __future__ import annotations

from typing import Any

import pytest
from neo_devnet.streams import Streams, Subscriber

from .making import XRP, World, founded

Told = list[dict[str, Any]]


def listener(world: World, version: int = 2, **asked: Any) -> tuple[Streams, Subscriber, Told]:
    told: Told = []
    streams = Streams(world.node)
    subscriber = streams.join(told.append)
    assert streams.subscribe(subscriber, asked, version)["status"] == "success"
    return streams, subscriber, told


def test_the_ledger_comes_before_its_transactions() -> None:
    world = founded()
    _, _, told = listener(world, streams=["ledger"], accounts=[world.maker.address])
    world.ask(world.maker)
    world.node.accept()
    ledger, transaction = told
    assert (ledger["type"], ledger["ledger_index"], ledger["txn_count"]) == ("ledgerClosed", 7, 1)
    assert ledger["validated_ledgers"] == "2-7"
    assert (transaction["validated"], transaction["ledger_hash"]) == (True, ledger["ledger_hash"])
    assert transaction["tx_json"]["date"] == ledger["ledger_time"]
    assert transaction["tx_json"]["owner_funds"] == "998599980"


def test_subscribing_to_the_ledger_answers_with_the_newest() -> None:
    world = founded()
    streams = Streams(world.node)
    result = streams.subscribe(streams.join(lambda _: None), {"streams": ["ledger"]}, 2)
    assert (result["ledger_index"], result["fee_base"], result["reserve_inc"]) == (6, 10, 200_000)


def test_an_account_and_a_book_tell_of_the_same_transaction_twice() -> None:
    world = founded()
    book = {"taker_gets": XRP, "taker_pays": world.asset}
    _, _, told = listener(
        world, accounts=[world.maker.address], accounts_proposed=[world.maker.address], books=[book]
    )
    world.ask(world.maker)
    assert [one["validated"] for one in told] == [False]
    world.node.accept()
    assert [one["validated"] for one in told] == [False, True, True]
    assert told[1] == told[2]


def test_a_foreign_fill_is_told_only_when_it_is_validated() -> None:
    world = founded()
    world.ask(world.maker)
    world.node.accept()
    _, _, told = listener(world, accounts=[world.maker.address], accounts_proposed=[world.maker.address])
    world.bid(world.taker)
    assert told == []
    world.node.accept()
    assert [one["tx_json"]["Account"] for one in told] == [world.taker.address]


def test_a_failed_transaction_is_in_the_stream_of_its_account_and_not_of_the_book() -> None:
    world = founded()
    both = {"taker_gets": XRP, "taker_pays": world.asset, "both": True}
    _, _, of_book = listener(world, books=[both])
    _, _, of_account = listener(world, accounts=[world.maker.address])
    world.bid(world.maker, Flags=0x20000)
    world.node.accept()
    assert [one["engine_result"] for one in of_account] == ["tecKILLED"]
    assert of_book == []


def test_a_snapshot_shows_both_sides() -> None:
    world = founded()
    world.ask(world.maker)
    world.bid(world.taker, TakerGets=world.token("4"))
    world.node.accept()
    streams = Streams(world.node)
    book = {"taker_gets": XRP, "taker_pays": world.asset, "both": True, "snapshot": True}
    shown = streams.subscribe(streams.join(lambda _: None), {"books": [book]}, 2)
    assert [one["Account"] for one in shown["bids"]] == [world.maker.address]
    assert [one["Account"] for one in shown["asks"]] == [world.taker.address]


def test_the_first_version_of_the_api_names_things_otherwise() -> None:
    world = founded()
    _, _, told = listener(world, 1, accounts=[world.maker.address])
    sent = world.ask(world.maker)["tx_json"]["hash"]
    world.node.accept()
    assert told[0]["transaction"]["hash"] == sent
    assert "tx_json" not in told[0]


def test_all_transactions_are_told_to_who_asked_for_both_streams_twice() -> None:
    world = founded()
    _, _, told = listener(world, streams=["transactions", "transactions_proposed", "server"])
    world.noop(world.maker)
    world.node.accept()
    assert [one["type"] for one in told] == ["transaction", "serverStatus", "transaction", "transaction"]
    world.node.accept()
    assert len(told) == 4


def test_after_unsubscribing_nothing_comes() -> None:
    world = founded()
    book = {"taker_gets": XRP, "taker_pays": world.asset}
    asked: dict[str, Any] = {
        "streams": ["ledger"],
        "accounts": [world.maker.address],
        "accounts_proposed": [world.maker.address],
        "books": [book],
    }
    streams, subscriber, told = listener(world, **asked)
    assert streams.unsubscribe(subscriber, asked) == {"status": "success"}
    world.ask(world.maker)
    world.node.accept()
    assert told == []


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"streams": ["nosuch"]}, "malformedStream"),
        ({"streams": "ledger"}, "invalidParams"),
        ({"streams": [7]}, "malformedStream"),
        ({"accounts": ["rubbish"]}, "actMalformed"),
        ({"accounts": []}, "actMalformed"),
        ({"books": [{"taker_gets": XRP}]}, "invalidParams"),
        ({"books": [{"taker_gets": XRP, "taker_pays": XRP}]}, "badMarket"),
        ({"books": ["x"]}, "invalidParams"),
    ],
)
def test_what_cannot_be_subscribed_to(asked: dict[str, Any], error: str) -> None:
    world = World()
    streams = Streams(world.node)
    answer = streams.subscribe(streams.join(lambda _: None), asked, 2)
    assert (answer["error"], answer["status"]) == (error, "error")
    assert answer["request"]["command"] == "subscribe"


def test_what_was_held_is_proposed_when_its_gap_is_filled() -> None:
    world = founded()
    _, _, told = listener(world, accounts_proposed=[world.maker.address])
    first = world.sequence(world.maker)
    world.noop(world.maker, Sequence=first + 1)
    assert told == []
    world.noop(world.maker, Sequence=first)
    assert [one["tx_json"]["Sequence"] for one in told] == [first, first + 1]
