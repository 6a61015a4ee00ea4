"""Every way an offer comes, changes and goes, as the metadata of the transaction tells it."""

from __future__ import annotations

from typing import Any

import pytest

from neo_core.errors import UnreadableTransaction
from neo_core.gateways.xrpl.reading.metadata import explain
from tests.gateway.making import (
    HASH,
    ISSUER,
    LEDGER,
    MAKER,
    OTHER,
    TAKER,
    Json,
    create,
    deleted,
    eur,
    meta,
    modified,
    payment,
    placed,
    rlusd,
    root,
    told,
    transaction,
    trust_line,
    was,
)

PARENT = 800_000_000
BUY = create(TAKER, rlusd("52"), "100000000")
ASK = ("100000000", rlusd("52"))


def one(tx: Json, metadata: Json, parent_close_time: float | None = None) -> Json:
    [event] = told(tx, metadata, parent_close_time, MAKER)
    return event


def seen(event: Json) -> tuple[Any, ...]:
    return event["event"], event["cause"], event["gets"], event["pays"], event["rest"]


def rest(gets: Any, pays: Any) -> Json:
    return {"gets": gets, "pays": pays}


def test_an_event_names_its_transaction_its_ledger_and_its_offer() -> None:
    event = one(create(MAKER, *ASK, sequence=15), meta(placed(MAKER, 15, *ASK)))
    assert event == {
        "hash": HASH,
        "ledger_index": LEDGER,
        "owner": MAKER,
        "sequence": 15,
        "event": "placed",
        "cause": None,
        "gets": "0",
        "pays": rlusd("0"),
        "rest": rest(*ASK),
    }


def test_an_offer_made_with_a_ticket_is_named_by_the_ticket() -> None:
    made = create(MAKER, *ASK, sequence=0, TicketSequence=209)
    assert one(made, meta(placed(MAKER, 209, *ASK)))["sequence"] == 209


def test_what_the_tick_size_rounded_is_placed_as_it_stands_and_is_no_fill() -> None:
    rounded = ("99998958", rlusd("52.123456789"))
    asked = create(MAKER, "100000001", rlusd("52.123456789"))
    assert seen(one(asked, meta(placed(MAKER, 50, *rounded)))) == (
        "placed",
        None,
        "0",
        rlusd("0"),
        rest(*rounded),
    )


@pytest.mark.parametrize("tx", [BUY, payment()], ids=["by an offer", "by a payment"])
def test_a_partial_fill_moves_what_each_side_lost(tx: Json) -> None:
    node = modified(MAKER, 15, "60000000", rlusd("31.2"), was(*ASK))
    assert seen(one(tx, meta(node))) == (
        "partial_fill",
        None,
        "40000000",
        rlusd("20.8"),
        rest("60000000", rlusd("31.2")),
    )


def test_a_side_that_is_not_among_the_previous_fields_did_not_move() -> None:
    node = modified(MAKER, 15, "99999999", rlusd("52"), was("100000000"))
    assert seen(one(BUY, meta(node)))[2:4] == ("1", rlusd("0"))


def test_an_offer_of_which_nothing_is_left_is_filled() -> None:
    node = deleted(MAKER, 15, "0", rlusd("0"), was("60000000", rlusd("31.2")))
    assert seen(one(BUY, meta(node))) == ("filled", None, "60000000", rlusd("31.2"), rest("0", rlusd("0")))


def test_an_offer_with_dust_on_one_side_and_nothing_on_the_other_is_filled() -> None:
    node = deleted(MAKER, 15, rlusd("0.0000000000001"), "0", was(rlusd("5"), "10000000"))
    event = one(payment(), meta(node))
    assert (event["event"], event["gets"]["value"], event["rest"]["gets"]["value"]) == (
        "filled",
        "4.9999999999999",
        "0.0000000000001",
    )


def test_an_offer_whose_owner_ran_dry_is_removed_after_a_partial_fill() -> None:
    node = deleted(MAKER, 96, rlusd("30"), "60000000", was(rlusd("40"), "80000000"))
    assert seen(one(BUY, meta(node))) == (
        "removed",
        "funds_used_up",
        rlusd("10"),
        "20000000",
        rest(rlusd("30"), "60000000"),
    )


UNTOUCHED = deleted(MAKER, 15, *ASK)
EXPIRING = deleted(MAKER, 15, *ASK, Expiration=PARENT)
SIBLING = deleted(MAKER, 14, rlusd("30"), "60000000", was(rlusd("40"), "80000000"))


@pytest.mark.parametrize(
    ("tx", "node", "result", "cause"),
    [
        (transaction("OfferCancel", MAKER, OfferSequence=15), UNTOUCHED, "tesSUCCESS", "cancelled"),
        (transaction("OfferCancel", MAKER, OfferSequence=15), EXPIRING, "tesSUCCESS", "cancelled"),
        (transaction("AccountDelete", MAKER, Destination=OTHER), UNTOUCHED, "tesSUCCESS", "cancelled"),
        (create(MAKER, *ASK, OfferSequence=15), UNTOUCHED, "tesSUCCESS", "replaced"),
        (create(MAKER, *ASK, OfferSequence=15), EXPIRING, "tesSUCCESS", "replaced"),
        (create(MAKER, rlusd("52"), "100000000"), UNTOUCHED, "tesSUCCESS", "self_cross"),
        (create(MAKER, rlusd("52"), "100000000"), UNTOUCHED, "tecKILLED", "self_cross"),
        (create(MAKER, rlusd("52"), "100000000", OfferSequence=14), UNTOUCHED, "tesSUCCESS", "self_cross"),
        (create(MAKER, rlusd("52"), "100000000"), EXPIRING, "tesSUCCESS", "expired"),
        (create(TAKER, rlusd("52"), "100000000", OfferSequence=15), UNTOUCHED, "tesSUCCESS", "unfunded_or_dust"),
        (BUY, EXPIRING, "tesSUCCESS", "expired"),
        (BUY, EXPIRING, "tecKILLED", "expired"),
        (payment(), EXPIRING, "tesSUCCESS", "expired"),
        (BUY, deleted(MAKER, 15, *ASK, Expiration=PARENT + 1), "tesSUCCESS", "unfunded_or_dust"),
        (BUY, UNTOUCHED, "tesSUCCESS", "unfunded_or_dust"),
        (BUY, UNTOUCHED, "tecKILLED", "unfunded_or_dust"),
        (payment(), UNTOUCHED, "tesSUCCESS", "unfunded_or_dust"),
    ],
)
def test_an_offer_that_went_untouched_has_a_cause_and_moved_nothing(
    tx: Json, node: Json, result: str, cause: str
) -> None:
    event = one(tx, meta(node, result=result), PARENT)
    assert seen(event) == ("removed", cause, "0", rlusd("0"), rest(*ASK))


def test_previous_fields_that_hold_no_amounts_are_no_fill() -> None:
    node = deleted(MAKER, 15, *ASK, {"OwnerNode": "0"})
    assert one(transaction("OfferCancel", MAKER, OfferSequence=15), meta(node))["cause"] == "cancelled"
    assert told(BUY, meta(modified(MAKER, 15, *ASK, {"BookNode": "0"}), modified(MAKER, 16, *ASK))) == []


def test_an_offer_that_is_only_pointed_at_may_have_no_fields_at_all() -> None:
    assert told(BUY, meta({"ModifiedNode": {"LedgerEntryType": "Offer", "LedgerIndex": HASH}})) == []


def test_without_the_parents_close_time_no_removal_is_told_as_expired() -> None:
    assert one(BUY, meta(EXPIRING))["cause"] == "unfunded_or_dust"


def test_an_offer_that_a_fill_of_its_sibling_left_unfunded_moved_nothing() -> None:
    events = told(BUY, meta(SIBLING, UNTOUCHED), PARENT, MAKER)
    assert [(event["sequence"], event["cause"]) for event in events] == [
        (14, "funds_used_up"),
        (15, "unfunded_or_dust"),
    ]


def test_a_replace_removes_the_old_offer_and_then_places_the_new_one() -> None:
    tx = create(MAKER, *ASK, sequence=16, OfferSequence=15)
    events = told(tx, meta(placed(MAKER, 16, *ASK), UNTOUCHED))
    assert [(event["sequence"], event["event"]) for event in events] == [(15, "removed"), (16, "placed")]


@pytest.mark.parametrize(
    ("tx", "result"),
    [
        (transaction("OfferCancel", MAKER, OfferSequence=15), "tesSUCCESS"),
        (create(MAKER, *ASK, OfferSequence=15), "tecKILLED"),
        (create(MAKER, *ASK), "tecUNFUNDED_OFFER"),
        (create(MAKER, *ASK), "tesSUCCESS"),
    ],
    ids=["a cancel that came too late", "a replace that failed", "a failed offer", "neither traded nor placed"],
)
def test_a_transaction_that_touched_no_offer_has_no_event(tx: Json, result: str) -> None:
    assert told(tx, meta(root(MAKER, 999_999_990, 1_000_000_000), result=result)) == []


def test_only_the_offers_of_the_account_are_told_if_one_is_named() -> None:
    both = meta(modified(OTHER, 7, "60000000", rlusd("31.2"), was(*ASK)), UNTOUCHED)
    assert [event["owner"] for event in told(BUY, both)] == [OTHER, MAKER]
    assert [event["owner"] for event in told(BUY, both, account=OTHER)] == [OTHER]
    assert told(BUY, both, account=ISSUER) == []


def test_any_pair_of_currencies_is_read_with_every_digit() -> None:
    before = was(rlusd("9999999999999999e80"), eur("3000000000000000e-27", OTHER))
    node = modified(MAKER, 15, rlusd("1000000000000000e-96"), eur("0.000000000001", OTHER), before)
    event = one(payment(), meta(node))
    whole = "9999999999999999" + "0" * 80
    assert event["gets"]["value"] == f"{int(whole) - 1}.{'9' * 81}"
    assert event["pays"] == eur("0.000000000002", OTHER)


def test_an_early_offer_that_asked_for_less_than_nothing_is_told_as_it_was_placed() -> None:
    made = create(MAKER, rlusd("30000"), "41930000000")
    assert one(made, meta(placed(MAKER, 50, rlusd("29944.7"), "-1810000000")))["rest"]["pays"] == "-1810000000"


@pytest.mark.parametrize(
    ("tx", "metadata", "sentence"),
    [
        (None, meta(), "expected a transaction with its fields"),
        (BUY, None, "expected metadata with its fields"),
        (BUY, "201C00000001F8E5110061", "expected metadata with its fields"),
        ({**BUY, "hash": "12"}, meta(), "expected the transaction's hash"),
        ({**BUY, "Account": "nobody"}, meta(), "expected the address of the transaction's Account"),
        ({**BUY, "TransactionType": 7}, meta(), "expected the transaction's TransactionType"),
        ({**BUY, "validated": False}, meta(), "not validated yet"),
        (BUY, meta(result="terQUEUED"), "expected tesSUCCESS or a tec code"),
        (BUY, {"TransactionResult": "tesSUCCESS"}, "expected the list AffectedNodes"),
        (BUY, meta({"MovedNode": {"LedgerEntryType": "Offer"}}), "one created, modified or deleted node"),
        (BUY, meta(modified("nobody", 15, *ASK, was(*ASK))), "expected the address of its owner"),
        (BUY, meta(placed(MAKER, True, *ASK)), "the Sequence of an Offer node: expected a whole number"),
        (BUY, meta(placed(MAKER, 15, "1.5", ASK[1])), "offer 15, TakerGets: expected whole drops"),
        (BUY, meta(placed(MAKER, 15, None, ASK[1])), "offer 15, TakerGets: expected drops, or currency"),
        (BUY, meta(placed(MAKER, 15, rlusd("nan"), ASK[1])), "expected a decimal number as text"),
        (BUY, meta(placed(MAKER, 15, rlusd("1e999"), ASK[1])), "expected a number that the ledger can hold"),
        (BUY, meta(modified(MAKER, 15, *ASK, was(rlusd("1")))), "offer 15, TakerGets: expected one currency"),
        (BUY, meta(deleted(MAKER, 15, *ASK, Expiration="soon")), "offer 15, Expiration: expected a whole"),
    ],
)
def test_what_is_no_validated_transaction_is_refused_in_one_sentence(
    tx: Any, metadata: Any, sentence: str
) -> None:
    with pytest.raises(UnreadableTransaction, match=sentence) as refused:
        explain(tx, metadata, LEDGER)
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("index", [None, -1, "soon", 1.5, True, 2**32])
def test_an_index_that_no_ledger_has_is_refused(index: Any) -> None:
    with pytest.raises(UnreadableTransaction, match="ledger_index: expected a whole number"):
        explain(BUY, meta(), index)


def test_an_index_may_be_written_as_text() -> None:
    [event] = explain(BUY, meta(UNTOUCHED), "309936")
    assert event.ledger_index == 309_936


def test_lines_and_roots_of_others_are_not_looked_at() -> None:
    broken = {"ModifiedNode": {"LedgerEntryType": "AccountRoot", "PreviousFields": {"Balance": 7}}}
    assert told(payment(), meta(broken, trust_line(MAKER, ISSUER, "1", "x"))) == []
