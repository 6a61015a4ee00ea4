"""What the store tells people, and what it lets them ask for."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest

from neo_core.errors import UsageError
from neo_core.halts import Halt, HaltReason
from neo_core.model import Event, Facts, Inventory, Moved, TruthCheck
from neo_core.state import Sweep, Truth
from neo_core.store import Store

from .making import OWNED, SOURCES, START, begin, commit, fill, rows, tick


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
        {key: value for key, value in shown.items() if key not in ("episodes", "fills", "config", "truth_checks")}
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


@pytest.mark.rule("REC-9")
@pytest.mark.parametrize("moved", [False, True])
def test_an_anomaly_is_an_event_and_a_row_with_layer_age_and_inventory(
    store: Store, url: str, moved: bool
) -> None:
    state = commit(store, tick(begin(store).state))
    facts: Facts = {
        "order_id": "1-1",
        "verdict": "phantom_fill",
        "layer": "reconciler 90",
        "age_seconds": 12.5,
        "limit": 300,
        "xrp_before": "10000.000001",
        "rlusd_before": "20000.123456789012",
        "xrp_after": "1" if moved else "10000.000001",
        "rlusd_after": "5" if moved else "20000.123456789012",
    }
    event = Event("anomaly", "age_gate: order 1-1 vanished, phantom_fill", "", facts)
    after = Inventory(1_000_000, Decimal(5)) if moved else OWNED
    changes = Moved(OWNED, after) if moved else None
    commit(store, tick(state, inventory=after), events=(event,), moved=changes)
    columns = "order_id, verdict, layer, token, age_seconds, evidence, inventory_before, inventory_after"
    owned = '{"xrp":"10000.000001","rlusd":"20000.123456789012"}'
    assert rows(url, f"SELECT {columns} FROM anomalies") == [
        (
            "1-1",
            "phantom_fill",
            "reconciler 90",
            "age_gate",
            12.5,
            '{"limit":300}',
            owned,
            '{"xrp":"1","rlusd":"5"}' if moved else owned,
        )
    ]
    assert rows(url, "SELECT count(*) FROM events") == [(1,)]


@pytest.mark.rule("REC-9")
@pytest.mark.parametrize(
    ("text", "facts", "token"),
    [("no token here", {}, ""), ("held_pending_review: held", {"token": "mine"}, "mine"), ("a: b: c", {}, "a")],
)
def test_the_token_of_an_anomaly_is_a_fact_or_what_its_text_begins_with(
    store: Store, url: str, text: str, facts: Facts, token: str
) -> None:
    commit(store, tick(begin(store).state), events=(Event("anomaly", text, "", facts),))
    assert rows(url, "SELECT token, evidence, age_seconds FROM anomalies") == [(token, "{}", None)]


@pytest.mark.rule("TRU-1", "TRU-5")
def test_a_check_of_wallet_truth_is_a_row_and_part_of_status_and_session(store: Store, url: str) -> None:
    state = begin(store).state
    assert store.status("neo")["truth"] is None
    wallet = Inventory(OWNED.drops - 10_000_000_000, Decimal("20001.123456789013"))
    for check in (
        TruthCheck("ok", OWNED, OWNED),
        TruthCheck("not_made"),
        TruthCheck("far_beyond", OWNED, wallet),
        TruthCheck("beyond", OWNED, wallet),
    ):
        state = commit(store, tick(state), truth=check)
    commit(store, tick(state))
    columns = "tick, ledger_index, verdict, xrp_difference, rlusd_difference"
    assert rows(url, f"SELECT {columns} FROM truth_checks") == [
        (1, 1001, "ok", "0", "0.000000000000"),
        (2, 1002, "not_made", None, None),
        (3, 1003, "far_beyond", "-10000", "1.000000000001"),
        (4, 1004, "beyond", "-10000", "1.000000000001"),
    ]
    assert rows(url, "SELECT inventory, wallet FROM truth_checks WHERE tick = 3") == [
        (
            '{"xrp":"10000.000001","rlusd":"20000.123456789012"}',
            '{"xrp":"0.000001","rlusd":"20001.123456789013"}',
        )
    ]
    assert store.status("neo")["truth"] == {
        "verdict": "beyond",
        "at": "2026-01-01T00:00:16+00:00",
        "xrp_difference": "-10000",
        "rlusd_difference": "1.000000000001",
    }
    assert store.session("neo")["truth_checks"] == {"count": 4, "beyond": 2, "not_made": 1}


@pytest.mark.rule("TRU-3")
def test_what_wallet_truth_remembers_comes_back_with_the_session_and_a_realign_with_the_account(
    opener: Callable[..., Store],
) -> None:
    first = opener()
    truth = Truth(due=17, beyond=1, not_made=3)
    commit(first, tick(begin(first).state, truth=truth, realigned=1000))
    second = opener()
    resumed = second.reopen("neo", 1, plugins=[], sources=SOURCES).state
    assert (resumed.truth, resumed.realigned) == (truth, 1000)
    fresh = begin(second).state
    assert (fresh.truth, fresh.realigned) == (Truth(), 1000)
    assert begin(second, account="wallet-2").state.realigned == 0


@pytest.mark.rule("MODE-4")
def test_status_tells_which_cancel_all_is_still_running(store: Store) -> None:
    state = commit(store, tick(begin(store).state, sweep=Sweep("OPERATOR_CANCEL", 1, 1001, ("1-9",))))
    assert store.status("neo")["cancel_all"] == {"cause": "OPERATOR_CANCEL", "tick": 1, "ledger_index": 1001}
    commit(store, tick(state, sweep=None))
    assert store.status("neo")["cancel_all"] is None


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
