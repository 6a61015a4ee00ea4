"""The store as a session and its onlookers use it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import neo_core
from neo_core.errors import StoreError, UsageError
from neo_core.halts import Halt, HaltReason
from neo_core.model import (
    Cause,
    Decision,
    Event,
    Fill,
    Inventory,
    Mode,
    Order,
    OrderStatus,
    Side,
)
from neo_core.state import Regime, State
from neo_core.store import Opened, Plugin, Store

START = 1_767_225_600.0
SOURCES = ("anchor", "corridor", "drift")
LINE = b'{"tick":1}'
OWNED = Inventory(10_000_000_001, Decimal("20000.123456789012"))
CAUSE = Cause("anchor", "mean 7.20 bps, the limit is 6.00", 1, START + 4, 4.0)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{(tmp_path / 'neo.db').as_posix()}"


@pytest.fixture
def opener(url: str) -> Iterator[Callable[..., Store]]:
    opened: list[Store] = []

    def open_store(**options: Any) -> Store:
        opened.append(Store.open(url, durable=False, **options))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(opener: Callable[..., Store]) -> Store:
    return opener()


def begin(store: Store, engine: str = "neo", **changes: Any) -> Opened:
    given: dict[str, Any] = {
        "mode": "paper",
        "account": "wallet-1",
        "started_at": START,
        "plugins": [Plugin("anchor_guard", "0.1.0")],
        "config": {"risk": {"collar_bps": 100.0}},
        "sources": SOURCES,
        "scenario": "calm",
        "seed": 7,
    }
    return store.begin(engine, **{**given, **changes})


def tick(state: State, **changes: Any) -> State:
    number = state.tick + 1
    now = START + 4 * number
    moved = {"tick": number, "now": now, "elapsed": 4.0 * number, "ledger_index": 1000 + number}
    return replace(state, **{**moved, "close_time": now, "inventory": OWNED, **changes})


def decide(state: State, **changes: Any) -> Decision:
    assert state.now is not None
    assert state.ledger_index is not None
    return Decision(state.tick, state.now, state.ledger_index, state.mode, state.regime.source, **changes)


def commit(store: Store, state: State, line: bytes = LINE, **changes: Any) -> State:
    store.commit(decide(state, **changes), line, state)
    return state


def order(number: int, status: OrderStatus = OrderStatus.OPEN, **changes: Any) -> Order:
    amount = Decimal("212.3456789012345")
    made = Order(f"1-{number}", Side.BUY, 2.123456789, 10**8, amount, 10**8, amount, status, START, 1)
    return replace(made, sequence=number, **changes)


def fill(tx_hash: str = "AB", sequence: int = 1, **changes: Any) -> Fill:
    made = Fill("1-1", Side.BUY, 10**8, Decimal("212.3456789012345"), tx_hash, sequence, 1001, 1, START + 4)
    return replace(made, **changes)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return connection.execute(query).fetchall()


def engine_state(url: str) -> dict[str, str]:
    return dict(rows(url, "SELECT key, value FROM engine_state"))


def degraded(state: State, count: int = 1) -> State:
    regime = Regime(CAUSE, (), {"anchor": count}, {"anchor": 120}, None)
    return replace(state, regime=regime, mode_since=state.tick)


# --- fresh and resumed sessions ---


@pytest.mark.rule("MODE-8", "HALT-6")
def test_a_fresh_session_resets_modes_counts_and_halts_and_keeps_the_past_in_its_row(
    store: Store, url: str
) -> None:
    halt = Halt(HaltReason.EPISODE_LIMIT, "anchor", "episode 3 of anchor, the cap is 3")
    state = degraded(tick(begin(store).state), count=3)
    commit(store, replace(state, halt=halt), halt=halt)
    store.end(halt, ended_at=START + 9, ticks=1, inventory=OWNED)
    assert engine_state(url)["mode"] == "HALT"
    assert engine_state(url)["degraded_recovery.anchor.episode_count"] == "3"

    opened = begin(store)

    kept = engine_state(url)
    for source in SOURCES:
        assert kept[f"degraded_recovery.{source}.cooldown_ticks_remaining"] == "0"
        assert kept[f"degraded_recovery.{source}.episode_count"] == "0"
    cleared = ("degraded_since", "degraded_source", "degraded_reason", "halt.reason", "halt.source", "halt.detail")
    assert {kept[key] for key in cleared} == {""}
    assert kept["mode"] == "OK"
    assert opened.state.mode is Mode.OK
    assert opened.state.tick == 0
    past = store.session("neo", 1)
    assert (past["halt_reason"], past["halt_source"], past["halt_detail"]) == (
        halt.reason.value,
        "anchor",
        halt.detail,
    )


@pytest.mark.rule("HALT-6")
def test_status_shows_reason_source_and_detail_of_the_halt(store: Store) -> None:
    begin(store)
    store.end(Halt(HaltReason.LOSS, "risk", "lost 120 RLUSD"), ended_at=START, ticks=0, inventory=None)
    status = store.status("neo")
    assert (status["mode"], status["halt_reason"]) == ("HALT", "risk_loss_halt")
    assert (status["halt_source"], status["halt_detail"]) == ("risk", "lost 120 RLUSD")


@pytest.mark.rule("MODE-8", "COOL-1")
def test_a_resumed_session_has_its_mode_causes_counts_and_orders_under_its_id(
    opener: Callable[..., Store],
) -> None:
    first = opener()
    opened = begin(first)
    alive, held = order(1), order(2, OrderStatus.HELD_PENDING_REVIEW)
    marked = order(3, OrderStatus.CANCELLED_BY_ENGINE, cancel_reason="DEGRADED_CANCEL", proofs=("AB",))
    gone, late = order(4, OrderStatus.FILLED), order(5, OrderStatus.CANCELLED, closed_ledger=1000)
    state = degraded(
        tick(
            opened.state,
            orders={o.id: o for o in (alive, held, marked)},
            closed={late.id: late},
            serial=5,
        )
    )
    commit(first, state, orders=(alive, held, marked, gone, late))

    second = opener()
    assert second.crashed("neo") == 1
    resumed = second.reopen("neo", 1, plugins=[], sources=SOURCES)

    expected = {"anchor": 1, "corridor": 0, "drift": 0}
    assert resumed.state.regime.episodes == expected
    assert resumed.state.regime.cooldowns == {**expected, "anchor": 120}
    assert replace(resumed.state, regime=state.regime) == state
    assert resumed.notes == ()


@pytest.mark.rule("MODE-8")
def test_resuming_clears_the_halt_and_keeps_when_the_episode_began(opener: Callable[..., Store], url: str) -> None:
    first = opener()
    state = commit(first, degraded(tick(begin(first).state)))
    began = engine_state(url)["degraded_since"]
    halt = Halt(HaltReason.DEGRADED_TIMEOUT, "anchor", "300 seconds")
    later = replace(tick(tick(state)), halt=halt)
    commit(first, later, halt=halt)

    resumed = opener().reopen("neo", 1, plugins=[], sources=SOURCES)

    kept = engine_state(url)
    assert resumed.state.halt is None
    assert (kept["mode"], kept["halt.reason"], kept["halt.source"]) == ("DEGRADED", "", "")
    assert kept["degraded_since"] == began == "2026-01-01T00:00:04+00:00"


@pytest.mark.rule("MODE-8")
def test_a_session_that_ended_is_not_resumed(store: Store) -> None:
    begin(store)
    store.end(Halt(HaltReason.DURATION_ELAPSED, "", ""), ended_at=START, ticks=0, inventory=None)
    assert store.crashed("neo") is None
    with pytest.raises(UsageError, match=r"session 1 has ended \(duration_elapsed, at 2026.*without --resume"):
        store.reopen("neo", 1, plugins=[], sources=SOURCES)
    with pytest.raises(UsageError, match="no session 9 to resume"):
        store.reopen("neo", 9, plugins=[], sources=SOURCES)


@pytest.mark.rule("COOL-9")
@pytest.mark.parametrize("broken", [None, "abc", "-3", "", "NaN", "9" * 40, "3.0", "\u0663"])
def test_a_broken_count_reads_as_zero_and_is_told(
    opener: Callable[..., Store], url: str, broken: str | None
) -> None:
    first = opener()
    commit(first, degraded(tick(begin(first).state), count=2))
    key = "degraded_recovery.anchor.episode_count"
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        if broken is None:
            connection.execute("DELETE FROM engine_state WHERE key = ?", (key,))
        else:
            connection.execute("UPDATE engine_state SET value = ? WHERE key = ?", (broken, key))

    resumed = opener().reopen("neo", 1, plugins=[], sources=SOURCES)

    assert resumed.state.regime.episodes["anchor"] == 0
    assert resumed.state.regime.cooldowns["anchor"] == 120
    assert len(resumed.notes) == 1
    assert key in resumed.notes[0]
    assert "reads as 0" in resumed.notes[0]
    assert engine_state(url)[key] == "0"


@pytest.mark.parametrize("broken", ["", "{", "[1]", '{"tick":-1}', '{"elapsed":NaN}', '{"elapsed":1e999}'])
def test_a_state_that_cannot_be_read_refuses_to_resume_and_lets_a_fresh_session_begin(
    opener: Callable[..., Store], url: str, broken: str
) -> None:
    first = opener()
    commit(first, tick(begin(first).state))
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE engine_state SET value = ? WHERE key = 'runtime'", (broken,))
    second = opener()
    assert second.status("neo")["tick"] is None
    with pytest.raises(StoreError, match=r"engine_state\.runtime: expected.*without --resume"):
        second.reopen("neo", 1, plugins=[], sources=SOURCES)
    opened = begin(second)
    assert opened.state.inventory is None
    assert "what it owned is not known" in opened.notes[0]


@pytest.mark.rule("INT-2", "HALT-4")
def test_a_session_whose_process_died_is_closed_as_unexpected_at_the_next_fresh_start(
    opener: Callable[..., Store], url: str
) -> None:
    script = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_store as t
store = t.Store.open(sys.argv[1])
state = t.begin(store).state
for _ in range(3):
    state = t.commit(store, t.tick(state), orders=(t.order(state.tick),))
os._exit(9)
"""
    died = subprocess.run(
        [sys.executable, "-c", script, url, str(Path(__file__).parent)],
        env={**os.environ, "PYTHONPATH": str(Path(neo_core.__file__).parents[1])},
        timeout=60,
        check=False,
    )
    assert died.returncode == 9
    store = opener()

    opened = begin(store, started_at=START + 3600)

    assert opened.crashed == (1,)
    past = store.session("neo", 1)
    assert (past["halt_reason"], past["ticks"], past["ended_at"]) == (
        "unexpected_halt",
        3,
        "2026-01-01T01:00:00+00:00",
    )
    assert past["inventory"]["end"] == {"xrp": "10000.000001", "rlusd": "20000.123456789012"}
    assert opened.state.inventory == OWNED
    assert opened.state.ledger_index == 1003
    assert list(opened.state.orders) == ["1-0", "1-1", "1-2"]


@pytest.mark.rule("HALT-1")
def test_a_reason_recorded_before_a_crash_is_the_reason_of_that_session(opener: Callable[..., Store]) -> None:
    halt = Halt(HaltReason.KILL_SWITCH, "operator", "neo kill")
    first = opener()
    commit(first, replace(tick(begin(first).state), halt=halt), halt=halt)
    second = opener()
    begin(second)
    assert second.session("neo", 1)["halt_reason"] == "kill_switch_halt"


def test_another_account_takes_over_neither_inventory_nor_orders(store: Store) -> None:
    commit(store, tick(begin(store).state), orders=(order(1),))
    store.end(None, ended_at=START, ticks=1, inventory=OWNED)
    opened = begin(store, account="wallet-2")
    assert (opened.state.inventory, opened.state.ledger_index, opened.state.orders) == (None, None, {})


def test_an_adopted_order_stays_in_the_session_that_placed_it(store: Store, url: str) -> None:
    commit(store, tick(begin(store).state), orders=(order(1),))
    store.end(None, ended_at=START, ticks=1, inventory=OWNED)
    commit(store, tick(begin(store).state), orders=(order(1, OrderStatus.CANCELLED),))
    assert rows(url, "SELECT session, status FROM orders") == [(1, "CANCELLED")]


def test_engines_in_one_database_do_not_see_each_other(store: Store) -> None:
    commit(store, degraded(tick(begin(store, "one").state)), orders=(order(1),))
    store.request_kill("one", "enough")
    opened = begin(store, "two")
    assert (opened.crashed, opened.state.orders, opened.state.inventory) == ((), {}, None)
    assert store.requests("two") == (None, None)
    assert store.status("one")["mode"] == "DEGRADED"


# --- how a session ends ---


@pytest.mark.rule("HALT-2")
def test_ending_without_a_reason_is_an_unexpected_halt(store: Store, url: str) -> None:
    begin(store)
    final = store.end(None, ended_at=START, ticks=0, inventory=None)
    assert final.reason is HaltReason.UNEXPECTED
    assert engine_state(url)["halt.reason"] == "unexpected_halt"
    assert store.session("neo")["halt_reason"] == "unexpected_halt"


@pytest.mark.rule("HALT-1")
@pytest.mark.parametrize(
    ("recorded", "given", "expected"),
    [
        (HaltReason.KILL_SWITCH, HaltReason.DURATION_ELAPSED, HaltReason.KILL_SWITCH),
        (HaltReason.KILL_SWITCH, None, HaltReason.KILL_SWITCH),
        (HaltReason.UNEXPECTED, HaltReason.LOSS, HaltReason.LOSS),
        (None, HaltReason.LOSS, HaltReason.LOSS),
    ],
)
def test_the_first_specific_reason_stays(
    store: Store, recorded: HaltReason | None, given: HaltReason | None, expected: HaltReason
) -> None:
    state = tick(begin(store).state)
    if recorded is not None:
        halt = Halt(recorded, "first", "")
        commit(store, replace(state, halt=halt), halt=halt)
    given_halt = None if given is None else Halt(given, "second", "")
    final = store.end(given_halt, ended_at=START, ticks=1, inventory=None)
    assert final.reason is expected
    assert store.session("neo")["halt_reason"] == expected.value


@pytest.mark.rule("PLUG-5")
def test_session_rows_keep_every_plugin_with_its_version(opener: Callable[..., Store]) -> None:
    first = opener()
    begin(first)
    second = opener()
    newer = [Plugin("anchor_guard", "0.2.0"), Plugin("drift_guard", "0.1.0")]
    second.reopen("neo", 1, plugins=newer, sources=SOURCES)
    assert second.session("neo")["plugins"] == [
        {"name": "anchor_guard", "version": "0.1.0"},
        {"name": "anchor_guard", "version": "0.2.0"},
        {"name": "drift_guard", "version": "0.1.0"},
    ]


# --- reports ---


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
    assert shown["inventory"] == {"start": owned, "end": owned}
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
    lines = ['{"tick":%d,"text":"Exited DEGRADED — fine"}' % number for number in range(1, 12)]
    for line in lines:
        state = commit(store, tick(state), line.encode())
    assert list(store.decisions("neo")) == lines


def test_an_unknown_engine_or_session_is_refused_and_the_known_ones_are_named(store: Store) -> None:
    with pytest.raises(StoreError, match="engine 'neo' has no session in this database; run `neo run` first"):
        store.status("neo")
    begin(store)
    with pytest.raises(StoreError, match="engine 'x' has no session in this database; it knows neo"):
        store.status("x")
    with pytest.raises(StoreError, match="no session 5"):
        store.session("neo", 5)
    with pytest.raises(StoreError, match="no session 5"):
        list(store.decisions("neo", 5))


def test_an_anomaly_is_an_event_and_a_row_with_inventory_before_and_after(store: Store, url: str) -> None:
    state = commit(store, tick(begin(store).state))
    facts = {"order_id": "1-1", "verdict": "phantom_fill", "layer": "90", "age": 12.5}
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


# --- requests ---


def test_requests_of_another_process_are_seen_and_withdrawn(opener: Callable[..., Store]) -> None:
    engine = opener()
    begin(engine)
    operator = opener(must_exist=True)
    assert engine.requests("neo") == (None, None)
    operator.request_stop("neo", "")
    operator.request_kill("neo", "fat finger")
    assert engine.requests("neo") == ("", "fat finger")
    operator.clear_stop("neo")
    operator.clear_kill("neo")
    assert engine.requests("neo") == (None, None)


def test_a_fresh_session_forgets_an_old_stop_but_not_the_kill_switch(store: Store) -> None:
    begin(store)
    store.request_stop("neo", "go home")
    store.request_kill("neo", "enough")
    begin(store)
    assert store.requests("neo") == (None, "enough")
