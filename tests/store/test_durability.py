"""What outlives a power cut: everything, or, in a store for speed, whatever must not be lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from msgspec.structs import replace

from neo_core.errors import StoreError
from neo_core.halts import Halt, HaltReason
from neo_core.model import Cancel, OrderStatus
from neo_core.state import State, Sweep
from neo_core.store import Store

from .making import OWNED, START, begin, commit, fill, order, tick

pytestmark = pytest.mark.rule("REC-1")

HALT = Halt(HaltReason.LOSS, "risk", "")
SWEEP = Sweep("DEGRADED_CANCEL", 2, 1002)
MARKED = order(1, OrderStatus.CANCELLED_BY_ENGINE, cancel_reason="DEGRADED_CANCEL")
PENDING: dict[str, Any] = {"orders": (order(1),), "intents": (Cancel("1-1", 1, "requote"),)}
SWEPT: dict[str, Any] = {"orders": (MARKED,), "intents": (Cancel("1-1", 1, "DEGRADED_CANCEL"),)}


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How each commit was synced: the text of the last pragma, for every COMMIT that came after it."""
    connect, synced, seen = sqlite3.connect, ["?"], list[str]()

    def note(statement: str) -> None:
        if statement.lower().startswith("pragma synchronous"):
            synced[0] = statement.rpartition("=")[2].strip(" ;'\"").lower()
        if statement == "COMMIT":
            seen.append(synced[0])

    def traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(note)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    return seen


def walk(store: Store, commits: list[str]) -> State:
    state = commit(store, tick(begin(store).state), **PENDING)
    commits.clear()
    return state


def test_a_store_for_speed_syncs_the_marks_of_a_cancel_all_and_nothing_around_it(
    url: str, commits: list[str]
) -> None:
    with closing(Store.open(url, durable=False)) as store:
        state = walk(store, commits)
        state = commit(store, tick(state), fills=(fill(),))
        state = commit(store, tick(state, sweep=SWEEP), **SWEPT)
        state = commit(store, tick(state, sweep=SWEEP), **SWEPT)
        again = replace(SWEEP, tick=5)
        state = commit(store, tick(state, sweep=again), **SWEPT)
        commit(store, tick(state, sweep=None))
    assert commits == ["normal", "full", "normal", "full", "normal"]


def test_a_store_for_speed_syncs_the_halt_and_the_end(url: str, commits: list[str]) -> None:
    with closing(Store.open(url, durable=False)) as store:
        state = walk(store, commits)
        state = commit(store, tick(state, halt=HALT), halt=HALT)
        state = commit(store, tick(state, halt=HALT), halt=HALT)
        store.end(HALT, ended_at=START, ticks=2, inventory=OWNED)
    assert commits == ["full", "normal", "full"]


def test_quiet_ticks_that_waited_are_synced_with_the_cancel_all(url: str, commits: list[str]) -> None:
    with closing(Store.open(url, durable=False, batch=100)) as store:
        state = walk(store, commits)
        for _ in range(5):
            state = commit(store, tick(state))
        commit(store, tick(state, sweep=SWEEP), **SWEPT)
        assert commits == ["full"]
        assert len(list(store.decisions("neo"))) == 7


def test_after_a_sync_that_failed_the_store_is_fast_again(url: str, commits: list[str]) -> None:
    with closing(Store.open(url, durable=False)) as store:
        state = walk(store, commits)
        with pytest.raises(StoreError):
            commit(store, tick(state, sweep=SWEEP), **SWEPT, fills=(fill(), fill()))
        commit(store, tick(state))
    assert commits == ["normal"]


def test_a_durable_store_syncs_every_commit(url: str, commits: list[str]) -> None:
    with closing(Store.open(url)) as store:
        state = walk(store, commits)
        state = commit(store, tick(state))
        state = commit(store, tick(state, sweep=SWEEP), **SWEPT)
        store.end(HALT, ended_at=START, ticks=2, inventory=OWNED)
    assert commits == ["full"] * 3
