"""The table of the verdicts, and the patience: orders and events in, answers out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neo_ledger_evidence import LedgerEvidence, LedgerEvidenceConfig
from neo_ledger_evidence.rules import ending, in_order, patience
from pydantic import ValidationError

from neo_core import OfferEvent, Order, OrderStatus, Outcome, Resolution, Side, View, Wait
from neo_core.testing import conform, order, view

XRP = 1_000_000
CAUSES = {
    "cancelled": "CANCELLED",
    "replaced": "REPLACED",
    "self_cross": "SELF_CROSSED",
    "expired": "EXPIRED",
    "unfunded_or_dust": "UNFUNDED",
    "funds_used_up": "UNFUNDED",
}
LEDGER = view().ledger_index


def event(
    kind: str,
    xrp: int = 0,
    rest: int = 0,
    *,
    tx_hash: str = "E",
    ledger: int = LEDGER,
    cause: str = "",
    sequence: int = 1,
) -> OfferEvent:
    """At a price of 2."""
    drops, left = xrp * XRP, rest * XRP
    side = Side.BUY
    return OfferEvent(
        kind, tx_hash, ledger, sequence, side, drops, Decimal(2 * xrp), left, Decimal(2 * rest), cause
    )


PLACED = event("placed", 0, 100, tx_hash="P", ledger=LEDGER - 9)
PART = event("partial_fill", 30, 70, tx_hash="A", ledger=LEDGER - 5)


def closed(side: Side = Side.BUY, filled: int = 0, **fields: object) -> Order:
    given = {"status": OrderStatus.CANCELLED, "closed_ledger": LEDGER, "filled_drops": filled * XRP, **fields}
    return order(side, **given)


# --- the table ---


@pytest.mark.rule("REC-X5")
def test_a_full_fill_says_what_it_gave_and_got_in_all_its_transactions():
    answer = ending(closed(filled=100), (PLACED, PART, event("filled", 70)))
    assert answer == Resolution(
        Outcome.FILLED,
        "FILLED",
        {
            "hash": "E",
            "ledger": LEDGER,
            "gave_rlusd": "200",
            "got_xrp": "100",
            "rest_xrp": "0",
            "rest_rlusd": "0",
        },
    )


@pytest.mark.rule("REC-X5")
def test_an_order_that_sells_gives_xrp_and_gets_rlusd():
    answer = ending(closed(Side.SELL, filled=30), (PART, event("removed", 0, 70, cause="cancelled")))
    assert answer is not None
    assert (answer.token, answer.evidence["gave_xrp"], answer.evidence["got_rlusd"]) == ("CANCELLED", "30", "60")
    assert (answer.evidence["rest_xrp"], answer.evidence["rest_rlusd"]) == ("70", "140")


@pytest.mark.rule("REC-X5")
@pytest.mark.parametrize("before", [(), (PLACED, PART)], ids=["untouched", "filled in part"])
@pytest.mark.parametrize("cause", CAUSES)
def test_a_removal_that_moved_nothing_is_named_after_its_cause(cause, before):
    answer = ending(closed(), (*before, event("removed", 0, 70, cause=cause)))
    assert answer is not None
    assert (answer.token, answer.evidence["hash"]) == (CAUSES[cause], "E")
    assert (answer.outcome is Outcome.EXPIRED) == (cause == "expired")


@pytest.mark.rule("REC-X5")
@pytest.mark.parametrize("cause", ["funds_used_up", "unfunded_or_dust"])
def test_a_fill_that_took_the_rest_with_it_is_a_part_fill_and_no_full_one(cause):
    answer = ending(closed(filled=60), (PART, event("removed", 30, 40, cause=cause)))
    assert answer is not None
    assert (answer.token, answer.outcome) == ("PARTLY_FILLED_THEN_REMOVED", Outcome.CANCELLED)
    assert (answer.evidence["got_xrp"], answer.evidence["rest_xrp"]) == ("60", "40")


@pytest.mark.rule("REC-X5")
def test_an_order_that_was_never_placed_is_named_by_its_own_transaction():
    never = closed(status=OrderStatus.REJECTED, tx_hash="MINE")
    answer = ending(never, ())
    assert answer is not None
    assert (answer.outcome, answer.token) == (Outcome.REJECTED, "NEVER_PLACED")
    assert (answer.evidence["hash"], answer.evidence["got_xrp"], answer.evidence["rest_xrp"]) == (
        "MINE",
        "0",
        "100",
    )


@pytest.mark.rule("REC-X5")
@pytest.mark.parametrize("events", [(), (PLACED,), (PLACED, PART)])
def test_without_a_transaction_that_ends_it_nothing_is_said(events):
    assert ending(closed(), events) is None


@pytest.mark.rule("REC-X5")
def test_what_an_earlier_process_was_told_is_said_to_be_earlier():
    answer = ending(closed(filled=100), (event("filled", 70),))
    assert answer is not None
    assert (answer.evidence["got_xrp"], answer.evidence["earlier_xrp"]) == ("70", "30")


@pytest.mark.rule("REC-X5")
@given(st.permutations([PLACED, PART, event("filled", 70), PART, PLACED]))
def test_told_in_any_order_and_twice_it_comes_to_the_same(told):
    assert ending(closed(filled=100), in_order(told)) == ending(
        closed(filled=100), (PLACED, PART, event("filled", 70))
    )


# --- patience ---


@pytest.mark.rule("REC-X4")
@given(st.integers(1, 128), st.integers(0, 200), st.booleans())
def test_an_order_is_waited_for_so_many_ledgers_and_then_held_and_never_guessed(most, waited, untold):
    gone = order(vanished_ledger=LEDGER - waited, last_ledger=LEDGER - waited - 3)
    ranges = ((LEDGER - waited - 1, LEDGER - waited),) if untold else ()
    answer = patience(gone, LEDGER, ranges, most)
    if waited >= most:
        assert (answer.token, answer.outcome) == ("held_pending_review", Outcome.HELD)
    else:
        assert (answer.token, answer.from_ledger, answer.to_ledger) == (
            "awaiting_proof",
            LEDGER - waited - 3,
            LEDGER,
        )


@pytest.mark.rule("REC-X4")
def test_what_is_missing_is_named_and_asked_for():
    answer = patience(order(last_ledger=LEDGER + 2), LEDGER, ((LEDGER - 7, LEDGER - 5), (LEDGER - 2, LEDGER)), 20)
    assert isinstance(answer, Wait)
    assert (answer.from_ledger, answer.to_ledger) == (LEDGER - 7, LEDGER)
    assert answer.evidence["untold_ledgers"] == f"{LEDGER - 7}-{LEDGER - 5}, {LEDGER - 2}-{LEDGER}"


# --- the plugin ---


def evidence(**config: object) -> LedgerEvidence:
    return LedgerEvidence(LedgerEvidenceConfig(**config))


def seen(*events: OfferEvent, orders: tuple[Order, ...] = (), **fields: object) -> View:
    return view(events=events, open_orders=orders, **fields)


@pytest.mark.rule("REC-X4")
def test_where_a_gateway_proves_nothing_it_has_nothing_to_say():
    plugin = evidence()
    for asked in (order(), closed(), closed(status=OrderStatus.REJECTED)):
        assert plugin.on_disappeared_order(asked, seen(event("filled", 100), proves_fills=False)) is None


@pytest.mark.rule("REC-X5")
def test_fills_of_earlier_ticks_are_in_the_sum_and_those_of_other_orders_are_not():
    plugin, mine = evidence(), order()
    plugin.observe(seen(PART, event("partial_fill", 5, 95, tx_hash="X", sequence=2), orders=(mine,)))
    plugin.observe(seen(orders=(mine,)))
    answer = plugin.on_disappeared_order(closed(filled=100), seen(event("filled", 70)))
    assert answer.evidence["got_xrp"] == "100"
    plugin.observe(seen())
    forgotten = plugin.on_disappeared_order(closed(filled=100), seen(event("filled", 70)))
    assert forgotten.evidence["earlier_xrp"] == "30"


@pytest.mark.rule("TICK-3")
@pytest.mark.parametrize("seed", range(5))
def test_it_keeps_the_plugin_contract(seed):
    conform(evidence, seed=seed)


# --- the configuration ---


def test_the_defaults_and_the_ranges():
    assert LedgerEvidenceConfig().model_dump() == {"enabled": True, "max_wait_ledgers": 20}
    assert all(field.description for field in LedgerEvidenceConfig.model_fields.values())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_wait_ledgers", 0),
        ("max_wait_ledgers", 129),
        ("max_wait_ledgers", 2.5),
        ("max_wait_ledgers", "20"),
        ("max_wait", 20),
        ("recovery_enabled", True),
    ],
)
def test_values_out_of_range_or_of_the_wrong_kind_and_unknown_keys_are_refused(key, value):
    with pytest.raises(ValidationError) as refused:
        LedgerEvidenceConfig.model_validate({key: value})
    assert [fault["loc"] for fault in refused.value.errors()] == [(key,)]
