from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.submission.server import STEP, Server
from tests.gateway.submission.trading import Desk, cancel, codes, place


def stocked(tickets: int = 3, **changes: Any) -> Desk:
    desk = Desk(Server(), tickets_for_cancel=tickets, **changes)
    desk.close()
    assert len(desk.server.tickets) == tickets
    return desk


def test_tickets_are_made_when_nothing_is_under_way() -> None:
    desk = stocked()
    [made] = desk.wire.sent
    assert (made["TransactionType"], made["TicketCount"], made["Sequence"]) == ("TicketCreate", 3, 50)
    assert [one.sequence for one in desk.prepare(place("a"))] == [54]


def test_the_sequences_behind_tickets_on_their_way_are_left_to_them() -> None:
    desk = Desk(Server(), tickets_for_cancel=3)
    assert codes(desk.do(place("a"))) == ["sent tesSUCCESS"]
    assert desk.wire.sent[-1]["Sequence"] == 54


def test_without_a_wish_for_tickets_none_are_asked_for_or_made() -> None:
    desk = Desk()
    desk.close()
    assert not desk.wire.sent
    assert [question["command"] for question in desk.submission.questions()] == ["account_info", "fee"]


@pytest.mark.parametrize(("objects", "made"), [(4, 0), (5, 1), (6, 2), (7, 3), (99, 3)])
def test_no_more_are_made_than_the_reserve_has_room_for(objects: int, made: int) -> None:
    desk = Desk(tickets_for_cancel=3, spare_drops=10 + objects * STEP)
    assert [tx["TicketCount"] for tx in desk.wire.sent] == ([made] if made else [])


def test_none_are_made_while_the_ledger_is_busy() -> None:
    server = Server()
    server.crowd = 500
    assert not Desk(server, tickets_for_cancel=3).wire.sent


@pytest.mark.rule("MODE-4")
def test_a_cancel_with_a_ticket_is_not_held_back_by_a_sequence_that_is_stuck() -> None:
    desk = stocked()
    [resting] = desk.rest(1)
    desk.wire.faults = ["lost", ""]
    desk.do(place("lost"), place("held"))
    assert codes(desk.do(cancel("rest-0", resting))) == ["sent tesSUCCESS"]
    sent = desk.wire.sent[-1]
    assert (sent["Sequence"], sent["TicketSequence"]) == (0, 51)
    desk.server.close()
    assert resting not in desk.server.offers


def test_each_cancel_takes_its_own_ticket_and_the_rest_take_sequences() -> None:
    desk = stocked(2)
    first, second, third = desk.rest(3)
    desk.wire.batches.clear()
    acks = desk.do(cancel("rest-0", first), cancel("rest-1", second), cancel("rest-2", third))
    assert codes(acks) == ["sent tesSUCCESS"] * 3
    assert [tx.get("TicketSequence") for tx in desk.wire.sent] == [51, 52, None]
    desk.close()
    assert not desk.server.offers


def test_the_next_batch_takes_the_next_ticket() -> None:
    desk = stocked(2)
    first, second = desk.rest(2)
    desk.wire.batches.clear()
    desk.do(cancel("rest-0", first))
    desk.do(cancel("rest-1", second))
    assert [tx["TicketSequence"] for tx in desk.wire.sent] == [51, 52]


def test_used_tickets_are_replaced_once_nothing_is_under_way() -> None:
    desk = stocked(2)
    [resting] = desk.rest(1)
    desk.do(cancel("rest-0", resting))
    desk.close()
    desk.close()
    assert len(desk.server.tickets) == 2


def test_a_cancel_that_comes_with_placements_keeps_its_place_before_them() -> None:
    desk = stocked()
    [resting] = desk.rest(1)
    prepared = desk.prepare(cancel("rest-0", resting), place("b"))
    assert [one.sequence for one in prepared] == [55, 56]


def test_an_offer_that_is_not_validated_yet_is_cancelled_by_sequence() -> None:
    desk = stocked()
    desk.do(place("a"))
    assert codes(desk.do(cancel("a", 54))) == ["sent tesSUCCESS"]
    assert "TicketSequence" not in desk.wire.sent[-1]


def test_a_repeated_cancel_keeps_its_ticket() -> None:
    desk = stocked()
    [resting] = desk.rest(1)
    desk.wire.faults = ["lost"]
    desk.do(cancel("rest-0", resting))
    desk.do(cancel("rest-0", resting))
    first, again = desk.wire.sent[-2:]
    assert first == again


def test_a_ticket_whose_cancel_died_is_used_again() -> None:
    desk = stocked(1)
    [resting] = desk.rest(1)
    desk.wire.faults = ["lost"] * 10
    desk.do(cancel("rest-0", resting))
    for _ in range(4):
        desk.close()
    desk.wire.faults = []
    desk.do(cancel("rest-0", resting))
    assert desk.wire.sent[-1]["TicketSequence"] == 51
    desk.close()
    assert not desk.server.offers
