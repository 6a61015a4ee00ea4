"""A live account without a session, or beside one: its wallet, its offers, its transactions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live_engine import PATIENCE, QUICK, Neo, live, sessions
from tests.scripted_node import ACCOUNT, LEDGER, SEED, STRANGER, ScriptedNode, serving


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedNode]:
    monkeypatch.setenv("NEO_SEED", SEED)
    (tmp_path / "quick.yaml").write_text(QUICK, encoding="utf-8")
    with serving() as node:
        yield node


# --- the wallet and its offers, without a session ---


def test_a_realign_asks_a_node_what_the_account_holds(
    neo: Neo, node: ScriptedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert live(neo, node).exit_code == 0
    assert node.account is not None
    node.account["Balance"] = "1025000000"
    monkeypatch.delenv("NEO_SEED")  # nothing is signed
    Path("nodes.yaml").write_text(f"live:\n  nodes: ['{node.url}']\n", encoding="utf-8")
    shown = neo("realign", "--config", "nodes.yaml", "--json")
    assert shown.exit_code == 0, shown.output
    sides = json.loads(shown.stdout)
    assert (sides["account"], sides["difference"]["xrp"], sides["wallet"]["ledger_index"]) == (
        ACCOUNT,
        "25",
        LEDGER,
    )
    assert "the node does not tell any more" not in neo("realign", "--config", "nodes.yaml").stdout
    done = neo("realign", "--config", "nodes.yaml", "--yes", "--reason", "sent by hand")
    assert done.exit_code == 0
    assert json.loads(neo("status", "--json").stdout)["inventory"]["xrp"] == "1025"


def test_a_realign_says_when_the_node_does_not_tell_what_happened_since(neo: Neo, node: ScriptedNode) -> None:
    assert live(neo, node).exit_code == 0
    assert node.account is not None
    node.account["Balance"] = "1025000000"
    node.ledger += 50
    node.history_from = LEDGER + 40
    Path("nodes.yaml").write_text(f"live:\n  nodes: ['{node.url}']\n", encoding="utf-8")
    shown = neo("realign", "--config", "nodes.yaml").stdout
    assert re.search(r"What happened before ledger 50[45]\d the node does not tell any more:", shown)


def test_a_realign_without_a_node_says_which_configuration_it_needs(neo: Neo, node: ScriptedNode) -> None:
    assert live(neo, node).exit_code == 0
    result = neo("realign")
    assert result.exit_code == 2
    assert f"account {ACCOUNT} is on the ledger, and a node has to be asked what it holds" in result.stderr


def test_a_realign_whose_node_does_not_answer_says_so_in_one_sentence(neo: Neo, node: ScriptedNode) -> None:
    assert live(neo, node).exit_code == 0
    Path("nodes.yaml").write_text(
        "live:\n  nodes: ['http://127.0.0.1:1/']\n  request_timeout_seconds: 0.3\n", encoding="utf-8"
    )
    result = neo("realign", "--config", "nodes.yaml")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "127.0.0.1:1" in result.stderr


def test_cancel_all_of_a_live_engine_without_its_configuration_is_refused(neo: Neo, node: ScriptedNode) -> None:
    assert live(neo, node).exit_code == 0
    result = neo("cancel-all")
    assert result.exit_code == 2
    assert "is the --config missing that the engine trades with?" in result.stderr
    assert len(sessions(neo)) == 1


def test_cancel_all_of_a_live_engine_that_does_not_run_is_a_live_session_of_its_own(
    neo: Neo, node: ScriptedNode
) -> None:
    assert live(neo, node).exit_code == 0
    node.moves = True
    Path("nodes.yaml").write_text(
        f"engine:\n  mode: live\n{QUICK.replace('live:', f'live:{chr(10)}  nodes: [{node.url!r}]')}",
        encoding="utf-8",
    )
    result = neo("cancel-all", "--config", "nodes.yaml", "--json")
    assert result.exit_code == 0, result.output
    swept = json.loads(result.stdout)
    assert (swept["complete"], swept["session"], swept["running"], swept["orders"]) == (True, 2, False, [])
    assert [row["mode"] for row in sessions(neo)] == ["live", "live"]
    assert sessions(neo)[1]["halt_reason"] == "engine_requested_halt"


def test_a_running_live_engine_takes_up_a_cancel_all_on_its_next_ledger_and_goes_on(
    neo: Neo, node: ScriptedNode, running: Callable[..., Any]
) -> None:
    node.moves = True
    process = running("--mode", "live", "--config", "quick.yaml", "--node", node.url)
    result = neo("cancel-all", "--json")
    assert result.exit_code == 0, result.output
    swept = json.loads(result.stdout)
    assert (swept["complete"], swept["session"], swept["running"]) == (True, 1, True)
    assert process.poll() is None


@pytest.mark.rule("MODE-5")
@pytest.mark.parametrize("word", ["stop", "kill"])
def test_whoever_ends_a_live_session_waits_for_no_further_ledger(
    neo: Neo, node: ScriptedNode, running: Callable[..., Any], word: str
) -> None:
    # The node's ledger never moves on, and nobody waits the whole minute for another.
    slow = QUICK.replace("ledger_timeout_seconds: 1.0", "ledger_timeout_seconds: 60.0")
    Path("slow.yaml").write_text(slow, encoding="utf-8")
    process = running("--mode", "live", "--config", "slow.yaml", "--node", node.url)
    assert neo(word).exit_code == 0
    assert process.wait(PATIENCE) == (3 if word == "kill" else 0)
    reason = "kill_switch_halt" if word == "kill" else "engine_requested_halt"
    assert sessions(neo)[0]["halt_reason"] == reason


# --- one transaction ---


PLACED = {
    "hash": "0123456789ABCDEF" * 4,
    "ledger_index": 4990,
    "validated": True,
    "tx_json": {
        "Account": ACCOUNT,
        "TransactionType": "OfferCreate",
        "Sequence": 9,
        "Fee": "10",
        "TakerGets": "5000000",
        "TakerPays": {"currency": "USD", "issuer": STRANGER, "value": "10"},
    },
    "meta": {
        "TransactionIndex": 0,
        "TransactionResult": "tesSUCCESS",
        "AffectedNodes": [
            {
                "CreatedNode": {
                    "LedgerEntryType": "Offer",
                    "LedgerIndex": "EF" * 32,
                    "NewFields": {
                        "Account": ACCOUNT,
                        "Sequence": 9,
                        "TakerGets": "5000000",
                        "TakerPays": {"currency": "USD", "issuer": STRANGER, "value": "10"},
                    },
                }
            }
        ],
    },
}


def test_a_transaction_is_fetched_with_its_parents_close_time_and_explained(neo: Neo, node: ScriptedNode) -> None:
    tx_hash = str(PLACED["hash"])
    node.transactions[tx_hash] = PLACED
    result = neo("ledger", "explain", "--tx", tx_hash.lower(), "--node", node.url, "--json")
    assert result.exit_code == 0, result.output
    [event] = [json.loads(line) for line in result.stdout.splitlines()]
    assert (event["event"], event["sequence"], event["owner"]) == ("placed", 9, ACCOUNT)
    assert node.asked[-2:] == ["tx", "ledger"]
    Path("nodes.yaml").write_text(f"live:\n  nodes: ['{node.url}']\n", encoding="utf-8")
    assert neo("ledger", "explain", "--tx", tx_hash, "--config", "nodes.yaml").exit_code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--tx", "AB" * 32), "--tx: expected a node that knows the transaction"),
        (("--tx", "1234", "--node", "http://127.0.0.1:1/"), "--tx: expected a hash, 64 hex digits, got '1234'"),
        (("file", "--tx", "AB" * 32), "expected exactly one of FILE"),
        (("-", "--node", "http://127.0.0.1:1/"), "--node and --config say where to ask for --tx"),
    ],
)
def test_what_cannot_be_fetched_is_refused(neo: Neo, words: tuple[str, ...], sentence: str) -> None:
    result = neo("ledger", "explain", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_transaction_that_the_node_does_not_know_or_has_not_validated_is_refused(
    neo: Neo, node: ScriptedNode
) -> None:
    tx_hash = str(PLACED["hash"])
    result = neo("ledger", "explain", "--tx", tx_hash, "--node", node.url)
    assert (result.exit_code, "does not know transaction" in result.stderr) == (2, True)
    node.transactions[tx_hash] = {**PLACED, "validated": False}
    result = neo("ledger", "explain", "--tx", tx_hash, "--node", node.url)
    assert (result.exit_code, "is not validated yet" in result.stderr) == (2, True)
