"""What is told late or again of a transaction, when it is no news. (docs/behaviour.md, section 8)"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from neo_core.model import (
    Ack,
    AckOutcome,
    Inventory,
    Observation,
    Order,
    OwnTransaction,
    Prepared,
    Side,
)
from neo_core.testing import order as made
from neo_core.testing.rehearsal import Rehearsal

from .making import account, kinds, places, reason
from .test_orders import Shown, known, owned, proof, quoting, showing, status

STRANGER = made(Side.SELL, id="0-000001", sequence=40_000)


def sent_in_its_place(order: Order, *, ledgers_ago: int) -> Shown:
    """The order's sequence is told to have been used up by another transaction, so many ledgers ago."""

    def shown(seen: Observation) -> Observation:
        other = OwnTransaction("OTHER", seen.ledger_index - ledgers_ago, order.sequence, 10, "tesSUCCESS")
        return account(seen, transactions=(other, *seen.account.transactions))

    return shown


@pytest.mark.rule("REC-11")
def test_a_transaction_of_an_earlier_ledger_that_is_told_again_rejects_no_order_that_waits() -> None:
    stage = Rehearsal()
    first = places(stage.tick())
    landed = stage.tick(shown=sent_in_its_place(known(stage, first[0]), ledgers_ago=1))
    assert "order_never_placed" not in kinds(landed)
    assert (reason(stage), {status(stage, order) for order in first}) == (None, {"OPEN"})
    assert owned(stage) == Inventory(stage.ledger.xrp_drops, stage.ledger.rlusd)


@pytest.mark.rule("REC-11")
def test_a_transaction_of_this_ledger_that_took_an_orders_sequence_rejects_it() -> None:
    stage = Rehearsal()
    stage.send = lambda prepared: ()
    lost, other = places(stage.tick())
    stage.tick(shown=sent_in_its_place(known(stage, lost), ledgers_ago=0))
    assert (status(stage, lost), status(stage, other)) == ("REJECTED", "PENDING")


@pytest.mark.rule("REC-11")
@pytest.mark.parametrize(("ledgers_ago", "halted"), [(0, "reconciler_halt"), (1, None), (500, None)])
def test_an_event_of_an_unknown_offer_is_impossible_only_when_it_is_new(
    ledgers_ago: int, halted: str | None
) -> None:
    stage, _ = quoting()
    before = owned(stage)
    decision = stage.tick(shown=showing(proof(STRANGER, 100), ledgers_ago=ledgers_ago))
    assert (reason(stage), decision.fills, owned(stage)) == (halted, (), before)


@pytest.mark.rule("REC-11", "TICK-X1")
def test_a_refusal_that_comes_late_closes_no_order_that_is_on_the_ledger() -> None:
    stage = Rehearsal()
    (first, _) = places(stage.tick())
    send = stage.send

    def refuse_late(prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        return (*send(prepared), Ack(first.id, False, AckOutcome.REFUSED, "telREFUSED"))

    stage.send = refuse_late
    stage.tick()
    assert status(stage, first) == "OPEN"
    stage.send = send
    told = stage.tick()
    assert (reason(stage), status(stage, first), told.intents) == (None, "OPEN", ())
    assert len(stage.ledger.offers) == 2
