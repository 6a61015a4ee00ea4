"""What the books tell about orders: lists, what is held and why, and a life from placing to its end."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from neo_core.errors import StoreError, UsageError
from neo_core.model import Cancel, Event, Facts, Inventory, Moved, Order, OrderStatus, Place, Side
from neo_core.state import State
from neo_core.store import Store

from .making import LINE, OWNED, START, begin, decide, fill, order, rows, tick

ORDER = order(1, OrderStatus.PENDING, placed_tick=1, placed_at=START + 4)
LESS = Inventory(OWNED.drops + 4 * 10**7, OWNED.rlusd - 80)
SKIPPED: Facts = {
    "order_id": "1-1",
    "verdict": "cancelled",
    "layer": "reconciler 10",
    "age_seconds": 12.0,
    "cancel_reason": "DEGRADED_CANCEL",
    "xrp_before": "10040.000001",
    "rlusd_before": "19920.123456789012",
    "xrp_after": "10040.000001",
    "rlusd_after": "19920.123456789012",
}


def step(store: Store, state: State, **changes: Any) -> State:
    """A tick with its decision as the line of the log, as a session writes it."""
    after = tick(state, inventory=state.inventory or OWNED)
    decision = decide(after, **changes)
    if decision.moved is not None:
        after = replace(after, inventory=decision.moved.after)
    store.commit(decision, msgspec.json.encode(decision), after)
    return after


def placed(store: Store) -> State:
    return step(
        store,
        begin(store).state,
        orders=(ORDER,),
        intents=(Place(ORDER.id, ORDER.side, ORDER.drops, ORDER.rlusd),),
    )


def told(store: Store, order_id: str = "1-1") -> list[tuple[Any, ...]]:
    return [(one["tick"], one["status"], one["what"]) for one in store.order("neo", order_id)["life"]]


def becomes(before: Order, status: OrderStatus, **changes: Any) -> Order:
    return replace(before, status=status, **changes)


PLACED = (1, "PENDING", "placed: buy 100 XRP for 212.3456789012345 RLUSD")


@pytest.mark.rule("REC-4")
def test_the_life_of_an_order_that_was_filled_in_part_marked_and_skipped(store: Store) -> None:
    state = placed(store)
    seen = becomes(ORDER, OrderStatus.OPEN, seen=True)
    state = step(store, state, orders=(seen,))
    state = step(store, state)
    part = becomes(seen, OrderStatus.PARTIALLY_FILLED, rest_drops=6 * 10**7, filled_drops=4 * 10**7)
    bought = fill("AB", drops=4 * 10**7, rlusd=Decimal(80))
    state = step(store, state, orders=(part,), fills=(bought,), moved=Moved(OWNED, LESS))
    marked = becomes(
        part,
        OrderStatus.CANCELLED_BY_ENGINE,
        cancelled_at="2026-01-01T00:00:20+00:00",
        cancel_reason="DEGRADED_CANCEL",
    )
    state = step(store, state, orders=(marked,), intents=(Cancel("1-1", 1, "DEGRADED_CANCEL"),))
    closed = replace(marked, closed_ledger=1006, vanished_ledger=1006)
    skipped = Event("anomaly", "RECONCILER_SKIP_ENGINE_CANCEL: order 1-1 vanished, cancelled", "", SKIPPED)
    step(store, state, orders=(closed,), events=(skipped,))

    assert told(store) == [
        PLACED,
        (2, "OPEN", "seen on the ledger"),
        (4, "PARTIALLY_FILLED", "filled: buy 40 XRP for 80 RLUSD, transaction AB"),
        (5, "CANCELLED_BY_ENGINE", "marked: DEGRADED_CANCEL"),
        (5, "CANCELLED_BY_ENGINE", "cancel requested: DEGRADED_CANCEL"),
        (6, "CANCELLED_BY_ENGINE", "resolved: cancelled"),
    ]
    shown = store.order("neo", "1-1")
    before, after = {"xrp": "10000.000001", "rlusd": "20000.123456789012"}, {"xrp": "10040.000001"}
    after["rlusd"] = "19920.123456789012"
    bought_step, skipped_step = shown["life"][2], shown["life"][-1]
    assert (bought_step["inventory_before"], bought_step["inventory_after"]) == (before, after)
    assert skipped_step == {
        "session": 1,
        "tick": 6,
        "at": "2026-01-01T00:00:24+00:00",
        "ledger_index": 1006,
        "status": "CANCELLED_BY_ENGINE",
        "what": "resolved: cancelled",
        "layer": "reconciler 10",
        "token": "RECONCILER_SKIP_ENGINE_CANCEL",
        "evidence": {"cancel_reason": "DEGRADED_CANCEL"},
        "inventory_before": after,
        "inventory_after": after,
    }
    assert (shown["xrp"], shown["rest_xrp"], shown["filled_drops"]) == ("100", "60", 4 * 10**7)
    assert (shown["status"], shown["vanished_ledger"], shown["proofs"]) == ("CANCELLED_BY_ENGINE", 1006, [])
    json.dumps(shown, allow_nan=False)


@pytest.mark.rule("REC-3", "REC-9")
def test_a_guess_says_so_and_proof_that_replaces_it_is_told(store: Store) -> None:
    state = placed(store)
    facts: Facts = {"order_id": "1-1", "verdict": "phantom_fill", "layer": "reconciler 90", "age_seconds": 8}
    guessed = Event("anomaly", "phantom_fill: order 1-1 vanished, phantom_fill", "", facts)
    guess = fill("guess:1-1:buy:8", proven=False)
    filled = becomes(ORDER, OrderStatus.FILLED, seen=True, proofs=("guess",), closed_ledger=1002)
    moved = Moved(OWNED, LESS)
    state = step(store, state, orders=(filled,), fills=(guess,), events=(guessed,), moved=moved)
    undone = fill("guess:1-1:sell:12", side=Side.SELL, proven=False)
    cancelled = becomes(filled, OrderStatus.CANCELLED, proofs=())
    step(store, state, orders=(cancelled,), fills=(undone,), moved=Moved(LESS, OWNED))
    sums = "100 XRP for 212.3456789012345 RLUSD"
    assert told(store) == [
        PLACED,
        (2, "FILLED", "seen on the ledger"),
        (2, "FILLED", f"booked: buy {sums}, guess:1-1:buy:8"),
        (2, "FILLED", "resolved: phantom_fill"),
        (3, "CANCELLED", f"booked: sell {sums}, guess:1-1:sell:12"),
        (3, "CANCELLED", "cancelled, as the ledger proves"),
    ]


@pytest.mark.parametrize(
    ("status", "what"),
    [
        (OrderStatus.REJECTED, "rejected: no ledger took it"),
        (OrderStatus.EXPIRED, "expired, as the ledger proves"),
        (OrderStatus.CANCELLED, "cancelled, as the ledger proves"),
    ],
)
def test_an_order_that_ends_by_proof_says_how(store: Store, status: OrderStatus, what: str) -> None:
    step(store, placed(store), orders=(becomes(ORDER, status, closed_ledger=1002),))
    assert told(store) == [PLACED, (2, status.value, what)]


@pytest.mark.rule("INT-1")
def test_an_offer_that_was_adopted_was_placed_by_nobody_here(store: Store) -> None:
    step(store, begin(store).state, orders=(becomes(ORDER, OrderStatus.OPEN, seen=True),))
    assert told(store) == [
        (1, "OPEN", "found on the ledger, and adopted: buy 100 XRP for 212.3456789012345 RLUSD")
    ]


@pytest.mark.rule("REC-12")
def test_a_held_order_is_resolved_by_an_operator_in_a_later_session(store: Store) -> None:
    state = placed(store)
    held = becomes(ORDER, OrderStatus.HELD_PENDING_REVIEW, seen=True)
    step(store, state, orders=(held,), events=(held_event(age_seconds=400.0),))
    store.end(None, ended_at=START + 60, ticks=2, inventory=OWNED)
    state = begin(store).state
    word = Event(
        "order_resolved",
        "order 1-1 was cancelled, says the operator: gone",
        "",
        {"order_id": "1-1", "verdict": "cancelled", "reason": "gone"},
    )
    step(store, state, orders=(becomes(held, OrderStatus.CANCELLED, closed_ledger=1001),), events=(word,))
    life = store.order("neo", "1-1")["life"]
    assert [(one["session"], one["tick"], one["what"]) for one in life] == [
        (1, 1, PLACED[2]),
        (1, 2, "seen on the ledger"),
        (1, 2, "held"),
        (2, 1, "order 1-1 was cancelled, says the operator: gone"),
    ]
    assert life[2]["token"] == "held_pending_review"
    assert life[3]["status"] == "CANCELLED"


@pytest.mark.rule("REC-12")
def test_what_was_amended_between_sessions_is_part_of_a_life(store: Store) -> None:
    state = placed(store)
    held = becomes(ORDER, OrderStatus.HELD_PENDING_REVIEW, seen=True)
    step(store, state, orders=(held,), events=(held_event(),))
    store.hold("neo")
    found = store.books("neo")
    assert found is not None
    keeper, before = found
    facts: Facts = {"order_id": "1-1", "verdict": "filled", "reason": "seen it"}
    word = Event("order_resolved", "order 1-1 was filled, says the operator: seen it", "", facts)
    filled = becomes(held, OrderStatus.FILLED)
    after = replace(before, inventory=LESS)
    store.amend("neo", keeper, before, after, orders=(filled,), fills=(), events=(word,), at=START + 900)
    assert store.order("neo", "1-1")["life"][-1] == {
        "session": 1,
        "tick": 2,
        "at": "2026-01-01T00:15:00+00:00",
        "ledger_index": None,
        "status": "FILLED",
        "what": "order 1-1 was filled, says the operator: seen it",
        "layer": "",
        "token": "",
        "evidence": facts,
        "inventory_before": {"xrp": "10000.000001", "rlusd": "20000.123456789012"},
        "inventory_after": {"xrp": "10040.000001", "rlusd": "19920.123456789012"},
    }


def held_event(**more: Any) -> Event:
    facts: Facts = {
        "order_id": "1-1",
        "verdict": "held",
        "layer": "reconciler 90",
        "threshold": 300,
        "age_seconds": 300.0,
        **more,
    }
    return Event("anomaly", "held_pending_review: order 1-1 vanished, held", "", facts)


@pytest.mark.rule("REC-12")
def test_held_orders_are_listed_with_the_evidence_of_their_last_anomaly(store: Store) -> None:
    state = placed(store)
    held = becomes(ORDER, OrderStatus.HELD_PENDING_REVIEW)
    bare = order(3, OrderStatus.HELD_PENDING_REVIEW, placed_tick=2)
    state = step(store, state, orders=(held, order(2, placed_tick=2), bare), events=(held_event(),))
    step(store, state, events=(held_event(age_seconds=304.0),))
    assert [row["id"] for row in store.orders("neo", held=True)] == ["1-3", "1-1"]
    first, last = store.orders("neo", held=True)
    assert last == {
        "id": "1-1",
        "session": 1,
        "side": "buy",
        "xrp": "100",
        "rlusd": "212.3456789012345",
        "rest_xrp": "100",
        "price": 2.123456789,
        "status": "HELD_PENDING_REVIEW",
        "placed_at": "2026-01-01T00:00:04+00:00",
        "sequence": 1,
        "cancel_reason": "",
        "layer": "reconciler 90",
        "token": "held_pending_review",
        "age_seconds": 304.0,
        "evidence": {"threshold": 300},
    }
    assert (first["layer"], first["token"], first["age_seconds"], first["evidence"]) == ("", "", None, {})


def test_held_orders_of_an_earlier_account_are_nobodys_to_resolve(store: Store) -> None:
    step(store, begin(store).state, orders=(order(1, OrderStatus.HELD_PENDING_REVIEW),))
    begin(store, account="wallet-2")
    assert store.orders("neo", held=True) == []
    assert [row["id"] for row in store.orders("neo")] == ["1-1"]


def test_orders_are_listed_newest_first_and_no_more_than_asked_for(store: Store) -> None:
    state = step(store, begin(store).state, orders=tuple(order(number) for number in range(1, 4)))
    step(store, state, orders=(order(4, placed_tick=2),))
    step(store, begin(store).state, orders=(replace(order(1), id="2-1"),))
    assert [row["id"] for row in store.orders("neo")] == ["2-1", "1-4", "1-3", "1-2", "1-1"]
    assert [row["id"] for row in store.orders("neo", limit=2)] == ["2-1", "1-4"]
    assert "layer" not in store.orders("neo")[0]
    assert store.orders("blue") == []


def test_an_unknown_order_is_refused(store: Store) -> None:
    begin(store)
    with pytest.raises(UsageError, match="engine 'neo' has no order '9-9'; `neo orders` lists those it has"):
        store.order("neo", "9-9")


def test_a_status_that_is_none_keeps_a_session_from_beginning_and_nothing_is_changed(
    opener: Callable[..., Store], url: str
) -> None:
    first = opener()
    state = tick(begin(first).state, closed={"1-1": ORDER})
    first.commit(decide(state, orders=(ORDER,)), LINE, state)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE orders SET status = 'LOST'")
    second = opener()
    for attempt in (
        lambda: begin(second),
        lambda: second.books("neo"),
        lambda: second.reopen("neo", 1, plugins=[], sources=()),
    ):
        with pytest.raises(StoreError, match="order 1-1: expected an order as NEO writes it, got something else"):
            attempt()
    assert rows(url, "SELECT count(*), max(ended_at) FROM sessions") == [(1, None)]
    assert [row["status"] for row in second.orders("neo")] == ["LOST"]
