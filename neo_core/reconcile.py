"""What became of an order that vanished without proof: the layers are asked by rank. (SPEC 8)"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from neo_core import answers
from neo_core.model import DROPS, Inventory, Order, OrderStatus, Outcome, Resolution
from neo_core.plugins import Named
from neo_core.turn import Turn

__all__ = ["resolve"]

UNANSWERED = Resolution(Outcome.HELD, "held_pending_review")
SAID = {
    Outcome.CANCELLED: "taken for cancelled",
    Outcome.EXPIRED: "taken for expired",
    Outcome.PHANTOM_FILL: "taken for filled, which is a guess",
    Outcome.HELD: "held for review",
}
SKIPPED = Resolution(Outcome.CANCELLED, "RECONCILER_SKIP_ENGINE_CANCEL")


def resolve(turn: Turn, order: Order, ledger_index: int, layers: tuple[Named, ...]) -> None:
    """The first layer that answers decides. Nobody answers, or a layer fails: the order is held, never filled.

    A mark stands above every layer: what is recorded of such an order is what is done with it.
    """
    resolution, decided_by = UNANSWERED, "none"
    view = turn.view()
    for layer in layers:
        try:
            answer = layer.call(order, view)
            if answer is None:
                continue
            resolution, decided_by = answers.resolution(answer), f"{layer.name} {layer.rank}"
        except BaseException as error:  # noqa: BLE001 (a plugin may raise anything; the order is then held)
            turn.note_fault(layer.name, "on_disappeared_order", error)
        break
    outcome = resolution.outcome
    if order.status is OrderStatus.CANCELLED_BY_ENGINE and outcome is not Outcome.CANCELLED:
        evidence = {**resolution.evidence, "overruled": outcome.value}
        resolution = replace(SKIPPED, evidence=evidence)
    elif outcome is Outcome.PHANTOM_FILL and not _watched(turn, order):
        evidence = {**resolution.evidence, "watched": False}
        resolution = replace(UNANSWERED, evidence=evidence)
    before = turn.book.inventory
    turn.book.resolve(order, resolution, ledger_index)
    _record(turn, order, resolution, decided_by, before)


def _watched(turn: Turn, order: Order) -> bool:
    """A guess needs an order that is known to have landed, and no gap in which it may have met with anything."""
    return order.seen and turn.watched_since < turn.tick and turn.book.covered


def _record(turn: Turn, order: Order, resolution: Resolution, decided_by: str, before: Inventory | None) -> None:
    after = turn.book.inventory
    assert before is not None
    assert after is not None
    verdict = resolution.outcome.value
    facts = {
        **resolution.evidence,
        "order_id": order.id,
        "verdict": verdict,
        "layer": decided_by,
        "age_seconds": round(turn.now - order.placed_at, 3),
        "token": resolution.token,
        "xrp_before": str(Decimal(before.drops) / DROPS),
        "rlusd_before": str(before.rlusd),
        "xrp_after": str(Decimal(after.drops) / DROPS),
        "rlusd_after": str(after.rlusd),
    }
    text = f"{resolution.token}: order {order.id} vanished, and is {SAID[resolution.outcome]}"
    turn.event("anomaly", text, facts=facts)
