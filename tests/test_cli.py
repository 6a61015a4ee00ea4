"""The commands of `neo`, as a user meets them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result

from neo_core.cli import COMMANDS, cli
from neo_core.plugins import BUILT_IN

Neo = Callable[..., Result]

SHOWN = {
    "id",
    "engine",
    "mode",
    "started_at",
    "ended_at",
    "ticks",
    "halt_reason",
    "halt_source",
    "halt_detail",
    "episodes",
    "fills",
    "inventory_start",
    "inventory_end",
    "plugins",
}
HEAVY = ("peewee", "pydantic", "structlog", "msgspec", "pluggy", "xrpl", "yaml")


def play(neo: Neo, scenario: str = "calm", *words: str) -> Result:
    return neo("run", "--scenario", scenario, "--speed", "0", *words)


def facts(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def every_command() -> list[tuple[str, ...]]:
    context = click.Context(cli)
    paths: list[tuple[str, ...]] = []
    for name in COMMANDS:
        command = cli.get_command(context, name)
        paths.append((name,))
        if isinstance(command, click.Group):
            paths += [(name, below) for below in command.list_commands(context)]
    return paths


# --- help ---


def test_help_imports_nothing_that_only_a_session_needs() -> None:
    script = f"""
import sys
from neo_core.cli import main
sys.argv = ["neo", "--help"]
try:
    main()
except SystemExit as done:
    assert done.code == 0
print("loaded:", [name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Commands:" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_the_list_of_commands_says_of_each_what_its_own_help_says(neo: Neo) -> None:
    listed = " ".join(neo("--help").output.split())
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.help is not None
        assert f"{name} {command.help.splitlines()[0]}" in listed


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_the_help_of_a_command_has_a_sentence_and_examples_that_it_accepts(
    neo: Neo, path: tuple[str, ...]
) -> None:
    page = neo(*path, "--help")
    assert page.exit_code == 0
    assert re.search(r"^  [A-Z].*[.:]", page.output, re.MULTILINE)
    examples = re.findall(r"^ +neo (.*)$", page.output.partition("Examples:")[2], re.MULTILINE)
    assert 1 <= len(examples) <= 3
    for example in examples:
        words = shlex.split(example.partition(" > ")[0])
        assert neo(*words, "--help").exit_code == 0, example


def test_version_names_the_program_and_its_version(neo: Neo) -> None:
    assert re.fullmatch(r"neo \d+\.\d+\.\d+\n", neo("--version").output)


# --- run ---


def test_a_run_shows_its_story_a_line_for_each_event_and_a_summary_with_the_reason_first(neo: Neo) -> None:
    result = play(neo, "cycling")
    assert result.exit_code == 0
    header, events, summary = result.output.split("\n\n")
    assert header.startswith("session 1 of engine neo\n")
    assert "The pool leaves the book upwards" in header
    assert "anchor_guard 0.1.0, drift_guard 0.1.0, corridor_guard 0.1.0, reconciler 0.1.0" in header
    assert "sqlite:///neo.db" in header
    lines = events.splitlines()
    assert all(re.match(r" +\d+  \d\d:\d\d:\d\d  (OK|DEGRADED|HALT) +\S", line) for line in lines)
    assert sum("[ANCHOR_SAT]" in line for line in lines) == 2
    assert sum("[ANCHOR_SAT_RECOVERY] Exited DEGRADED" in line for line in lines) == 2
    assert summary.startswith("duration_elapsed: the session's time is over (clock: 600 ticks were asked for)\n")
    for word in ("episodes", "fills", "inventory", "profit", "neo sessions show 1 --database sqlite:///neo.db"):
        assert word in summary


def test_a_quiet_run_prints_one_line(neo: Neo) -> None:
    result = play(neo, "calm", "--ticks", "5", "--quiet")
    assert result.output == "duration_elapsed: the session's time is over (clock: 5 ticks were asked for)\n"


def test_a_run_as_json_prints_what_sessions_show_prints(neo: Neo) -> None:
    ran = facts(play(neo, "cycling", "--json"))
    assert ran == facts(neo("sessions", "show", "--json"))
    assert ran.keys() >= SHOWN
    assert [episode["source"] for episode in ran["episodes"]] == ["anchor", "anchor"]
    assert all(
        episode.keys() == {"source", "reason", "entered_tick", "ended_tick", "measures"}
        for episode in ran["episodes"]
    )
    assert ran["inventory_start"] == {"xrp": "10000", "rlusd": "20000.0"}
    assert {"name": "anchor_guard", "version": "0.1.0"} in ran["plugins"]


@pytest.mark.rule("TICK-3")
def test_the_same_seed_gives_the_same_decision_log_and_another_seed_another(neo: Neo) -> None:
    logs = []
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        database = ("--database", f"sqlite:///{name}.db")
        assert play(neo, "cycling", "--seed", seed, "--quiet", *database).exit_code == 0
        logs.append(neo("sessions", "decisions", "1", *database).stdout_bytes)
    assert logs[0].count(b"\n") >= 600
    assert logs[0] == logs[1]
    assert logs[0] != logs[2]


def test_a_duration_is_counted_by_the_ledgers_clock(neo: Neo) -> None:
    ran = facts(play(neo, "calm", "--duration-seconds", "40", "--json"))
    assert (ran["halt_reason"], ran["ticks"]) == ("duration_elapsed", 11)


def test_the_engine_and_the_database_may_be_named_by_the_configuration_or_over_it(neo: Neo) -> None:
    Path("blue.yaml").write_text("engine:\n  name: blue\n  database: sqlite:///books/blue.db\n", encoding="utf-8")
    given = ("--config", "blue.yaml")
    assert play(neo, "calm", "--ticks", "3", "--quiet", *given).exit_code == 0
    assert play(neo, "calm", "--ticks", "4", "--quiet", "--engine", "green", *given).exit_code == 0
    assert Path("books/blue.db").exists()
    assert facts(neo("status", "--json", *given))["engine"] == "blue"
    assert facts(neo("sessions", "show", "--json", "--engine", "green", *given))["ticks"] == 4
    assert not Path("neo.db").exists()


def test_plugins_are_chosen_on_the_command_line(neo: Neo) -> None:
    def loaded(*words: str) -> list[str]:
        return [plugin["name"] for plugin in facts(play(neo, "calm", "--ticks", "2", "--json", *words))["plugins"]]

    assert loaded("--plugins", "corridor_guard,anchor_guard") == ["anchor_guard", "corridor_guard"]
    assert loaded("--without", "anchor_guard", "--without", "drift_guard") == ["corridor_guard", "reconciler"]
    assert loaded("--without", "anchor_guard, drift_guard") == ["corridor_guard", "reconciler"]
    assert loaded("--plugins", "") == []


# --- exit codes ---


@pytest.mark.rule("HALT-7")
@pytest.mark.parametrize(
    ("scenario", "settings", "reason", "code"),
    [
        ("calm", "", "duration_elapsed", 0),
        ("hostile", "", "degraded_episode_limit_halt", 3),
        ("dead_node", "", "risk_rpc_failure_halt", 3),
        ("dead_node", "risk: {max_failed_observations: null}", "risk_stale_ledger_halt", 3),
        ("calm", "risk: {max_xrp_exposure: 9000}", "risk_xrp_exposure_halt", 3),
        ("calm", "risk: {max_rlusd_exposure: 9000}", "risk_rlusd_exposure_halt", 3),
        ("trend", "risk: {max_session_loss_rlusd: 0.01}", "risk_loss_halt", 3),
        ("cycling", "plugins: {anchor_guard: {recovery_enabled: false}}", "degraded_timeout_halt", 3),
        ("calm", "kill_switch: {file: settings.yaml}", "kill_switch_halt", 3),
    ],
)
def test_the_exit_code_is_that_of_the_reason(
    neo: Neo, scenario: str, settings: str, reason: str, code: int
) -> None:
    Path("settings.yaml").write_text(settings, encoding="utf-8")
    result = play(neo, scenario, "--quiet", "--config", "settings.yaml")
    assert result.stdout.startswith(f"{reason}: ")
    assert result.exit_code == code


@pytest.mark.rule("HALT-6")
def test_status_shows_the_halt_and_a_fresh_session_clears_it_but_not_the_record(neo: Neo) -> None:
    play(neo, "hostile", "--quiet")
    halted = facts(neo("status", "--json"))
    assert (halted["mode"], halted["halt_reason"]) == ("HALT", "degraded_episode_limit_halt")
    assert halted["halt_source"] == "anchor"
    assert halted["halt_detail"].startswith("episode 3 of anchor")
    assert halted["guards"]["anchor"]["episodes"] == 3
    shown = neo("status").output
    assert re.search(r"degraded_episode_limit_halt: .* \(anchor: episode 3 of anchor, the cap is 3\)", shown)
    play(neo, "calm", "--quiet", "--ticks", "3")
    assert facts(neo("status", "--json"))["halt_reason"] == "duration_elapsed"
    assert facts(neo("sessions", "show", "1", "--json"))["halt_reason"] == "degraded_episode_limit_halt"


# --- sessions ---


def test_sessions_are_listed_with_their_reasons(neo: Neo) -> None:
    play(neo, "calm", "--ticks", "3", "--quiet")
    play(neo, "dead_node", "--quiet")
    assert [row["halt_reason"] for row in facts(neo("sessions", "--json"))] == [
        "duration_elapsed",
        "risk_rpc_failure_halt",
    ]
    first, second = neo("sessions").output.splitlines()
    assert re.search(r"^ +1 .* calm .* 3 ticks  duration_elapsed$", first)
    assert re.search(r"^ +2 .* dead_node .* risk_rpc_failure_halt$", second)


def test_a_session_is_shown_to_a_person_with_the_reason_first(neo: Neo) -> None:
    play(neo, "runaway_inventory", "--quiet")
    lines = neo("sessions", "show").output.splitlines()
    assert lines[0].startswith("duration_elapsed: ")
    assert any(re.search(r"episodes +corridor, ticks \d+ to \d+: ", line) for line in lines)
    assert any(re.search(r"inventory +10,000\.00 XRP \+ 20,000\.00 RLUSD -> ", line) for line in lines)


def test_options_may_stand_before_a_subcommand_and_those_behind_it_win(neo: Neo) -> None:
    play(neo, "calm", "--ticks", "3", "--quiet", "--database", "sqlite:///a.db")
    play(neo, "calm", "--ticks", "4", "--quiet", "--database", "sqlite:///b.db")
    before = facts(neo("sessions", "--database", "sqlite:///a.db", "--json", "show"))
    behind = facts(
        neo("sessions", "--database", "sqlite:///a.db", "show", "--json", "--database", "sqlite:///b.db")
    )
    assert (before["ticks"], behind["ticks"]) == (3, 4)


# --- stop and kill ---


def test_stop_without_a_running_session_is_refused(neo: Neo) -> None:
    play(neo, "calm", "--ticks", "3", "--quiet")
    result = neo("stop")
    assert result.exit_code == 2
    assert result.stderr == "Error: engine 'neo' has no running session, so there is nothing to stop\n"


def test_the_kill_switch_halts_every_session_until_it_is_cleared(neo: Neo) -> None:
    play(neo, "calm", "--ticks", "3", "--quiet")
    assert "is set: neo kill at" in neo("kill", "--reason", "the feed looks wrong").output
    assert facts(neo("status", "--json"))["kill"].endswith(": the feed looks wrong")
    for _ in range(2):
        killed = play(neo, "calm", "--quiet")
        assert killed.exit_code == 3
        assert re.match(r"kill_switch_halt: .*: the feed looks wrong", killed.output)
    assert "is cleared; it was set by: neo kill at" in neo("kill", "--clear").output
    assert neo("kill", "--clear").output == "the kill switch of engine 'neo' was not set\n"
    assert play(neo, "calm", "--ticks", "3", "--quiet").exit_code == 0


def test_a_kill_for_an_engine_that_never_ran_is_refused(neo: Neo) -> None:
    play(neo, "calm", "--ticks", "3", "--quiet")
    result = neo("kill", "--engine", "neoo")
    assert result.exit_code == 2
    assert "engine 'neoo' has no session in this database; it knows neo" in result.output


def test_a_fault_elsewhere_in_the_configuration_does_not_stand_between_an_operator_and_a_kill(neo: Neo) -> None:
    play(neo, "calm", "--ticks", "3", "--quiet", "--database", "sqlite:///blue.db")
    Path("broken.yaml").write_text("engine: {database: 'sqlite:///blue.db'}\nquoting: 3\n", encoding="utf-8")
    assert neo("kill", "--config", "broken.yaml").exit_code == 0


@pytest.mark.parametrize(
    "words", [("status",), ("sessions",), ("sessions", "show"), ("sessions", "decisions"), ("stop",), ("kill",)]
)
def test_who_only_looks_or_asks_creates_no_database(neo: Neo, words: tuple[str, ...]) -> None:
    result = neo(*words)
    assert result.exit_code == 4
    assert result.stderr == "Error: no database at neo.db: run `neo run` first, or name another with --database\n"
    assert list(Path().iterdir()) == []


# --- plugins and scenarios ---


@pytest.mark.rule("TICK-1")
def test_plugins_are_listed_in_their_order_whatever_the_order_on_the_command_line(neo: Neo) -> None:
    rows = facts(neo("plugins", "--json", "--plugins", "drift_guard,anchor_guard"))
    built_in = [row for row in rows if row["name"] in BUILT_IN]
    assert [(row["name"], row["source"], row["enabled"]) for row in built_in] == [
        ("anchor_guard", "anchor", True),
        ("drift_guard", "drift", True),
        ("corridor_guard", None, False),
        ("reconciler", None, False),
    ]
    assert built_in[0]["hooks"] == ["observe", "evaluate_entry", "evaluate_recovery", "on_rearm"]
    assert "hooks" not in built_in[2]
    assert re.search(r"corridor_guard +0\.1\.0 +not enabled", neo("plugins", "--without", "corridor_guard").output)


def test_the_keys_of_a_plugin_are_shown_with_default_and_description(neo: Neo) -> None:
    shown = facts(neo("plugins", "show", "anchor_guard", "--json"))
    keys = {key["key"]: key for key in shown["keys"]}
    assert (shown["name"], shown["version"], shown["source"]) == ("anchor_guard", "0.1.0", "anchor")
    assert keys["lookback_ticks"]["default"] == 25
    assert keys["lookback_ticks"]["expected"] == "a whole number from 1 to 10000"
    assert all(key["description"] for key in keys.values())
    page = neo("plugins", "show", "anchor_guard").output
    assert "plugins.anchor_guard:\n  enabled: true\n" in page
    assert "  bias_threshold_bps: 6.0\n" in page


def test_scenarios_are_listed_with_their_stories(neo: Neo) -> None:
    names = [scenario["name"] for scenario in facts(neo("scenarios", "--json"))]
    assert {"calm", "cycling", "hostile", "waiting", "trend", "runaway_inventory", "flapping", "dead_node"} <= {
        *names
    }
    page = neo("scenarios").output
    assert all(f"{name}\n" in page for name in names)
    assert "ends: risk_rpc_failure_halt" in page
