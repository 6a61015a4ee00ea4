"""`neo doctor`: what it finds, what it advises, and that it changes nothing and shows no secret."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.scripted_node import (
    ACCOUNT,
    DEFAULT_RIPPLE,
    DISABLE_MASTER,
    GLOBAL_FREEZE,
    ISSUER,
    LEDGER,
    OTHER_SEED,
    SEED,
    STRANGER,
    ScriptedNode,
    serving,
)

Neo = Callable[..., Result]

posix_only = pytest.mark.skipif(os.name != "posix", reason="who may read a file is told by its mode on POSIX only")


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedNode]:
    monkeypatch.setenv("NEO_SEED", SEED)
    with serving() as node:
        yield node


def look(neo: Neo, node: ScriptedNode, *words: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """The exit code, and what was found, by check."""
    result = neo("doctor", "--mode", "live", "--node", node.url, "--json", *words)
    assert SEED not in result.output
    found: dict[str, list[dict[str, str]]] = {}
    for check in json.loads(result.stdout)["checks"]:
        found.setdefault(check["check"], []).append(check)
    return result.exit_code, found


def verdicts(found: dict[str, list[dict[str, str]]], check: str) -> list[str]:
    return [one["verdict"] for one in found[check]]


def test_a_live_session_that_could_start(neo: Neo, node: ScriptedNode) -> None:
    code, found = look(neo, node)
    assert code == 0
    expected = {"configuration", "seed", "kill file", "database", "disk", "node", "network", "clock", "history"}
    expected |= {"account", "key", "trust line", "funds", "issuer"}
    assert expected <= found.keys()
    assert {one["verdict"] for name in expected for one in found[name]} == {"ok"}
    assert ACCOUNT in found["seed"][0]["found"]


def test_nothing_is_sent_and_no_file_is_made(neo: Neo, node: ScriptedNode) -> None:
    look(neo, node)
    assert set(node.asked) <= {
        "server_info",
        "ledger",
        "book_offers",
        "account_info",
        "account_lines",
        "account_offers",
    }
    assert list(Path().iterdir()) == []


def test_people_read_one_line_a_check_what_to_do_and_a_verdict(neo: Neo, node: ScriptedNode) -> None:
    node.account = None
    result = neo("doctor", "--mode", "live", "--node", node.url)
    lines = result.stdout.splitlines()
    assert result.exit_code == 4
    assert f"fail  account       {ACCOUNT} is not on testnet: nobody has sent it XRP yet" in lines
    assert lines[
        lines.index(f"fail  account       {ACCOUNT} is not on testnet: nobody has sent it XRP yet") + 1
    ].startswith(f"{'':<19} -> send it at least 2.6 XRP")
    assert re.search(r"checks: 1 failed, \d warnings?; a session would not start$", lines[-1])


def with_flags(flags: int, **more: Any) -> dict[str, Any]:
    return {"Balance": "1000000000", "Flags": flags, "OwnerCount": 1, "Sequence": 10, **more}


ACCOUNT_CASES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"account": None}, "account", "fail", "nobody has sent it XRP"),
    ({"account": with_flags(DISABLE_MASTER)}, "key", "fail", "the master key of"),
    ({"account": with_flags(0, RegularKey=STRANGER)}, "key", "ok", "the account's own master key signs"),
    ({"account": with_flags(0, Balance="2000000")}, "funds", "fail", "too little for the reserve of 2 objects"),
    ({"account": with_flags(0, Balance="50000000")}, "funds", "warn", "too little to sell 100 XRP"),
    ({"line": None}, "trust line", "fail", "there is none for RLUSD of"),
    ({"line": {"currency": "USD", "balance": "5", "account": ISSUER}}, "trust line", "fail", "there is none"),
    (
        {"offers": [{"seq": 4}, {"seq": 5}]},
        "own offers",
        "warn",
        "2 on the ledger, and startup.leftover_offers is cancel",
    ),
]


@pytest.mark.parametrize(("state", "check", "verdict", "words"), ACCOUNT_CASES)
def test_what_stands_between_the_account_and_a_session(
    neo: Neo, node: ScriptedNode, state: dict[str, Any], check: str, verdict: str, words: str
) -> None:
    for name, value in state.items():
        setattr(node, name, value)
    code, found = look(neo, node)
    [one] = found[check]
    assert (one["verdict"], code) == (verdict, 4 if verdict == "fail" else 0)
    assert words in one["found"]
    assert verdict == "ok" or one["advice"]


@pytest.mark.parametrize(
    ("changed", "verdict", "words"),
    [
        ({"freeze_peer": True}, "fail", "the issuer has frozen it"),
        ({"balance": "0"}, "warn", "holds 0 RLUSD"),
        ({"balance": "10", "limit": "10"}, "warn", "limit 10"),
    ],
)
def test_what_the_trust_line_holds(
    neo: Neo, node: ScriptedNode, changed: dict[str, Any], verdict: str, words: str
) -> None:
    assert node.line is not None
    node.line |= changed
    _, found = look(neo, node)
    assert (found["trust line"][0]["verdict"], words in found["trust line"][0]["found"]) == (verdict, True)


@pytest.mark.parametrize(
    ("changed", "verdict", "words"),
    [
        ({"Flags": DEFAULT_RIPPLE | GLOBAL_FREEZE}, "fail", "has frozen everything"),
        ({"Flags": 0}, "warn", "DefaultRipple is off"),
        ({"TransferRate": 1_002_000_000}, "warn", "a transfer fee of 0.2 %"),
        ({"TickSize": 5}, "warn", "keeps 5 digits of a price"),
        ({"TickSize": 6}, "ok", "no freeze, no transfer fee"),
    ],
)
def test_what_the_issuer_does(
    neo: Neo, node: ScriptedNode, changed: dict[str, Any], verdict: str, words: str
) -> None:
    node.issuer |= changed
    _, found = look(neo, node)
    assert [one["verdict"] for one in found["issuer"] if words in one["found"]] == [verdict]


def test_a_key_that_may_not_sign_for_the_account_fails_and_its_regular_key_does_not(
    neo: Neo, node: ScriptedNode
) -> None:
    code, found = look(neo, node, "--account", STRANGER)
    assert (code, verdicts(found, "key")) == (4, ["fail"])
    assert f"the seed is the key of {ACCOUNT}" in found["key"][0]["found"]
    node.account = with_flags(DISABLE_MASTER, RegularKey=ACCOUNT)
    code, found = look(neo, node, "--account", STRANGER)
    assert (code, verdicts(found, "key")) == (0, ["ok"])


# --- nodes ---


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"server_state": "syncing"}, "not synced"),
        ({"amendment_blocked": True}, "amendment blocked"),
        (
            {"validated_ledger": {"age": 45, "base_fee_xrp": 1e-5, "reserve_base_xrp": 1, "reserve_inc_xrp": 0.2}},
            "stale",
        ),
    ],
)
def test_a_node_that_is_not_in_step_fails(
    neo: Neo, node: ScriptedNode, changed: dict[str, Any], words: str
) -> None:
    Path("neo.yaml").write_text("live:\n  request_timeout_seconds: 0.5\n", encoding="utf-8")
    node.info |= changed
    code, found = look(neo, node, "--config", "neo.yaml")
    assert (code, verdicts(found, "node")) == (4, ["fail"])
    assert words in found["node"][0]["found"]
    assert "account" not in found


def test_a_node_of_another_network_fails(neo: Neo, node: ScriptedNode) -> None:
    node.info["network_id"] = 0
    code, found = look(neo, node)
    assert (code, verdicts(found, "network")) == (4, ["fail"])
    assert "it is on mainnet, and live.network is testnet" in found["network"][0]["found"]


def test_one_of_two_nodes_that_does_not_answer_is_a_warning(neo: Neo, node: ScriptedNode) -> None:
    Path("neo.yaml").write_text("live:\n  request_timeout_seconds: 0.5\n", encoding="utf-8")
    code, found = look(neo, node, "--config", "neo.yaml", "--node", "http://me:secret@127.0.0.1:1/")
    assert (code, verdicts(found, "node")) == (0, ["ok", "warn"])
    assert "127.0.0.1:1" in found["node"][1]["found"]
    assert "secret" not in json.dumps(found)


def test_a_clock_that_is_a_minute_off_fails(neo: Neo, node: ScriptedNode) -> None:
    node.close_time -= 100
    code, found = look(neo, node)
    assert (code, verdicts(found, "clock")) == (4, ["fail"])
    assert "ahead of the ledger's" in found["clock"][0]["found"]


def test_history_that_ends_after_the_books_do_is_a_warning(neo: Neo, node: ScriptedNode) -> None:
    assert neo("run", "--mode", "live", "--node", node.url, "--ticks", "1", "--quiet").exit_code == 0
    _, found = look(neo, node)
    assert verdicts(found, "history") == ["ok"]
    node.info["complete_ledgers"] = f"1-{LEDGER - 10},{LEDGER + 5}-{LEDGER + 9}"
    code, found = look(neo, node)
    assert (code, verdicts(found, "history")) == (0, ["warn"])


def test_nodes_that_are_far_behind_the_books_stop_a_start(neo: Neo, node: ScriptedNode) -> None:
    assert neo("run", "--mode", "live", "--node", node.url, "--ticks", "1", "--quiet").exit_code == 0
    with closing(sqlite3.connect("neo.db", isolation_level=None)) as books:
        runtime = json.loads(books.execute("SELECT value FROM engine_state WHERE key = 'runtime'").fetchone()[0])
        runtime["ledger_index"] = LEDGER + 1000
        books.execute("UPDATE engine_state SET value = ? WHERE key = 'runtime'", (json.dumps(runtime),))
    code, found = look(neo, node)
    assert (code, verdicts(found, "history")) == (4, ["fail"])


# --- this machine ---


def test_without_a_seed_it_says_where_one_may_be_and_asks_the_nodes_all_the_same(
    neo: Neo, node: ScriptedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEO_SEED")
    code, found = look(neo, node, "--account", ACCOUNT)
    assert (code, verdicts(found, "seed"), verdicts(found, "node"), verdicts(found, "account")) == (
        4,
        ["fail"],
        ["ok"],
        ["ok"],
    )
    assert "key" not in found


@posix_only
def test_a_seed_file_that_others_may_read_fails(neo: Neo, node: ScriptedNode) -> None:
    Path("seed.txt").write_text(OTHER_SEED, encoding="utf-8")
    Path("seed.txt").chmod(0o644)
    Path("neo.yaml").write_text("live:\n  seed_file: seed.txt\n", encoding="utf-8")
    code, found = look(neo, node, "--config", "neo.yaml", "--account", ACCOUNT)
    assert (code, verdicts(found, "seed")) == (4, ["fail"])
    assert OTHER_SEED not in json.dumps(found)


def test_books_about_another_account_fail(neo: Neo, node: ScriptedNode) -> None:
    assert neo("run", "--mode", "live", "--node", node.url, "--ticks", "1", "--quiet").exit_code == 0
    code, found = look(neo, node, "--account", STRANGER)
    assert (code, verdicts(found, "books")) == (4, ["fail"])
    code, found = look(neo, node, "--account", STRANGER, "--engine", "other")
    assert "books" not in found


def test_a_kill_switch_that_is_set_fails_in_either_form(neo: Neo, node: ScriptedNode) -> None:
    Path("neo.yaml").write_text("kill_switch:\n  file: neo.kill\n", encoding="utf-8")
    assert neo("run", "--mode", "live", "--node", node.url, "--ticks", "1", "--quiet").exit_code == 0
    assert neo("kill").exit_code == 0
    Path("neo.kill").touch()
    code, found = look(neo, node, "--config", "neo.yaml")
    assert (code, verdicts(found, "kill switch"), verdicts(found, "kill file")) == (4, ["fail"], ["fail"])


def test_a_database_of_something_else_fails(neo: Neo, node: ScriptedNode) -> None:
    Path("neo.db").write_bytes(b"this is no database at all, but it has some length" * 100)
    code, found = look(neo, node)
    assert (code, verdicts(found, "database")) == (4, ["fail"])


@pytest.mark.rule("HALT-7")
def test_a_configuration_that_is_refused_is_told_whole_with_exit_code_2(neo: Neo) -> None:
    Path("neo.yaml").write_text("engine:\n  mode: live\nquoting:\n  skew: 3\n", encoding="utf-8")
    result = neo("doctor", "--config", "neo.yaml", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["can_start"]) == (2, False)
    assert [one["verdict"] for one in told["checks"]] == ["fail"]
    result = neo("doctor", "--config", "neo.yaml")
    assert result.exit_code == 2
    assert "quoting.skew: there is no such key" in result.stdout


def test_a_paper_session_needs_no_node_and_no_seed(neo: Neo) -> None:
    result = neo("doctor", "--json")
    assert result.exit_code == 0
    checks = [one["check"] for one in json.loads(result.stdout)["checks"]]
    assert checks == ["configuration", "plugins", "kill file", "database", "disk"]


def test_a_market_without_offers_is_a_warning(neo: Neo, node: ScriptedNode) -> None:
    code, found = look(neo, node)
    assert (code, verdicts(found, "market")) == (0, ["warn"])
