"""The reconciler in an engine, on a ledger that shows what is there and not what happened."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from neo_reconciler import Reconciler

from neo_core import Clear, Enter, GuardConfig, Order, OrderStatus, Outcome, Resolution, Side, View, hookimpl
from neo_core.testing import order
from neo_core.testing.rehearsal import Rehearsal

STARTS_AT = 4


class Alarm:
    """A guard that enters on one tick."""

    source = "alarm"
    config_class = GuardConfig

    def __init__(self, config: GuardConfig) -> None:
        pass

    @hookimpl
    def evaluate_entry(self, view: View) -> Clear | Enter:
        return Enter("something is wrong") if view.tick == STARTS_AT else Clear()


def quoting(*others: type[Any], **config: float) -> Rehearsal:
    """An engine with the reconciler that has quoted for three ticks, and is shown both of its offers."""
    plugins = {"reconciler": Reconciler, **{other.__name__.lower(): other for other in others}}
    stage = Rehearsal(plugins, {"plugins": {"reconciler": config}})
    stage.ticks(3, shown=showing())
    assert [each.seen for each in stage.state.orders.values()] == [True, True]
    return stage


def showing(*gone: Order) -> Callable[[Any], Any]:
    """What a node shows that proves no fills: the offers that are there, without these, and fees."""

    def shown(seen: Any) -> Any:
        hidden = {each.sequence for each in gone}
        offers = tuple(offer for offer in seen.account.offers if offer.sequence not in hidden)
        return replace(seen, account=replace(seen.account, offers=offers, events=(), proves_fills=False))

    return shown


def bid_of(stage: Rehearsal) -> Order:
    (bid,) = [each for each in stage.state.orders.values() if each.side is Side.BUY]
    return bid


def owned(stage: Rehearsal) -> tuple[int, Decimal]:
    assert stage.state.inventory is not None
    return stage.state.inventory.drops, stage.state.inventory.rlusd


def held_by(stage: Rehearsal) -> tuple[int, Decimal]:
    return stage.ledger.xrp_drops, stage.ledger.rlusd


def known(stage: Rehearsal, one: Order) -> Order:
    return {**stage.state.closed, **stage.state.orders}[one.id]


def anomalies(stage: Rehearsal) -> list[tuple[str, str, str]]:
    """Of the last tick: the token, the order and the layer that decided."""
    assert stage.decision is not None
    return [
        (event.text.partition(":")[0], event.facts["order_id"], event.facts["layer"])
        for event in stage.decision.events
        if event.kind == "anomaly"
    ]


# --- what the engine cancelled ---


@pytest.mark.rule("REC-1")
def test_degraded_marks_every_order_on_the_tick_that_cancels_it():
    stage = quoting(Alarm)
    stage.tick(shown=showing())
    decided = stage.decision
    assert [each.status for each in decided.orders] == ["CANCELLED_BY_ENGINE"] * 2
    assert {(each.cancelled_at, each.cancel_reason) for each in decided.orders} == {
        ("2026-01-01T00:00:16+00:00", "DEGRADED_CANCEL")
    }
    assert {intent.order_id for intent in decided.intents} == {each.id for each in decided.orders}


@pytest.mark.rule("REC-2", "REC-4")
def test_orders_that_the_engine_cancelled_vanish_without_a_fill_and_the_inventory_is_the_wallets():
    stage = quoting(Alarm)
    before = owned(stage)
    cancelled = tuple(stage.state.orders.values())
    stage.ticks(2, shown=showing())
    assert anomalies(stage) == [("RECONCILER_SKIP_ENGINE_CANCEL", each.id, "reconciler 10") for each in cancelled]
    assert stage.decision.fills == ()
    assert owned(stage) == held_by(stage) == (before[0] - 2 * 10, before[1])  # the fees of two cancels
    assert all(known(stage, each).closed_ledger for each in cancelled)
    assert stage.state.halt is None


@pytest.mark.rule("REC-4")
def test_a_marked_order_is_not_guessed_even_by_a_layer_that_would_guess_first():
    class Eager:
        rank = 1

        def __init__(self, config: object) -> None:
            pass

        @hookimpl
        def on_disappeared_order(self, order: Order) -> Resolution:
            return Resolution(Outcome.PHANTOM_FILL, "certainly_filled")

    stage = quoting(Alarm, Eager)
    stage.ticks(2, shown=showing())
    assert [token for token, _, _ in anomalies(stage)] == ["RECONCILER_SKIP_ENGINE_CANCEL"] * 2
    assert stage.decision.fills == ()
    assert owned(stage) == held_by(stage)


@pytest.mark.rule("REC-5")
def test_a_new_engine_that_reads_the_marks_skips_the_orders_that_another_one_cancelled():
    stage = quoting(Alarm)
    stage.tick(shown=showing())
    cancelled = tuple(stage.state.orders.values())
    kept = msgspec.json.encode(stage.state)
    stage.engine = Rehearsal({"reconciler": Reconciler}).engine
    stage.state = replace(msgspec.json.decode(kept, type=type(stage.state)), armed=False, matched=None)
    stage.tick(shown=showing())
    assert anomalies(stage) == [("RECONCILER_SKIP_ENGINE_CANCEL", each.id, "reconciler 10") for each in cancelled]
    assert stage.decision.fills == ()
    assert owned(stage) == held_by(stage)


# --- what it did not ---


@pytest.mark.rule("REC-3")
def test_a_young_order_that_vanishes_is_taken_for_filled_and_said_to_be_a_guess():
    stage = quoting()
    before = owned(stage)
    bid = bid_of(stage)
    stage.tick(shown=showing(bid))
    assert anomalies(stage) == [("phantom_fill", bid.id, "reconciler 90")]
    (fill,) = stage.decision.fills
    assert (fill.order_id, fill.drops, fill.proven) == (bid.id, bid.rest_drops, False)
    assert known(stage, bid).status is OrderStatus.FILLED
    assert owned(stage) == (before[0] + bid.rest_drops, before[1] - bid.rest_rlusd)


@pytest.mark.rule("REC-3")
@pytest.mark.parametrize(("threshold", "status"), [(13.0, "FILLED"), (12.0, "HELD_PENDING_REVIEW")])
def test_an_order_exactly_as_old_as_the_threshold_is_held_and_nothing_moves(threshold, status):
    stage = quoting(age_threshold_seconds=threshold)
    before = owned(stage)
    bid = bid_of(stage)
    stage.tick(shown=showing(bid))
    assert stage.decision.now - bid.placed_at == 12.0
    assert known(stage, bid).status == status
    assert (owned(stage) == before) == (status == "HELD_PENDING_REVIEW")


@pytest.mark.rule("REC-6", "REC-4")
def test_one_pass_skips_what_is_marked_and_judges_what_is_not():
    stage = quoting()
    before = owned(stage)
    bid = bid_of(stage)
    marked = order(
        Side.SELL,
        id="marked",
        sequence=7,
        placed_at=bid.placed_at,
        status=OrderStatus.CANCELLED_BY_ENGINE,
        cancelled_at="2026-01-01T00:00:12+00:00",
        cancel_reason="OPERATOR_CANCEL",
    )
    stage.state = replace(stage.state, orders={**stage.state.orders, marked.id: marked}, matched=None)
    stage.tick(shown=showing(bid))
    assert sorted(anomalies(stage)) == [
        ("RECONCILER_SKIP_ENGINE_CANCEL", "marked", "reconciler 10"),
        ("phantom_fill", bid.id, "reconciler 90"),
    ]
    assert [fill.order_id for fill in stage.decision.fills] == [bid.id]
    assert owned(stage) == (before[0] + bid.rest_drops, before[1] - bid.rest_rlusd)


@pytest.mark.rule("REC-8")
@pytest.mark.parametrize("failing", [True, False], ids=["a layer that fails", "nobody to answer"])
def test_without_an_answer_a_vanished_order_is_held(failing):
    class Broken:
        rank = 5

        def __init__(self, config: object) -> None:
            pass

        @hookimpl
        def on_disappeared_order(self, order: Order) -> Resolution:
            raise RuntimeError("out of order")

    stage = Rehearsal({"broken": Broken, "reconciler": Reconciler} if failing else {})
    stage.ticks(3, shown=showing())
    before = owned(stage)
    bid = bid_of(stage)
    stage.tick(shown=showing(bid))
    assert known(stage, bid).status is OrderStatus.HELD_PENDING_REVIEW
    assert stage.decision.fills == ()
    assert owned(stage) == before
