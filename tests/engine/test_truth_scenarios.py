"""The scenarios about orders that vanish and a wallet that disagrees, played by the whole engine, end as their
stories say. (docs/behaviour.md, sections 8 and 9)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from neo_core.gateways.paper_wallet import PaperWallet, read
from neo_core.markets import names
from neo_core.model import DROPS, Decision, Event, Inventory, Order, OrderStatus, Side, TruthCheck
from neo_core.session import Ending
from neo_core.state import State

from .houses import Desk
from .test_scenarios import ENDS as OTHER_ENDS
from .test_scenarios import owned

SEEDS = (1, 2, 3, 4, 5)
ENDS = ("cancel_storm", "phantom", "wallet_mismatch")
DISAPPEARANCE = "paper: {fill_visibility: disappearance}"
MARKED = OrderStatus.CANCELLED_BY_ENGINE

five_seeds = pytest.mark.parametrize("seed", SEEDS)


class Played(NamedTuple):
    ending: Ending
    session: Mapping[str, Any]
    decisions: list[Decision]
    held: list[dict[str, Any]]
    wallet: PaperWallet

    @property
    def told(self) -> tuple[str, int]:
        assert self.session["halt_reason"] == self.ending.halt.reason
        return self.session["halt_reason"], self.ending.halt.reason.exit_code

    @property
    def checks(self) -> list[TruthCheck]:
        return [decision.truth for decision in self.decisions if decision.truth is not None]

    @property
    def verdicts(self) -> list[str]:
        return [check.verdict for check in self.checks]

    @property
    def marked(self) -> dict[str, Order]:
        return {order.id: order for seen in self.decisions for order in seen.orders if order.status is MARKED}

    @property
    def filled(self) -> Counter[str]:
        """How often a fill of each order was booked."""
        return Counter(fill.order_id for decision in self.decisions for fill in decision.fills)

    def anomalies(self) -> Iterator[Event]:
        for decision in self.decisions:
            yield from (event for event in decision.events if event.kind == "anomaly")

    def traded(self, sequences: Set[int]) -> Inventory:
        """What the ledger traded with these offers, whoever knew of it."""
        drops, rlusd = 0, Decimal(0)
        for event in self.wallet.history(0)[0]:
            if event.sequence in sequences:
                sign = 1 if event.side is Side.BUY else -1
                drops, rlusd = drops + sign * event.drops, rlusd - sign * event.rlusd
        return Inventory(drops, rlusd)


def play(folder: Path, scenario: str, seed: int, config: str = "") -> Played:
    desk, decisions = Desk(folder, config), list[Decision]()

    def show(decision: Decision, _: State) -> None:
        decisions.append(decision)

    run = desk.open(show, scenario=scenario, seed=seed)
    try:
        ending = run.run()
        session, held = run.store.session("neo"), run.store.orders("neo", held=True)
        return Played(ending, session, decisions, held, read(desk.wallet()))
    finally:
        run.close()


def difference(check: TruthCheck) -> Inventory:
    """What the wallet holds beyond the books."""
    assert check.wallet is not None
    assert check.inventory is not None
    return Inventory(check.wallet.drops - check.inventory.drops, check.wallet.rlusd - check.inventory.rlusd)


def age(event: Event) -> float:
    seconds = event.facts["age_seconds"]
    assert isinstance(seconds, float)
    return seconds


def test_the_end_of_every_scenario_is_proven_somewhere() -> None:
    assert sorted(names()) == sorted({*OTHER_ENDS, *ENDS})


# --- cancel_storm ---


@pytest.mark.rule("REC-7", "TRU-1", "REC-11", "HALT-3")
@five_seeds
def test_cancel_storm_with_proof_books_every_lost_race_and_wallet_truth_is_zero_at_every_check(
    seed: int, tmp_path: Path
) -> None:
    played = play(tmp_path, "cancel_storm", seed)
    assert played.told == ("duration_elapsed", 0)
    assert played.session["ticks"] == 480
    assert [(one["source"], one["entered_tick"]) for one in played.session["episodes"]] == [
        ("anchor", 77),
        ("anchor", 224),
    ]
    assert len(played.checks) >= 480 // 15
    assert {difference(check) for check in played.checks} == {Inventory(0, Decimal(0))}
    assert played.filled.keys() & played.marked.keys(), "no race was lost: a storm that proves nothing"
    assert all(fill.proven for decision in played.decisions for fill in decision.fills)
    assert owned(played.session["inventory_end"]) == Inventory(played.wallet.xrp_drops, played.wallet.rlusd)
    assert played.wallet.offers == ()


@pytest.mark.rule("REC-2", "REC-4", "REC-7", "TRU-1", "TRU-2")
@five_seeds
def test_cancel_storm_without_proof_skips_every_marked_order_and_wallet_truth_reports_the_lost_race(
    seed: int, tmp_path: Path
) -> None:
    played = play(tmp_path, "cancel_storm", seed, DISAPPEARANCE)
    assert played.told == ("inventory_truth_halt", 4)
    marked = played.marked
    decided = {event.facts["order_id"]: event for event in played.anomalies()}
    assert len(marked) >= 2
    for order_id in marked:
        event = decided[order_id]
        assert event.text.startswith("RECONCILER_SKIP_ENGINE_CANCEL")
        assert (event.facts["verdict"], event.facts["layer"]) == ("cancelled", "reconciler 10")
    assert not played.filled.keys() & marked.keys(), "a marked order moved the inventory"
    reported = difference(played.checks[-1])
    assert reported == played.traded({order.sequence for order in marked.values()})
    assert reported != Inventory(0, Decimal(0))
    assert played.verdicts[-3:] == ["beyond"] * 3
    assert set(played.verdicts[:-3]) == {"ok"}


@pytest.mark.rule("TRU-4")
@five_seeds
def test_cancel_storm_without_proof_leaves_its_books_as_they_are(seed: int, tmp_path: Path) -> None:
    played = play(tmp_path, "cancel_storm", seed, DISAPPEARANCE)
    opening, fees = played.wallet.opening, sum(one.fee_drops for one in played.wallet.history(0)[1])
    assert not played.filled
    assert owned(played.session["inventory_end"]) == Inventory(opening.xrp_drops - fees, opening.rlusd)


# --- phantom ---


@pytest.mark.rule("REC-3", "REC-7", "TRU-1", "TRU-2")
@five_seeds
def test_phantom_guesses_young_orders_right_holds_the_old_one_and_the_wallet_ends_it(
    seed: int, tmp_path: Path
) -> None:
    played = play(tmp_path, "phantom", seed)
    assert played.told == ("inventory_truth_halt", 4)
    gate = [event for event in played.anomalies() if event.facts["layer"] == "reconciler 90"]
    *guessed, held = gate
    assert len(guessed) > 10
    assert {event.facts["verdict"] for event in guessed} == {"phantom_fill"}
    assert all(0 < age(event) < 300 for event in guessed)
    assert held.facts["verdict"] == "held"
    assert age(held) >= 300
    assert set(played.verdicts[:-3]) == {"ok"}
    assert {difference(check) for check in played.checks[:-3]} == {Inventory(0, Decimal(0))}
    assert not any(fill.proven for decision in played.decisions for fill in decision.fills)

    (listed,) = played.held
    assert (listed["id"], listed["rest_xrp"]) == (held.facts["order_id"], "100")
    assert listed["id"] not in played.filled
    reported = difference(played.checks[-1])
    assert reported == played.traded({listed["sequence"]})
    assert abs(reported.drops) == 100 * DROPS


def test_phantom_with_proof_guesses_nothing_and_goes_on_to_the_planned_end(tmp_path: Path) -> None:
    played = play(tmp_path, "phantom", 1, "paper: {fill_visibility: events}")
    assert played.told == ("duration_elapsed", 0)
    assert not list(played.anomalies())
    assert {difference(check) for check in played.checks} == {Inventory(0, Decimal(0))}


# --- wallet_mismatch ---


@pytest.mark.rule("TRU-1", "TRU-2", "TRU-4", "HALT-7")
@five_seeds
def test_wallet_mismatch_degrades_at_the_next_check_halts_two_checks_later_and_changes_no_books(
    seed: int, tmp_path: Path
) -> None:
    played = play(tmp_path, "wallet_mismatch", seed)
    assert played.told == ("inventory_truth_halt", 4)
    (episode,) = played.session["episodes"]
    assert episode["source"] == "wallet_truth"
    assert episode["entered_tick"] in range(81, 81 + 15)
    assert played.session["ticks"] == episode["entered_tick"] + 2
    assert played.verdicts[-3:] == ["beyond"] * 3
    assert set(played.verdicts[:-3]) == {"ok"}
    assert {difference(check) for check in played.checks[-3:]} == {Inventory(-25 * DROPS, Decimal(0))}
    books = owned(played.session["inventory_end"])
    assert (books.drops, books.rlusd) == (played.wallet.xrp_drops + 25 * DROPS, played.wallet.rlusd)
    assert "-25" in played.session["halt_detail"]
