"""One transaction that ends a quote and places the next. (docs/behaviour.md, section 10)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from neo_core.markets import Taker
from neo_core.model import DROPS, Ack, AckOutcome, Inventory, Observation, OwnTransaction, Place, Prepared, Side
from neo_core.testing.rehearsal import Rehearsal

from .making import account, ack, alive, cancels, guard, kinds, places, refuse, replaced, swallow
from .test_orders import known, owned, status

pytestmark = pytest.mark.rule("QUO-X3")

MOVED = 2.0008
ONE_SIDED = {"quoting": {"bid_offset_bps": 3.0}}


def quoting(settings: dict[str, Any] | None = None) -> Rehearsal:
    stage = Rehearsal(settings=settings)
    stage.ticks(3)
    return stage


def both(stage: Rehearsal) -> list[str]:
    return [order.id for order in stage.state.orders.values()]


def in_step(stage: Rehearsal) -> bool:
    """The books are the wallet, and every offer on the ledger is an order that may be alive."""
    orders = {order.sequence for order in alive(stage.state)}
    return owned(stage) == Inventory(stage.ledger.xrp_drops, stage.ledger.rlusd) and orders >= {
        offer.sequence for offer in stage.ledger.offers
    }


def test_both_quotes_are_replaced_by_two_transactions_and_none_is_missing_on_any_ledger() -> None:
    stage = quoting()
    old = both(stage)
    decision = stage.tick(mid=MOVED)
    assert (replaced(decision), cancels(decision), len(decision.intents)) == (old, [], 2)
    assert [one.replaces for one in decision.intents if isinstance(one, Place)] == [
        known(stage, order).sequence for order in map(stage.state.orders.get, old) if order is not None
    ]
    new = [order.id for order in places(decision)]
    assert {stage.state.orders[name].status for name in old} == {"CANCEL_REQUESTED"}
    assert [stage.state.orders[name].cancel_tx_hash for name in old] == [
        stage.state.orders[name].tx_hash for name in new
    ]
    assert len(alive(stage.state)) == 4
    stage.tick(mid=MOVED)
    assert {stage.state.closed[name].status for name in old} == {"CANCELLED"}
    assert both(stage) == new
    assert len(stage.ledger.offers) == 2
    assert in_step(stage)


def test_a_quote_that_no_ledger_has_shown_is_cancelled_and_not_replaced() -> None:
    stage = Rehearsal()
    first = places(stage.tick())
    stage.send = swallow
    stage.tick(mid=MOVED, failure="the node is away")
    stage.send = lambda ready: ()
    decision = stage.tick(mid=MOVED, shown=lambda seen: account(seen, offers=(), events=(), transactions=()))
    assert {one.order_id for one in cancels(decision)} == {order.id for order in first}
    assert replaced(decision) == []


def test_both_orders_count_until_the_old_one_is_known_to_be_gone_and_a_refused_replacement_is_a_cancel() -> None:
    stage = quoting({"risk": {"max_xrp_exposure": 10_150.0}})
    decision = stage.tick(mid=MOVED)
    assert [refusal.code for refusal in decision.refusals] == ["xrp_exposure"]
    assert (len(replaced(decision)), len(cancels(decision))) == (1, 1)


# --- a replacement that comes to nothing ---


def failed(stage: Rehearsal, prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
    """On the ledger each of them ends in an error: the fee is paid, and nothing else happens."""
    for one in prepared:
        expired = replace(one.intent, expires_at=1.0) if isinstance(one.intent, Place) else one.intent
        assert not stage.ledger.submit(replace(one, intent=expired))
    return tuple(ack(one, AckOutcome.SENT) for one in prepared)


@pytest.mark.parametrize("how", ["refused", "failed", "dead"])
def test_when_a_replacement_comes_to_nothing_the_old_order_lives_on_and_is_cancelled(how: str) -> None:
    stage = quoting()
    old = both(stage)
    send = stage.send
    stage.send = {"refused": refuse, "failed": lambda ready: failed(stage, ready), "dead": swallow}[how]
    new = places(stage.tick(mid=MOVED))
    stage.send = send if how == "failed" else swallow
    ledgers = 4 if how == "dead" else 1
    decisions = stage.ticks(ledgers, mid=MOVED, shown=lambda seen: seen)
    assert {status(stage, order) for order in new} == {"REJECTED"}
    assert {status(stage, known(stage, stage.state.orders[name])) for name in old} == {"CANCEL_REQUESTED"}
    again = [one.order_id for decision in decisions for one in cancels(decision)]
    assert set(again) == set(old)
    stage.send = send
    stage.ticks(8, mid=MOVED)
    assert not set(old) & set(both(stage))
    assert len(stage.ledger.offers) == 2
    assert in_step(stage)


def test_a_cancel_that_failed_on_the_ledger_is_known_to_be_dead() -> None:
    stage = quoting()
    stage.send = swallow
    stage.tick(shown=lambda seen: replace(seen, market=replace(seen.market, ask=None)))
    (order, other) = stage.state.orders.values()
    assert order.cancel_tx_hash

    def shown(seen: Observation) -> Observation:
        dead = OwnTransaction(order.cancel_tx_hash, seen.ledger_index, 900, 10, "tecINTERNAL")
        return account(seen, transactions=(dead,))

    decision = stage.tick(shown=shown)
    assert [one.order_id for one in cancels(decision)] == [order.id]
    assert known(stage, other).cancel_tx_hash == other.cancel_tx_hash


def test_a_replacement_of_which_nobody_knows_whether_it_left_is_followed_by_a_cancel_of_the_old_one() -> None:
    stage = quoting()
    old = both(stage)
    send = stage.send
    stage.send = lambda ready: tuple(ack(one, AckOutcome.UNKNOWN) for one in ready)
    stage.tick(mid=MOVED)
    stage.send = send
    assert [one.order_id for one in cancels(stage.tick(mid=MOVED))] == old
    stage.ticks(6, mid=MOVED)
    assert in_step(stage)


# --- races ---


def test_a_quote_that_is_filled_before_its_replacement_comes_is_booked_and_both_were_allowed_for() -> None:
    won = set()
    for ticks in range(2, 16):
        stage = Rehearsal(settings=ONE_SIDED)
        stage.ticks(ticks)
        old = set(replaced(stage.tick(mid=1.9992)))
        (fill,) = stage.tick(mid=1.9992, takers=(Taker(Side.SELL, 100 * DROPS),)).fills
        won.add(fill.order_id in old)
        stage.ticks(2, mid=1.9992)
        assert in_step(stage)
        assert stage.state.halt is None
    assert won == {True, False}


def test_a_cancel_all_while_a_replacement_is_under_way_ends_flat() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    stage.ticks(3)
    stage.tick(mid=MOVED)
    script.enter = True
    entry = stage.tick(mid=MOVED, shown=lambda seen: account(seen, events=(), transactions=()))
    assert "degraded_entered" in kinds(entry)
    stage.ticks(4, mid=MOVED)
    assert (stage.ledger.offers, alive(stage.state)) == ((), [])


@pytest.mark.rule("REC-X9")
def test_an_order_whose_replacement_is_cancelled_before_it_came_is_cancelled_with_it_and_at_once() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin})
    stage.ticks(3)
    old, send = both(stage), stage.send
    stage.send = swallow
    new = [order.id for order in places(stage.tick(mid=MOVED))]
    stage.send = send
    script.enter = True
    entry = stage.tick(mid=MOVED)
    assert sorted(one.order_id for one in cancels(entry)) == sorted([*old, *new])
    stage.tick(mid=MOVED)
    assert stage.ledger.offers == ()


def test_one_replace_is_one_message() -> None:
    stage = quoting({"risk": {"max_messages_per_minute": 4}})
    decision = stage.tick(mid=MOVED)
    assert (len(replaced(decision)), decision.refusals) == (2, ())
