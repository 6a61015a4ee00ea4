"""What became of an order that vanished without proof: the layers are asked by rank. (SPEC 8)"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from neo_core import answers
from neo_core.model import DROPS, Inventory, Order, OrderStatus, Outcome, Resolution, Wait
from neo_core.plugins import Named
from neo_core.turn import Turn

__all__ = ["MOST_WAITED_LEDGERS", "record", "resolve"]

MOST_WAITED_LEDGERS = 128
"""Whatever a layer says. Well before a ledger is given up: nothing waits for one that will not be told."""

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
    answer: Resolution | Wait = UNANSWERED
    decided_by, marked = "none", order.status is OrderStatus.CANCELLED_BY_ENGINE
    view = turn.view()
    for layer in layers:
        try:
            said = layer.call(order, view)
            if said is None:
                continue
            answer, decided_by = answers.verdict(said), f"{layer.name} {layer.rank}"
        except BaseException as error:  # noqa: BLE001 (a plugin may raise anything; the order is then held)
            turn.note_fault(layer.name, "on_disappeared_order", error)
        break
    if isinstance(answer, Wait):
        if not marked and ledger_index - (order.vanished_ledger or ledger_index) < MOST_WAITED_LEDGERS:
            _wait(turn, order, answer, decided_by, ledger_index)
            return
        overruled, resolution = "wait", UNANSWERED
    else:
        overruled, resolution = answer.outcome.value, answer
    outcome = resolution.outcome
    if marked and outcome is not Outcome.CANCELLED:
        resolution = replace(SKIPPED, evidence={**answer.evidence, "overruled": overruled})
    elif outcome is Outcome.PHANTOM_FILL and not _watched(turn, order):
        resolution = replace(UNANSWERED, evidence={**answer.evidence, "watched": False})
    elif resolution is not answer:
        resolution = replace(UNANSWERED, evidence={**answer.evidence, "overruled": overruled})
    before = turn.book.inventory
    turn.book.resolve(order, resolution, ledger_index)
    _record(turn, order, resolution, decided_by, before)


def _wait(turn: Turn, order: Order, answer: Wait, decided_by: str, ledger_index: int) -> None:
    """Nothing moves. The ledgers are asked for with the next observation, if they are not missing anyway."""
    turn.ask_again(answer.from_ledger, min(answer.to_ledger, ledger_index))
    if order.vanished_ledger:
        return
    turn.book.wait(order, ledger_index)
    facts = {
        **answer.evidence,
        "order_id": order.id,
        "token": answer.token,
        "layer": decided_by,
        "from_ledger": answer.from_ledger,
        "to_ledger": answer.to_ledger,
    }
    text = (
        f"{answer.token}: order {order.id} vanished, and stays reserved until ledgers {answer.from_ledger} to "
        f"{answer.to_ledger} are told"
    )
    turn.event("order_waits", text, facts=facts)


def record(turn: Turn, order: Order, layers: tuple[Named, ...]) -> None:
    """An order that the ledger has ended: the first layer that reads proofs says how. It moves nothing."""
    for layer in layers:
        try:
            said = layer.call(order, turn.view())
            if said is None:
                continue
            resolution = answers.record(said)
        except BaseException as error:  # noqa: BLE001 (a plugin may raise anything; what is proven stands)
            turn.note_fault(layer.name, "on_disappeared_order", error)
            continue
        facts = {
            **resolution.evidence,
            "order_id": order.id,
            "verdict": resolution.outcome.value,
            "token": resolution.token,
            "layer": f"{layer.name} {layer.rank}",
        }
        text = f"{resolution.token}: order {order.id} has ended, as the ledger proves"
        turn.event("order_ended", text, facts=facts)
        return


def _watched(turn: Turn, order: Order) -> bool:
    """A guess needs an order that is known to have landed, and no gap in which it may have met with anything.

    Nor is anything guessed of an order for which proof was waited for.
    """
    waited = bool(order.vanished_ledger)
    return order.seen and not waited and turn.watched_since < turn.tick and turn.book.covered


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
