"""Orders that got lost on their way, and what is told about them late. (docs/behaviour.md, section 8)"""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from neo_core.model import (
    DROPS,
    Account,
    Inventory,
    Offer,
    OfferEvent,
    Order,
    OrderStatus,
    OwnTransaction,
    Ranges,
    Side,
)
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


# --- one sequence, two orders: the first was committed and never left, the second was given its sequence ---

UNSENT = replace(LOST, id="unsent", status=OrderStatus.PENDING, closed_ledger=0, last_ledger=114, tx_hash="A")
SENT = replace(UNSENT, id="sent", side=Side.BUY, placed_tick=3, last_ledger=118, tx_hash="B")
TWIN = replace(SENT, id="twin", side=Side.SELL)


def a_book(*orders: Order, untold: Ranges = ()) -> Book:
    return Book({order.id: order for order in orders}, {}, OWNED, None, 0, 9, 0.0, untold)


def an_account(
    offers: tuple[Offer, ...] = (), events: tuple[OfferEvent, ...] = (), sender: str = "", covers_from: int = 111
) -> Account:
    """`sender` is the hash of the transaction that used up sequence 6."""
    sent = (OwnTransaction(sender, 111, 6, 10, "tesSUCCESS"),) if sender else ()
    return Account(OWNED.drops, OWNED.rlusd, 0, 0, offers, events, sent, covers_from)


def an_offer(side: Side) -> Offer:
    return Offer(6, side, LOST.drops, LOST.rlusd)


def an_event(
    kind: str, tx_hash: str, side: Side, drops: int, rest_drops: int, ledger_index: int = 112
) -> OfferEvent:
    worth, rest = Decimal(2 * drops) / DROPS, Decimal(2 * rest_drops) / DROPS
    return OfferEvent(kind, tx_hash, ledger_index, 6, side, drops, worth, rest_drops, rest)


def statuses(book: Book) -> dict[str, str]:
    return {order.id: order.status.value for order in (*book.orders.values(), *book.closed.values())}


@pytest.mark.rule("REC-11", "REC-X1")
@pytest.mark.parametrize("orders", [(UNSENT, SENT), (SENT, UNSENT)], ids=["in order", "in reverse"])
def test_an_offer_behind_a_gap_is_taken_for_the_order_of_its_side_and_its_fill_is_booked_on_that_side(
    orders: tuple[Order, ...],
) -> None:
    book = a_book(*orders)
    assert book.settle(an_account((an_offer(Side.BUY),), covers_from=112), 111, 110, False) == []
    assert (statuses(book), book.strangers) == ({"unsent": "PENDING", "sent": "OPEN"}, ())
    told = a_book(*book.orders.values(), untold=book.untold)
    placed = an_event("placed", "B", Side.BUY, 0, LOST.drops, 111)
    filled = an_event("filled", "T", Side.BUY, LOST.drops, 0)
    told.settle(an_account((), (placed, filled), "B"), 112, 111, False)
    assert statuses(told) == {"unsent": "REJECTED", "sent": "FILLED"}
    assert [(fill.order_id, fill.side) for fill in told.fills] == [("sent", Side.BUY)]
    assert told.inventory == Inventory(OWNED.drops + LOST.drops - 10, OWNED.rlusd - 200)


@pytest.mark.rule("REC-X1", "REC-X6")
def test_an_offer_that_two_unseen_orders_may_have_made_proves_nothing_until_its_transaction_is_told() -> None:
    book = a_book(UNSENT, TWIN)
    shown = an_account((an_offer(Side.SELL),), covers_from=116)
    assert book.settle(shown, 115, 114, False) == []
    assert (statuses(book), book.strangers) == ({"unsent": "PENDING", "twin": "PENDING"}, ())
    assert book.matched is None
    told = a_book(*book.orders.values(), untold=book.untold)
    told.untold = ((111, 115),)
    told.settle(an_account((an_offer(Side.SELL),), (), "B"), 116, 115, False)
    assert statuses(told) == {"unsent": "REJECTED", "twin": "OPEN"}


@pytest.mark.rule("REC-X1", "REC-X6")
def test_an_order_that_was_taken_for_seen_is_rejected_when_another_transaction_has_used_its_sequence() -> None:
    offers = (an_offer(Side.SELL),)
    book = a_book(UNSENT)
    book.settle(an_account(offers, covers_from=112), 111, 110, False)
    assert statuses(book) == {"unsent": "OPEN"}
    told = a_book(*book.orders.values(), untold=book.untold)
    told.settle(an_account(offers, (), "ELSE"), 112, 111, False)
    assert (statuses(told), told.strangers, told.fills) == ({"unsent": "REJECTED"}, offers, ())


@pytest.mark.rule("REC-X6")
def test_an_order_that_its_own_transaction_has_made_or_that_was_adopted_is_not_rejected_for_another() -> None:
    placed = an_event("placed", "A", Side.SELL, 0, LOST.drops, 111)
    book = a_book(UNSENT)
    book.settle(an_account((an_offer(Side.SELL),), (placed,), "A"), 111, 110, False)
    later = an_account((an_offer(Side.SELL),), (), "ELSE")
    for known in (*book.orders.values(), replace(UNSENT, status=OrderStatus.OPEN, seen=True, tx_hash="")):
        told = a_book(known, untold=((111, 111),))
        told.settle(later, 112, 111, False)
        assert (statuses(told), told.strangers) == ({"unsent": "OPEN"}, ())


@pytest.mark.rule("REC-X6")
@pytest.mark.parametrize("orders", [(UNSENT, TWIN), (TWIN, UNSENT)], ids=["in order", "in reverse"])
@pytest.mark.parametrize(("tx_hash", "made"), [("A", "unsent"), ("B", "twin")])
def test_what_a_transaction_has_placed_is_the_order_that_has_its_hash_and_so_is_what_follows(
    orders: tuple[Order, ...], tx_hash: str, made: str
) -> None:
    placed = an_event("placed", tx_hash, Side.SELL, 0, LOST.drops, 111)
    part = an_event("partial_fill", "T", Side.SELL, DROPS, LOST.drops - DROPS)
    book = a_book(*orders)
    book.settle(an_account((), (placed, part), covers_from=113), 112, 110, False)
    assert [fill.order_id for fill in book.fills] == [made]


@pytest.mark.rule("REC-9", "REC-X6")
@pytest.mark.parametrize("kind", ["placed", "partial_fill", "filled", "removed"])
def test_an_event_on_the_other_side_than_its_order_cannot_be_and_nothing_is_booked(kind: str) -> None:
    drops = 0 if kind in ("placed", "removed") else DROPS
    known = replace(SENT, status=OrderStatus.OPEN, seen=True)
    book = a_book(known)
    told = an_event(kind, "T", Side.SELL, drops, LOST.drops - drops)
    book.settle(an_account((an_offer(Side.BUY),), (told,)), 112, 111, False)
    assert "sell offer 6" in book.impossible
    assert (book.fills, book.inventory, statuses(book)) == ((), OWNED, {"sent": "OPEN"})


@pytest.mark.rule("REC-X6")
def test_an_offer_on_the_other_side_than_the_order_with_its_sequence_is_a_stranger() -> None:
    book = a_book(replace(SENT, status=OrderStatus.OPEN, seen=True))
    gone = book.settle(an_account((an_offer(Side.SELL),)), 112, 111, False)
    assert ([order.id for order in gone], book.strangers) == (["sent"], (an_offer(Side.SELL),))


@pytest.mark.rule("REC-11")
@pytest.mark.parametrize("status", ["OPEN", "HELD_PENDING_REVIEW", "CANCELLED_BY_ENGINE", "CANCELLED"])
def test_an_offer_that_was_filled_to_nothing_ends_its_order_though_no_drop_moved(status: str) -> None:
    over = 110 if status == "CANCELLED" else 0
    known = replace(SENT, status=OrderStatus(status), seen=True, closed_ledger=over)
    book = a_book(known) if not over else Book({}, {"sent": known}, OWNED, None, 0, 9, 0.0)
    told = an_event("filled", "T", Side.BUY, 0, 1)
    assert book.settle(an_account((), (told,)), 112, 111, False) == []
    assert (statuses(book), book.fills, book.inventory) == ({"sent": "FILLED"}, (), OWNED)
