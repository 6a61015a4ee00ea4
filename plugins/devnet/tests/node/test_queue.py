"""Fee escalation and the queue, on a node with a soft limit of five transactions a ledger."""

from __future__ import annotations

from typing import Any

import pytest
from neo_devnet.feemetrics import BASE_LEVEL, FeeMetrics, QueueSettings, level_of
from neo_devnet.market.keys import Key

from .making import SMALL, World, founded


def crowded() -> World:
    """The open ledger holds six: from here on the base fee is too little."""
    world = founded(SMALL)
    for _ in range(3):
        world.node.accept()  # what the founding left behind
    for _ in range(6):
        world.noop(world.taker)
    return world


def queue_of(world: World, key: Key) -> dict[str, Any]:
    answer = world.rpc("account_info", account=key.address, ledger_index="current", queue=True)
    data: dict[str, Any] = answer["queue_data"]
    return data


def sequence_of(world: World, key: Key) -> int:
    root = world.node.open.account(key.address)
    assert root is not None
    sequence: int = root["Sequence"]
    return sequence


def test_the_seventh_at_the_base_fee_is_queued_and_the_open_ledger_shows_nothing_of_it() -> None:
    world = crowded()
    answer = world.ask(world.maker)
    assert (answer["engine_result"], answer["queued"], answer["applied"]) == ("terQUEUED", True, False)
    assert answer["open_ledger_cost"] == "7200"
    assert answer["account_sequence_available"] == answer["account_sequence_next"] + 1
    assert world.rpc("account_offers", account=world.maker.address, ledger_index="current")["offers"] == []
    fee = world.rpc("fee")
    assert (fee["drops"]["open_ledger_fee"], fee["current_queue_size"]) == ("7200", "1")
    info = world.rpc("server_info")["info"]
    assert (info["load_factor"], info["load_factor_fee_escalation"], info["load_factor_server"]) == (720, 720, 1)


def test_queue_data_names_what_waits_and_what_it_may_spend() -> None:
    world = crowded()
    assert queue_of(world, world.maker) == {"txn_count": 0}
    first = world.sequence(world.maker)
    world.ask(world.maker, LastLedgerSequence=60)
    world.noop(world.maker)
    data = queue_of(world, world.maker)
    assert (data["lowest_sequence"], data["highest_sequence"], data["txn_count"]) == (first, first + 1, 2)
    assert data["max_spend_drops_total"] == "10000020"
    assert data["transactions"][0]["LastLedgerSequence"] == 60


def test_the_open_ledger_fee_goes_straight_in_and_one_behind_queued_ones_waits() -> None:
    world = crowded()
    world.noop(world.maker)
    assert world.noop(world.maker, Fee="7200")["engine_result"] == "terQUEUED"
    assert world.noop(world.issuer, Fee="7200")["applied"]


def test_a_fee_high_enough_for_all_takes_those_before_it_along() -> None:
    """A cancel behind queued transactions of its own gets in at once when it pays for them, too."""
    world = crowded()
    first = world.sequence(world.maker)
    world.noop(world.maker)
    world.noop(world.maker)
    assert world.noop(world.maker, Fee="25000")["engine_result"] == "terQUEUED"
    # 5000 * (36 + 49 + 64 + 81) / 25 = 46000 for all four, and the one at 25000 has paid its share.
    answer = world.noop(world.maker, Fee="22000")
    assert (answer["engine_result"], answer["applied"]) == ("tesSUCCESS", True)
    assert sequence_of(world, world.maker) == first + 4
    assert queue_of(world, world.maker) == {"txn_count": 0}


def test_replacing_a_queued_one_takes_a_quarter_more() -> None:
    world = crowded()
    sequence = world.sequence(world.maker)
    world.noop(world.maker)
    too_little = world.noop(world.maker, Sequence=sequence, Fee="12")
    assert too_little["engine_result"] == "telCAN_NOT_QUEUE_FEE"
    replaced = world.noop(world.maker, Sequence=sequence, Fee="14")
    assert replaced["engine_result"] == "terQUEUED"
    assert queue_of(world, world.maker)["transactions"][0]["fee"] == "14"


def test_ten_of_one_account_wait_and_no_more() -> None:
    world = crowded()
    results = [world.noop(world.maker)["engine_result"] for _ in range(11)]
    assert results == ["terQUEUED"] * 10 + ["telCAN_NOT_QUEUE_FULL"]


@pytest.mark.parametrize(
    ("fields", "hard", "result"),
    [
        ({"LastLedgerSequence": 11}, False, "telCAN_NOT_QUEUE"),
        ({"LastLedgerSequence": 12}, False, "terQUEUED"),
        ({}, True, "telCAN_NOT_QUEUE"),
        ({"Fee": "5"}, False, "telINSUF_FEE_P"),
        ({"SetFlag": 4}, False, "terQUEUED"),
    ],
)
def test_what_cannot_wait_is_refused(fields: dict[str, Any], hard: bool, result: str) -> None:
    world = crowded()
    assert world.node.open.index == 10
    assert world.noop(world.maker, fail_hard=hard, **fields)["engine_result"] == result


def test_nothing_waits_beside_a_change_of_keys() -> None:
    world = crowded()
    world.noop(world.maker, SetFlag=4)
    assert world.noop(world.maker)["engine_result"] == "telCAN_NOT_QUEUE_BLOCKED"
    world.noop(world.issuer)
    assert world.noop(world.issuer, SetFlag=4)["engine_result"] == "telCAN_NOT_QUEUE_BLOCKS"


def test_queued_fees_that_the_balance_cannot_pay_are_refused() -> None:
    world = crowded()
    assert world.noop(world.maker, Fee="6000")["engine_result"] == "terQUEUED"
    for _ in range(8):
        world.noop(world.maker, Fee="7000")
    assert world.node.fees.reserve_base > 62_000
    poor = founded(SMALL)
    for _ in range(6):
        poor.noop(poor.taker)
    poor.node.fees = poor.node.open.fees = type(poor.node.fees)(base=10, reserve_base=10_000)
    results = [poor.noop(poor.maker, Fee="6000")["engine_result"] for _ in range(3)]
    assert results == ["terQUEUED", "terQUEUED", "telCAN_NOT_QUEUE_BALANCE"]


def test_the_queue_drains_into_the_next_ledgers_the_best_fee_first() -> None:
    world = crowded()
    cheap = world.noop(world.maker)["tx_json"]["hash"]
    dear = [world.noop(world.issuer, Fee="20")["tx_json"]["hash"] for _ in range(9)]
    world.node.accept()
    entered = {tx.hash for tx in world.node.open.txs}
    # Seven more than the six of the last ledger fit before the fee rises again.
    assert len(entered) == 8
    assert cheap not in entered
    assert entered <= set(dear)
    world.node.accept()
    world.node.accept()
    assert len(world.node.queue) == 0
    assert world.rpc("tx", transaction=cheap)["validated"]


def test_one_that_starves_past_its_last_ledger_is_gone_and_the_sequence_is_free_again() -> None:
    world = crowded()
    starving = world.noop(world.maker, LastLedgerSequence=world.node.open.index + 2)
    assert starving["engine_result"] == "terQUEUED"
    first = starving["account_sequence_next"]
    for _ in range(3):
        while world.node.queue.metrics.required(len(world.node.open.txs)) == BASE_LEVEL:
            world.noop(world.taker, Fee="50")
        for key in (world.taker, world.issuer, world.bank):
            for _ in range(10):
                world.noop(key, Fee="50")
        world.node.accept()
    assert queue_of(world, world.maker) == {"txn_count": 0}
    told = world.rpc("tx", transaction=starving["tx_json"]["hash"])
    assert (told["status"], told["validated"]) == ("success", False)
    assert sequence_of(world, world.maker) == first


def test_the_limit_grows_at_once_shrinks_slowly_and_falls_after_a_slow_close() -> None:
    metrics = FeeMetrics(QueueSettings(minimum_txn_in_ledger=5, target_txn_in_ledger=5))
    sizes = []
    for size, slow in ((7, False), (9, False), (2, False), (20, False), (6, False), (30, True)):
        metrics.closed([BASE_LEVEL] * size, slow=slow)
        sizes.append(metrics.expected)
    assert sizes == [8, 10, 10, 24, 24, 12]


def test_the_fee_escalates_with_the_square_of_what_is_in_the_ledger_and_with_what_the_last_one_paid() -> None:
    metrics = FeeMetrics(QueueSettings(minimum_txn_in_ledger=5, target_txn_in_ledger=5))
    assert [metrics.required(count) for count in (5, 6, 7)] == [BASE_LEVEL, 184_320, 250_880]
    metrics.closed([level_of(100_000, 10)] * 5, slow=False)
    assert metrics.required(6) == level_of(100_000, 10) * 36 // 25
    assert metrics.required_for_series(6, 3) == level_of(100_000, 10) * (36 + 49 + 64) // 25
