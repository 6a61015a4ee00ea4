"""`neo realign`: books and wallet side by side, and nothing changes unless an operator says so."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Neo = Callable[..., Result]

posix_only = pytest.mark.skipif(os.name != "posix", reason="terminals of this kind exist on POSIX only")
KEEP = ("--config", "keep.yaml")
REASON = "25 XRP were withdrawn by hand"


@pytest.fixture
def mismatch(neo: Neo) -> Neo:
    """Somebody has withdrawn 25 XRP, and the session has ended over it."""
    Path("keep.yaml").write_text("paper: {wallet: keep}\n", encoding="utf-8")
    assert neo("run", "--scenario", "wallet_mismatch", "--speed", "0", "--quiet", *KEEP).exit_code == 4
    return neo


def facts(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def xrp(neo: Neo) -> Decimal:
    return Decimal(facts(neo("status", "--json"))["inventory"]["xrp"])


@pytest.mark.rule("TRU-4", "INT-1")
def test_a_realign_takes_the_wallet_for_right_and_the_next_session_starts(mismatch: Neo) -> None:
    play = ("run", "--scenario", "calm", "--speed", "0", "--ticks", "20", "--quiet", *KEEP)
    refused = mismatch(*play)
    assert refused.exit_code == 4
    assert refused.output.startswith("startup_integrity_halt: ")
    assert "`neo realign` shows both sides" in refused.output
    before = xrp(mismatch)
    result = mismatch("realign", "--yes", "--reason", REASON)
    assert result.exit_code == 0
    sides = [re.sub(r" +", " ", line.strip()) for line in result.output.splitlines()]
    assert sides[1].startswith("books 9,856.511943 XRP ")
    assert sides[2].startswith("wallet 9,831.511943 XRP ")
    assert sides[3].startswith("difference -25.000000 XRP +0.00")
    assert sides[4] == "No order explains it: somebody else may have moved funds of this account."
    assert "that is on record" in sides[-1]
    assert xrp(mismatch) == before - 25
    assert mismatch(*play).exit_code == 0
    checked = facts(mismatch("sessions", "show", "--json"))["truth_checks"]
    assert (checked["count"], checked["beyond"]) == (2, 0)


@pytest.mark.rule("TRU-4")
def test_without_a_terminal_and_without_yes_nothing_is_changed(mismatch: Neo) -> None:
    before = xrp(mismatch)
    result = mismatch("realign", typed="y\n")
    assert result.exit_code == 2
    assert "difference" in result.stdout
    assert "there is no terminal to ask on, so nothing was changed" in result.stderr
    assert xrp(mismatch) == before


@pytest.mark.rule("TRU-4")
@posix_only
@pytest.mark.parametrize(("typed", "moved", "said"), [("y", -25, "on record"), ("n", 0, "Nothing was changed.")])
def test_on_a_terminal_it_asks_and_does_as_it_is_told(mismatch: Neo, typed: str, moved: int, said: str) -> None:
    before = xrp(mismatch)
    ours, theirs = os.openpty()
    asking = subprocess.Popen([sys.executable, "-m", "neo_core", "realign"], stdin=theirs, stdout=subprocess.PIPE)
    os.close(theirs)
    os.write(ours, f"{typed}\n".encode())
    out, _ = asking.communicate(timeout=30)
    os.close(ours)
    assert asking.returncode == 0
    assert b"Take the wallet for right? [y/N]: " in out
    assert said.encode() in out
    assert xrp(mismatch) == before + moved


@pytest.mark.rule("TRU-4")
def test_as_json_it_asks_nothing_and_changes_nothing_without_yes(mismatch: Neo) -> None:
    seen = facts(mismatch("realign", "--json"))
    assert seen["difference"]["xrp"] == "-25"
    assert Decimal(seen["wallet"]["xrp"]) == Decimal(seen["books"]["xrp"]) - 25
    assert (seen["realigned"], seen["suspects"]) == (False, [])
    assert facts(mismatch("realign", "--json", "--yes"))["realigned"] is True
    assert facts(mismatch("realign", "--json", "--yes"))["realigned"] is False  # for there is nothing left


@pytest.mark.rule("TRU-4")
def test_where_books_and_wallet_agree_it_says_so_and_changes_nothing(neo: Neo) -> None:
    neo("run", "--speed", "0", "--quiet", "--ticks", "100")
    before = facts(neo("status", "--json"))
    result = neo("realign")
    assert result.exit_code == 0
    assert result.output.endswith("Books and wallet agree: there is nothing to realign.\n")
    assert facts(neo("status", "--json")) == before


@pytest.mark.rule("TRU-4")
def test_an_order_that_explains_the_difference_exactly_is_named_first(neo: Neo) -> None:
    neo("run", "--scenario", "phantom", "--speed", "0", "--quiet")
    lines = neo("realign").stdout.splitlines()
    exact = lines.index("This would explain it exactly:")
    assert re.fullmatch(r"  1-000020  -100\.00 XRP  \+200\.161 RLUSD  held for review: .*", lines[exact + 1])
    assert "better settled by `neo orders resolve`" in lines[exact + 2]
    assert lines[exact + 3] == "Others that may have a part in it:"
    assert lines[-1] == "  and 10 more, which --json lists"
    suspects = facts(neo("realign", "--json"))["suspects"]
    assert [one["order_id"] for one in suspects if one["explains_it_exactly"]] == ["1-000020"]
    assert len(suspects) == 21


@pytest.mark.rule("TRU-4", "TRU-X2")
def test_while_the_engine_runs_it_is_refused_and_nothing_is_changed(neo: Neo, running: Callable[..., Any]) -> None:
    process = running("--speed", "10")
    for words in (("realign",), ("realign", "--yes"), ("realign", "--json", "--yes")):
        result = neo(*words)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert re.fullmatch(
            rf"Error: engine 'neo' is running \(process {process.pid} on \S+, session 1\), and a realign needs it "
            r"stopped: `neo stop`, then try again\n",
            result.stderr,
        )
    assert process.poll() is None


@pytest.mark.rule("TRU-4", "REC-11")
def test_what_the_books_have_not_seen_yet_is_better_settled_by_starting_the_engine(neo: Neo) -> None:
    Path("keep.yaml").write_text("paper: {wallet: keep}\n", encoding="utf-8")
    neo("run", "--scenario", "calm", "--speed", "0", "--ticks", "20", "--quiet", *KEEP)
    shutil.copy("neo.db", "older.db")
    neo("run", "--scenario", "trend", "--speed", "0", "--ticks", "60", "--quiet", *KEEP)
    shutil.copy("older.db", "neo.db")  # as after a restore from a copy
    page = neo("realign").stdout
    assert re.search(r"The wallet has moved in \d+ ledgers since the books were last written:\n  start the", page)


@pytest.mark.rule("HALT-7")
@pytest.mark.parametrize("words", [(), ("--yes",), ("--json",)], ids=" ".join)
def test_an_engine_or_a_database_that_is_not_there_is_refused_and_nothing_is_created(
    neo: Neo, words: tuple[str, ...]
) -> None:
    assert neo("realign", *words).exit_code == 4
    assert list(Path().iterdir()) == []
    neo("run", "--speed", "0", "--quiet", "--ticks", "3")
    result = neo("realign", "--engine", "blue", *words)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: engine 'blue' has no ")
