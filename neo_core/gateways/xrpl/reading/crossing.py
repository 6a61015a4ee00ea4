"""What a new offer traded at once. That leaves no Offer node: only its owner's balances tell."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

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
from neo_core.gateways.xrpl.reading.balances import drops_change, issued_change
from neo_core.gateways.xrpl.reading.transaction import Transaction, whole

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
    change = _xrp(tx) if asset is None else issued_change(tx, tx.sender, *asset)
    for gave, got in older:
        if asset_of(gave) == asset:
            change = more(change, size(gave))
        if asset_of(got) == asset:
            change = less(change, size(got))
    return change


def _xrp(tx: Transaction) -> Decimal:
    """The fee is no part of a trade. Who signs for another account pays the fee for it."""
    fee = amount_of(tx.fields.get("Fee"), "the transaction's Fee")
    if not isinstance(fee, int):
        raise UnreadableTransaction("the transaction's Fee: expected whole drops")
    change = drops_change(tx, tx.sender)
    paid = change is not None and tx.fields.get("Delegate", tx.sender) == tx.sender
    return Decimal((change or 0) + (fee if paid else 0))
