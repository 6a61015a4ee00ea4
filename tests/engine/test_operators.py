"""What operators and other processes do to a session, and what it does when things break. (docs/behaviour.md)"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from neo_core.errors import LeaseLost, StoreError
from neo_core.gateways.paper_journal import FIRST_LEDGER
from neo_core.model import DROPS, Inventory
from neo_core.operators import Operator
from neo_core.state import State
from neo_core.store import Store
from neo_core.testing import order
from neo_core.testing.rehearsal import Rehearsal

from .houses import AWAY, Books, Desk, House, Ledgers
from .making import cancels

REFUSE = {"startup": {"leftover_offers": "refuse"}}


# --- a lease that was lost ---


class Taken(Books):
    """Records of which another process takes over the engine after so many signs of life."""

    def __init__(self, beats: int) -> None:
        super().__init__()
        self._beats = beats

    def beat(self) -> None:
        self._beats -= 1
        if self._beats < 0:
            raise LeaseLost("engine 'neo' was taken over by process 7 on elsewhere")


@pytest.mark.rule("INT-X1")
def test_a_session_that_lost_its_lease_sends_and_writes_nothing_more() -> None:
    house = House(books=Taken(4))
    ending = house.run()
    assert (ending.halt.reason, ending.halt.source) == ("unexpected_halt", "lease")
    assert "taken over by process 7 on elsewhere" in ending.halt.detail
    assert (len(house.books.decisions), house.books.ended, house.gateway.cancels) == (3, [], [])
    assert house.log.of("lease_lost") == [{"text": ending.halt.detail}]


@pytest.mark.rule("INT-X1")
def test_a_process_that_was_replaced_between_commit_and_send_sends_nothing() -> None:
    house = House(books=Taken(1))
    ending = house.run()
    assert (ending.halt.source, len(house.books.decisions), house.gateway.sent) == ("lease", 1, [])


@pytest.mark.rule("INT-X1")
def test_a_process_that_waits_for_a_ledger_gives_signs_of_life_and_hears_that_it_was_replaced() -> None:
    def lost() -> None:
        raise LeaseLost("taken over")

    beats: list[int] = []
    operator = Operator(lambda: (None, None))
    operator.wait(0.0, lambda: beats.append(1))
    assert beats
    with pytest.raises(LeaseLost, match="taken over"):
        operator.wait(0.0, lost)


# --- a tick that breaks ---


@pytest.mark.rule("HALT-2", "HALT-5", "RISK-1")
def test_what_broke_the_session_is_its_reason_whatever_else_its_last_tick_would_halt_for() -> None:
    books = Books(lambda decision: decision.tick == 7)
    ending = House(market=Ledgers(dict.fromkeys((3, 4, 5, 6), AWAY)), books=books).run()
    assert (ending.halt.reason, ending.halt.source) == ("unexpected_halt", "session")
    assert "the disk is full" in ending.halt.detail


# --- a start that is to touch nothing ---


def leftovers() -> State:
    left = order(id="0-000001", sequence=1)
    return State(
        2, ledger_index=FIRST_LEDGER, inventory=Inventory(10_000 * DROPS, left.rlusd), orders={left.id: left}
    )


@pytest.mark.rule("INT-X2")
@pytest.mark.parametrize("end", [{"stop": "neo stop"}, {"kill": "neo kill"}])
def test_an_end_before_the_first_ledger_leaves_refused_leftovers_untouched(end: Mapping[str, Any]) -> None:
    stage = Rehearsal(settings=REFUSE, state=leftovers())
    decision = stage.tick(failure="the node is away", **end)
    assert decision.halt is not None
    assert (cancels(decision), stage.state.sweep) == ([], None)


# --- a cancel_all with no engine running ---


@pytest.mark.rule("REC-1", "REC-X3", "MODE-4")
def test_a_session_that_only_cancels_marks_for_the_operator_quotes_nothing_and_ends(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.crash(20)
    run = desk.open(cancel_only="neo cancel-all: enough")
    try:
        left = list(run.opened.state.orders)
        ending = run.run()
        assert (ending.halt.reason, ending.halt.source) == ("engine_requested_halt", "operator")
        lives = [run.store.order("neo", one) for one in left]
        assert {one["cancel_reason"] for one in lives} == {"OPERATOR_CANCEL"}
        assert {one["session"] for one in run.store.orders("neo", limit=1)} == {1}
        assert run.store.commands("neo") == ()
    finally:
        run.close()


@pytest.mark.rule("INT-X2", "REC-X3")
def test_a_session_that_only_cancels_does_so_whatever_a_start_would_refuse(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "startup: {leftover_offers: refuse}")
    desk.crash(20)
    ending, _ = desk.play(ticks=5)
    assert ending.halt.reason == "startup_integrity_halt"
    ending, session = desk.play(cancel_only="neo cancel-all")
    assert (ending.halt.reason, session["ticks"]) == ("engine_requested_halt", 1)
    ending, _ = desk.play(ticks=5)
    assert ending.halt.reason == "duration_elapsed"


@pytest.mark.rule("REC-X3")
def test_a_session_that_only_cancels_is_dealt_no_other_wallet_in_place_of_one_that_is_gone(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.play(ticks=5)
    desk.wallet().unlink()
    with pytest.raises(StoreError, match="it is gone"):
        desk.open(cancel_only="neo cancel-all")


# --- marks that could not be written ---


@pytest.mark.rule("REC-1", "REC-13", "HALT-4")
def test_orders_whose_marks_could_not_be_written_are_cancelled_and_held_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, "paper: {fill_visibility: disappearance}")
    flush = Store.flush

    def fail(store: Store) -> None:
        if store._latest is not None and store._latest.sweep is not None:
            raise StoreError("the disk is full")
        flush(store)

    monkeypatch.setattr(Store, "flush", fail)
    ending, session = desk.play(scenario="cancel_storm")
    assert (ending.halt.reason, session["ended_at"]) == ("unexpected_halt", None)
    monkeypatch.setattr(Store, "flush", flush)
    run = desk.open(ticks=3)
    try:
        known = {one.id: one for one in run.opened.state.orders.values()}
        assert known
        assert {one.cancel_reason for one in known.values()} == {""}
        run.run()
        held = {one["id"] for one in run.store.orders("neo", held=True)}
        assert held == set(known)
    finally:
        run.close()
