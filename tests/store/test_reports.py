"""What the store tells people, and what it lets them ask for."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest

from neo_core.errors import UsageError
from neo_core.halts import Halt, HaltReason
from neo_core.model import Event, Facts, Inventory
from neo_core.store import Store

from .making import OWNED, START, begin, commit, fill, rows, tick


def test_a_session_shows_its_episodes_fills_and_inventory(store: Store) -> None:
    state = tick(begin(store).state)
    entered = Event("degraded_entered", "too far", "anchor", {"mean_bps": 7.5, "nan": float("nan")})
    joined = Event("degraded_entered", "a plugin raised", "plugin_fault")
    commit(store, state, events=(entered,), fills=(fill(),))
    state = commit(store, tick(state), events=(joined, Event("quote", "…")))
    state = commit(store, tick(state), events=(Event("degraded_ended", "", "anchor"),))
    store.end(Halt(HaltReason.ENGINE_REQUESTED, "operator", ""), ended_at=START + 60, ticks=3, inventory=OWNED)

    shown = store.session("neo", 1)

    assert shown["episodes"] == [
        {
            "source": "anchor",
            "reason": "too far",
            "entered_tick": 1,
            "ended_tick": 3,
            "measures": {"mean_bps": 7.5, "nan": None},
        },
        {
            "source": "plugin_fault",
            "reason": "a plugin raised",
            "entered_tick": 2,
            "ended_tick": None,
            "measures": {},
        },
    ]
    assert [(f["xrp"], f["rlusd"], f["proven"]) for f in shown["fills"]] == [("100", "212.3456789012345", True)]
    owned = {"xrp": "10000.000001", "rlusd": "20000.123456789012"}
    assert (shown["inventory_start"], shown["inventory_end"]) == (owned, owned)
    assert (shown["ticks"], shown["ended_at"]) == (3, "2026-01-01T00:01:00+00:00")
    assert (shown["mode"], shown["scenario"], shown["seed"]) == ("paper", "calm", 7)
    json.dumps(shown, allow_nan=False)
    assert store.sessions("neo") == [
        {key: value for key, value in shown.items() if key not in ("episodes", "fills", "config")}
    ]


def test_an_episode_that_was_renamed_by_an_integrity_cause_still_ends(store: Store) -> None:
    state = tick(begin(store).state)
    commit(store, state, events=(Event("degraded_entered", "", "anchor"),))
    commit(store, tick(state), events=(Event("degraded_ended", "", "wallet_truth"),))
    assert [episode["ended_tick"] for episode in store.session("neo")["episodes"]] == [2]


def test_the_decision_log_comes_back_as_it_was_given(store: Store) -> None:
    state = begin(store).state
    lines = [f'{{"tick":{number},"text":"Exited DEGRADED — fine"}}' for number in range(1, 12)]
    for line in lines:
        state = commit(store, tick(state), line.encode())
    assert list(store.decisions("neo")) == lines


def test_an_unknown_engine_or_session_is_refused_and_the_known_ones_are_named(store: Store) -> None:
    with pytest.raises(UsageError, match="engine 'neo' has no session in this database; run `neo run` first"):
        store.status("neo")
    begin(store)
    with pytest.raises(UsageError, match="engine 'x' has no session in this database; it knows neo"):
        store.status("x")
    with pytest.raises(UsageError, match="no session 5"):
        store.session("neo", 5)
    with pytest.raises(UsageError, match="no session 5"):
        list(store.decisions("neo", 5))


def test_an_anomaly_is_an_event_and_a_row_with_inventory_before_and_after(store: Store, url: str) -> None:
    state = commit(store, tick(begin(store).state))
    facts: Facts = {"order_id": "1-1", "verdict": "phantom_fill", "layer": "90", "age": 12.5}
    later = tick(state, inventory=Inventory(1_000_000, Decimal(5)))
    commit(store, later, events=(Event("anomaly", "order 1-1 vanished", "reconciler", facts),))
    columns = "order_id, verdict, layer, evidence, inventory_before, inventory_after"
    assert rows(url, f"SELECT {columns} FROM anomalies") == [
        (
            "1-1",
            "phantom_fill",
            "90",
            '{"age":12.5}',
            '{"xrp":"10000.000001","rlusd":"20000.123456789012"}',
            '{"xrp":"1","rlusd":"5"}',
        )
    ]
    assert rows(url, "SELECT count(*) FROM events") == [(1,)]


def test_requests_of_another_process_are_seen_and_withdrawn(opener: Callable[..., Store]) -> None:
    engine = opener()
    begin(engine)
    operator = opener(must_exist=True)
    assert engine.requests("neo") == (None, None)
    operator.request_stop("neo", "")
    operator.request_kill("neo", "fat finger")
    assert engine.requests("neo") == ("", "fat finger")
    operator.clear_kill("neo")
    assert engine.requests("neo") == ("", None)


def test_a_fresh_session_forgets_an_old_stop_but_not_the_kill_switch(store: Store) -> None:
    begin(store)
    store.request_stop("neo", "go home")
    store.request_kill("neo", "enough")
    begin(store)
    assert store.requests("neo") == (None, "enough")
