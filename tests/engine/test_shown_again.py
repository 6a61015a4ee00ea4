"""An offer that one answer of a node left out, and the next one shows. (docs/behaviour.md, section 8)"""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from neo_reconciler import Reconciler

from neo_core import Outcome, Resolution
from neo_core.model import Inventory, Observation, Resolve
from neo_core.testing.rehearsal import Rehearsal

from .making import account, cancels, guard, kinds, layer, reason, swallow
from .test_orders import bought, known, owned, proof, quoting, showing, status

pytestmark = pytest.mark.rule("REC-X7")

MOVED = 2.002
TAKEN = {
    "cancelled": (Resolution(Outcome.CANCELLED, "gone"), "CANCELLED"),
    "expired": (Resolution(Outcome.EXPIRED, "gone"), "EXPIRED"),
    "filled": (Resolution(Outcome.PHANTOM_FILL, "phantom_fill"), "FILLED"),
}


def without_offers(seen: Observation) -> Observation:
    return account(seen, offers=())


def in_step(stage: Rehearsal) -> bool:
    return owned(stage) == Inventory(stage.ledger.xrp_drops, stage.ledger.rlusd)


@pytest.mark.parametrize("taken_for", TAKEN)
def test_an_order_that_was_closed_without_proof_is_alive_again_when_the_ledger_shows_its_offer(
    taken_for: str,
) -> None:
    answer, then = TAKEN[taken_for]
    stage, order = quoting({"layer": layer(answer)})
    before = owned(stage)
    stage.tick(shown=showing(gone=order))
    assert status(stage, order) == then
    decision = stage.tick()
    assert (reason(stage), status(stage, order)) == (None, "CANCEL_REQUESTED")  # another one quotes in its place
    assert [one.order_id for one in cancels(decision)] == [order.id]
    assert known(stage, order).vanished_ledger == known(stage, order).closed_ledger == 0
    assert [event.facts["order_id"] for event in decision.events if event.kind == "order_reopened"] == [order.id]
    assert bought(before, owned(stage))[0] == 0
    assert in_step(stage)
    stage.tick(shown=showing(proof(known(stage, order), 100), gone=order))
    assert (status(stage, order), bought(before, owned(stage))[0]) == ("FILLED", 100)


def test_a_cancel_that_never_came_and_one_answer_without_the_offer_end_no_session() -> None:
    stage = Rehearsal({"reconciler": Reconciler})
    stage.ticks(3)
    old = list(stage.state.orders)
    send, stage.send = stage.send, swallow
    stage.tick(mid=MOVED)
    stage.tick(mid=MOVED, shown=without_offers)
    assert {stage.state.closed[name].status for name in old} == {"CANCELLED"}
    stage.send = send
    stage.tick(mid=MOVED)
    assert reason(stage) is None
    stage.ticks(10, mid=MOVED)
    assert (reason(stage), len(stage.ledger.offers)) == (None, 2)
    assert not set(old) & set(stage.state.orders)
    assert in_step(stage)


@pytest.mark.rule("REC-12")
@pytest.mark.parametrize("filled", [True, False])
def test_an_operator_who_was_wrong_about_a_held_order_is_corrected_by_the_ledger(filled: bool) -> None:
    stage, order = quoting()
    hide = showing(gone=order)
    stage.tick(shown=hide)
    stage.tick(shown=hide, commands=(Resolve(1, order.id, filled, "I looked"),))
    assert status(stage, order) == ("FILLED" if filled else "CANCELLED")
    stage.tick()
    assert (reason(stage), status(stage, order), in_step(stage)) == (None, "CANCEL_REQUESTED", True)


@pytest.mark.rule("REC-4", "MODE-4")
def test_a_marked_order_that_is_shown_again_stays_marked_and_is_cancelled_again() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin, "reconciler": Reconciler})
    stage.ticks(3)
    old = list(stage.state.orders.values())
    script.enter = script.well = True
    send, stage.send = stage.send, swallow
    stage.tick()
    script.enter = False
    assert "cancel_all_complete" in kinds(stage.tick(shown=without_offers))
    assert {status(stage, order) for order in old} == {"CANCELLED_BY_ENGINE"}
    stage.send = send
    again = stage.tick()
    assert reason(stage) is None
    assert {one.order_id for one in cancels(again)} == {order.id for order in old}
    assert {known(stage, order).status for order in old} == {"CANCELLED_BY_ENGINE"}
    assert "cancel_all_complete" in kinds(stage.tick())
    stage.ticks(3)
    assert {status(stage, order) for order in old} == {"CANCELLED"}
    assert (len(stage.ledger.offers), in_step(stage)) == (2, True)


@pytest.mark.rule("REC-9")
@pytest.mark.parametrize("first", ["the proof", "the guess"])
def test_an_order_that_the_ledger_has_ended_stays_closed_and_such_an_offer_is_a_strangers(first: str) -> None:
    answer, _ = TAKEN["cancelled"]
    stage, order = quoting({"layer": layer(answer)})
    if first == "the guess":
        stage.tick(shown=showing(gone=order))
    stage.tick(shown=showing(proof(order, 0, "removed", cause="cancelled"), gone=order))
    assert status(stage, order) == "CANCELLED"
    stage.tick()
    assert (reason(stage), status(stage, order)) == ("reconciler_halt", "CANCELLED")


# --- offers that nobody here has made ---


@pytest.mark.rule("REC-9", "MODE-4", "MODE-5")
@pytest.mark.parametrize("at", ["while it runs", "while it closes"])
def test_an_offer_that_nobody_here_has_made_ends_the_session_and_is_cancelled_with_the_others(at: str) -> None:
    stage, _ = quoting()
    if at == "while it closes":
        stage.tick(stop="enough")
    offers, theirs = stage.ledger.offers, 40_000

    def shown(seen: Observation) -> Observation:
        (one, *_) = [*seen.account.offers, *offers]
        return account(seen, offers=(*seen.account.offers, replace(one, sequence=theirs)))

    decision = stage.tick(shown=shown)
    assert reason(stage) == ("reconciler_halt" if at == "while it runs" else "engine_requested_halt")
    assert theirs in {one.sequence for one in cancels(decision)}
