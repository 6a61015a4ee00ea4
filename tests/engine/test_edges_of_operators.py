"""Where an operator's act meets another reason, a crash or another process. (docs/behaviour.md, 2, 8, 9)"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from neo_core import amend
from neo_core.config import LiveConfig
from neo_core.errors import LeaseLost, StoreError
from neo_core.gateways.paper_journal import Opening
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.gateways.paper_wallet import read
from neo_core.markets import MarketTick, Taker
from neo_core.model import DROPS, CancelAll, Resolve, Side
from neo_core.state import State
from neo_core.store import Store
from neo_core.testing.rehearsal import Rehearsal

from .houses import Desk
from .making import alive, cancels, guard, kinds, layer, named, places, reason, swallow
from .test_amends import BLIND
from .test_held import MARKING
from .test_orders import showing, status

LIMITED = "risk: {max_session_loss_rlusd: 10.0}\nquoting: {order_ttl_seconds: 3600.0}"


# --- a realign, and the session that is resumed after it ---


def meanwhile(desk: Desk, happens: MarketTick) -> None:
    """One ledger closes while the engine is down."""
    wallet = desk.wallet()
    opening = read(wallet).opening
    assert isinstance(opening, Opening)
    ledger = PaperLedger.open(wallet, opening)
    ledger.close(happens)
    ledger.shut()


def realign(desk: Desk) -> amend.Sides:
    """Answers what the wallet had more than the books."""
    with closing(Store.open(desk.url)) as store:
        seen = amend.sides(store, "neo", desk.url, LiveConfig())
        amend.realign(store, "neo", seen, "it happened while the engine was down")
        return seen


def books(desk: Desk) -> State:
    with closing(Store.open(desk.url)) as store:
        found = store.books("neo")
        assert found is not None
        return found[1]


@pytest.mark.rule("TRU-X2", "RISK-1", "MODE-8")
def test_what_was_withdrawn_and_realigned_is_no_loss_of_the_session_that_is_resumed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, LIMITED)
    desk.crash(20)
    meanwhile(desk, MarketTick(1.5, 2.5, 2.0, withdrawal_drops=25 * DROPS))  # worth 50 RLUSD
    assert realign(desk).drops == -25 * DROPS
    ending, session = desk.play(resume="auto", ticks=30)
    assert (ending.session, ending.halt.reason, session["ticks"]) == (1, "duration_elapsed", 30)


@pytest.mark.rule("REC-11", "REC-13", "TRU-X2")
def test_what_an_offer_lost_before_a_realign_is_not_booked_again_when_the_offer_is_seen(tmp_path: Path) -> None:
    desk = Desk(tmp_path, BLIND)
    desk.crash(20)
    meanwhile(desk, MarketTick(1.5, 2.5, 2.0, (Taker(Side.SELL, 40 * DROPS),)))
    assert realign(desk).drops == 40 * DROPS
    (bid,) = [order for order in books(desk).orders.values() if order.side is Side.BUY]
    assert (bid.drops, bid.rest_drops) == (100 * DROPS, 60 * DROPS)
    ending, session = desk.play(resume="auto", ticks=30)
    assert (ending.halt.reason, session["ticks"]) == ("duration_elapsed", 30)
    assert bid.id not in {fill["order_id"] for fill in session["fills"]}
    with closing(Store.open(desk.url)) as store:
        agreed = amend.sides(store, "neo", desk.url, LiveConfig())
    assert agreed.inventory == agreed.wallet.holds


# --- refused leftovers, and a session that runs already ---


@pytest.mark.rule("INT-X2", "REC-1")
@pytest.mark.parametrize("end", [{"stop": "neo stop"}, {"kill": "neo kill"}])
def test_a_running_session_that_ends_while_it_sees_nothing_cancels_its_own_quotes_whatever_a_start_would_refuse(
    end: Mapping[str, Any],
) -> None:
    stage = Rehearsal(settings={"startup": {"leftover_offers": "refuse"}})
    stage.ticks(3)
    quotes = {order.id for order in alive(stage.state)}
    decision = stage.tick(failure="the node is away", **end)
    assert decision.halt is not None
    assert len(quotes) == 2
    assert {one.order_id for one in cancels(decision)} == quotes
    stage.tick()
    assert (stage.ledger.offers, stage.state.sweep) == ((), None)


# --- two reasons for one cancel_all ---


@pytest.mark.rule("REC-1", "MODE-5")
def test_a_halt_while_an_operators_cancel_all_still_runs_gives_it_its_own_cause() -> None:
    stage = Rehearsal(MARKING)
    stage.ticks(3)
    send, stage.send = stage.send, swallow
    asked = stage.tick(commands=(CancelAll(3, "now"),))
    stage.send = send
    stage.tick(kill="neo kill")
    again = stage.tick()
    assert {one.reason for one in cancels(asked)} == {"OPERATOR_CANCEL"}
    assert {(one.order_id, one.reason) for one in cancels(again)} == {
        (one.order_id, "HALT_CANCEL") for one in cancels(asked)
    }
    assert {order.cancel_reason for order in alive(stage.state)} == {"OPERATOR_CANCEL"}  # a mark is written once
    assert named(stage.tick(), "cancel_all_complete").text.startswith("HALT_CANCEL")


@pytest.mark.rule("REC-1", "MODE-5")
def test_a_halt_on_the_tick_of_an_operators_cancel_all_leaves_it_to_the_operator() -> None:
    stage = Rehearsal(MARKING)
    stage.ticks(3)
    decision = stage.tick(commands=(CancelAll(3, "now"),), kill="neo kill")
    assert reason(stage) == "kill_switch_halt"
    assert {one.reason for one in cancels(decision)} == {"OPERATOR_CANCEL"}


# --- an integrity cause that ends before the cancel_all is complete ---


@pytest.mark.rule("MODE-3", "MODE-4", "REC-12")
@pytest.mark.parametrize("guarded", [True, False], ids=["a guard's cause stays", "it is the last"])
def test_an_integrity_cause_waits_for_the_cancel_all_only_if_it_is_the_last(guarded: bool) -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin, "silent": layer(None)}, {"reconcile": {"max_held_orders": 0}})
    stage.ticks(3)
    lost, _ = alive(stage.state)
    gone = showing(gone=lost)
    send, stage.send = stage.send, swallow
    script.enter = guarded
    stage.tick()
    script.enter = False
    assert stage.tick(shown=gone).source == "reconciler"
    mended = stage.tick(shown=gone, commands=(Resolve(1, lost.id, False, "known"),))
    assert status(stage, lost) == "CANCELLED"
    assert stage.state.sweep is not None
    assert (mended.mode, mended.source) == ("DEGRADED", "amber" if guarded else "reconciler")
    assert ("cause_ended" in kinds(mended)) == guarded
    stage.send = send
    later = stage.ticks(4, shown=gone)
    assert any("cancel_all_complete" in kinds(decision) for decision in later)
    assert (stage.state.mode, any(places(decision) for decision in later)) == (
        ("DEGRADED", False) if guarded else ("OK", True)
    )


# --- a lease without a lock ---


class Clock:
    def __init__(self) -> None:
        self.now = 1_767_225_600.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.rule("INT-X1")
def test_a_process_that_never_had_the_lock_keeps_its_lease_until_it_expires_although_the_lock_is_free(
    tmp_path: Path,
) -> None:
    clock = Clock()
    hung, lives, third = (Store.open(Desk(tmp_path).url) for _ in range(3))
    with closing(hung), closing(lives), closing(third):
        hung.hold("neo", 10.0, wall=clock, clock=clock)
        clock.now += 11
        lives.hold("neo", 10.0, wall=clock, clock=clock)  # takes over, while the lock is still the other's
        hung.close()
        clock.now += 9
        assert third.holder("neo", wall=clock) is not None
        with pytest.raises(StoreError, match=r"is running on .* already"):
            third.hold("neo", 10.0, wall=clock, clock=clock)
        clock.now += 1
        third.hold("neo", 10.0, wall=clock, clock=clock)
        with pytest.raises(LeaseLost, match="taken over"):
            lives.beat()
