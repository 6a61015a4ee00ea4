"""How sessions begin, come back after a crash, and end."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing

import pytest
from msgspec.structs import replace

from neo_core.errors import StoreError, UsageError
from neo_core.halts import Halt, HaltReason
from neo_core.model import Cause, Mode, OrderStatus
from neo_core.store import Plugin, Store

from .making import ENVIRONMENT, OWNED, SOURCES, START, begin, commit, degraded, engine_state, order, rows, tick


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
    settled = order(6, OrderStatus.CANCELLED_BY_ENGINE, closed_ledger=990)
    commit(first, state, orders=(alive, held, marked, gone, late, settled))

    second = opener()
    assert second.crashed("neo") == 1
    resumed = second.reopen("neo", 1, plugins=[], sources=SOURCES)

    expected = {"anchor": 1, "corridor": 0, "drift": 0}
    assert resumed.state == state
    assert resumed.state.regime.episodes == expected
    assert resumed.state.regime.cooldowns == {**expected, "anchor": 120}
    assert resumed.notes == ()


@pytest.mark.rule("MODE-8")
def test_resuming_clears_the_halt_and_keeps_when_the_episode_began(opener: Callable[..., Store], url: str) -> None:
    first = opener()
    state = commit(first, degraded(tick(begin(first).state)))
    truth = Cause("wallet_truth", "0.5 XRP apart", 2, START + 8, 8.0)
    state = commit(first, tick(state, regime=replace(state.regime, integrity=(truth,))))
    state = commit(first, tick(state, regime=replace(state.regime, guard=None)))
    began = engine_state(url)["degraded_since"]
    halt = Halt(HaltReason.INVENTORY_TRUTH, "wallet_truth", "300 seconds")
    commit(first, replace(tick(state), halt=halt), halt=halt)

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
from store.making import Store, begin, commit, order, tick
store = Store.open(sys.argv[1])
state = begin(store).state
for _ in range(3):
    state = commit(store, tick(state), orders=(order(state.tick),))
os._exit(9)
"""
    died = subprocess.run(
        [sys.executable, "-c", script, url],
        env=ENVIRONMENT,
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
    assert past["inventory_end"] == {"xrp": "10000.000001", "rlusd": "20000.123456789012"}
    assert opened.state.inventory == OWNED
    assert opened.state.ledger_index == 1003
    assert list(opened.state.orders) == ["1-0", "1-1", "1-2"]


@pytest.mark.rule("HALT-4", "INT-2")
def test_a_reason_that_could_not_be_written_is_reported_as_unexpected_by_the_next_start(
    opener: Callable[..., Store],
) -> None:
    first = opener()
    begin(first)
    first.close()
    with pytest.raises(StoreError, match="could not write how the session ended"):
        first.end(Halt(HaltReason.LOSS, "risk", ""), ended_at=START, ticks=0, inventory=None)
    second = opener()
    assert begin(second).crashed == (1,)
    assert second.session("neo", 1)["halt_reason"] == "unexpected_halt"


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
        (HaltReason.KILL_SWITCH, HaltReason.UNEXPECTED, HaltReason.KILL_SWITCH),
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


@pytest.mark.rule("HALT-1")
def test_the_reason_on_record_may_say_more_when_the_session_ends(store: Store) -> None:
    halt = Halt(HaltReason.KILL_SWITCH, "operator", "neo kill")
    commit(store, replace(tick(begin(store).state), halt=halt), halt=halt)
    more = replace(halt, detail="neo kill; may still be open: 1-1")
    assert store.end(more, ended_at=START, ticks=1, inventory=None) == more
    assert store.session("neo")["halt_detail"] == more.detail


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
