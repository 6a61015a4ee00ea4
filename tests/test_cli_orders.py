"""`neo orders`: what is on record of orders, and what an operator may say of one that is held for review."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Neo = Callable[..., Result]

HELD = "1-000020"
"""The order that the scenario `phantom` with seed 1 leaves held: a sale of 100 XRP for 200.161 RLUSD."""
GUESSED = "1-000017"


@pytest.fixture
def phantom(neo: Neo) -> Neo:
    assert neo("run", "--scenario", "phantom", "--speed", "0", "--quiet").exit_code == 4
    return neo


def facts(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def inventory(neo: Neo) -> tuple[Decimal, Decimal]:
    owned = facts(neo("status", "--json"))["inventory"]
    return Decimal(owned["xrp"]), Decimal(owned["rlusd"])


# --- looking ---


def test_orders_are_listed_with_the_newest_first_and_it_says_when_there_are_more(phantom: Neo) -> None:
    lines = phantom("orders", "--limit", "2").output.splitlines()
    assert re.fullmatch(r"1-000021 .* sell 100 XRP at +2\.00178  CANCELLED_BY_ENGINE", lines[0])
    assert re.fullmatch(r"1-000020 .* sell 100 XRP at +2\.00161  HELD_PENDING_REVIEW", lines[1])
    assert lines[2:] == ["there are more: --limit says how many are shown"]
    assert len(facts(phantom("orders", "--json", "--limit", "3"))) == 3
    every = phantom("orders", "--limit", "100").output.splitlines()
    assert len(every) == 21
    assert max(map(len, every)) <= 80


@pytest.mark.rule("REC-12")
def test_held_orders_are_listed_with_their_evidence_and_what_to_do(phantom: Neo) -> None:
    page = phantom("orders", "held").output
    assert page.startswith(f"{HELD}: sell 100 XRP at 2.00161\n")
    assert "held_pending_review: decided by layer reconciler 90, 384 s after it was placed\n" in page
    assert "age_threshold_seconds 300.0" in page
    assert "-100 XRP and about +200.16 RLUSD" in page
    assert "neo orders resolve ID --filled --reason TEXT" in page
    [row] = facts(phantom("orders", "held", "--json"))
    assert (row["id"], row["token"], row["layer"]) == (HELD, "held_pending_review", "reconciler 90")
    assert row["age_seconds"] == 384.0
    assert row["evidence"]["age_threshold_seconds"] == 300.0


@pytest.mark.rule("REC-12")
def test_where_no_order_is_held_it_says_so(neo: Neo) -> None:
    neo("run", "--speed", "0", "--ticks", "3", "--quiet")
    assert neo("orders", "held").output == "no order of engine 'neo' is held for review\n"
    assert facts(neo("orders", "held", "--json")) == []


@pytest.mark.rule("REC-9")
def test_the_life_of_an_order_has_every_step_with_status_layer_evidence_and_inventory(phantom: Neo) -> None:
    lines = phantom("orders", "show", GUESSED).output.splitlines()
    assert lines[0] == f"order {GUESSED} of engine neo: FILLED"
    life = lines[lines.index("session 1") + 1 :]
    assert re.fullmatch(r" +83  00:05:32  90000083  PENDING +placed: buy 100 XRP for 199\.82200 RLUSD", life[0])
    assert re.fullmatch(r" +84  00:05:36  90000084  OPEN +seen on the ledger", life[1])
    assert re.match(r" +94  00:06:16  90000094  FILLED +booked: buy 100 XRP for .*, guess:", life[2])
    assert re.fullmatch(r" +94  00:06:16  90000094  FILLED +resolved: phantom_fill", life[3])
    assert life[4].strip() == "phantom_fill, decided by layer reconciler 90: age_threshold_seconds 300.0"
    amounts = [Decimal(text.replace(",", "")) for text in re.findall(r"[\d,]+\.\d+", life[5])]
    assert "inventory" in life[5]
    assert (amounts[2] - amounts[0], amounts[3] - amounts[1]) == (100, Decimal("-199.822"))
    assert len(life) == 6
    steps = facts(phantom("orders", "show", GUESSED, "--json"))["life"]
    assert [step["status"] for step in steps] == ["PENDING", "OPEN", "FILLED", "FILLED"]


@pytest.mark.rule("REC-1", "REC-4")
def test_the_life_of_an_order_that_the_engine_cancelled_shows_mark_and_skip(phantom: Neo) -> None:
    page = phantom("orders", "show", "1-000021").output
    assert "CANCELLED_BY_ENGINE  marked: DEGRADED_CANCEL\n" in page
    assert "RECONCILER_SKIP_ENGINE_CANCEL, decided by layer reconciler 10: cancel_reason DEGRADED_CANCEL" in page


# --- resolving, while nothing runs ---


@pytest.mark.rule("REC-12")
def test_an_order_resolved_as_filled_moves_the_inventory_by_what_was_left_and_is_recorded(phantom: Neo) -> None:
    xrp, rlusd = inventory(phantom)
    result = phantom("orders", "resolve", HELD, "--filled", "--reason", "seen in ledger 90000194")
    assert result.exit_code == 0
    assert result.output.startswith(f"order {HELD} is FILLED now\n")
    assert "was filled, says the operator: seen in ledger 90000194" in result.output
    assert inventory(phantom) == (xrp - 100, rlusd + Decimal("200.161"))
    assert facts(phantom("orders", "held", "--json")) == []
    last = facts(phantom("orders", "show", HELD, "--json"))["life"][-1]
    assert last["status"] == "FILLED"
    assert "seen in ledger 90000194" in last["what"]


@pytest.mark.rule("REC-12")
def test_an_order_resolved_as_cancelled_moves_nothing(phantom: Neo) -> None:
    before = inventory(phantom)
    resolved = facts(phantom("orders", "resolve", HELD, "--cancelled", "--reason", "no such trade", "--json"))
    assert resolved["status"] == "CANCELLED"
    assert inventory(phantom) == before
    assert facts(phantom("status", "--json"))["held_orders"] == 0


@pytest.mark.rule("REC-12", "HALT-7")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((HELD, "--reason", "x"), "expected exactly one of --filled and --cancelled"),
        ((HELD, "--filled", "--cancelled", "--reason", "x"), "expected exactly one of --filled and --cancelled"),
        ((HELD, "--filled"), "Missing option '--reason'"),
        ((HELD, "--filled", "--reason", " "), "--reason: expected a few words, got none"),
        ((GUESSED, "--filled", "--reason", "x"), f"order {GUESSED} is FILLED and not held for review"),
        (("1-000099", "--filled", "--reason", "x"), "has no order '1-000099'"),
        ((HELD, "--filled", "--reason", "x", "--engine", "blue"), "engine 'blue' has no order"),
        ((HELD, "--filled", "--reason", "x", "--wait", "nan"), "expected a finite number, got nan"),
    ],
    ids=" ".join,
)
def test_a_resolve_that_cannot_be_is_refused_and_changes_nothing(
    phantom: Neo, words: tuple[str, ...], sentence: str
) -> None:
    before = [facts(phantom("orders", "show", order, "--json")) for order in (HELD, GUESSED)]
    result = phantom("orders", "resolve", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert [facts(phantom("orders", "show", order, "--json")) for order in (HELD, GUESSED)] == before


# --- resolving, while the engine runs ---


@pytest.fixture
def going_on(phantom: Neo, running: Callable[..., Any]) -> Neo:
    """A session that runs on the wallet of `phantom`, with the held order, books and wallet aligned."""
    Path("keep.yaml").write_text("paper: {wallet: keep}\n", encoding="utf-8")
    assert phantom("realign", "--yes").exit_code == 0
    running("--config", "keep.yaml", "--scenario", "calm", "--speed", "10")
    return phantom


@pytest.mark.rule("REC-12")
def test_a_running_engine_resolves_an_order_on_its_next_tick(going_on: Neo) -> None:
    result = going_on("orders", "resolve", HELD, "--cancelled", "--reason", "no such trade")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"order {HELD} is CANCELLED now\n")
    last = facts(going_on("orders", "show", HELD, "--json"))["life"][-1]
    assert (last["session"], last["status"]) == (2, "CANCELLED")
    standing = facts(going_on("status", "--json"))
    assert (standing["held_orders"], standing["commands"], standing["halt_reason"]) == (0, 0, None)
    again = going_on("orders", "resolve", HELD, "--filled", "--reason", "after all")
    assert again.exit_code == 2
    assert "is CANCELLED and not held for review" in again.stderr


@pytest.mark.rule("REC-11", "REC-12", "TRU-X2")
def test_an_order_resolved_as_filled_after_a_realign_moves_nothing_twice(
    going_on: Neo, until: Callable[..., Any]
) -> None:
    result = going_on("orders", "resolve", HELD, "--filled", "--reason", "seen in ledger 90000194")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"order {HELD} is FILLED now\n")
    assert going_on("stop").exit_code == 0
    until(lambda facts: facts["ended_at"] and facts["running"] is None)
    assert "Books and wallet agree" in going_on("realign").output


@pytest.mark.rule("REC-12")
def test_who_does_not_wait_for_the_engine_is_told_so_and_it_is_done_all_the_same(
    going_on: Neo, until: Callable[..., Any]
) -> None:
    result = going_on("orders", "resolve", HELD, "--cancelled", "--reason", "x", "--wait", "0")
    assert result.exit_code in (0, 1)  # the next tick may have come by then
    if result.exit_code:
        assert "has not done it yet; its next tick will" in result.stderr
    until(lambda facts: facts["commands"] == 0 and facts["held_orders"] == 0)
