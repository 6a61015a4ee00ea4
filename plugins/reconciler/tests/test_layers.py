"""SPEC section 8, from outside: orders in, marks and verdicts out."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neo_reconciler import Reconciler, ReconcilerConfig

from neo_core import Mark, Order, OrderStatus, Outcome, Resolution
from neo_core.testing import conform, hooks, order, view

MARKED = {
    "status": OrderStatus.CANCELLED_BY_ENGINE,
    "cancelled_at": "2026-01-01T00:00:04+00:00",
    "cancel_reason": "DEGRADED_CANCEL",
}
CANCEL_SENT = {"cancel_tx_hash": "AB" * 32}
CAUSES = ("DEGRADED_CANCEL", "HALT_CANCEL", "SESSION_END_CANCEL", "STARTUP_CANCEL", "OPERATOR_CANCEL")
NOW = view().now


def judged(vanished: Order, *, now: float = NOW, **config: float) -> tuple[int, Resolution]:
    """The verdict, and the rank of the layer that gave it."""
    reconciler = Reconciler(ReconcilerConfig(**config))
    for layer in sorted(reconciler.layers, key=lambda layer: layer.rank):
        answer = hooks(layer)["on_disappeared_order"](order=vanished, view=view(now=now))
        if answer is not None:
            return layer.rank, answer
    raise AssertionError("no layer has answered")


def aged(seconds: float, **fields: object) -> Order:
    """Placed so long ago, and no Expiration unless it is given."""
    return order(**({"placed_at": NOW - seconds, "expires_at": None} | fields))


# --- marks ---


@pytest.mark.rule("REC-1")
def test_every_order_is_marked_with_the_cause_and_the_time_in_utc():
    reconciler = Reconciler(ReconcilerConfig())
    marks = reconciler.on_cancel_all([order(id="a"), order(id="b")], "OPERATOR_CANCEL", 1_767_225_600.0)
    at = "2026-01-01T00:00:00+00:00"
    assert marks == [Mark("a", at, "OPERATOR_CANCEL"), Mark("b", at, "OPERATOR_CANCEL")]


@pytest.mark.rule("REC-1")
@given(
    st.lists(st.tuples(st.text(min_size=1), st.sampled_from(OrderStatus)), max_size=20),
    st.sampled_from(CAUSES),
    st.floats(0.0, 4e9),
)
def test_any_orders_get_one_mark_each_in_their_order(orders, cause, now):
    marks = Reconciler(ReconcilerConfig()).on_cancel_all([order(id=i, status=s) for i, s in orders], cause, now)
    assert [mark.order_id for mark in marks] == [order_id for order_id, _ in orders]
    for mark in marks:
        marked_at = datetime.fromisoformat(mark.cancelled_at)
        assert marked_at.utcoffset() == timedelta(0)
        assert now - marked_at.timestamp() == pytest.approx(0.5, abs=0.501)  # whole seconds
        assert mark.cancel_reason == cause


# --- each layer ---


@pytest.mark.rule("REC-2", "REC-4")
def test_an_order_that_the_engine_cancelled_is_skipped_with_why_and_when():
    assert judged(order(**MARKED)) == (
        10,
        Resolution(
            Outcome.CANCELLED,
            "RECONCILER_SKIP_ENGINE_CANCEL",
            {"cancel_reason": "DEGRADED_CANCEL", "cancelled_at": "2026-01-01T00:00:04+00:00"},
        ),
    )


@pytest.mark.rule("REC-2")
def test_an_order_with_a_cancel_under_way_has_lost_it_to_the_cancel():
    requested = order(status=OrderStatus.CANCEL_REQUESTED, **CANCEL_SENT)
    evidence = {"cancel_tx_hash": "AB" * 32}
    assert judged(requested) == (20, Resolution(Outcome.CANCELLED, "RECONCILER_CANCEL_RACE", evidence))


@pytest.mark.rule("REC-2")
def test_an_order_whose_expiration_lies_behind_the_ledgers_close_has_expired():
    evidence = {"expires_at": NOW - 1.0, "ledger_closed_at": NOW}
    assert judged(aged(61.0, expires_at=NOW - 1.0)) == (
        80,
        Resolution(Outcome.EXPIRED, "RECONCILER_EXPIRED", evidence),
    )


@pytest.mark.rule("REC-2")
@pytest.mark.parametrize(("behind", "outcome"), [(1, "expired"), (0, "phantom_fill"), (-1, "phantom_fill")])
def test_an_expiration_at_the_close_itself_does_not_lie_behind_it(behind, outcome):
    # A ledger goes by the close of the one before it: the ledger that closes at the Expiration can still fill it.
    assert judged(aged(60.0, expires_at=NOW - behind))[1].outcome == outcome


@pytest.mark.rule("REC-3")
@pytest.mark.parametrize(
    ("age", "outcome", "token"),
    [
        (299.0, Outcome.PHANTOM_FILL, "phantom_fill"),
        (300.0, Outcome.HELD, "held_pending_review"),
        (301.0, Outcome.HELD, "held_pending_review"),
    ],
)
def test_an_ambiguous_order_is_guessed_when_younger_than_the_threshold_and_held_from_then_on(age, outcome, token):
    evidence = {"age_seconds": age, "age_threshold_seconds": 300.0}
    assert judged(aged(age)) == (90, Resolution(outcome, token, evidence))


@pytest.mark.rule("REC-3")
@given(st.floats(0.001, 1e6), st.floats(0.0, 4e9), st.floats(0.0, 1e6))
def test_only_what_is_younger_than_the_threshold_is_guessed(threshold, placed_at, passed):
    now = placed_at + passed
    rank, verdict = judged(order(placed_at=placed_at, expires_at=None), now=now, age_threshold_seconds=threshold)
    assert rank == 90
    assert (verdict.outcome is Outcome.PHANTOM_FILL) == (now - placed_at < threshold)
    assert (verdict.outcome is Outcome.HELD) == (now - placed_at >= threshold)


@pytest.mark.rule("REC-3")
@given(st.integers(1, 100_000))
def test_the_threshold_itself_is_held_whatever_it_is(threshold):
    at, before = (
        judged(aged(age), age_threshold_seconds=float(threshold))[1] for age in (threshold, threshold - 1)
    )
    assert (at.outcome, before.outcome) == (Outcome.HELD, Outcome.PHANTOM_FILL)


# --- their order ---


@pytest.mark.rule("REC-2", "REC-4")
@pytest.mark.parametrize(
    ("vanished", "rank"),
    [
        (aged(9_000.0, **MARKED, **CANCEL_SENT), 10),
        (aged(1.0, expires_at=NOW - 1.0, **MARKED), 10),
        (aged(9_000.0, **CANCEL_SENT), 20),
        (aged(9_000.0, expires_at=NOW - 1.0, **CANCEL_SENT), 20),
        (aged(1.0, expires_at=NOW - 0.5), 80),
        (aged(9_000.0, expires_at=NOW - 0.5), 80),
        (aged(1.0), 90),
        (aged(9_000.0), 90),
    ],
    ids=[
        "marked, cancel sent, old",
        "marked, expired, young",
        "cancel sent, old",
        "cancel sent, expired, old",
        "expired, young",
        "expired, old",
        "young",
        "old",
    ],
)
def test_the_first_layer_that_has_something_to_say_decides(vanished, rank):
    assert judged(vanished)[0] == rank


@pytest.mark.rule("REC-2", "REC-3", "REC-4")
def test_nothing_but_an_unmarked_uncancelled_unexpired_young_order_is_ever_guessed():
    guessed = []
    for status, cancel, expires_at, age in product(
        OrderStatus, ("", "AB" * 32), (None, NOW - 60.0, NOW + 60.0), (0.0, 299.0, 300.0, 86_400.0)
    ):
        rank, verdict = judged(aged(age, status=status, cancel_tx_hash=cancel, expires_at=expires_at))
        assert rank == (
            10
            if status is OrderStatus.CANCELLED_BY_ENGINE
            else 20
            if cancel
            else 80
            if expires_at == NOW - 60.0
            else 90
        )
        if verdict.outcome is Outcome.PHANTOM_FILL:
            guessed.append((status, cancel, expires_at, age))
    unmarked = [status for status in OrderStatus if status is not OrderStatus.CANCELLED_BY_ENGINE]
    assert guessed == list(product(unmarked, ("",), (None, NOW + 60.0), (0.0, 299.0)))


@pytest.mark.rule("REC-6")
def test_in_one_pass_marked_orders_are_skipped_and_the_others_go_through_the_gate():
    passed = [aged(5.0), aged(5.0, **MARKED), aged(500.0), aged(500.0, **MARKED), aged(5.0, **CANCEL_SENT)]
    assert [judged(vanished)[1].token for vanished in passed] == [
        "phantom_fill",
        "RECONCILER_SKIP_ENGINE_CANCEL",
        "held_pending_review",
        "RECONCILER_SKIP_ENGINE_CANCEL",
        "RECONCILER_CANCEL_RACE",
    ]


# --- the contract ---


@pytest.mark.rule("TICK-3")
@pytest.mark.parametrize("seed", range(5))
def test_it_keeps_the_plugin_contract(seed):
    conform(lambda: Reconciler(ReconcilerConfig()), seed=seed)
    conform(lambda: Reconciler(ReconcilerConfig(age_threshold_seconds=4.0)), seed=seed)
