"""What another process left behind, and what the ledgers teach."""

from __future__ import annotations

import pytest

from neo_core.gateways.xrpl.sending.submission import Load, Seen, Submission
from neo_core.model import AckOutcome, OwnTransaction
from tests.gateway.submission.server import ACCOUNT, PlainSigner, Server
from tests.gateway.submission.trading import Desk, cancel, codes, place, terms

SENT, REFUSED, UNKNOWN = AckOutcome.SENT, AckOutcome.REFUSED, AckOutcome.UNKNOWN


# --- after a restart ---


def restarted(desk: Desk) -> Desk:
    again = Desk(desk.server)
    again.wire.backwards = desk.wire.backwards
    return again


def test_after_a_restart_it_goes_on_behind_the_open_ledger() -> None:
    desk = Desk()
    desk.do(place("a"), place("b"))
    assert [one.sequence for one in restarted(desk).prepare(place("c"))] == [52]


def test_after_a_restart_it_goes_on_behind_the_queue() -> None:
    desk = Desk(Server(expected_size=5))
    desk.server.crowd = 500
    desk.do(place("a"), place("b"))
    assert [one.sequence for one in restarted(desk).prepare(cancel("z", 40))] == [52]


def test_after_a_restart_what_the_old_process_lost_is_a_gap_and_is_filled() -> None:
    desk = Desk()
    desk.wire.faults = ["lost", ""]
    desk.do(place("a"), place("b"))  # the second is held, and nobody but the server knows
    again = restarted(desk)
    assert codes(again.do(place("c"))) == ["sent tesSUCCESS"]
    again.close()
    again.close()
    assert again.server.offers == {50, 51}
    assert [one.sequence for one in again.prepare(place("d"))] == [52]


def test_what_stands_behind_a_strangers_transaction_that_never_came_heals_once_it_is_gone() -> None:
    desk = Desk()
    seen = desk.server.seen(desk.submission.questions())
    desk.submission.learn(
        Seen(seen.ledger_index, seen.close_time, 50, load=Load(sequence=50, queued=frozenset({50})))
    )
    assert codes(desk.do(place("a"))) == ["sent terPRE_SEQ"]
    assert desk.wire.sent[-1]["Sequence"] == 51
    desk.close()
    assert codes(desk.do(cancel("z", 40))) == ["sent tesSUCCESS"]
    assert desk.wire.sent[-1]["Sequence"] == 50
    desk.close()
    desk.close()
    assert desk.server.offers == {51}


def test_a_sequence_that_another_used_is_given_up_once_a_ledger_shows_it() -> None:
    desk = Desk()
    prepared = desk.prepare(place("a"))
    Desk(desk.server).do(place("stranger"))
    assert codes(desk.submission.send(desk.wire, prepared)) == ["unknown tefPAST_SEQ"]
    desk.close()
    assert [one.sequence for one in desk.prepare(place("b"))] == [51]


@pytest.mark.rule("MODE-4")
def test_a_cancel_that_lost_its_sequence_to_another_gets_a_new_one() -> None:
    desk = Desk()
    [resting] = desk.rest(1)
    prepared = desk.prepare(cancel("rest-0", resting))
    Desk(desk.server).do(place("stranger"))
    assert codes(desk.submission.send(desk.wire, prepared)) == ["unknown tefPAST_SEQ"]
    desk.close()
    assert codes(desk.do(cancel("rest-0", resting))) == ["sent tesSUCCESS"]
    assert desk.wire.sent[-1]["Sequence"] == 52


def test_after_a_restart_the_cancel_of_an_offer_that_was_lost_uses_up_its_sequence() -> None:
    desk = Desk()
    desk.wire.faults = ["lost"]
    desk.do(place("a"))
    again = restarted(desk)
    assert codes(again.do(cancel("a", 50), place("b"))) == ["sent tesSUCCESS"] * 2
    assert [tx["TransactionType"] for tx in again.wire.sent] == ["AccountSet", "OfferCreate"]
    again.close()
    assert again.server.offers == {51}


# --- learning ---


def test_an_older_ledger_teaches_nothing() -> None:
    desk = Desk()
    desk.do(place("a"))
    desk.close()
    desk.submission.learn(Seen(100, 0.0, 40))
    assert [(one.sequence, one.last_ledger) for one in desk.prepare(place("b"))] == [(51, 105)]


def test_without_an_open_ledger_to_ask_it_counts_from_the_validated_one_and_what_is_under_way() -> None:
    submission = Submission(ACCOUNT, PlainSigner(), terms())
    desk = Desk()
    submission.learn(Seen(100, 0.0, 50))
    submission.send(desk.wire, submission.prepare([place("a")]))
    submission.learn(Seen(101, 0.0, 50))
    assert [one.sequence for one in submission.prepare([place("b")])] == [51]


def test_a_validated_one_is_known_by_its_hash_whatever_the_sequence_says() -> None:
    desk = Desk()
    prepared = desk.prepare(place("a"))
    desk.submission.send(desk.wire, prepared)
    done = OwnTransaction(prepared[0].tx_hash, 101, 50, 10, "tesSUCCESS")
    desk.submission.learn(Seen(101, 0.0, 50, transactions=(done,)))
    desk.submission.resend(desk.wire)
    assert len(desk.wire.batches) == 1
