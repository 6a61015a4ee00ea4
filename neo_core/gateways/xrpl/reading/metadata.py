"""What one validated transaction did to offers, read from its metadata.

Each offer that it touched gives at most one event. An offer is named by its owner and its sequence, which for one
made with a ticket is the ticket's number. Amounts are named as the ledger names them: `gets` is what the owner
gives, `pays` what the owner is paid for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from neo_core.errors import UnreadableTransaction
from neo_core.gateways.xrpl.reading.amounts import (
    ACCOUNT,
    Amount,
    amount_of,
    as_json,
    asset_of,
    in_asset,
    less,
    nothing,
    size,
)
from neo_core.gateways.xrpl.reading.crossing import Move, traded_at_once
from neo_core.gateways.xrpl.reading.transaction import CREATED, MODIFIED, SUCCESS, Node, Transaction, read, whole

__all__ = ["Event", "as_facts", "explain"]

PLACED, PARTIAL_FILL, FILLED, REMOVED = "placed", "partial_fill", "filled", "removed"
CANCELLED, REPLACED, SELF_CROSS, EXPIRED = "cancelled", "replaced", "self_cross", "expired"
UNFUNDED_OR_DUST, FUNDS_USED_UP = "unfunded_or_dust", "funds_used_up"

_SIDES = ("TakerGets", "TakerPays")


class Event(msgspec.Struct, frozen=True, gc=False):
    """What happened to one offer: what moved by it, and what was left of it.

    `event` is placed, partial_fill, filled or removed. `cause` is empty except for removed: cancelled, replaced,
    self_cross, expired, unfunded_or_dust or funds_used_up. What is placed, or removed, may have moved something
    before: a new offer trades first, and the rest of an offer goes when a fill has used up its owner's funds.
    """

    tx_hash: str
    ledger_index: int
    owner: str
    sequence: int
    event: str
    cause: str
    gets: Amount
    pays: Amount
    rest_gets: Amount
    rest_pays: Amount


def explain(
    transaction: Any,
    metadata: Any,
    ledger_index: Any,
    parent_close_time: float | None = None,
    account: str | None = None,
) -> tuple[Event, ...]:
    """The events of every offer, or of those of one account.

    `transaction` holds its own hash. `parent_close_time` is when the ledger before closed, in the ledger's own
    seconds; without it no removal is told as expired. Whatever is no validated transaction raises
    UnreadableTransaction, and nothing else.
    """
    tx = read(transaction, metadata, ledger_index, parent_close_time)
    events: list[Event] = []
    moves: list[Move] = []
    own: Event | None = None
    for node in tx.nodes:
        if node.entry != "Offer":
            continue
        owner = node.final.get("Account")
        if owner is None and node.kind == MODIFIED and not _amounts(node.previous):
            continue  # only what points to it changed
        if not isinstance(owner, str) or not ACCOUNT.fullmatch(owner):
            raise UnreadableTransaction("an Offer node: expected the address of its owner as Account")
        if account is not None and owner != account:
            continue
        event = _of_node(tx, node, owner)
        if event is None:
            continue
        if owner == tx.sender:
            if event.event == PLACED:
                own = event
                continue
            moves.append((event.gets, event.pays))
        events.append(event)
    if tx.kind == "OfferCreate" and tx.result == SUCCESS and account in (None, tx.sender):
        own = _of_taker(tx, own, moves)
    return (*events, own) if own is not None else tuple(events)


def as_facts(event: Event) -> dict[str, Any]:
    """For JSON."""
    return {
        "hash": event.tx_hash,
        "ledger_index": event.ledger_index,
        "owner": event.owner,
        "sequence": event.sequence,
        "event": event.event,
        "cause": event.cause or None,
        "gets": as_json(event.gets),
        "pays": as_json(event.pays),
        "rest": {"gets": as_json(event.rest_gets), "pays": as_json(event.rest_pays)},
    }


def _of_node(tx: Transaction, node: Node, owner: str) -> Event | None:
    changed = _amounts(node.previous)
    if node.kind == MODIFIED and not changed:
        return None
    sequence = whole(node.final.get("Sequence"), "the Sequence of an Offer node")
    rest = _pair(node.final, f"offer {sequence}")
    gets, pays = (nothing(side) for side in rest)
    event, cause = REMOVED, ""
    if node.kind == CREATED:
        event = PLACED
    elif changed:
        gets, pays = _moved(node, rest, sequence)
        if node.kind == MODIFIED:
            event = PARTIAL_FILL
        elif not size(rest[0]) or not size(rest[1]):
            event = FILLED  # what one side then still says is less than the other side can be divided into
        else:
            cause = FUNDS_USED_UP
    else:
        cause = _cause(tx, node, owner, sequence)
    return Event(tx.tx_hash, tx.ledger_index, owner, sequence, event, cause, gets, pays, *rest)


def _moved(node: Node, rest: tuple[Amount, Amount], sequence: int) -> Iterator[Amount]:
    """What the transaction took from each side. A side that is not among the previous fields did not change."""
    for name, after in zip(_SIDES, rest, strict=True):
        before = (
            amount_of(node.previous[name], f"offer {sequence}, {name} before") if name in node.previous else after
        )
        if asset_of(before) != asset_of(after):
            raise UnreadableTransaction(f"offer {sequence}, {name}: expected one currency, got two")
        yield in_asset(asset_of(after), less(size(before), size(after)))


def _cause(tx: Transaction, node: Node, owner: str, sequence: int) -> str:
    """Why an offer went that nobody took anything from."""
    own = owner == tx.sender
    named = own and tx.fields.get("OfferSequence") == sequence
    if named and tx.kind == "OfferCancel":
        return CANCELLED
    if named and tx.kind == "OfferCreate" and tx.result == SUCCESS:
        return REPLACED
    # Before own crossing: a new offer finds an expired one of its owner expired, and does not cross it.
    if _expired(node, tx.parent_close_time, sequence):
        return EXPIRED
    if own and tx.kind == "OfferCreate":
        return SELF_CROSS
    if own and tx.kind == "AccountDelete":
        return CANCELLED
    return UNFUNDED_OR_DUST


def _expired(node: Node, parent_close_time: float | None, sequence: int) -> bool:
    if "Expiration" not in node.final:
        return False
    expiration = whole(node.final["Expiration"], f"offer {sequence}, Expiration")
    return parent_close_time is not None and expiration <= parent_close_time


def _of_taker(tx: Transaction, placed: Event | None, moves: list[Move]) -> Event | None:
    """The event of the new offer itself, which may have traded before it was placed, or instead."""
    traded = traded_at_once(tx, moves)
    if traded is None:
        return placed
    if placed is not None:
        return msgspec.structs.replace(placed, gets=traded.gave, pays=traded.got)
    ticket = tx.fields.get("TicketSequence")
    sequence = whole(tx.fields.get("Sequence") if ticket is None else ticket, "the transaction's Sequence")
    if traded.whole:
        event, cause = FILLED, ""
    else:
        event, cause = REMOVED, CANCELLED if traded.at_once_only else FUNDS_USED_UP
    return Event(
        tx.tx_hash,
        tx.ledger_index,
        tx.sender,
        sequence,
        event,
        cause,
        traded.gave,
        traded.got,
        traded.rest_gets,
        traded.rest_pays,
    )


def _amounts(fields: Mapping[str, Any]) -> bool:
    return any(side in fields for side in _SIDES)


def _pair(fields: Mapping[str, Any], what: str) -> tuple[Amount, Amount]:
    gets, pays = (amount_of(fields.get(side), f"{what}, {side}") for side in _SIDES)
    return gets, pays
