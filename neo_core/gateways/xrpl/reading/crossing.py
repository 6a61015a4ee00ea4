"""What a new offer traded at once. That leaves no Offer node: only its owner's balances tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from neo_core.errors import UnreadableTransaction
from neo_core.gateways.xrpl.reading.amounts import (
    Amount,
    Asset,
    Issued,
    amount_of,
    asset_of,
    in_asset,
    less,
    more,
    nothing,
    size,
)
from neo_core.gateways.xrpl.reading.transaction import CREATED, Node, Transaction, whole

__all__ = ["Move", "Traded", "traded_at_once"]

Move = tuple[Amount, Amount]
"""What an offer gave, and what it was paid."""

_IMMEDIATE_OR_CANCEL, _SELL = 0x0002_0000, 0x0008_0000
_NONE = Decimal(0)
_UNTOLD = Decimal("1e-9")


class Traded(msgspec.Struct, frozen=True):
    """`whole` is whether nothing was left to trade; `at_once_only`, whether the rest was never to be placed."""

    gave: Amount
    got: Amount
    rest_gets: Amount
    rest_pays: Amount
    whole: bool
    at_once_only: bool


def traded_at_once(tx: Transaction, older: Sequence[Move]) -> Traded | None:
    """The new offer's own trade: how its owner's balances changed, without the fee and without what `older` offers
    of the same owner traded. None: it traded nothing.
    """
    gets = amount_of(tx.fields.get("TakerGets"), "the transaction's TakerGets")
    pays = amount_of(tx.fields.get("TakerPays"), "the transaction's TakerPays")
    gave = less(_NONE, _change(tx, asset_of(gets), older))
    got = _change(tx, asset_of(pays), older)
    if not gave and not got:
        return None
    flags = whole(tx.fields.get("Flags", 0), "the transaction's Flags")
    done = _reached(gave, gets) or (not flags & _SELL and _reached(got, pays))
    return Traded(
        gave=in_asset(asset_of(gets), gave),
        got=in_asset(asset_of(pays), got),
        rest_gets=nothing(gets) if done else _rest(gets, gave),
        rest_pays=nothing(pays) if done else _rest(pays, got),
        whole=done,
        at_once_only=bool(flags & _IMMEDIATE_OR_CANCEL),
    )


def _reached(moved: Decimal, asked: Amount) -> bool:
    """A trust line keeps sixteen digits: a balance may tell a little less than what was traded."""
    missing = less(size(asked), moved)
    return missing <= 0 or (isinstance(asked, Issued) and missing <= asked.value * _UNTOLD)


def _rest(asked: Amount, moved: Decimal) -> Amount:
    """More can move than was asked for: a better price, or the issuer's transfer fee on top."""
    return in_asset(asset_of(asked), max(less(size(asked), moved), _NONE))


def _change(tx: Transaction, asset: Asset, older: Sequence[Move]) -> Decimal:
    change = _drops(tx) if asset is None else _issued(tx, *asset)
    for gave, got in older:
        if asset_of(gave) == asset:
            change = more(change, size(gave))
        if asset_of(got) == asset:
            change = less(change, size(got))
    return change


def _drops(tx: Transaction) -> Decimal:
    """Its balance need not be among the previous fields: a trade may bring exactly what the fee takes."""
    change = 0
    for node in tx.nodes:
        if node.entry != "AccountRoot" or node.final.get("Account") != tx.sender:
            continue
        after = node.final.get("Balance")
        change += _xrp(after) - _xrp(node.previous.get("Balance", after))
        # Who signs for another account pays the fee for it.
        if tx.fields.get("Delegate", tx.sender) == tx.sender:
            change += _xrp(tx.fields.get("Fee"))
    return Decimal(change)


def _xrp(given: Any) -> int:
    drops = amount_of(given, "the sender's XRP")
    if not isinstance(drops, int):
        raise UnreadableTransaction("the sender's XRP: expected whole drops")
    return drops


def _issued(tx: Transaction, currency: str, issuer: str) -> Decimal:
    """By the sender's line with the issuer. An issuer has a line with everybody who holds."""
    change = _NONE
    for node in tx.nodes:
        if node.entry != "RippleState" or (node.kind != CREATED and "Balance" not in node.previous):
            continue
        low, high = _issuer(node, "LowLimit"), _issuer(node, "HighLimit")
        if tx.sender not in (low, high) or issuer not in (low, high):
            continue
        after = _line(node.final.get("Balance"))
        if after.currency != currency:
            continue
        before = _NONE if node.kind == CREATED else _line(node.previous["Balance"]).value
        moved = less(after.value, before)
        # A line's balance is told from the side of its low account.
        change = more(change, moved) if tx.sender == low else less(change, moved)
    return change


def _line(given: Any) -> Issued:
    balance = amount_of(given, "the balance of a trust line")
    if isinstance(balance, int):
        raise UnreadableTransaction("the balance of a trust line: expected currency, issuer and value")
    return balance


def _issuer(node: Node, side: str) -> Any:
    limit = node.final.get(side)
    if not isinstance(limit, Mapping):
        raise UnreadableTransaction(f"a trust line: expected its {side}")
    return limit.get("issuer")
