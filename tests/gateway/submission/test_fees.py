"""What may be paid, and what the server's queue has room for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from neo_core.gateways.xrpl.sending.load import Load, entry_fee, load_of
from neo_core.gateways.xrpl.sending.submission import Seen
from neo_core.model import Prepared
from tests.gateway.submission.server import Server
from tests.gateway.submission.trading import Desk, cancel, codes, place


def crowded(crowd: int, expected_size: int = 100, **changes: Any) -> Desk:
    """Ten offers rest, and then the open ledger fills up, which is seen."""
    desk = Desk(Server(expected_size), **changes)
    desk.rest(10)
    desk.server.crowd = crowd
    desk.observe()
    return desk


def cancels(desk: Desk, count: int = 10) -> list[Any]:
    return [cancel(f"rest-{number}", 50 + number) for number in range(count)]


def fees(prepared: tuple[Prepared, ...]) -> list[int]:
    return [int(json.loads(one.blob)["Fee"]) if one.blob else 0 for one in prepared]


def test_the_base_fee_is_enough_while_there_is_room() -> None:
    desk = crowded(crowd=95)
    assert fees(desk.prepare(place("a"), *cancels(desk, 3))) == [10] * 4


def test_the_fee_of_a_recorded_server_is_told_from_its_size() -> None:
    # Recording 17: five expected, six in it, the median at 5000; and a bigger ledger later.
    assert entry_fee(Load(base_fee=10, median_fee=5000, open_size=5, expected_size=5), 10, 0) == 10
    assert entry_fee(Load(base_fee=10, median_fee=5000, open_size=5, expected_size=5), 10, 1) == 7200
    assert entry_fee(Load(base_fee=10, median_fee=5000, open_size=9, expected_size=8), 10, 0) == 6329


@pytest.mark.rule("MODE-4")
def test_a_cancel_pays_what_gets_it_in_and_a_quarter_more() -> None:
    desk = crowded(crowd=110)
    [prepared] = desk.prepare(cancels(desk)[0])
    assert fees((prepared,)) == [6050 * 5 // 4]
    assert codes(desk.submission.send(desk.wire, [prepared])) == ["sent tesSUCCESS"]


@pytest.mark.rule("MODE-4")
def test_a_batch_of_cancels_pays_more_as_the_ledger_fills() -> None:
    desk = crowded(crowd=99)
    prepared = desk.prepare(*cancels(desk))
    paid = fees(prepared)
    assert paid[:2] == [10, 10]
    assert paid[2:] == sorted(paid[2:])
    assert set(codes(desk.submission.send(desk.wire, prepared))) == {"sent tesSUCCESS"}


@pytest.mark.rule("MODE-4")
def test_no_cancel_pays_more_than_it_may() -> None:
    desk = crowded(crowd=200, max_cancel_fee_drops=3000)
    prepared = desk.prepare(*cancels(desk))
    assert set(fees(prepared)) == {3000}
    assert set(codes(desk.submission.send(desk.wire, prepared))) == {"sent terQUEUED"}


def test_a_cancel_that_may_not_even_pay_the_base_fee_says_so() -> None:
    desk = crowded(crowd=0, max_cancel_fee_drops=9)
    assert codes(desk.do(cancels(desk)[0])) == ["refused local_fee_too_high"]


@pytest.mark.rule("MODE-5")
def test_a_server_that_wants_more_than_a_cancel_may_pay_keeps_no_cancel_back() -> None:
    desk = crowded(crowd=0, max_cancel_fee_drops=3000)
    greedy = Seen(desk.seen_until, 8e8, sequence=60, load=Load(sequence=60, base_fee=60_000, open_fee=60_000))
    desk.submission.learn(greedy)
    prepared = desk.prepare(*cancels(desk, 2))
    assert fees(prepared) == [3000, 3000]
    assert codes(desk.submission.send(desk.wire, prepared)) == ["sent tesSUCCESS"] * 2


def test_a_placement_that_would_cost_more_than_it_may_waits() -> None:
    desk = crowded(crowd=110, max_fee_drops=6049)
    before = len(desk.wire.sent)
    assert codes(desk.do(place("a"))) == ["refused local_fee_too_high"]
    assert len(desk.wire.sent) == before


def test_a_placement_pays_up_to_its_limit() -> None:
    desk = crowded(crowd=110, max_fee_drops=6050)
    assert codes(desk.do(place("a"))) == ["sent tesSUCCESS"]


def test_no_more_than_ten_are_sent_to_the_queue() -> None:
    desk = Desk(Server(100), max_cancel_fee_drops=1000)
    desk.rest(15)
    desk.server.crowd = 200
    desk.observe()
    acks = desk.do(*cancels(desk, 15))
    assert codes(acks) == ["sent terQUEUED"] * 10 + ["refused local_queue_full"] * 5


def test_what_had_no_room_leaves_once_there_is() -> None:
    desk = Desk(Server(100), max_cancel_fee_drops=1000)
    desk.rest(15)
    desk.server.crowd = 200
    desk.observe()
    desk.do(*cancels(desk, 15))
    desk.close()
    assert codes(desk.do(*cancels(desk, 15)[10:])) == ["sent tesSUCCESS"] * 5
    desk.close()
    assert not desk.server.offers


def test_placements_leave_half_of_the_queue_to_cancels() -> None:
    desk = Desk(Server(100))
    desk.rest(10)
    desk.server.crowd = 200
    # The crowd came after the load was told.
    assert codes(desk.do(*[place(str(number)) for number in range(3)])) == ["sent terQUEUED"] * 3
    acks = desk.do(*[place(f"later-{number}") for number in range(4)])
    assert codes(acks) == ["sent terQUEUED"] * 2 + ["refused local_queue_full"] * 2
    assert codes(desk.do(*cancels(desk, 7))) == ["sent terQUEUED"] * 5 + ["refused local_queue_full"] * 2


def test_the_cancels_of_a_batch_have_their_room_before_its_placements() -> None:
    desk = Desk(Server(100))
    desk.rest(10)
    desk.server.crowd = 200
    desk.do(place("first"))
    acks = desk.do(*[place(str(number)) for number in range(3)], *cancels(desk, 3))
    assert codes(acks) == ["sent terQUEUED", *["refused local_queue_full"] * 2, *["sent terQUEUED"] * 3]


def test_the_queue_of_the_process_before_counts() -> None:
    desk = Desk(Server(100))
    desk.rest(10)
    desk.server.crowd = 200
    desk.do(*[place(str(number)) for number in range(8)])
    desk.server.crowd = 0
    again = Desk(desk.server)
    assert codes(again.do(place("a"))) == ["refused local_queue_full"]
    assert codes(again.do(*cancels(again, 4)))[2:] == ["refused local_queue_full"] * 2


@pytest.mark.rule("MODE-4")
def test_fifty_cancels_leave_at_once_where_there_is_room_and_are_gone_in_the_next_ledger() -> None:
    desk = Desk(Server(200))
    desk.rest(50)
    acks = desk.do(*cancels(desk, 50))
    assert codes(acks) == ["sent tesSUCCESS"] * 50
    desk.close()
    assert not desk.server.offers


@pytest.mark.rule("MODE-4")
def test_fifty_cancels_on_a_full_ledger_end_flat_within_their_fee_and_ten_ledgers() -> None:
    desk = Desk(Server(100), max_cancel_fee_drops=1000)
    desk.rest(50)
    open_until = None
    for ledger in range(10):
        desk.server.crowd = 200
        desk.observe()
        desk.do(*[one for one in cancels(desk, 50) if one.sequence in desk.server.offers])
        desk.server.close(crowd=200)
        if not desk.server.offers:
            open_until = ledger
            break
    assert open_until is not None
    assert desk.server.most_queued <= 10
    assert all(int(tx["Fee"]) <= 1000 for tx in desk.wire.sent)


# --- reading ---


def test_the_load_is_read_from_what_a_recorded_server_said() -> None:
    account = {
        "account_data": {"Sequence": 11},
        "queue_data": {"txn_count": 3, "transactions": [{"seq": 11}, {"seq": 12}, {"ticket": 7}]},
    }
    fee = {
        "current_ledger_size": "6",
        "expected_ledger_size": "5",
        "drops": {"base_fee": "10", "median_fee": "5000", "minimum_fee": "10", "open_ledger_fee": "7200"},
    }
    tickets = {"account_objects": [{"TicketSequence": 9}, {"TicketSequence": 7}]}
    assert load_of([account, fee, tickets]) == Load(
        11,
        frozenset({11, 12, 7}),
        (7, 9),
        base_fee=10,
        median_fee=5000,
        open_fee=7200,
        open_size=6,
        expected_size=5,
    )


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [{}],
        [{}, {}],
        [{"error": "noNetwork"}, {"error": "tooBusy"}, {"error": "actNotFound"}],
        [None, 7, "x"],
        [{"account_data": 3, "queue_data": []}, {"drops": "x", "expected_ledger_size": -4}],
        [
            {"account_data": {"Sequence": "x"}, "queue_data": {"transactions": {"seq": 4}}},
            {"drops": {"base_fee": 1.5}},
        ],
        [{"queue_data": {"transactions": [7, {"seq": None}]}}, {}, {"account_objects": {"TicketSequence": 1}}],
    ],
)
def test_what_makes_no_sense_is_not_known(answers: list[Any]) -> None:
    assert load_of(answers) == Load()
