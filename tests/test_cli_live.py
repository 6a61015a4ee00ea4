"""A live session from outside: what it asks for, what it refuses, whose books it keeps."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live_engine import QUICK, Neo, live, sessions
from tests.scripted_node import ACCOUNT, OTHER_SEED, SEED, STRANGER, ScriptedNode, serving

OURS = ("anchor_guard", "drift_guard", "corridor_guard", "reconciler")

MISTYPED = ACCOUNT[:-1] + ("A" if ACCOUNT[-1] != "A" else "B")


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedNode]:
    monkeypatch.setenv("NEO_SEED", SEED)
    (tmp_path / "quick.yaml").write_text(QUICK, encoding="utf-8")
    with serving() as node:
        yield node


# --- what it shows ---


def test_it_begins_with_what_is_traded_on_with_what_and_what_ends_it(neo: Neo, node: ScriptedNode) -> None:
    result = live(neo, node)
    assert result.exit_code == 0, result.output
    header = " ".join(result.stdout.partition("\n\n")[0].split())
    for words in (
        "ledger live: testnet, 1 ticks",
        f"node {node.url}",
        f"account {ACCOUNT}",
        "wallet 1,000.00 XRP + 2,000.00 RLUSD",
        "quotes 100 XRP against RLUSD, 8 bps below and 8 bps above the anchor",
        "halts at 5 failed observations in a row, a ledger 30 s old",
        "its offers expire by themselves, 60 s after they were placed at the latest",
    ):
        assert words in header


@pytest.mark.rule("INT-1")
def test_the_first_ledger_gives_the_opening_inventory(neo: Neo, node: ScriptedNode) -> None:
    result = live(neo, node, "--json")
    report = json.loads(result.stdout)
    assert (report["mode"], report["account"], report["scenario"]) == ("live", ACCOUNT, None)
    assert report["inventory_end"] == {"xrp": "1000", "rlusd": "2000"}
    assert report["config"]["live"]["nodes"] == [node.url]


def test_what_a_node_says_that_is_no_answer_is_told_and_ends_nothing(neo: Neo, node: ScriptedNode) -> None:
    # The node's ledger never moves on: the second observation fails.
    result = live(neo, node, ticks=2)
    assert result.exit_code == 0
    assert "the ledger is not seen: no new ledger for 1 s: " in result.stdout
    assert "duration_elapsed: 2 ticks were asked for" in result.stdout
    log = [json.loads(line) for line in Path("neo.log").read_text(encoding="utf-8").splitlines()]
    assert "observation_failed" in {line["event"] for line in log}


def test_status_says_that_it_trades_live_and_for_whom(neo: Neo, node: ScriptedNode) -> None:
    live(neo, node)
    assert f"live, account {ACCOUNT}" in neo("status").stdout
    assert json.loads(neo("status", "--json").stdout)["trades_on"] == "live"


def test_the_seed_is_in_no_file_and_in_no_output(neo: Neo, node: ScriptedNode) -> None:
    told = (
        live(neo, node).output + live(neo, node, "--json").output + neo("doctor", "--config", "quick.yaml").output
    )
    assert SEED not in told
    files = [path for path in Path().rglob("*") if path.is_file()]
    assert len(files) > 2
    assert all(SEED.encode() not in path.read_bytes() for path in files)


# --- what it refuses ---


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--mode", "live", "--scenario", "calm"),
            "--scenario: only for --mode paper, and this is a live session",
        ),
        (("--mode", "live", "--speed", "0", "--seed", "3"), "--speed and --seed: only for --mode paper"),
        (("--node", "wss://node.example/"), "--node: only for --mode live, and this is a paper session"),
        (("--account", ACCOUNT), "--account: only for --mode live"),
        (
            ("--i-understand-this-trades-real-money",),
            "--i-understand-this-trades-real-money: only for --mode live",
        ),
        (("--mode", "live"), "live.nodes: expected at least one node, since engine.mode is live, got none"),
        (("--mode", "live", "--node", "node.example"), "command line: live.nodes: expected URLs such as"),
        (
            ("--mode", "live", "--node", "wss://node.example/", "--account", SEED),
            "holds what looks like the seed of a key",
        ),
        (("--engine", SEED), "holds what looks like the seed of a key"),
        (
            ("--mode", "live", "--node", "wss://node.example/", "--account", MISTYPED),
            "in which a sign is mistyped",
        ),
    ],
)
@pytest.mark.rule("HALT-7")
def test_options_that_do_not_belong_together_are_refused_by_name(
    neo: Neo, words: tuple[str, ...], sentence: str
) -> None:
    result = neo("run", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert SEED not in result.output
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("network", ["mainnet", "0"])
def test_mainnet_needs_to_be_meant(neo: Neo, node: ScriptedNode, network: str) -> None:
    Path("main.yaml").write_text(f"live:\n  network: {network}\n", encoding="utf-8")
    words = ("run", "--mode", "live", "--config", "main.yaml", "--node", node.url, "--ticks", "1")
    result = neo(*words)
    assert result.exit_code == 2
    assert "this is mainnet, where every fill moves real money" in result.stderr
    assert node.asked == []
    # With it the nodes are looked at, and this one is on testnet.
    result = neo(*words, "--i-understand-this-trades-real-money")
    assert result.exit_code == 4
    assert "it is on testnet, and live.network is" in result.stderr
    Path("main.yaml").write_text(
        f"live:\n  network: {network}\n  i_understand_this_trades_real_money: true\n", encoding="utf-8"
    )
    assert neo(*words).exit_code == 4


@pytest.mark.rule("INT-1")
def test_what_the_preflight_finds_stops_it_before_a_session_begins(neo: Neo, node: ScriptedNode) -> None:
    node.line = None
    result = live(neo, node)
    assert result.exit_code == 4
    assert "fail  trust line    there is none for RLUSD" in result.stderr
    assert result.stderr.splitlines()[-1] == (
        "startup_integrity_halt: 1 check of the pre-flight failed, and no session was begun"
    )
    assert sessions(neo) == []


# --- whose books ---


def test_books_belong_to_one_account_until_they_are_another_engines(
    neo: Neo, node: ScriptedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert live(neo, node).exit_code == 0
    paper = neo("run", "--speed", "0", "--ticks", "1")
    assert paper.exit_code == 2
    assert (
        f"the books of engine 'neo' are about account {ACCOUNT}, and this would trade on a paper wallet"
        in paper.stderr
    )
    monkeypatch.setenv("NEO_SEED", OTHER_SEED)
    other = live(neo, node)
    assert other.exit_code == 4
    assert f"they are about account {ACCOUNT}, and this would trade on {STRANGER}" in other.stderr
    assert [row["account"] for row in sessions(neo)] == [ACCOUNT]
    assert live(neo, node, "--engine", "other").exit_code == 0


def test_an_engine_that_has_only_traded_on_paper_may_go_live(neo: Neo, node: ScriptedNode) -> None:
    assert neo("run", "--speed", "0", "--ticks", "3").exit_code == 0
    result = live(neo, node)
    assert result.exit_code == 0
    assert [(row["mode"], row["account"]) for row in sessions(neo)] == [
        ("paper", "neo-paper-1"),
        ("live", ACCOUNT),
    ]
    assert "the wallet's 1000 XRP and 2000 RLUSD are taken as the opening inventory" in result.stdout


@pytest.mark.rule("MODE-8")
def test_a_crashed_session_is_resumed_in_the_mode_in_which_it_began(neo: Neo, node: ScriptedNode) -> None:
    script = (
        "import os\nfrom neo_core.wiring import Asked, open_run\n"
        "open_run(Asked(speed=1e6), lambda decision, _: os._exit(9) if decision.tick == 3 else None).run()"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    result = live(neo, node, "--resume")
    assert result.exit_code == 2
    assert (
        "session 1 was begun in mode paper and can only be resumed in it, got live; use --mode paper"
        in result.stderr
    )


@pytest.mark.rule("MODE-8")
def test_a_crashed_live_session_goes_on_under_its_id_and_on_its_account_only(
    neo: Neo, node: ScriptedNode, running: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    node.moves = True
    process = running("--mode", "live", "--config", "quick.yaml", "--node", node.url)
    process.kill()
    process.wait()
    ticks = json.loads(neo("status", "--json").stdout)["tick"] + 5
    monkeypatch.setenv("NEO_SEED", OTHER_SEED)
    assert live(neo, node, "--resume").exit_code == 4
    monkeypatch.setenv("NEO_SEED", SEED)
    report = json.loads(live(neo, node, "--resume", "--json", ticks=ticks).stdout)
    assert (report["id"], report["mode"], report["account"], report["ticks"]) == (1, "live", ACCOUNT, ticks)


def test_the_first_live_stage_can_be_rehearsed_on_paper(neo: Neo) -> None:
    stage = Path(__file__).parent.parent / "config" / "live_stage1.yaml"
    result = neo("run", "--config", str(stage), "--mode", "paper", "--speed", "0", "--ticks", "20", "--json")
    report = json.loads(result.stdout)
    assert (report["mode"], report["inventory_start"], report["ticks"]) == (
        "paper",
        {"xrp": "500", "rlusd": "1000.0"},
        20,
    )


# --- plugins ---


def test_the_proof_of_the_ledger_is_default_in_live_mode_only(neo: Neo, node: ScriptedNode) -> None:
    installed = {row["name"] for row in json.loads(neo("plugins", "--json").stdout)}
    expected = [*OURS, *({"ledger_evidence"} & installed)]
    enabled = [row["name"] for row in json.loads(neo("plugins", "--json").stdout) if row["enabled"]]
    assert enabled == list(OURS)
    report = json.loads(live(neo, node, "--json").stdout)
    assert [plugin["name"] for plugin in report["plugins"]] == expected


def test_without_the_proof_of_the_ledger_the_preflight_warns(neo: Neo, node: ScriptedNode) -> None:
    result = live(
        neo, node, *(("--without", "ledger_evidence") if "ledger_evidence" in neo("plugins").stdout else ())
    )
    assert result.exit_code == 0
    assert "warn  plugins" in result.stderr


# --- what is imported ---


LEDGER_LIBRARIES = ("xrpl", "websockets", "httpx", "aiohttp", "nacl", "coincurve")


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("run", "--help"),
        ("doctor", "--help"),
        ("run", "--speed", "0", "--ticks", "5", "--quiet"),
        ("doctor",),
        ("status",),
        ("plugins",),
    ],
    ids=" ".join,
)
def test_what_needs_no_ledger_imports_nothing_of_it(tmp_path: Path, words: tuple[str, ...]) -> None:
    script = f"""
import sys
from neo_core.cli import main
sys.argv = ["neo", *{words!r}]
try:
    main()
except SystemExit:
    pass
print("loaded:", [name for name in {LEDGER_LIBRARIES!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"


@pytest.mark.rule("INT-X1")
def test_an_account_is_traded_by_one_engine_at_a_time(
    node: ScriptedNode, running: Callable[..., Any], neo: Neo
) -> None:
    running("--mode", "live", "--config", "quick.yaml", "--node", node.url)
    refused = live(neo, node, "--engine", "two", "--quiet")
    assert refused.exit_code == 2
    assert f"engine 'neo' is running on account {ACCOUNT}" in refused.output
