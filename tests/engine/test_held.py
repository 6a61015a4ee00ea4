"""Orders that nobody can judge, and what operators ask for. (docs/behaviour.md, sections 2 and 8)"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from neo_reconciler import Reconciler

from neo_core import Order
from neo_core.gateways.paper_journal import FIRST_LEDGER
from neo_core.model import DROPS, CancelAll, Inventory, OrderStatus, Resolve, Side
from neo_core.state import State, Truth
from neo_core.testing import order as made
from neo_core.testing.rehearsal import Rehearsal

from .making import alive, cancels, degraded, guard, kinds, layer, named, places, reason, swallow
from .test_orders import owned, showing, status

HELD = OrderStatus.HELD_PENDING_REVIEW
OPENING = Inventory(10_000 * DROPS, Decimal(20_000))
MARKING = {"reconciler": Reconciler}


def held(number: int, side: Side = Side.BUY) -> Order:
    return made(side, id=f"0-{number:06d}", status=HELD, sequence=50_000 + number, tx_hash=f"H{number}")


def holding(*orders: Order, settings: Any = None, plugins: Any = None) -> Rehearsal:
    """A fresh session that finds these orders in its books."""
    books = State(2, ledger_index=FIRST_LEDGER, inventory=OPENING, orders={order.id: order for order in orders})
    return Rehearsal({**MARKING, **(plugins or {})}, settings, state=books)


def many(count: int) -> list[Order]:
    return [held(number) for number in range(count)]


# --- how many are too many ---


@pytest.mark.rule("REC-9")
@pytest.mark.parametrize(
    ("count", "mode", "halted"),
    [(3, "OK", None), (4, "DEGRADED", None), (10, "DEGRADED", None), (11, "HALT", "reconciler_halt")],
)
def test_so_many_held_orders_are_fine_degrade_or_halt(count: int, mode: str, halted: str | None) -> None:
    stage = holding(*many(count))
    first = stage.tick()
    assert (first.mode, reason(stage)) == (mode, halted)
    assert (len(places(first)) == 2) == (mode == "OK")
    if mode == "DEGRADED":
        entered = named(first, "degraded_entered")
        assert (entered.source, dict(entered.facts)) == ("reconciler", {"held": count, "limit": 3})
    if first.halt is not None:
        assert (first.halt.source, "11" in first.halt.detail) == ("reconciler", True)


@pytest.mark.rule("REC-9", "REC-8")
def test_the_order_that_is_one_too_many_degrades_in_the_pass_that_holds_it() -> None:
    stage = Rehearsal({"silent": layer(None)}, state=holding(*many(3)).state)
    stage.ticks(3)
    assert stage.state.mode == "OK"
    lost = alive(stage.state)[0]
    passed = stage.tick(shown=showing(gone=lost))
    assert status(stage, lost) == HELD
    assert (passed.mode, passed.source) == ("DEGRADED", "reconciler")
    assert len(cancels(passed)) == 1


@pytest.mark.rule("REC-9")
def test_the_limits_are_those_of_the_configuration() -> None:
    limits = {"reconcile": {"max_held_orders": 0, "halt_held_orders": 1}}
    assert holding(settings=limits).tick().mode == "OK"
    assert holding(held(1), settings=limits).tick().mode == "DEGRADED"
    assert holding(held(1), held(2), settings=limits).tick().mode == "HALT"


@pytest.mark.rule("REC-9", "REC-12", "TRU-3")
def test_a_held_order_that_is_resolved_ends_the_cause_and_quoting_goes_on_a_tick_later() -> None:
    stage = holding(*many(4))
    stage.ticks(3)
    assert stage.state.mode == "DEGRADED"
    decision = stage.tick(commands=(Resolve(1, "0-000002", False, "seen on a block explorer"),))
    assert (decision.mode, places(decision)) == ("OK", [])
    assert kinds(decision) == ["order_resolved", "degraded_ended"]
    assert len(places(stage.tick())) == 2


@pytest.mark.rule("REC-9", "MODE-4")
def test_the_cause_does_not_end_before_its_cancel_all_is_complete() -> None:
    stage = Rehearsal({"silent": layer(None)}, {"reconcile": {"max_held_orders": 0}})
    stage.ticks(3)
    lost, other = alive(stage.state)
    stage.send = swallow
    stage.tick(shown=showing(gone=lost))
    still = stage.tick(shown=showing(gone=lost), commands=(Resolve(1, lost.id, False, "known"),))
    assert (still.mode, status(stage, lost)) == ("DEGRADED", "CANCELLED")
    assert status(stage, other) == "CANCEL_REQUESTED"


@pytest.mark.rule("MODE-3", "REC-9")
def test_held_orders_join_a_guards_episode_and_leave_it_behind_uncounted() -> None:
    script, plugin = guard()
    stage = holding(*many(3), plugins={"amber": plugin})
    stage.ticks(2)
    script.enter = True
    stage.tick()
    script.enter = False
    orders = {**stage.state.orders, "0-000009": held(9)}
    stage.state = replace(stage.state, orders=orders, truth=Truth())  # a check is due, so they are counted
    stage.tick()
    assert stage.state.regime.source == "reconciler"
    asked = script.ticks_of("evaluate_recovery")
    stage.tick()
    assert script.ticks_of("evaluate_recovery") == asked
    ended = stage.tick(commands=(Resolve(1, "0-000009", False, "known"),))
    assert (ended.mode, ended.source) == ("DEGRADED", "amber")
    assert stage.state.regime.episodes["amber"] == 1


@pytest.mark.rule("MODE-6", "HALT-5")
def test_held_orders_that_nobody_resolves_halt_when_the_time_is_over() -> None:
    stage = holding(*many(4), settings={"degraded": {"timeout_seconds": 20.0}})
    assert {decision.mode for decision in stage.ticks(5)} == {"DEGRADED"}
    last = stage.tick()
    assert last.halt is not None
    assert (last.halt.reason, last.halt.source) == ("reconciler_halt", "reconciler")
    assert "20 s" in last.halt.detail


# --- an operator's word ---


@pytest.mark.rule("REC-12")
@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("failure", ["", "the node is away"], ids=["seen", "unseen"])
def test_resolved_as_filled_the_rest_is_booked_and_the_order_is_closed(side: Side, failure: str) -> None:
    order = replace(held(1, side), rest_drops=70 * DROPS, rest_rlusd=Decimal(140), filled_drops=30 * DROPS)
    stage = holding(order, settings={"wallet_truth": {"enabled": False}})
    stage.tick()
    before = owned(stage)
    decision = stage.tick(failure=failure, commands=(Resolve(5, order.id, True, "the other side says so"),))
    assert [(f.order_id, f.side, f.drops, f.rlusd, f.proven) for f in decision.fills] == [
        (order.id, side, 70 * DROPS, Decimal(140), False)
    ]
    sign = 1 if side is Side.BUY else -1
    fees = 0 if failure else 20
    assert owned(stage) == Inventory(before.drops + sign * 70 * DROPS - fees, before.rlusd - sign * 140)
    assert (status(stage, order), decision.done) == ("FILLED", (5,))
    assert stage.state.closed[order.id].filled_drops == order.drops
    assert dict(named(decision, "order_resolved").facts) == {
        "order_id": order.id,
        "verdict": "filled",
        "reason": "the other side says so",
    }


@pytest.mark.rule("REC-12")
def test_resolved_as_cancelled_nothing_moves_and_the_order_is_closed() -> None:
    stage = holding(held(1))
    stage.ticks(3)
    before = owned(stage)
    decision = stage.tick(commands=(Resolve(5, "0-000001", False, "it was cancelled"),))
    assert (decision.fills, owned(stage), decision.done) == ((), before, (5,))
    assert status(stage, held(1)) == "CANCELLED"
    assert named(decision, "order_resolved").facts["verdict"] == "cancelled"


@pytest.mark.rule("REC-12")
@pytest.mark.parametrize("filled", [True, False])
def test_an_order_that_is_not_held_or_not_known_is_not_resolved_and_nothing_changes(filled: bool) -> None:
    stage = holding()
    stage.ticks(3)
    order, before = alive(stage.state)[0], stage.state
    commands = (Resolve(8, order.id, filled, "a mistake"), Resolve(9, "no-such-order", filled, "a typo"))
    decision = stage.tick(commands=commands)
    assert decision.done == (8, 9)
    refused = [event for event in decision.events if event.kind == "resolve_refused"]
    assert [event.facts["order_id"] for event in refused] == [order.id, "no-such-order"]
    assert (decision.orders, decision.fills, decision.moved, decision.mode) == ((), (), None, "OK")
    assert (stage.state.orders, stage.state.inventory) == (before.orders, before.inventory)


@pytest.mark.rule("REC-12")
def test_the_same_order_resolved_twice_is_resolved_once() -> None:
    stage = holding(held(1), settings={"wallet_truth": {"enabled": False}})
    stage.ticks(3)
    commands = (Resolve(1, "0-000001", True, "first"), Resolve(2, "0-000001", True, "again"))
    decision = stage.tick(commands=commands)
    assert (len(decision.fills), decision.done) == (1, (1, 2))
    assert [kind for kind in kinds(decision) if "resolve" in kind] == ["order_resolved", "resolve_refused"]


# --- an operator's cancel_all ---


@pytest.mark.rule("REC-1", "MODE-4", "REC-X3")
def test_an_operators_cancel_all_marks_cancels_and_quotes_again_once_no_offer_is_left() -> None:
    stage = Rehearsal(MARKING)
    stage.ticks(3)
    names = {order.id for order in alive(stage.state)}
    decision = stage.tick(commands=(CancelAll(3, "maintenance of the node"),))
    assert (decision.done, decision.mode, places(decision)) == ((3,), "OK", [])
    assert {one.order_id for one in cancels(decision)} == names
    marks = {(order.status, order.cancel_reason, order.cancelled_at[:19]) for order in decision.orders}
    assert marks == {("CANCELLED_BY_ENGINE", "OPERATOR_CANCEL", "2026-01-01T00:00:16")}
    assert "maintenance of the node" in named(decision, "operator_cancel_all").text
    done = stage.tick()
    assert (stage.ledger.offers, "cancel_all_complete" in kinds(done), len(places(done))) == ((), True, 2)


@pytest.mark.rule("MODE-4", "REC-1")
def test_an_operators_cancel_all_whose_cancels_get_lost_goes_on_and_nothing_is_quoted_meanwhile() -> None:
    stage = Rehearsal(MARKING)
    stage.ticks(3)
    send, stage.send = stage.send, swallow
    first = stage.tick(commands=(CancelAll(3, "now"),))
    stage.send = send
    waiting = stage.ticks(2)
    assert cancels(waiting[1]) == cancels(first)
    assert [places(decision) for decision in waiting] == [[], []]
    assert len(places(stage.tick())) == 2


@pytest.mark.rule("REC-1", "TICK-2")
def test_an_operators_cancel_all_works_while_the_node_is_down() -> None:
    stage = Rehearsal(MARKING)
    stage.ticks(3)
    decision = stage.tick(failure="the node is away", commands=(CancelAll(3, "now"),))
    assert (len(cancels(decision)), decision.done) == (2, (3,))
    assert {order.cancel_reason for order in decision.orders} == {"OPERATOR_CANCEL"}
    assert "cancel_all_complete" in kinds(stage.tick())


@pytest.mark.rule("REC-1", "MODE-1")
def test_an_operators_cancel_all_in_an_episode_cancels_what_is_left_and_ends_no_episode() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin, **MARKING})
    stage.ticks(2)
    script.enter = True
    send, stage.send = stage.send, swallow
    entry = stage.tick()
    stage.send = send
    script.enter, script.well = False, True
    stage.tick()
    asked = stage.tick(commands=(CancelAll(3, "now"),))
    assert {one.order_id for one in cancels(asked)} == {one.order_id for one in cancels(entry)}
    assert {order.cancel_reason for order in asked.orders} == {"DEGRADED_CANCEL"}
    assert (asked.mode, stage.tick().mode) == ("DEGRADED", "OK")


@pytest.mark.rule("REC-1", "MODE-4")
def test_an_operators_cancel_all_with_nothing_open_changes_no_episode() -> None:
    script, stage = degraded()
    stage.ticks(3)
    decision = stage.tick(commands=(CancelAll(3, "to be sure"),))
    assert (decision.intents, decision.orders, decision.done, decision.mode) == ((), (), (3,), "DEGRADED")
    script.well = True
    assert stage.tick().mode == "OK"


@pytest.mark.rule("REC-1", "REC-9")
def test_an_order_that_is_held_is_neither_marked_nor_cancelled() -> None:
    stage = holding(held(1))
    stage.ticks(3)
    decision = stage.tick(commands=(CancelAll(3, "now"),))
    assert {one.order_id for one in cancels(decision)} == {order.id for order in alive(stage.state)}
    assert status(stage, held(1)) == HELD


@pytest.mark.rule("REC-9", "REC-1")
def test_a_held_order_that_shows_up_again_is_an_order_like_any_other() -> None:
    stage = Rehearsal({"silent": layer(None)})
    stage.ticks(3)
    lost = alive(stage.state)[0]
    stage.tick(shown=showing(gone=lost))
    assert status(stage, lost) == HELD
    stage.tick()
    assert status(stage, lost) in ("OPEN", "CANCEL_REQUESTED")  # a quote was placed in its stead meanwhile
