"""What operators ask for once, from another process: kept until the tick that does it is kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from neo_core.errors import StoreError, UsageError
from neo_core.model import CancelAll, Event, Resolve
from neo_core.store import Store

from .making import START, begin, commit, fill, rows, tick


def ask_both(store: Store) -> tuple[int, int]:
    swept = store.ask("neo", "cancel_all", reason="the feed looks wrong", asked_at=START + 1)
    resolved = store.ask("neo", "resolve", order_id="1-1", filled=True, reason="seen", asked_at=START + 2)
    return swept, resolved


@pytest.mark.rule("REC-1", "REC-12")
def test_commands_are_told_in_their_order_until_a_tick_has_done_them(opener: Callable[..., Store]) -> None:
    engine, operator = opener(), opener()
    state = begin(engine).state
    assert engine.commands("neo") == ()
    swept, resolved = ask_both(operator)
    assert engine.commands("neo") == (
        CancelAll(swept, "the feed looks wrong"),
        Resolve(resolved, "1-1", True, "seen"),
    )
    assert engine.commands("blue") == ()
    assert operator.status("neo")["commands"] == 2

    told = Event("operator_cancel_all", "the feed looks wrong")
    state = commit(engine, tick(state), done=(swept,), events=(told,))
    assert engine.commands("neo") == (Resolve(resolved, "1-1", True, "seen"),)
    refused = Event("resolve_refused", "order 1-1 is not held, nothing was changed")
    commit(engine, tick(state), done=(resolved,), events=(refused,))
    assert engine.commands("neo") == ()
    assert operator.status("neo")["commands"] == 0


@pytest.mark.rule("REC-12")
def test_a_command_shows_what_was_asked_and_what_became_of_it(store: Store) -> None:
    state = begin(store).state
    _, number = ask_both(store)
    asked = {
        "id": number,
        "engine": "neo",
        "kind": "resolve",
        "order_id": "1-1",
        "filled": True,
        "reason": "seen",
        "asked_at": "2026-01-01T00:00:02+00:00",
        "done_at": None,
        "session": None,
        "tick": None,
        "result": None,
    }
    assert store.command(number) == asked
    told = (
        Event("operator_cancel_all", "why"),
        Event("degraded_entered", "too far"),
        Event("order_resolved", "order 1-1 was filled, says the operator: seen"),
    )
    commit(store, tick(state), done=(1, number), events=told)
    assert store.command(number) == {
        **asked,
        "done_at": "2026-01-01T00:00:04+00:00",
        "session": 1,
        "tick": 1,
        "result": "order 1-1 was filled, says the operator: seen",
    }
    assert store.command(1)["result"] == "why"


def test_a_tick_that_did_a_command_does_not_wait_for_a_batch(opener: Callable[..., Store], url: str) -> None:
    engine = opener(batch=100)
    state = commit(engine, tick(begin(engine).state))
    number = engine.ask("neo", "cancel_all", reason="", asked_at=START)
    commit(engine, tick(state), done=(number,))
    assert rows(url, "SELECT max(tick) FROM ticks") == [(2,)]
    assert rows(url, "SELECT tick, result FROM commands") == [(2, "")]


def test_a_command_is_done_only_if_its_tick_is_kept(opener: Callable[..., Store]) -> None:
    engine = opener()
    state = begin(engine).state
    number = engine.ask("neo", "cancel_all", reason="", asked_at=START)
    with pytest.raises(StoreError):
        commit(engine, tick(state), done=(number,), fills=(fill(), fill()))
    assert engine.commands("neo") == (CancelAll(number, ""),)


def test_a_command_that_is_not_done_waits_for_the_next_session(store: Store) -> None:
    begin(store)
    number = store.ask("neo", "cancel_all", reason="late", asked_at=START)
    begin(store)
    assert store.commands("neo") == (CancelAll(number, "late"),)


def test_an_unknown_kind_and_an_unknown_number_are_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="expected one of cancel_all, resolve as a command, got 'dance'"):
        store.ask("neo", "dance", reason="", asked_at=START)
    with pytest.raises(UsageError, match="no command 7"):
        store.command(7)
