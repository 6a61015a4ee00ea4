"""One batch after another against the model of a server: what leaves, in which place, and what is told of it."""

from __future__ import annotations

import pytest

from neo_core.model import AckOutcome
from tests.gateway.submission.server import MALFORMED, Server
from tests.gateway.submission.trading import Desk, cancel, codes, place

SENT, REFUSED, UNKNOWN = AckOutcome.SENT, AckOutcome.REFUSED, AckOutcome.UNKNOWN


def test_a_batch_is_written_at_once_and_enters_in_order() -> None:
    desk = Desk()
    acks = desk.do(place("a"), place("b"), place("c"))
    assert codes(acks) == ["sent tesSUCCESS"] * 3
    assert [tx["Sequence"] for tx in desk.wire.batches[0]] == [50, 51, 52]
    desk.close()
    assert desk.server.offers == {50, 51, 52}


def test_what_is_prepared_and_not_sent_takes_no_sequence() -> None:
    desk = Desk()
    first = desk.prepare(place("a"), place("b"))
    second = desk.prepare(place("c", drops=7))
    assert [one.sequence for one in first + second] == [50, 51, 50]
    assert codes(desk.submission.send(desk.wire, first[:1])) == ["unknown local_stale"]
    assert not desk.wire.sent


def test_the_next_batch_goes_on_behind_what_is_under_way() -> None:
    desk = Desk()
    desk.do(place("a"), place("b"))
    assert [one.sequence for one in desk.prepare(place("c"))] == [52]


def test_a_refused_one_leaves_a_gap_that_the_next_one_fills() -> None:
    desk = Desk()
    acks = desk.do(place("a"), place("b", drops=int(MALFORMED)), place("c"))
    assert codes(acks) == ["sent tesSUCCESS", "refused temBAD_OFFER", "sent terPRE_SEQ"]
    desk.close()
    assert codes(desk.do(place("d"))) == ["sent tesSUCCESS"]
    assert desk.wire.sent[-1]["Sequence"] == 51
    desk.close()
    desk.close()
    assert desk.server.offers == {50, 51, 52}


def test_a_gap_that_nothing_fills_is_gone_once_what_is_held_behind_it_is_dead() -> None:
    desk = Desk()
    desk.do(place("a", drops=int(MALFORMED)), place("b"))
    for _ in range(4):
        desk.close()
    assert not desk.server.offers
    assert [one.sequence for one in desk.prepare(place("c"), place("d"))] == [50, 51]


def test_a_cancel_takes_no_gap_before_the_offer_that_it_names() -> None:
    desk = Desk()
    desk.do(place("a", drops=int(MALFORMED)), place("b"))
    [prepared] = desk.prepare(cancel("b", 51))
    assert prepared.sequence == 52


def test_a_cancel_of_what_never_had_a_sequence_does_not_leave() -> None:
    desk = Desk()
    assert codes(desk.do(cancel("a", 0))) == ["refused local_never_sent"]
    assert not desk.wire.sent


# --- answers that do not come ---


def test_answers_that_do_not_come_are_unknown_and_the_rest_is_told() -> None:
    desk = Desk()
    desk.wire.faults = ["", "mute", ""]
    assert codes(desk.do(place("a"), place("b"), place("c"))) == ["sent tesSUCCESS", "unknown", "sent tesSUCCESS"]
    desk.close()
    assert desk.server.offers == {50, 51, 52}


def test_a_connection_that_breaks_in_the_middle_leaves_the_rest_unknown() -> None:
    desk = Desk()
    desk.wire.faults = ["", "break"]
    assert codes(desk.do(place("a"), place("b"), place("c"))) == ["sent tesSUCCESS", "unknown", "unknown"]


def test_a_link_that_raises_leaves_all_unknown() -> None:
    desk = Desk()
    desk.wire.faults = ["down"]
    assert codes(desk.do(place("a"), cancel("z", 40))) == ["unknown"] * 2


def test_a_link_that_answers_too_little_leaves_the_rest_unknown() -> None:
    desk = Desk()
    submit = desk.wire.submit
    desk.wire.submit = lambda blobs: submit(blobs)[:1]  # type: ignore[method-assign]
    assert codes(desk.do(place("a"), place("b"))) == ["sent tesSUCCESS", "unknown"]


def test_what_was_lost_is_sent_again_as_the_identical_blob_once_a_ledger_and_then_enters() -> None:
    desk = Desk()
    desk.wire.faults = ["lost", ""]
    acks = desk.do(place("a"), place("b"))
    assert codes(acks) == ["unknown", "sent terPRE_SEQ"]
    first = desk.wire.sent[0]
    desk.submission.resend(desk.wire)
    assert len(desk.wire.batches) == 1  # the ledger is the same
    desk.close()
    assert desk.wire.batches[1][0] == first
    desk.submission.resend(desk.wire)
    assert len(desk.wire.batches) == 2
    desk.close()
    assert desk.server.offers == {50, 51}


def test_what_is_in_the_open_ledger_or_the_queue_is_not_sent_again() -> None:
    desk = Desk(Server(expected_size=5))
    desk.server.crowd = 100
    desk.do(place("a"))  # at the fee that was told before the crowd came
    desk.server.expected_size = 0  # and the queue does not drain
    desk.close(crowd=100)
    assert len(desk.server.queue) == 1
    assert len(desk.wire.batches) == 1
    desk.server.expected_size = 5
    desk.server.close()
    desk.observe()
    assert desk.server.open
    assert len(desk.wire.batches) == 1


def test_what_fell_out_of_the_open_ledger_is_sent_again() -> None:
    desk = Desk()
    desk.do(place("a"))
    desk.server.close(falls_out=1)
    desk.server.open, desk.server.open_sequence = [], desk.server.sequence
    desk.observe()
    assert [tx["Sequence"] for tx in desk.wire.batches[1]] == [50]


def test_no_more_than_ten_are_sent_again_in_one_ledger_lowest_sequence_first() -> None:
    desk = Desk()
    desk.wire.faults = ["lost"] * 25
    desk.do(*[place(str(number)) for number in range(25)])
    desk.close()
    assert [tx["Sequence"] for tx in desk.wire.batches[1]] == list(range(50, 60))


def test_nothing_is_sent_again_once_its_last_ledger_has_passed() -> None:
    desk = Desk()
    desk.wire.faults = ["lost"] * 100
    desk.do(place("a"))
    for _ in range(6):
        desk.close()
    assert len(desk.wire.batches) == 4  # one sending, and again in three ledgers
    assert [one.sequence for one in desk.prepare(place("b"))] == [50]


# --- cancels that are repeated ---


@pytest.mark.rule("MODE-4")
def test_a_repeated_cancel_is_the_same_blob_while_the_first_may_still_come() -> None:
    desk = Desk()
    [resting] = desk.rest(1)
    desk.wire.faults = ["lost"]
    assert codes(desk.do(cancel("rest-0", resting))) == ["unknown"]
    [first] = desk.wire.batches[-1]
    assert codes(desk.do(cancel("rest-0", resting))) == ["sent tesSUCCESS"]
    assert desk.wire.batches[-1] == [first]
    desk.close()
    assert not desk.server.offers


@pytest.mark.rule("MODE-4")
def test_a_repeated_cancel_that_is_in_the_open_ledger_already_is_sent_and_not_refused() -> None:
    desk = Desk()
    [resting] = desk.rest(1)
    desk.do(cancel("rest-0", resting))
    assert codes(desk.do(cancel("rest-0", resting))) == ["sent tefPAST_SEQ"]


@pytest.mark.rule("MODE-4")
def test_a_cancel_that_waits_in_the_queue_is_replaced_in_its_place_by_one_that_pays_a_quarter_more() -> None:
    desk = Desk(Server(expected_size=5))
    [resting] = desk.rest(1)
    desk.server.crowd = 500
    assert codes(desk.do(cancel("rest-0", resting))) == ["sent terQUEUED"]
    acks = desk.do(cancel("rest-0", resting))
    old, new = desk.wire.sent[-2:]
    assert (old["Sequence"], old["Fee"], new["Sequence"], new["Fee"]) == (51, "10", 51, "13")
    assert codes(acks) == ["sent terQUEUED"]
    desk.close()
    desk.close()
    assert not desk.server.offers
    assert len([one for one in desk.server.validated.values() if one.sequence == 51]) == 1


@pytest.mark.rule("MODE-4")
def test_a_cancel_that_cannot_pay_more_is_repeated_as_it_is() -> None:
    desk = Desk(Server(expected_size=5), max_cancel_fee_drops=12)
    [resting] = desk.rest(1)
    desk.server.crowd = 500
    desk.do(cancel("rest-0", resting))
    desk.do(cancel("rest-0", resting))
    old, new = desk.wire.sent[-2:]
    assert old == new


@pytest.mark.rule("MODE-4")
def test_a_dead_cancel_is_followed_by_a_new_one() -> None:
    desk = Desk()
    [resting] = desk.rest(1)
    desk.wire.faults = ["lost"] * 10
    desk.do(cancel("rest-0", resting))
    first = desk.wire.sent[-1]
    for _ in range(4):
        desk.close()
    desk.wire.faults = []
    desk.do(cancel("rest-0", resting))
    new = desk.wire.sent[-1]
    assert (new["Sequence"], new["LastLedgerSequence"]) == (51, first["LastLedgerSequence"] + 4)
    desk.close()
    assert not desk.server.offers


@pytest.mark.rule("MODE-4")
def test_a_cancel_of_an_offer_that_waits_in_the_queue_uses_up_its_sequence() -> None:
    desk = Desk(Server(expected_size=5))
    desk.server.crowd = 500
    desk.do(place("a"))
    [offer] = desk.server.queue
    acks = desk.do(cancel("a", 50))
    [burning] = desk.wire.batches[-1]
    assert (burning["TransactionType"], burning["Sequence"], burning["Fee"]) == ("AccountSet", 50, "13")
    assert codes(acks) == ["sent terQUEUED"]
    desk.close()
    desk.close()
    assert not desk.server.offers
    assert offer.tx_hash not in desk.server.validated
    assert desk.server.sequence == 51


@pytest.mark.rule("MODE-4")
def test_a_cancel_of_an_offer_in_the_open_ledger_follows_it() -> None:
    desk = Desk()
    desk.do(place("a"))
    assert codes(desk.do(cancel("a", 50))) == ["sent tesSUCCESS"]
    desk.close()
    assert not desk.server.offers


def test_the_other_order_of_a_batch_on_the_way_changes_nothing_in_the_end() -> None:
    desk = Desk()
    desk.wire.backwards = True
    acks = desk.do(place("a"), place("b"), place("c"))
    assert {ack.outcome for ack in acks} == {SENT}
    desk.close()
    desk.close()
    assert desk.server.offers == {50, 51, 52}


@pytest.mark.rule("MODE-4")
def test_a_cancel_of_an_offer_that_was_not_seen_to_enter_uses_up_its_sequence() -> None:
    desk = Desk()
    desk.wire.faults = ["lost"] * 2  # and again when it is sent again
    desk.do(place("a"))
    desk.close()
    assert codes(desk.do(cancel("a", 50))) == ["sent tesSUCCESS"]
    assert desk.wire.sent[-1]["TransactionType"] == "AccountSet"
    desk.close()
    assert not desk.server.offers
    assert desk.server.sequence == 51


def test_no_placement_gets_a_sequence_that_a_cancel_under_way_names() -> None:
    desk = Desk()
    desk.wire.faults = ["lost"]
    desk.do(place("a"))
    assert codes(desk.do(cancel("a", 50))) == ["sent terPRE_SEQ"]
    for _ in range(3):
        desk.wire.faults = ["lost"]  # the placement, again and again
        desk.close()
    desk.do(cancel("a", 50))  # lives longer than what it names
    desk.close()
    assert codes(desk.do(place("b"))) == ["refused local_sequence_named"]
    for _ in range(3):
        desk.close()
    assert codes(desk.do(place("c"))) == ["sent tesSUCCESS"]
    desk.close()
    desk.close()
    assert desk.server.offers == {50}
