"""`neo cancel-all`, and what `neo status` shows of an engine that runs: both from another terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from neo_core.store import Store

Neo = Callable[..., Result]
Running = Callable[..., Any]
Until = Callable[..., Any]


def facts(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def quoting(standing: Any) -> bool:
    return bool(standing["open_orders"] == 2 and standing["cancel_all"] is None)


@pytest.fixture
def crashed(neo: Neo, running: Running, until: Until) -> Neo:
    """A session that was killed while its quotes were on the ledger."""
    process = running("--speed", "10")
    until(lambda standing: quoting(standing) and standing["tick"] > 2)
    process.kill()
    process.wait()
    return neo


# --- while the engine runs ---


@pytest.mark.rule("MODE-4", "REC-1", "REC-X3")
def test_a_running_engine_cancels_everything_says_when_the_ledger_shows_none_and_goes_on(
    neo: Neo, running: Running, until: Until
) -> None:
    process = running("--speed", "20")
    until(quoting)
    result = neo("cancel-all", "--reason", "maintenance")
    assert result.exit_code == 0, result.output
    first, *orders, last = result.output.splitlines()
    said = re.fullmatch(
        r"session 1 of engine 'neo' cancelled (\d) own offers: ledger (\d+) shows none, after (\d+) ledgers?",
        first,
    )
    assert said
    assert len(orders) == int(said[1]) > 0
    assert re.fullmatch(r"  1-0000\d\d  (buy|sell) 100 XRP at \d\.\d{5}, offer \d+: \w+", orders[0])
    assert last == "The engine goes on, and quotes again when its mode is OK; `neo stop` or `neo kill` end it."
    order = facts(neo("orders", "show", orders[0].split()[0], "--json"))
    assert order["cancel_reason"] == "OPERATOR_CANCEL"
    asked = next(step for step in order["life"] if step["what"] == "cancel requested: OPERATOR_CANCEL")
    assert asked["ledger_index"] == int(said[2]) - int(said[3])
    until(quoting)
    assert process.poll() is None
    assert facts(neo("status", "--json"))["halt_reason"] is None


@pytest.mark.rule("MODE-4")
def test_as_json_it_tells_each_order_and_the_ledger_that_showed_none(
    neo: Neo, running: Running, until: Until
) -> None:
    running("--speed", "20")
    until(quoting)
    done = facts(neo("cancel-all", "--json"))
    assert (done["running"], done["complete"], done["left"], done["session"]) == (True, True, [], 1)
    assert done["ledgers"] >= 1
    assert {order["side"] for order in done["orders"]} == {"buy", "sell"}
    assert all(order["status"] in ("CANCELLED", "FILLED") for order in done["orders"])


@pytest.mark.rule("MODE-4")
def test_who_does_not_wait_is_told_what_is_open_and_status_shows_the_cancel_all_until_it_is_complete(
    neo: Neo, running: Running, until: Until
) -> None:
    running("--speed", "3")
    until(quoting)
    result = neo("cancel-all", "--wait", "0")
    assert result.exit_code == 1
    assert "no ledger has shown yet that none is left" in result.output
    assert "has not done it yet; its next tick will" in result.output
    if facts(neo("status", "--json"))["commands"]:
        assert re.search(r"  commands +1 waiting for the next tick", neo("status").output)
    until(lambda standing: standing["cancel_all"] is not None)
    assert re.search(r"  cancel_all  OPERATOR_CANCEL since tick \d+, ledger \d+: ", neo("status").output)
    until(lambda standing: standing["cancel_all"] is None and standing["commands"] == 0)


def test_status_tells_who_runs_the_engine_and_that_nobody_does_after_a_crash(
    neo: Neo, running: Running, until: Until
) -> None:
    process = running("--speed", "20")
    until(lambda standing: standing["truth"] is not None)
    page = neo("status").output
    assert re.search(rf"  running +process {process.pid} on \S+, last sign of life \d{{4}}-", page)
    assert re.search(r"  wallet +agrees with the books \(\+0 XRP, \+0 RLUSD\), checked 2026-01-01T", page)
    process.kill()
    process.wait()
    page = neo("status").output
    assert "not ended: no process gives a sign of life; `neo run --resume` goes on with it" in page
    assert "  running" not in page
    refused = neo("stop")
    assert refused.exit_code == 2
    assert "nothing to stop; session 1 has not ended, but no process gives a sign of life for it" in refused.stderr
    assert "no session is running" in neo("kill").output


def test_a_session_that_has_not_begun_yet_cannot_be_stopped_and_it_says_so(neo: Neo) -> None:
    neo("run", "--speed", "0", "--ticks", "3", "--quiet")
    store = Store.open("sqlite:///neo.db")
    store.hold("neo")
    try:
        result = neo("stop")
    finally:
        store.close()
    assert result.exit_code == 2
    assert re.search(r"engine 'neo' is just starting \(process \d+ on \S+, no session yet\)", result.stderr)
    assert facts(neo("status", "--json"))["stop"] is None


# --- when none runs ---


@pytest.mark.rule("MODE-4", "INT-2", "REC-X3")
def test_after_a_crash_a_session_that_only_cancels_is_run(crashed: Neo) -> None:
    result = crashed("cancel-all")
    assert result.exit_code == 0, result.output
    first, *orders = result.output.splitlines()
    assert re.fullmatch(
        r"engine 'neo' was not running, so session 2 was run only for this; it cancelled 2 own offers: "
        r"ledger \d+ shows none, after \d ledgers?",
        first,
    )
    assert len(orders) == 2
    assert all(re.search(r", offer \d+: (CANCELLED|FILLED)$", order) for order in orders)
    ended = facts(crashed("sessions", "show", "2", "--json"))
    assert (ended["halt_reason"], ended["fills"]) == ("engine_requested_halt", [])
    assert facts(crashed("sessions", "show", "1", "--json"))["halt_reason"] == "unexpected_halt"
    assert facts(crashed("status", "--json"))["open_orders"] == 0
    assert {order["session"] for order in facts(crashed("orders", "--json"))} == {1}  # it quoted nothing


@pytest.mark.rule("MODE-5")
def test_a_kill_switch_that_is_set_does_not_keep_offers_from_being_cancelled(crashed: Neo) -> None:
    crashed("kill", "--reason", "enough")
    result = crashed("cancel-all")
    assert result.exit_code == 0, result.output
    assert "cancelled 2 own offers" in result.output
    assert "session 2 ended as kill_switch_halt: " in result.output
    assert crashed("kill", "--clear").exit_code == 0


def test_after_an_orderly_end_there_is_nothing_to_cancel(neo: Neo) -> None:
    neo("run", "--speed", "0", "--ticks", "20", "--quiet")
    result = neo("cancel-all")
    assert result.exit_code == 0
    assert re.search(r"; it had nothing to cancel: ledger \d+ shows no own offer\n$", result.output)
    done = facts(neo("cancel-all", "--json"))
    assert (done["complete"], done["running"], done["orders"], done["note"]) == (True, False, [], "")


@pytest.mark.rule("HALT-7")
def test_an_engine_or_a_database_that_is_not_there_is_refused_and_nothing_is_created(neo: Neo) -> None:
    assert neo("cancel-all").exit_code == 4
    assert list(Path().iterdir()) == []
    neo("run", "--speed", "0", "--quiet", "--ticks", "3")
    result = neo("cancel-all", "--engine", "blue")
    assert result.exit_code == 2
    assert "engine 'blue' has no session in this database; it knows neo" in result.stderr
    assert len(facts(neo("sessions", "--json"))) == 1


@pytest.mark.parametrize(("words", "sentence"), [(("--reason", ""), "got none"), (("--wait", "-1"), "x>=0")])
def test_a_fault_in_the_command_line_cancels_nothing(neo: Neo, words: tuple[str, ...], sentence: str) -> None:
    neo("run", "--speed", "0", "--quiet", "--ticks", "3")
    result = neo("cancel-all", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(facts(neo("sessions", "--json"))) == 1
