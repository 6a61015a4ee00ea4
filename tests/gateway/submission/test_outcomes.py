from __future__ import annotations

from typing import Any

import pytest
from xrpl.core.binarycodec.definitions import definitions

from neo_core.gateways.xrpl.sending.outcomes import RESULTS, Heard, Standing, hear
from neo_core.model import AckOutcome

SENT, REFUSED, UNKNOWN = AckOutcome.SENT, AckOutcome.REFUSED, AckOutcome.UNKNOWN
HASH = "A" * 64
KEPT = {"applied": False, "broadcast": False, "kept": True, "queued": False}
DROPPED = KEPT | {"kept": False}


def heard(code: str, *, sent_before: bool = False, **said: Any) -> Heard:
    return hear({"engine_result": code, "tx_json": {"hash": HASH}, **said}, HASH, sent_before=sent_before)


def test_every_result_that_the_library_knows_is_in_the_table_by_its_name() -> None:
    names = definitions._DEFINITIONS["TRANSACTION_RESULTS"]
    assert [name for name in names if name not in RESULTS and not name.startswith("tec")] == []


@pytest.mark.parametrize("code", ["tesSUCCESS", "tecUNFUNDED_OFFER", "tecKILLED", "tecNO_LINE", "tefALREADY"])
def test_a_provisional_result_is_sent_and_no_promise(code: str) -> None:
    assert heard(code, applied=True) == Heard(SENT, code, Standing.ENTERED)


def test_what_is_queued_or_held_is_no_refusal() -> None:
    assert heard("terQUEUED", **KEPT) == Heard(SENT, "terQUEUED", Standing.QUEUED)
    assert heard("terPRE_SEQ", **KEPT) == Heard(SENT, "terPRE_SEQ", Standing.HELD)
    assert heard("terPRE_TICKET", **KEPT) == Heard(SENT, "terPRE_TICKET", Standing.HELD)


@pytest.mark.parametrize("code", ["temBAD_OFFER", "temREDUNDANT", "tefMAX_LEDGER", "telWRONG_NETWORK"])
def test_what_no_ledger_can_take_is_refused_although_the_server_keeps_it(code: str) -> None:
    assert heard(code, **KEPT).outcome is REFUSED


@pytest.mark.parametrize(
    "code",
    [
        "telCAN_NOT_QUEUE",
        "telCAN_NOT_QUEUE_BALANCE",
        "telCAN_NOT_QUEUE_BLOCKED",
        "telCAN_NOT_QUEUE_BLOCKS",
        "telCAN_NOT_QUEUE_FEE",
        "telCAN_NOT_QUEUE_FULL",
        "telINSUF_FEE_P",
    ],
)
def test_what_the_queue_does_not_take_may_yet_come_if_it_is_kept(code: str) -> None:
    assert heard(code, **KEPT) == Heard(UNKNOWN, code, Standing.QUEUED)
    assert heard(code).outcome is UNKNOWN  # a server that does not say may keep it
    assert heard(code, **DROPPED).outcome is REFUSED


@pytest.mark.parametrize(
    "code", ["tefPAST_SEQ", "tefBAD_AUTH", "terINSUF_FEE_B", "temBAD_SEQUENCE", "telLOCAL_ERROR"]
)
def test_what_may_change_while_the_blob_is_alive_is_unknown_unless_it_was_dropped(code: str) -> None:
    assert heard(code, **KEPT).outcome is UNKNOWN
    assert heard(code, **DROPPED).outcome is REFUSED


@pytest.mark.parametrize("code", [*sorted(RESULTS), "tecANYTHING"])
def test_nothing_that_was_sent_before_is_ever_refused(code: str) -> None:
    assert heard(code, sent_before=True, **DROPPED).outcome is not REFUSED


def test_a_passed_sequence_is_taken_for_the_blob_that_was_sent_before() -> None:
    assert heard("tefPAST_SEQ", sent_before=True, **KEPT) == Heard(SENT, "tefPAST_SEQ", Standing.ENTERED)


@pytest.mark.parametrize("error", ["notSynced", "noNetwork", "tooBusy", "slowDown", "internal", "whatever"])
def test_an_error_in_place_of_a_result_proves_nothing(error: str) -> None:
    assert hear({"error": error}, HASH, sent_before=False) == Heard(UNKNOWN, error, Standing.UNHEARD)


def test_a_blob_that_does_not_parse_or_is_badly_signed_is_refused() -> None:
    for error in ("invalidTransaction", "invalidParams"):
        assert hear({"error": error}, HASH, sent_before=False).outcome is REFUSED


@pytest.mark.parametrize("answer", [None, 7, "tesSUCCESS", [], {}, {"engine_result": 3}, {"engine_result": "new"}])
def test_nonsense_is_unknown(answer: Any) -> None:
    assert hear(answer, HASH, sent_before=False).outcome is UNKNOWN


def test_an_answer_about_another_transaction_is_unknown() -> None:
    other = {"engine_result": "temBAD_OFFER", "tx_json": {"hash": "B" * 64}}
    assert hear(other, HASH, sent_before=False) == Heard(UNKNOWN, "", Standing.UNHEARD)
