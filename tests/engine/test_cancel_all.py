"""A cancel_all is complete when the ledger says so, and no episode ends before. (docs/behaviour.md, section 2)"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from neo_core.markets import Taker
from neo_core.model import DROPS, Ack, Cancel, Decision, Observation, Offer, OfferEvent, Prepared, Side
from neo_core.state import State
from neo_core.testing.rehearsal import Rehearsal

from .houses import House
from .making import Marker, account, alive, cancels, degraded, guard, kinds, named, places, refuse, swallow


@pytest.mark.rule("MODE-4")
@pytest.mark.parametrize("plugins", [{}, {"marker": Marker}], ids=["unmarked", "marked"])
def test_a_lost_cancel_is_sent_again_after_two_ledgers_and_the_episode_waits_for_it(
    plugins: dict[str, Any],
) -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin, **plugins})
    stage.ticks(2)
    script.enter = script.well = True
    send, stage.send = stage.send, swallow
    entry = stage.tick()
    stage.send = send
    script.enter = False
    assert (stage.tick().intents, stage.state.mode) == ((), "DEGRADED")
    again = stage.tick()
    assert cancels(again) == cancels(entry)
    assert dict(named(again, "cancel_all_incomplete").facts) == {"left": 2, "again": 2, "ledgers": 2}
    assert again.mode == "DEGRADED"
    decision = stage.tick()
    assert kinds(decision) == ["cancel_all_complete", "degraded_ended"]
    assert decision.mode == "OK"


@pytest.mark.rule("MODE-4")
def test_a_cancel_that_the_gateway_refused_is_sent_again_on_the_next_tick() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    stage.ticks(2)
    script.enter = script.well = True
    send, stage.send = stage.send, refuse
    entry = stage.tick()
    stage.send = send
    again = stage.tick()
    assert cancels(again) == cancels(entry)
    assert dict(named(again, "cancel_all_incomplete").facts) == {"left": 2, "again": 2, "ledgers": 1}


@pytest.mark.rule("MODE-4")
def test_only_what_is_left_is_cancelled_again() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    stage.ticks(2)
    script.enter = True
    send = stage.send
    stage.send = lambda ready: (*send(ready[:1]), *swallow(ready[1:]))
    _, second = cancels(stage.tick())
    stage.send = send
    stage.tick()
    again = stage.tick()
    assert cancels(again) == [second]
    assert named(again, "cancel_all_incomplete").facts["left"] == 1


@pytest.mark.rule("MODE-4")
def test_a_failed_observation_proves_no_cancel_all_complete() -> None:
    script, stage = degraded()
    script.well = True
    stage.tick(failure="the node is away")
    assert stage.state.mode == "DEGRADED"
    assert stage.state.sweep is not None
    assert kinds(stage.tick()) == ["cancel_all_complete", "degraded_ended"]


@pytest.mark.rule("MODE-4", "PAP-X2")
def test_a_cancel_that_loses_the_race_leaves_a_booked_fill_and_a_complete_cancel_all() -> None:
    outcomes = set()
    for ticks in range(2, 22):
        script, plugin = guard()
        stage = Rehearsal({"amber": plugin}, {"quoting": {"bid_offset_bps": 3.0}})
        stage.ticks(ticks)
        script.enter = True
        stage.tick()
        decision = stage.tick(takers=(Taker(Side.SELL, 1000 * DROPS),))
        outcomes.add(sum(fill.drops for fill in decision.fills))
        assert "cancel_all_complete" in kinds(decision)
        assert alive(stage.state) == []
        inventory = stage.state.inventory
        assert inventory is not None
        assert (inventory.drops, inventory.rlusd) == (stage.ledger.xrp_drops, stage.ledger.rlusd)
    assert outcomes == {0, 100 * DROPS}


def landed(stage: Rehearsal) -> Any:
    """What the ledger shows once every order of the engine has landed on it."""
    orders = stage.state.orders.values()
    offers = tuple(Offer(order.sequence, order.side, order.rest_drops, order.rest_rlusd) for order in orders)
    return lambda seen: account(seen, offers=offers)


def removed(stage: Rehearsal) -> Any:
    orders = stage.state.orders.values()

    def shown(seen: Observation) -> Observation:
        events = tuple(
            OfferEvent(
                "removed",
                f"C{order.sequence}",
                seen.ledger_index,
                order.sequence,
                order.side,
                0,
                Decimal(0),
                order.rest_drops,
                order.rest_rlusd,
                "cancelled",
            )
            for order in orders
        )
        return account(seen, offers=(), events=events)

    return shown


@pytest.mark.rule("MODE-4")
def test_an_order_that_lands_after_its_cancel_is_cancelled_again() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    stage.send = swallow
    stage.tick()
    script.enter = script.well = True
    assert len(cancels(stage.tick())) == 2
    script.enter = False
    assert (kinds(stage.tick()), stage.state.mode) == ([], "DEGRADED")  # flat to the eye, but it may still land
    late = stage.tick(shown=landed(stage))
    assert len(cancels(late)) == 2
    assert late.mode == "DEGRADED"
    assert kinds(stage.tick(shown=removed(stage))) == ["cancel_all_complete", "degraded_ended"]


@pytest.mark.rule("MODE-4", "REC-X1")
def test_an_order_that_never_lands_is_waited_for_until_no_ledger_can_take_it() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    stage.send = swallow
    (order, _) = places(stage.tick())
    script.enter = script.well = True
    stage.tick()
    script.enter = False
    last = stage.state.orders[order.id].last_ledger
    while (stage.state.ledger_index or 0) < last - 1:
        assert stage.tick().mode == "DEGRADED"
    assert stage.tick().mode == "OK"
    assert stage.state.ledger_index == last


@pytest.mark.rule("MODE-4")
def test_an_order_that_is_held_and_shown_again_is_cancelled_with_all_others() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    (lost, _) = places(stage.tick())
    stage.ticks(2)
    stage.tick(shown=lambda seen: account(seen, offers=seen.account.offers[1:]))
    assert stage.state.orders[lost.id].status == "HELD_PENDING_REVIEW"
    script.enter = script.well = True
    stage.tick()
    script.enter = False
    stage.tick()
    assert (stage.ledger.offers, stage.state.mode) == ((), "OK")


# --- cancels that did not leave ---


@pytest.mark.rule("MODE-4", "MODE-X4")
def test_a_cancel_that_was_refused_is_sent_again_while_the_node_is_away() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    stage.ticks(2)
    script.enter = True
    send, stage.send = stage.send, refuse
    entry = stage.tick()
    stage.send = send
    assert cancels(stage.tick(failure="the node is away")) == cancels(entry)
    assert cancels(stage.tick(failure="the node is away")) == []


@pytest.mark.rule("MODE-4", "MODE-X4", "HALT-4")
def test_a_cancel_of_which_nobody_knows_whether_it_left_is_sent_again_at_once() -> None:
    script, plugin = guard()

    def show(decision: Decision, state: State) -> None:
        script.enter = decision.tick >= 3

    house = House({"amber": plugin, "marker": Marker}, show=show)
    send, broken = house.gateway.sending, [0]

    def cut(prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        if any(isinstance(one.intent, Cancel) for one in prepared) and not broken[0]:
            broken[0] = len(prepared)
            raise ConnectionError("reset")
        return send(prepared)

    house.gateway.sending = cut
    ending = house.run()
    assert ending.halt.reason == "unexpected_halt"
    assert "may still be open" not in ending.halt.detail
    assert (broken[0], len(house.gateway.cancels)) == (2, 4)


@pytest.mark.rule("MODE-X4", "TICK-2")
def test_a_ledger_that_is_not_newer_than_the_last_one_is_no_observation() -> None:
    house = House(ticks=6)
    kept: list[Observation] = []

    def stale(seen: Observation) -> Observation:
        kept.append(seen)
        return kept[1] if len(kept) == 4 else seen

    house.gateway.showing = stale
    house.run()
    ledgers = [decision.ledger_index for decision, _ in house.seen]
    assert ledgers == sorted(ledgers)
    assert house.seen[3][1].risk.failures == 1
