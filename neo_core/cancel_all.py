"""cancel_all: every order that may be alive is marked and cancelled, until no ledger shows one. (SPEC 8)"""

from __future__ import annotations

from neo_core import answers
from neo_core.halts import HaltReason
from neo_core.model import Mark, Order, OrderStatus
from neo_core.plugins import Named
from neo_core.rules.orders import MARKABLE
from neo_core.turn import Turn, counted

__all__ = ["begin", "note_complete", "repeat"]

MARKED = OrderStatus.CANCELLED_BY_ENGINE


def begin(turn: Turn, markers: tuple[Named, ...]) -> None:
    """The marks are committed with the decision, before any cancel leaves. No plugin can hold one back."""
    sweep = turn.sweep
    assert sweep is not None
    orders = tuple(
        order for order in turn.book.alive() if order.status in MARKABLE and order.id not in sweep.spared
    )
    marks = _marks(turn, orders, sweep.cause, markers)
    going = [order for order in turn.book.alive() if order.id not in sweep.spared]
    cancelled = {order.tx_hash for order in going if order.tx_hash and turn.wants_cancel(order)}
    for order in going:
        # What was to take its place is cancelled before it comes, and would have been its cancel.
        wanted = turn.wants_cancel(order) or order.cancel_tx_hash in cancelled
        marked = turn.book.mark(order, marks[order.id]) if order.id in marks else order
        if wanted:
            turn.cancel(marked, sweep.cause)
    if turn.flat:
        turn.sweep = None


def _marks(turn: Turn, orders: tuple[Order, ...], cause: str, markers: tuple[Named, ...]) -> dict[str, Mark]:
    marks: dict[str, Mark] = {}
    for marker in markers:
        try:
            answer = marker.call(orders, cause, turn.now)
            for mark in answers.marks(answer, {order.id for order in orders}):
                marks.setdefault(mark.order_id, mark)
        except BaseException as error:  # noqa: BLE001 (a plugin may raise anything; the cancels still go out)
            turn.note_fault(marker.name, "on_cancel_all", error)
            turn.stop(
                HaltReason.PLUGIN_FAULT,
                marker.name,
                f"on_cancel_all failed with {answers.words(error)}; the cancels were sent",
            )
    return marks


def repeat(turn: Turn) -> None:
    """Cancels once more what is left, once its earlier cancel is known to be dead or two ledgers have passed."""
    sweep = turn.sweep
    assert sweep is not None
    left = [order for order in turn.book.alive() if order.id not in sweep.spared]
    again = [order for order in left if turn.wants_cancel(order)]
    for order in again:
        turn.cancel(order, sweep.cause)
    if again:
        since = (turn.ledger_index or 0) - sweep.ledger_index
        turn.event(
            "cancel_all_incomplete",
            f"{sweep.cause}: {counted(len(left), 'own offer')} left after {counted(since, 'ledger')}, "
            f"{len(again)} cancelled again",
            facts={"left": len(left), "again": len(again), "ledgers": since},
        )


def note_complete(turn: Turn, ledger_index: int) -> None:
    """Complete is a cancel_all only when a validated ledger shows no own offer."""
    sweep = turn.sweep
    if sweep is None:
        _again(turn)
        return
    if ledger_index <= sweep.ledger_index or not turn.flat:
        return
    turn.sweep = None
    took = ledger_index - sweep.ledger_index
    turn.event(
        "cancel_all_complete",
        f"{sweep.cause}: no own offer is left, after {counted(took, 'ledger')}",
        facts={"ledgers": took},
    )


def _again(turn: Turn) -> None:
    """A marked order is on the ledger, after all: its cancel_all was not complete. Other orders stay."""
    book = turn.book
    if not book.reopened:
        return
    left = [book.orders[name] for name in book.reopened if book.orders[name].status is MARKED]
    if left:
        others = tuple([order.id for order in book.alive() if order.status is not MARKED])
        turn.order_sweep(left[0].cancel_reason, others)
