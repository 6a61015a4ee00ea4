"""What a commit keeps, exactly, and that it keeps all of it or nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from neo_core.errors import StoreError
from neo_core.halts import Halt, HaltReason
from neo_core.model import Event, Facts, Inventory, OrderStatus, Place, Side
from neo_core.state import RiskMemory
from neo_core.store import Store

from .making import (
    ENVIRONMENT,
    LINE,
    OWNED,
    SOURCES,
    START,
    begin,
    commit,
    decide,
    degraded,
    engine_state,
    fill,
    order,
    rows,
    tick,
)

PLACED = Place("1-000001", Side.BUY, 1, Decimal(1))
TABLES = ("ticks", "engine_state", "orders", "fills", "events", "anomalies", "sessions")


def everything(url: str) -> dict[str, list[tuple[Any, ...]]]:
    return {table: rows(url, f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in TABLES}


@pytest.mark.rule("COOL-1")
def test_mode_count_cooldown_and_marks_of_an_entry_are_one_commit(store: Store, url: str) -> None:
    state = commit(store, tick(begin(store).state), orders=(order(1),))
    marked = order(1, OrderStatus.CANCELLED_BY_ENGINE, cancel_reason="DEGRADED_CANCEL")
    before = everything(url)
    later = degraded(tick(state))
    broken = decide(later, orders=(marked,), fills=(fill(), fill()))
    with pytest.raises(StoreError, match=r"could not keep tick 2.*only once"):
        store.commit(broken, LINE, later)
    assert everything(url) == before

    commit(store, later, orders=(marked,))

    kept = engine_state(url)
    assert (kept["mode"], kept["degraded_source"]) == ("DEGRADED", "anchor")
    assert kept["degraded_recovery.anchor.episode_count"] == "1"
    assert kept["degraded_recovery.anchor.cooldown_ticks_remaining"] == "120"
    assert rows(url, "SELECT status, cancel_reason FROM orders") == [("CANCELLED_BY_ENGINE", "DEGRADED_CANCEL")]


@pytest.mark.rule("REC-11")
def test_a_fill_is_booked_once_by_transaction_and_offer_in_later_sessions_too(store: Store, url: str) -> None:
    commit(store, tick(begin(store).state), fills=(fill("AB", 1), fill("AB", 2), fill("CD", 1)))
    state = tick(begin(store).state)
    with pytest.raises(StoreError, match="fills"):
        commit(store, state, fills=(fill("AB", 2),))
    assert rows(url, "SELECT count(*) FROM fills") == [(3,)]
    assert rows(url, "SELECT count(*) FROM ticks") == [(1,)]


@pytest.mark.rule("REC-11")
def test_the_same_hash_in_another_wallet_is_another_fill(store: Store, url: str) -> None:
    commit(store, tick(begin(store).state), fills=(fill(),))
    commit(store, tick(begin(store, account="wallet-2").state), fills=(fill(),))
    assert rows(url, "SELECT account FROM fills ORDER BY id") == [("wallet-1",), ("wallet-2",)]


@pytest.mark.parametrize("amount", ["0.1234567890123456", "9999999999999999e-6", "1234567890123456E+10", "0"])
def test_sixteen_digit_amounts_survive_to_the_last_digit(opener: Callable[..., Store], amount: str) -> None:
    exact = Decimal(amount)
    placed = order(1, rlusd=exact, rest_rlusd=exact, drops=10**17, rest_drops=10**17 - 1)
    first = opener()
    state = tick(begin(first).state, inventory=Inventory(10**17 - 1, exact), orders={placed.id: placed})
    commit(first, state, orders=(placed,), fills=(fill(rlusd=exact),))
    resumed = opener().reopen("neo", 1, plugins=[], sources=SOURCES).state
    assert resumed.orders[placed.id] == placed
    assert str(resumed.orders[placed.id].rlusd) == str(exact)
    assert resumed.inventory == Inventory(10**17 - 1, exact)
    assert first.session("neo")["fills"][0]["rlusd"] == str(exact)


def test_only_the_texts_that_changed_are_written_again(store: Store, url: str) -> None:
    state = commit(store, tick(begin(store).state))
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE engine_state SET value = 'seen' WHERE key <> 'runtime'")
    state = commit(store, tick(state))
    kept = engine_state(url)
    assert {value for key, value in kept.items() if key != "runtime"} == {"seen"}
    assert '"tick":2' in kept["runtime"]
    commit(store, degraded(tick(state)))
    kept = engine_state(url)
    assert kept["degraded_recovery.anchor.episode_count"] == "1"
    assert kept["degraded_recovery.drift.episode_count"] == "seen"


NOT_A_NUMBER = Decimal("NaN")


@pytest.mark.parametrize(
    ("state_changes", "kept"),
    [
        ({"elapsed": float("nan")}, {}),
        ({"risk": RiskMemory(pnl=float("inf"))}, {}),
        ({"inventory": Inventory(1, NOT_A_NUMBER)}, {}),
        ({}, {"orders": (order(1, price=float("nan")),)}),
        ({}, {"orders": (order(1, price=float("inf")),)}),
        ({}, {"orders": (order(1, rest_rlusd=NOT_A_NUMBER),)}),
        ({}, {"fills": (fill(rlusd=NOT_A_NUMBER),)}),
        ({}, {"orders": (order(1, drops=2**63),)}),
    ],
)
def test_numbers_that_are_none_are_refused_and_nothing_is_kept(
    opener: Callable[..., Store], url: str, state_changes: dict[str, Any], kept: dict[str, Any]
) -> None:
    store = opener()
    state = begin(store).state
    before = everything(url)
    broken = tick(state, **state_changes)
    with pytest.raises(StoreError):
        store.commit(decide(broken, halt=Halt(HaltReason.LOSS, "", ""), **kept), LINE, broken)
    assert everything(url) == before


def test_a_fact_that_is_no_fact_is_refused(store: Store) -> None:
    facts: Facts = {"seen": object()}  # type: ignore[dict-item]  # the mistake under test
    with pytest.raises(StoreError, match="as a fact, got <object"):
        commit(store, tick(begin(store).state), events=(Event("odd", "", "", facts),))


def test_a_commit_without_a_session_is_refused(store: Store) -> None:
    state = tick(begin(store).state)
    with closing_store() as other, pytest.raises(StoreError, match="begin or reopen one"):
        commit(other, state)


def closing_store() -> closing[Store]:
    return closing(Store.open("sqlite://"))


# --- quiet ticks ---


def test_ticks_wait_for_the_batch_and_whatever_acts_or_is_told_takes_them_along(
    opener: Callable[..., Store], url: str
) -> None:
    store = opener(batch=4)
    state = begin(store).state

    def written() -> int:
        return int(rows(url, "SELECT count(*) FROM ticks")[0][0])

    for expected in (0, 0, 0, 4, 4):
        state = commit(store, tick(state))
        assert written() == expected
    quiet_event = Event("recovery_suppressed_by_cooldown", "", debug=True)
    state = commit(store, tick(state), events=(quiet_event,))
    assert written() == 4
    state = commit(store, tick(state), orders=(order(1),), fills=(fill(),))
    assert written() == 4
    assert rows(url, "SELECT count(*) FROM orders") == [(0,)]
    state = commit(store, tick(state), orders=(order(2),), intents=(PLACED,))
    assert written() == 8
    assert rows(url, "SELECT count(*) FROM orders") == [(2,)]
    assert rows(url, "SELECT count(*) FROM fills") == [(1,)]
    state = commit(store, tick(state))
    state = commit(store, degraded(tick(state)))
    assert written() == 10
    state = commit(store, tick(state))
    halt = Halt(HaltReason.LOSS, "", "")
    state = commit(store, replace(tick(state), halt=halt), halt=halt)
    assert written() == 12
    commit(store, tick(state))
    store.close()
    assert written() == 13
    assert rows(url, "SELECT count(*) FROM events") == [(0,)]


def test_state_and_ticks_on_disk_are_of_the_same_tick_in_the_middle_of_a_batch(
    opener: Callable[..., Store], url: str
) -> None:
    store = opener(batch=3)
    state = begin(store).state
    for _ in range(5):
        state = commit(store, tick(state))
    assert rows(url, "SELECT max(tick) FROM ticks") == [(3,)]
    assert store.status("neo")["tick"] == 3


def test_ending_writes_the_quiet_ticks_that_still_waited(opener: Callable[..., Store], url: str) -> None:
    store = opener(batch=100)
    state = commit(store, tick(commit(store, tick(begin(store).state))))
    store.end(None, ended_at=START, ticks=state.tick, inventory=OWNED)
    assert rows(url, "SELECT max(tick) FROM ticks") == [(2,)]
    assert engine_state(url)["mode"] == "HALT"


def test_a_tick_that_cannot_be_kept_takes_no_quiet_tick_before_it_with_it(
    opener: Callable[..., Store], url: str
) -> None:
    store = opener(batch=100)
    state = begin(store).state
    for _ in range(3):
        state = commit(store, tick(state))
    with pytest.raises(StoreError):
        commit(store, tick(state), fills=(fill(), fill()), intents=(PLACED,))
    store.end(Halt(HaltReason.UNEXPECTED, "store", ""), ended_at=START, ticks=3, inventory=None)
    assert rows(url, "SELECT tick FROM ticks") == [(1,), (2,), (3,)]
    assert store.status("neo")["tick"] == 3
    assert rows(url, "SELECT count(*) FROM fills") == [(0,)]


# --- a disk or a database that fails ---


@pytest.fixture
def connect_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Every connection that is opened from now on runs this statement first."""
    connect = sqlite3.connect

    def arrange(statement: str) -> None:
        def connect_and_run(*args: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*args, **options)
            connection.execute(statement)
            return connection

        monkeypatch.setattr(sqlite3, "connect", connect_and_run)

    return arrange


def test_a_full_disk_is_one_sentence_keeps_what_was_kept_and_lets_the_store_close(
    opener: Callable[..., Store], url: str, connect_with: Callable[[str], None]
) -> None:
    opener().close()
    connect_with("PRAGMA max_page_count = 40")
    store = opener()
    state = begin(store).state
    kept = [state]

    def fill_the_disk() -> None:
        for _ in range(100):
            after = tick(kept[-1])
            kept.append(commit(store, after, b"x" * 2000, orders=(order(after.tick),)))

    with pytest.raises(StoreError, match=r"could not keep tick \d+: the disk is full; free some space"):
        fill_the_disk()
    last = kept[-1]
    store.close()
    assert rows(url, "SELECT max(tick), count(*) FROM ticks") == [(last.tick, last.tick)]
    assert rows(url, "SELECT count(*) FROM orders") == [(last.tick,)]
    assert f'"tick":{last.tick}' in engine_state(url)["runtime"]


def test_a_database_that_may_not_be_written_is_one_sentence(
    opener: Callable[..., Store], connect_with: Callable[[str], None]
) -> None:
    opener().close()
    connect_with("PRAGMA query_only = 1")
    with pytest.raises(StoreError, match="could not begin a session: it may not be written"):
        begin(opener())


def test_a_closed_store_refuses_and_can_be_closed_again(opener: Callable[..., Store]) -> None:
    store = opener()
    state = begin(store).state
    store.close()
    for attempt in (
        lambda: commit(store, tick(state)),
        lambda: store.requests("neo"),
        lambda: store.status("neo"),
    ):
        with pytest.raises(StoreError, match="closed"):
            attempt()
    store.close()


def test_requests_that_come_while_sessions_begin_wait_for_their_turn_and_so_do_these(
    opener: Callable[..., Store], url: str
) -> None:
    store = opener()

    def ask() -> None:
        with closing(Store.open(url, durable=False)) as operator:
            for number in range(100):
                operator.request_kill("neo", str(number))

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        for _ in range(100):
            begin(store)
        asking.result()
    assert len(store.sessions("neo")) == 100
    assert store.requests("neo") == (None, "99")


def test_another_process_reads_while_this_one_writes(opener: Callable[..., Store], url: str) -> None:
    store = opener()
    state = commit(store, tick(begin(store).state))
    script = """
import sys
from neo_core.store import Store
store = Store.open(sys.argv[1], must_exist=True)
for line in sys.stdin:
    print(store.status("neo")["tick"], len(list(store.decisions("neo"))), flush=True)
store.close()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=ENVIRONMENT,
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        for expected in range(1, 6):
            print("look", file=reader.stdin, flush=True)
            assert reader.stdout.readline().split() == [str(expected)] * 2
            state = commit(store, tick(state))
    assert reader.returncode == 0
