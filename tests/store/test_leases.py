"""One process trades as an engine: who may take its lease, who loses it, and what a loser may still do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from neo_core.errors import LeaseLost, StoreError
from neo_core.halts import Halt, HaltReason
from neo_core.model import Place, Side
from neo_core.store import Store

from .making import OWNED, SOURCES, START, begin, commit, order, rows, tick

pytestmark = pytest.mark.rule("INT-1")


class Clock:
    """The wall clock and the monotonic one, moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def hold(store: Store, clock: Clock, seconds: float = 10.0) -> Store:
    store.hold("neo", seconds, wall=clock, clock=clock)
    return store


def test_a_second_process_is_refused_and_told_who_runs_the_engine(
    opener: Callable[..., Store], clock: Clock
) -> None:
    first = hold(opener(), clock)
    begin(first)
    clock.now += 4
    first.beat()
    clock.now += 4
    with pytest.raises(StoreError, match=r"is running on .* already") as refused:
        hold(opener(), clock)
    told = str(refused.value)
    for part in (
        f"process {os.getpid()} on ",
        "(session 1)",
        "took it at 2026-01-01T00:00:00+00:00",
        "last sign of life at 2026-01-01T00:00:04+00:00",
        "stop that one first",
        "wait until 2026-01-01T00:00:14+00:00",
    ):
        assert part in told


def test_another_engine_in_the_same_database_has_a_lease_of_its_own(
    opener: Callable[..., Store], clock: Clock
) -> None:
    hold(opener(), clock)
    opener().hold("blue", 10.0, wall=clock, clock=clock)


def test_a_lease_is_given_back_when_the_store_is_closed(opener: Callable[..., Store], clock: Clock) -> None:
    first = hold(opener(), clock)
    first.close()
    second = opener()
    assert second.holder("neo", wall=clock) is None
    hold(second, clock)


def test_it_is_renewed_after_a_fifth_of_its_time_and_not_before(
    opener: Callable[..., Store], url: str, clock: Clock
) -> None:
    store = hold(opener(), clock)
    for seconds, expected in ((1.5, START), (0.5, START + 2), (1.5, START + 2), (0.5, START + 4)):
        clock.now += seconds
        store.beat()
        assert rows(url, "SELECT beaten_at, expires_at FROM leases") == [(expected, expected + 10)]


def test_a_lease_that_expired_is_taken_over_and_the_loser_finds_out_at_its_next_beat(
    opener: Callable[..., Store], clock: Clock
) -> None:
    loser = hold(opener(), clock)
    begin(loser)
    clock.now += 10
    winner = hold(opener(), clock)
    winner.reopen("neo", 1, plugins=[], sources=SOURCES)
    with pytest.raises(
        LeaseLost,
        match=r"engine 'neo' was taken over by process \d+ on .* \(session 1\) at 2026-01-01T00:00:10\+00:00; "
        "this one stops at once and sends nothing more",
    ):
        loser.beat()
    winner.beat()


def test_a_loser_writes_nothing_more_neither_ticks_nor_its_end(
    opener: Callable[..., Store], url: str, clock: Clock
) -> None:
    loser = hold(opener(batch=100), clock)
    state = commit(loser, tick(begin(loser).state))
    clock.now += 11
    winner = hold(opener(), clock)
    with pytest.raises(LeaseLost):
        commit(loser, tick(state), orders=(order(1),), intents=(Place("1", Side.BUY, 1, Decimal(1)),))
    with pytest.raises(LeaseLost):
        loser.end(Halt(HaltReason.LOSS, "risk", ""), ended_at=START, ticks=2, inventory=OWNED)
    loser.close()
    assert rows(url, "SELECT count(*) FROM ticks") == [(0,)]
    assert rows(url, "SELECT count(*) FROM orders") == [(0,)]
    assert rows(url, "SELECT ended_at FROM sessions") == [(None,)]
    assert winner.holder("neo", wall=clock) is not None


def test_a_loser_that_only_beats_drops_the_ticks_that_waited_and_can_be_closed(
    opener: Callable[..., Store], url: str, clock: Clock
) -> None:
    loser = hold(opener(batch=100), clock)
    commit(loser, tick(begin(loser).state))
    clock.now += 11
    hold(opener(), clock)
    with pytest.raises(LeaseLost):
        loser.beat()
    loser.close()
    assert rows(url, "SELECT count(*) FROM ticks") == [(0,)]


def test_a_loser_cannot_begin_a_session(opener: Callable[..., Store], url: str, clock: Clock) -> None:
    loser = hold(opener(), clock)
    clock.now += 11
    hold(opener(), clock)
    with pytest.raises(LeaseLost):
        begin(loser)
    assert rows(url, "SELECT count(*) FROM sessions") == [(0,)]


def test_a_loser_is_told_also_when_the_winner_has_ended_since(opener: Callable[..., Store], clock: Clock) -> None:
    loser = hold(opener(), clock)
    clock.now += 11
    hold(opener(), clock).close()
    with pytest.raises(LeaseLost, match="taken over by another process"):
        loser.beat()


def test_one_that_was_late_but_not_taken_over_goes_on(opener: Callable[..., Store], clock: Clock) -> None:
    store = hold(opener(), clock)
    state = begin(store).state
    clock.now += 60
    commit(store, tick(state))
    store.beat()
    with pytest.raises(StoreError, match="already"):
        hold(opener(), clock)


def test_one_that_took_over_gets_the_lock_too_once_the_other_has_let_go(
    opener: Callable[..., Store], url: str, clock: Clock
) -> None:
    hung = hold(opener(), clock)
    clock.now += 11
    winner = hold(opener(), clock)
    assert rows(url, "SELECT locked FROM leases") == [(0,)]
    hung.close()
    clock.now += 5
    winner.beat()
    assert rows(url, "SELECT locked FROM leases") == [(1,)]


def test_who_runs_an_engine_is_told_until_it_ends_or_expires(opener: Callable[..., Store], clock: Clock) -> None:
    onlooker = opener()
    assert onlooker.holder("neo", wall=clock) is None
    store = hold(opener(), clock)
    begin(store)
    held = onlooker.holder("neo", wall=clock)
    assert held == store.holder("neo", wall=clock)
    assert held is not None
    assert (held["session"], held["pid"]) == (1, os.getpid())
    assert (held["since"], held["expires_at"]) == ("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:10+00:00")
    clock.now += 10
    assert onlooker.holder("neo", wall=clock) is None


def test_status_tells_who_runs_the_engine(opener: Callable[..., Store]) -> None:
    store = opener()
    store.hold("neo")
    begin(store)
    assert opener().status("neo")["running"]["session"] == 1
    store.close()
    assert opener().status("neo")["running"] is None


def test_a_copied_database_does_not_count_as_running(
    opener: Callable[..., Store], url: str, tmp_path: Path
) -> None:
    store = opener()
    store.hold("neo", 3600.0)
    begin(store)
    original, copied = url.removeprefix("sqlite:///"), tmp_path / "copy.db"
    with closing(sqlite3.connect(original)) as source, closing(sqlite3.connect(copied)) as target:
        source.backup(target)
    with closing(Store.open(f"sqlite:///{copied.as_posix()}")) as copy:
        assert copy.holder("neo") is None
        copy.hold("neo")


def test_a_database_in_memory_needs_no_lease() -> None:
    with closing(Store.open("sqlite://")) as store:
        store.hold("neo")
        commit(store, tick(begin(store).state))
        store.beat()
        assert store.holder("neo") is None
