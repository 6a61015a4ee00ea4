"""Verify: can orders, inventory and plugins be trusted? At the start and on every tick. (SPEC 8, 9, 11)"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from neo_core.config import Settings
from neo_core.halts import HaltReason
from neo_core.model import (
    DROPS,
    Account,
    CancelAll,
    Command,
    Inventory,
    Offer,
    Order,
    OrderStatus,
    Resolve,
    TruthCheck,
)
from neo_core.rules import coverage, truth
from neo_core.rules.truth import Tolerances
from neo_core.state import Truth
from neo_core.turn import Turn

__all__ = ["leave_untouched", "note_transfers", "obey", "start", "sweep_strangers", "verify"]

HELD, MARKED = OrderStatus.HELD_PENDING_REVIEW, OrderStatus.CANCELLED_BY_ENGINE


def obey(turn: Turn, commands: tuple[Command, ...]) -> None:
    """What operators ask for once. It is done with this tick, or refused with it."""
    for command in commands:
        turn.done += (command.number,)
        if isinstance(command, CancelAll):
            turn.event("operator_cancel_all", command.reason)
            turn.order_sweep("OPERATOR_CANCEL")
        else:
            _decide(turn, command)


def _decide(turn: Turn, command: Resolve) -> None:
    order = turn.book.orders.get(command.order_id)
    word = "filled" if command.filled else "cancelled"
    facts = {"order_id": command.order_id, "verdict": word, "reason": command.reason}
    if order is None or order.status is not HELD:
        turn.event("resolve_refused", f"order {command.order_id} is not held, nothing was changed", facts=facts)
        return
    if turn.book.inventory is None:
        turn.event("resolve_refused", "the inventory is not known yet, nothing was changed", facts=facts)
        return
    turn.book.decide_held(order, command.filled, max(turn.ledger_index or 0, 1))
    turn.value_inventory()
    turn.event("order_resolved", f"order {order.id} was {word}, says the operator: {command.reason}", facts=facts)


def note_transfers(turn: Turn) -> None:
    """What came in or went out is neither a profit nor a loss: the opening inventory moves along."""
    for transfer in turn.book.transfers:
        opening = turn.risk.opening
        if opening is not None:
            moved = Inventory(opening.drops + transfer.drops, opening.rlusd + transfer.rlusd)
            turn.risk, turn.opened = replace(turn.risk, opening=moved), None
        xrp = Decimal(transfer.drops) / DROPS
        text = (
            f"{truth.signed(xrp)} XRP and {truth.signed(transfer.rlusd)} RLUSD by transaction {transfer.tx_hash}"
        )
        facts = {"xrp": str(xrp), "rlusd": str(transfer.rlusd), "tx_hash": transfer.tx_hash}
        turn.event("transfer", f"not by trading: {text}", facts=facts)


def start(turn: Turn, account: Account, settings: Settings, tolerances: Tolerances) -> None:
    """The first ledger that this process sees. What was missed is settled; does the rest agree?

    As long as what was missed is not all told, a difference may lie in it: the start then waits, and asks again.
    """
    inventory, wallet = turn.book.inventory, Inventory(account.xrp_drops, account.rlusd)
    if turn.state.inventory is None:
        told = f"{truth.plain(Decimal(wallet.drops) / DROPS)} XRP and {truth.plain(wallet.rlusd)} RLUSD"
        turn.event("opening_inventory", f"the wallet's {told} are taken as the opening inventory")
    _used_up(turn, settings.degraded_recovery.max_degraded_episodes_per_source_per_session)
    if turn.halt is None:
        _leftovers(turn, settings.startup.leftover_offers)
    if turn.halt is not None or inventory is None:
        return
    check, ledger = truth.compare(inventory, wallet, tolerances), turn.ledger_index or 0
    if check.verdict == truth.OK:
        turn.waits_since = 0
    elif turn.book.untold and ledger - (turn.waits_since or ledger) <= coverage.KEEP_ASKING_LEDGERS:
        if not turn.waits_since:
            _begin_to_wait(turn, ledger, check, settings.startup.leftover_offers)
    else:
        turn.check = check
        turn.stop(
            HaltReason.STARTUP_INTEGRITY,
            "wallet_truth",
            f"{truth.difference_text(check)}; {_untold_first(turn)}{_held_first(turn)}`neo realign` shows both "
            "sides, and takes the wallet for right if you say so",
        )


def _begin_to_wait(turn: Turn, ledger_index: int, check: TruthCheck, policy: str) -> None:
    """Nothing is quoted meanwhile, so quotes that a resumed session left behind would be nobody's concern."""
    turn.waits_since = ledger_index
    turn.event(
        "startup_waits",
        f"{truth.difference_text(check)}, which may lie in ledgers {_untold(turn)}: they were not told yet, and "
        f"nothing is quoted until they are, for {coverage.KEEP_ASKING_LEDGERS} ledgers at most",
        facts={"first": turn.book.untold[0][0], "last": turn.book.untold[-1][1]},
    )
    if policy == "cancel" and turn.sweep is None and turn.book.alive():
        turn.order_sweep("STARTUP_CANCEL")


def _untold(turn: Turn) -> str:
    return ", ".join(f"{first} to {last}" for first, last in turn.book.untold)


def _untold_first(turn: Turn) -> str:
    missing = _untold(turn)
    return f"ledgers {missing} were not told, and a node with a longer history may explain it; " if missing else ""


def _held_first(turn: Turn) -> str:
    held = any(order.status is HELD for order in turn.book.orders.values())
    return "settle first what `neo orders held` lists; " if held else ""


def _used_up(turn: Turn, cap: int) -> None:
    """A session that had reached its cap, and was killed before it had ended, is over when it is resumed."""
    for source, count in turn.regime.episodes.items():
        if count >= cap:
            turn.stop(HaltReason.EPISODE_LIMIT, source, f"episode {count} of {source}, the cap is {cap}")


def _leftovers(turn: Turn, policy: str) -> None:
    """Own offers from before this session: known orders that may be alive, and strangers."""
    book = turn.book
    strangers = book.strangers
    left = book.alive() if turn.state.fresh else []
    if not left and not strangers:
        return
    if policy == "refuse":
        sequences = sorted({offer.sequence for offer in strangers} | {order.sequence for order in left})
        turn.refuse(
            HaltReason.STARTUP_INTEGRITY,
            "startup",
            f"own offers from before ({_listed(sequences)}) may be on the ledger, and startup.leftover_offers is "
            "refuse: nothing was touched; remove them with `neo cancel-all`, or let it be cancel or adopt",
        )
        return
    book.adopt([_order_of(turn, offer) for offer in strangers])
    if policy == "cancel":
        if strangers or turn.sweep is None:
            turn.order_sweep("STARTUP_CANCEL")
        return
    adopted = [order for order in book.alive() if order.status is not MARKED]
    turn.event(
        "offers_adopted", f"{len(adopted)} own offers from before are adopted", facts={"count": len(adopted)}
    )
    if any(order.status is MARKED for order in book.alive()):
        turn.order_sweep("STARTUP_CANCEL", tuple([order.id for order in adopted]))


def sweep_strangers(turn: Turn) -> None:
    """A session that halts leaves no offer of ours behind, whoever made it: neither what ended it, nor what it
    would have begun with, had it not been ended before its first ledger.
    """
    if turn.sweep is not None:
        turn.book.adopt([_order_of(turn, offer) for offer in turn.book.strangers])
        turn.order_sweep(turn.sweep.cause)


def leave_untouched(turn: Turn) -> None:
    """Leftover offers that were to stop the start are not cancelled by another end that comes first."""
    if turn.state.fresh and turn.sweep is not None and turn.sweep.cause != "OPERATOR_CANCEL":
        turn.sweep, turn.sweep_ordered = None, False


def _order_of(turn: Turn, offer: Offer) -> Order:
    """An offer that nobody here remembers, as an order: it may be taken, so it must be counted and cancelled."""
    return Order(
        id=turn.next_order_id(),
        side=offer.side,
        price=float(offer.rlusd) * DROPS / offer.drops,
        drops=offer.drops,
        rlusd=offer.rlusd,
        rest_drops=offer.drops,
        rest_rlusd=offer.rlusd,
        status=OrderStatus.OPEN,
        placed_at=turn.now,
        placed_tick=turn.tick,
        expires_at=offer.expires_at,
        sequence=offer.sequence,
        seen=True,
    )


def _listed(sequences: list[int]) -> str:
    shown = ", ".join(str(sequence) for sequence in sequences[:10])
    return shown if len(sequences) <= 10 else f"{shown} and {len(sequences) - 10} more"


def verify(turn: Turn, settings: Settings, tolerances: Tolerances) -> None:
    """Integrity causes come and go."""
    clean = turn.faults.clean_ticks
    if clean >= settings.plugin_fault.clear_ticks:
        turn.trust_again("plugin_fault", f"no plugin fault for {clean} ticks")
    _held(turn, settings)
    if turn.halt is None and turn.tick >= turn.truth.due:
        _wallet(turn, settings, tolerances)


def _held(turn: Turn, settings: Settings) -> None:
    limits = settings.reconcile
    held: list[Order] = [order for order in turn.book.orders.values() if order.status is HELD]
    count = len(held)
    if count > limits.halt_held_orders:
        turn.stop(
            HaltReason.RECONCILER,
            "reconciler",
            f"{count} orders are held for review, the limit is {limits.halt_held_orders}: see `neo orders held`",
        )
    elif count > limits.max_held_orders:
        reason = f"{count} orders are held for review, {limits.max_held_orders} are allowed: see `neo orders held`"
        turn.suspect("reconciler", reason, {"held": count, "limit": limits.max_held_orders})
    else:
        turn.trust_again("reconciler", f"{count} orders are held for review, which is allowed")


def _wallet(turn: Turn, settings: Settings, tolerances: Tolerances) -> None:
    limits = settings.wallet_truth
    if not limits.enabled:
        turn.truth = Truth(truth.NEVER)
        turn.trust_again("wallet_truth", "wallet truth is switched off")
        return
    turn.check = check = _compared(turn, tolerances)
    turn.truth = remembered = truth.remember(turn.truth, check, turn.tick, limits)
    if check.verdict == truth.NOT_MADE:
        return
    if check.verdict == truth.OK:
        turn.trust_again("wallet_truth", "books and wallet agree again")
        if any(cause.source == "wallet_truth" for cause in turn.regime.integrity):
            turn.truth = Truth(turn.tick + 1, 0, remembered.not_made)  # until the cancel_all is complete
        return
    told = truth.difference_text(check)
    if check.verdict == truth.FAR_BEYOND or remembered.beyond > limits.halt_after_checks:
        turn.stop(HaltReason.INVENTORY_TRUTH, "wallet_truth", f"{told}, on check {remembered.beyond} in a row")
    else:
        turn.suspect("wallet_truth", told, truth.measures(check, limits))


def _compared(turn: Turn, tolerances: Tolerances) -> TruthCheck:
    """Of a difference nothing can be said while it may lie in ledgers that are still to be told."""
    inventory, untold = turn.book.inventory, turn.book.untold
    if turn.observed is None or inventory is None:
        return TruthCheck(truth.NOT_MADE)
    account, ledger = turn.observed.account, turn.observed.ledger_index
    check = truth.compare(inventory, Inventory(account.xrp_drops, account.rlusd), tolerances)
    may_be_told = turn.waits_since or (untold and ledger - untold[0][0] <= coverage.KEEP_ASKING_LEDGERS)
    return TruthCheck(truth.NOT_MADE) if check.verdict != truth.OK and may_be_told else check
