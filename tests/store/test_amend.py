"""The books while no session runs: read as resuming would find them, and changed by operators alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from neo_core.errors import LeaseLost, StoreError
from neo_core.halts import Halt, HaltReason
from neo_core.model import Event, Inventory, OrderStatus
from neo_core.state import State
from neo_core.store import Keeper, Store

from .making import OWNED, SOURCES, START, begin, commit, degraded, engine_state, fill, order, rows, tick

HELD = order(1, OrderStatus.HELD_PENDING_REVIEW)
FILLED = order(1, OrderStatus.FILLED, rest_drops=0, filled_drops=10**8, closed_ledger=1001, proofs=("guess",))
MORE = Inventory(OWNED.drops + 10**8, OWNED.rlusd - Decimal("212.3456789012345"))
SAID = Event("order_resolved", "order 1-1 was filled", "", {"order_id": "1-1", "verdict": "filled"})


def crashed(store: Store) -> State:
    state = tick(begin(store).state, orders={"1-1": HELD}, realigned=7)
    return commit(store, degraded(state), orders=(HELD,))


def resolve(store: Store, **changes: Any) -> State:
    found = store.books("neo")
    assert found is not None
    keeper, before = found
    after = replace(before, orders={}, closed={"1-1": FILLED}, inventory=MORE)
    guessed = fill("guess:1-1", proven=False)
    given: dict[str, Any] = {"orders": (FILLED,), "fills": (guessed,), "events": (SAID,), "at": START + 900}
    store.amend("neo", keeper, before, after, **{**given, **changes})
    return after


def test_books_are_those_that_resuming_would_find_and_reading_changes_nothing(
    opener: Callable[..., Store], url: str
) -> None:
    first = opener()
    assert first.books("neo") is None
    state = crashed(first)
    kept = engine_state(url)
    found = opener(must_exist=True).books("neo")
    assert found == (Keeper("neo", "wallet-1", 1), state)
    assert engine_state(url) == kept
    assert opener().reopen("neo", 1, plugins=[], sources=SOURCES).state == state


def test_books_of_a_session_that_ended_are_those_it_left(store: Store) -> None:
    state = crashed(store)
    halt = Halt(HaltReason.KILL_SWITCH, "operator", "enough")
    store.end(halt, ended_at=START + 9, ticks=1, inventory=OWNED)
    found = store.books("neo")
    assert found == (Keeper("neo", "wallet-1", 1), replace(state, halt=halt))


@pytest.mark.rule("REC-12", "TRU-4")
def test_an_amendment_is_one_commit_of_orders_fills_state_and_events(store: Store, url: str) -> None:
    crashed(store)
    store.hold("neo")
    after = resolve(store)
    assert store.books("neo") == (Keeper("neo", "wallet-1", 1), after)
    assert rows(url, "SELECT status, session, filled_drops FROM orders") == [("FILLED", 1, 10**8)]
    assert rows(url, "SELECT tx_hash, proven, session FROM fills") == [("guess:1-1", 0, 1)]
    assert rows(url, "SELECT session, tick, at, kind, text FROM events") == [
        (1, 1, START + 900, "order_resolved", "order 1-1 was filled")
    ]
    assert json.loads(rows(url, "SELECT facts FROM events")[0][0]) == {
        "order_id": "1-1",
        "verdict": "filled",
        "inventory_before": '{"xrp":"10000.000001","rlusd":"20000.123456789012"}',
        "inventory_after": '{"xrp":"10100.000001","rlusd":"19787.7777778877775"}',
    }
    kept = engine_state(url)
    assert (kept["mode"], kept["degraded_source"]) == ("DEGRADED", "anchor")
    assert store.reopen("neo", 1, plugins=[], sources=SOURCES).state == after


@pytest.mark.rule("REC-12")
def test_an_amendment_after_the_end_changes_what_the_next_session_begins_with_and_not_how_the_last_one_ended(
    store: Store,
) -> None:
    crashed(store)
    store.end(Halt(HaltReason.KILL_SWITCH, "", ""), ended_at=START + 9, ticks=1, inventory=OWNED)
    before = store.session("neo")
    store.hold("neo")
    resolve(store)
    assert store.session("neo") == {**before, "fills": store.session("neo")["fills"]}
    assert store.status("neo")["mode"] == "HALT"
    opened = begin(store)
    assert (opened.state.inventory, opened.state.orders) == (MORE, {})
    assert opened.state.closed == {"1-1": FILLED}


@pytest.mark.rule("INT-1")
def test_without_the_lease_nothing_is_amended(opener: Callable[..., Store], url: str) -> None:
    store = opener()
    state = crashed(store)
    with pytest.raises(StoreError, match="whoever changes the books of 'neo' must hold its lease first"):
        resolve(store)
    store.hold("blue")
    with pytest.raises(StoreError, match="must hold its lease first"):
        resolve(store)
    loser = opener()
    loser.hold("neo", 10.0, wall=lambda: 0.0)
    opener().hold("neo")
    with pytest.raises(LeaseLost):
        resolve(loser)
    assert store.books("neo") == (Keeper("neo", "wallet-1", 1), state)
    assert rows(url, "SELECT count(*) FROM events") == [(0,)]


def test_an_amendment_that_fails_changes_nothing(store: Store, url: str) -> None:
    state = crashed(store)
    store.hold("neo")
    with pytest.raises(StoreError, match="could not amend the books"):
        resolve(store, fills=(fill(), fill()))
    assert store.books("neo") == (Keeper("neo", "wallet-1", 1), state)
    assert rows(url, "SELECT status FROM orders") == [("HELD_PENDING_REVIEW",)]
