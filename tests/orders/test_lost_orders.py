"""Orders that got lost on their way, and what is told about them late. (docs/behaviour.md, section 8)"""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from neo_core.model import DROPS, Account, Inventory, OfferEvent, Order, OrderStatus, Side
from neo_core.rules.orders import Book

from .test_machine import Machine

OWNED = Inventory(10_000 * DROPS, Decimal(20_000))
LOST = Order(
    id="lost",
    side=Side.SELL,
    price=2.0,
    drops=100 * DROPS,
    rlusd=Decimal(200),
    rest_drops=100 * DROPS,
    rest_rlusd=Decimal(200),
    status=OrderStatus.CANCELLED_BY_ENGINE,
    placed_at=0.0,
    placed_tick=1,
    sequence=6,
    closed_ledger=109,
)
LANDED = replace(LOST, id="landed", side=Side.BUY, placed_tick=3, seen=True, closed_ledger=112)


@pytest.mark.rule("REC-11", "REC-X1")
@pytest.mark.parametrize("closed", [(LOST, LANDED), (LANDED, LOST)], ids=["lost first", "landed first"])
def test_late_proof_is_about_the_order_that_landed_and_not_the_lost_one_that_had_its_sequence_before(
    closed: tuple[Order, ...],
) -> None:
    book = Book({}, {order.id: order for order in closed}, OWNED, None, 0, 9, 0.0)
    event = OfferEvent("partial_fill", "T", 111, 6, Side.BUY, DROPS, Decimal(2), 99 * DROPS, Decimal(198))
    account = Account(OWNED.drops + DROPS, OWNED.rlusd - 2, 0, 0, events=(event,), covers_from=115)
    book.settle(account, 115, 114, False)
    assert [(fill.order_id, fill.side) for fill in book.fills] == [("landed", Side.BUY)]
    assert book.inventory == Inventory(account.xrp_drops, account.rlusd)


@pytest.mark.rule("REC-13", "REC-X1")
def test_an_order_that_was_taken_in_a_ledger_of_which_nothing_was_told_is_held_and_never_called_unplaced() -> None:
    play = Machine()
    play.start(exact=False, policy="cancel", proves=True, evidence=False)
    placed = list(play.state.orders)
    play.tick(crossing=100, late=True)
    for _ in range(5):
        play.tick(arrive=0)
    assert [play.state.orders[name].status for name in placed] == [OrderStatus.HELD_PENDING_REVIEW] * 2
    play.late.clear()
    play.tick(arrive=0)
    assert [play.state.closed[name].status for name in placed] == [OrderStatus.FILLED] * 2
    assert play.state.inventory == play.ledger.holds
