"""An order that vanished may be waited for, and how the ledger ended one is put on record. (section 8)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from neo_ledger_evidence import LedgerEvidence
from neo_reconciler import Reconciler

from neo_core import Order, Outcome, Resolution, View, Wait, hookimpl
from neo_core.markets import Taker
from neo_core.model import DROPS, CancelAll, Decision, Inventory, Observation, Side
from neo_core.testing.rehearsal import Rehearsal

from .making import Marker, account, alive, cancels, guard, kinds, layer, named, places, reason
from .test_orders import known, owned, status
from .test_untold import untold, wallet

NEAR = {"quoting": {"bid_offset_bps": 3.0, "ask_offset_bps": 3.0, "order_ttl_seconds": 400.0}}
SELLER = (Taker(Side.SELL, 100 * DROPS),)
ASKED = Wait("awaiting_proof", 90_000_002, 90_000_004, {"why": "a gap"})
FULL: dict[str, Any] = {"reconciler": Reconciler, "ledger_evidence": LedgerEvidence}
Shown = Callable[[Observation], Observation]


def quoting(plugins: dict[str, Any]) -> tuple[Rehearsal, Order]:
    """With the order that buys."""
    stage = Rehearsal(plugins, NEAR)
    stage.ticks(3)
    (buy,) = [order for order in stage.state.orders.values() if order.side is Side.BUY]
    return stage, buy


def without(order: Order) -> Shown:
    """A node that leaves an offer out, and says that nothing happened."""

    def shown(seen: Observation) -> Observation:
        offers = tuple(offer for offer in seen.account.offers if offer.sequence != order.sequence)
        return account(seen, offers=offers)

    return shown


def ending(decision: Decision) -> dict[str, Any]:
    return dict(named(decision, "order_ended").facts)


# --- what the core does while it waits ---


@pytest.mark.rule("REC-X4")
def test_an_order_that_is_waited_for_stays_as_it_is_and_the_ledgers_are_asked_for_on_every_tick() -> None:
    stage, buy = quoting({"patient": layer(ASKED)})
    before, first = owned(stage), stage.tick(shown=without(buy))
    event = named(first, "order_waits")
    assert dict(event.facts) == {
        "order_id": buy.id,
        "token": "awaiting_proof",
        "layer": "patient 100",
        "from_ledger": 90_000_002,
        "to_ledger": 90_000_004,
        "why": "a gap",
    }
    assert (status(stage, buy), stage.state.asked, stage.state.since) == (
        "OPEN",
        ((90_000_002, 90_000_004),),
        90_000_001,
    )
    for decision in stage.ticks(5, shown=without(buy)):
        assert (kinds(decision), decision.fills) == ([], ())
        assert stage.state.since == 90_000_001
    assert (owned(stage), buy.id in {order.id for order in alive(stage.state)}) == (before, True)


@pytest.mark.rule("REC-X4")
def test_beside_an_order_in_doubt_nothing_is_placed_and_it_is_not_cancelled_for_a_better_price() -> None:
    stage, buy = quoting({"patient": layer(ASKED)})
    stage.tick(shown=without(buy))
    decision = stage.tick(mid=2.001, shown=without(buy))
    assert cancels(decision) == []
    assert [order.side for order in places(decision)] == [Side.SELL]
    assert known(stage, buy).cancel_tx_hash == ""


@pytest.mark.rule("REC-X4")
def test_an_order_that_is_shown_again_is_a_quote_as_before() -> None:
    stage, buy = quoting({"patient": layer(ASKED)})
    stage.ticks(3, shown=without(buy))
    stage.tick()
    assert (known(stage, buy).vanished_ledger, status(stage, buy), stage.state.asked) == (0, "OPEN", ())
    assert stage.tick().intents == ()
    assert named(stage.tick(shown=without(buy)), "order_waits")


@pytest.mark.rule("REC-X4", "REC-11")
def test_proof_that_comes_while_it_is_waited_for_ends_the_order() -> None:
    stage, buy = quoting({"patient": layer(ASKED)})
    stage.tick(takers=SELLER, shown=untold)
    assert (status(stage, buy), owned(stage) == wallet(stage)) == ("OPEN", False)
    decision = stage.tick()
    assert [(fill.order_id, fill.drops, fill.proven) for fill in decision.fills] == [(buy.id, buy.drops, True)]
    assert (status(stage, buy), owned(stage)) == ("FILLED", wallet(stage))
    assert stage.state.since == stage.state.ledger_index


@pytest.mark.rule("REC-X4")
def test_nothing_is_waited_for_longer_than_the_core_allows() -> None:
    stage, buy = quoting({"patient": layer(ASKED)})
    decisions = stage.ticks(129, shown=without(buy))
    (held,) = [decision for decision in decisions if "anomaly" in kinds(decision)]
    assert held is decisions[128]
    assert named(held, "anomaly").facts["overruled"] == "wait"
    assert (status(stage, buy), stage.state.asked) == ("HELD_PENDING_REVIEW", ())


@pytest.mark.rule("REC-X4", "REC-13")
def test_what_was_waited_for_is_never_guessed_afterwards() -> None:
    class Once:
        asked = 0

        def __init__(self, config: object) -> None:
            pass

        @hookimpl
        def on_disappeared_order(self) -> Resolution | Wait:
            self.asked += 1
            return ASKED if self.asked < 3 else Resolution(Outcome.PHANTOM_FILL, "surely")

    stage, buy = quoting({"once": Once})
    before = owned(stage)
    stage.ticks(3, shown=without(buy))
    assert (status(stage, buy), owned(stage)) == ("HELD_PENDING_REVIEW", before)


@pytest.mark.rule("REC-X4", "REC-4")
def test_a_marked_order_is_not_waited_for() -> None:
    script, plugin = guard()
    stage, buy = quoting({"amber": plugin, "marker": Marker, "patient": layer(ASKED)})
    script.enter = True
    stage.tick()
    stage.tick(shown=lambda seen: account(seen, offers=(), events=()))
    assert (status(stage, buy), buy.id in stage.state.closed) == ("CANCELLED_BY_ENGINE", True)


@pytest.mark.rule("REC-X4", "MODE-4")
@pytest.mark.parametrize("plugins", [{}, {"marker": Marker}], ids=["unmarked", "marked"])
def test_a_cancel_all_cancels_what_is_waited_for_like_any_other_order(plugins: dict[str, Any]) -> None:
    stage, buy = quoting({**plugins, "patient": layer(ASKED)})
    stage.ticks(2, shown=without(buy))
    decision = stage.tick(shown=without(buy), commands=(CancelAll(1, "because"),))
    assert buy.id in {one.order_id for one in cancels(decision)}
    stage.ticks(3)
    assert stage.state.sweep is None
    assert owned(stage) == wallet(stage)


@pytest.mark.rule("REC-X4")
@pytest.mark.parametrize(
    "answer",
    [
        Wait("", 1, 2),
        Wait("t", 0, 2),
        Wait("t", 3, 2),
        Wait("t", 1.0, 2),  # type: ignore[arg-type]
        Wait("t", 1, 2, {"x": [1]}),  # type: ignore[dict-item]
    ],
)
def test_a_wait_that_says_nothing_or_makes_no_sense_is_a_fault_and_the_order_is_held(answer: Wait) -> None:
    stage, buy = quoting({"patient": layer(answer)})
    decision = stage.tick(shown=without(buy))
    assert ("plugin_fault" in kinds(decision), status(stage, buy)) == (True, "HELD_PENDING_REVIEW")


# --- with the evidence of the ledger ---


@pytest.mark.rule("REC-X4", "REC-2", "REC-3")
def test_a_fill_in_a_gap_is_waited_for_and_booked_and_no_layer_behind_is_asked() -> None:
    stage, buy = quoting(FULL)
    for _ in range(3):
        decision = stage.tick(takers=SELLER, shown=untold)
        assert decision.fills == ()
    assert known(stage, buy).vanished_ledger
    assert ending(stage.tick())["token"] == "FILLED"
    assert (status(stage, buy), owned(stage)) == ("FILLED", wallet(stage))


@pytest.mark.rule("REC-X4", "REC-9")
def test_when_nobody_tells_for_long_enough_it_is_held_with_what_is_missing() -> None:
    stage, buy = quoting({**FULL})
    before, first = owned(stage), stage.state.ledger_index or 0
    decisions = stage.ticks(21, shown=lambda seen: untold(without(buy)(seen)))
    assert [number for number, decision in enumerate(decisions) if "anomaly" in kinds(decision)] == [20]
    evidence = named(decisions[20], "anomaly").facts
    assert (evidence["token"], evidence["layer"], evidence["untold_ledgers"]) == (
        "held_pending_review",
        "ledger_evidence 50",
        f"{first + 1}-{first + 21}",
    )
    assert (status(stage, buy), owned(stage)) == ("HELD_PENDING_REVIEW", before)


@pytest.mark.rule("REC-X4")
def test_with_all_told_and_no_transaction_it_is_asked_again_from_where_it_was_last_heard_of() -> None:
    stage, buy = quoting(FULL)
    first = stage.state.ledger_index or 0
    stage.tick(shown=without(buy))
    assert stage.state.asked == (
        (known(stage, buy).last_ledger if buy.last_ledger <= first else first, first + 1),
    )
    stage.tick()
    assert (status(stage, buy), reason(stage)) == ("OPEN", None)


@pytest.mark.rule("REC-X4", "REC-3")
def test_where_nothing_is_proven_the_age_gate_is_asked_as_before() -> None:
    stage, buy = quoting(FULL)
    decision = stage.tick(shown=lambda seen: without(buy)(account(seen, proves_fills=False)))
    assert named(decision, "anomaly").facts["layer"] == "reconciler 90"


# --- how an order ended ---


@pytest.mark.rule("REC-X5")
def test_every_end_that_the_ledger_proves_is_on_record_with_its_transaction_and_amounts() -> None:
    stage, buy = quoting(FULL)
    (part,) = stage.tick(takers=(Taker(Side.SELL, 40 * DROPS),)).fills
    decision = stage.tick()
    (removed,) = [event for event in stage.ledger.entries[-1].events if event.event == "removed"]
    assert ending(decision) == {
        "order_id": buy.id,
        "verdict": "cancelled",
        "token": "REPLACED",
        "layer": "ledger_evidence 50",
        "hash": removed.tx_hash,
        "ledger": removed.ledger_index,
        "gave_rlusd": f"{part.rlusd:f}",
        "got_xrp": "40",
        "rest_xrp": "60",
        "rest_rlusd": f"{removed.rest_rlusd:f}",
    }
    assert owned(stage) == wallet(stage)


@pytest.mark.rule("REC-X5")
def test_an_order_that_no_ledger_took_is_on_record_as_never_placed() -> None:
    stage = Rehearsal(FULL)
    stage.send = lambda prepared: ()
    placed = places(stage.tick())
    decision = stage.ticks(4)[-1]
    told = {
        event.facts["order_id"]: event.facts["token"] for event in decision.events if event.kind == "order_ended"
    }
    assert told == dict.fromkeys((order.id for order in placed), "NEVER_PLACED")


@pytest.mark.rule("REC-X5")
def test_a_layer_that_fails_over_a_record_or_answers_nonsense_changes_nothing_but_says_so() -> None:
    class Faulty:
        rank = 1
        proof = True
        answer: object = None

        def __init__(self, config: object) -> None:
            pass

        @hookimpl
        def on_disappeared_order(self, order: Order, view: View) -> Any:
            assert order.closed_ledger
            if self.answer is None:
                raise SystemExit("enough")
            return self.answer

    for answer in (None, ASKED, "FILLED", Resolution(Outcome.FILLED, "")):
        Faulty.answer = answer
        stage, buy = quoting({"faulty": Faulty, **FULL})
        decision = stage.tick(takers=SELLER)
        assert "plugin_fault" in kinds(decision)
        assert ending(decision)["layer"] == "ledger_evidence 50"
        assert (status(stage, buy), stage.state.mode, owned(stage)) == ("FILLED", "OK", wallet(stage))


@pytest.mark.rule("REC-8", "REC-X5")
@pytest.mark.parametrize("outcome", [Outcome.FILLED, Outcome.REJECTED])
def test_what_only_the_ledger_can_prove_no_layer_can_say_and_the_order_is_held(outcome: Outcome) -> None:
    stage, buy = quoting({"hostile": layer(Resolution(outcome, "certainly"))})
    before, decision = owned(stage), stage.tick(shown=without(buy))
    assert (status(stage, buy), owned(stage), decision.fills) == ("HELD_PENDING_REVIEW", before, ())
    assert "plugin_fault" in kinds(decision)


@pytest.mark.rule("REC-X5")
def test_without_a_layer_that_reads_proofs_nothing_is_asked() -> None:
    stage, buy = quoting({"reconciler": Reconciler})
    assert "order_ended" not in kinds(stage.tick(takers=SELLER))
    assert (status(stage, buy), isinstance(owned(stage), Inventory)) == ("FILLED", True)
