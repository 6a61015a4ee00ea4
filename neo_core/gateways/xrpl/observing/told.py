"""What validated transactions did to the account: its offers, its fees, and whatever else moved its balances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from math import inf
from typing import Any

import msgspec

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.observing.answers import drops, fields, shown
from neo_core.gateways.xrpl.observing.questions import Pair
from neo_core.gateways.xrpl.reading.amounts import asset_of, less, more, size
from neo_core.gateways.xrpl.reading.balances import drops_change, issued_change
from neo_core.gateways.xrpl.reading.metadata import Event, explain
from neo_core.gateways.xrpl.reading.transaction import Transaction, read, whole
from neo_core.model import OfferEvent, OwnTransaction, Side, Transfer

__all__ = ["Entry", "Told", "read_entry", "tell"]

_WHAT = "account_tx"
_NONE = Decimal(0)


class Told(msgspec.Struct, frozen=True):
    """All that happened from ledger `first` to ledger `last`."""

    first: int
    last: int
    events: tuple[OfferEvent, ...] = ()
    transactions: tuple[OwnTransaction, ...] = ()
    transfers: tuple[Transfer, ...] = ()

    def and_then(self, later: Told) -> Told:
        return Told(
            self.first,
            later.last,
            self.events + later.events,
            self.transactions + later.transactions,
            self.transfers + later.transfers,
        )

    def since(self, first: int) -> Told:
        """Without what lies before that ledger."""
        return self._within(max(first, self.first), max(self.last, first - 1))

    def until(self, last: int) -> Told:
        """Without what lies behind that ledger."""
        return self._within(self.first, min(last, self.last))

    def _within(self, first: int, last: int) -> Told:
        return Told(
            first,
            last,
            tuple([one for one in self.events if first <= one.ledger_index <= last]),
            tuple([one for one in self.transactions if first <= one.ledger_index <= last]),
            tuple([one for one in self.transfers if first <= one.ledger_index <= last]),
        )


class Entry(msgspec.Struct, frozen=True):
    """One transaction as told, and where in the ledger it stands. `close_time` is in the ledger's own seconds."""

    ledger_index: int
    position: int
    close_time: int | None
    fields: Mapping[str, Any]
    meta: Mapping[str, Any]


def read_entry(row: Mapping[str, Any]) -> Entry:
    sent, meta = fields(f"{_WHAT}, tx_json", row.get("tx_json")), fields(f"{_WHAT}, meta", row.get("meta"))
    tx_hash = row.get("hash", sent.get("hash"))
    if row.get("validated") is not True or not isinstance(tx_hash, str):
        raise ObservationFailed(f"{_WHAT}: expected validated transactions with their hashes, got {shown(row)}")
    index = whole(row.get("ledger_index", sent.get("ledger_index")), f"{_WHAT}, ledger_index")
    position = whole(meta.get("TransactionIndex"), f"{_WHAT}, TransactionIndex")
    date = sent.get("date")
    close_time = None if date is None else whole(date, f"{_WHAT}, date")
    return Entry(index, position, close_time, {**sent, "hash": tx_hash.upper()}, meta)


def tell(
    entries: Iterable[Entry], first: int, last: int, account: str, pair: Pair, closes: Mapping[int, int]
) -> tuple[Told, list[int]]:
    """What the entries of these ledgers say, and of which ledgers it has to be known when the one before closed.

    `closes` are close times of ledgers. What is told ends before the first ledger that is not clear.
    """
    known = dict(closes)
    told = Told(first, last)
    unclear: list[int] = []
    for entry in entries:
        index = entry.ledger_index
        if entry.close_time is not None:
            known.setdefault(index, entry.close_time)
        explained = _explain(entry, account, known)
        if explained is None:
            unclear.append(index)
        elif not unclear:
            told = told.and_then(_told(entry, explained, last, account, pair))
    if not unclear:
        return told, []
    return told.until(unclear[0] - 1), sorted(set(unclear))


def _told(entry: Entry, explained: Iterable[Event], last: int, account: str, pair: Pair) -> Told:
    tx = read(entry.fields, entry.meta, entry.ledger_index, None)
    events = tuple([event for event in (_own(one, pair) for one in explained) if event is not None])
    sent = _sent(tx, account)
    transfer = _transfer(tx, account, pair, events, 0 if sent is None else sent.fee_drops)
    return Told(
        entry.ledger_index,
        last,
        events,
        () if sent is None else (sent,),
        (transfer,) if transfer.drops or transfer.rlusd else (),
    )


def _explain(entry: Entry, account: str, closes: Mapping[int, int]) -> tuple[Event, ...] | None:
    """None if it depends on when the ledger before closed, and that is not known well enough.

    That was not before any earlier ledger closed, and not after this one did.
    """
    index = entry.ledger_index
    parent = closes.get(index - 1)
    early = explain(entry.fields, entry.meta, index, parent, account)
    if parent is not None or early == explain(entry.fields, entry.meta, index, inf, account):
        return early
    earlier = max([close for ledger, close in closes.items() if ledger < index], default=None)
    early = explain(entry.fields, entry.meta, index, earlier, account)
    late = explain(entry.fields, entry.meta, index, closes.get(index, inf), account)
    return early if early == late else None


def _own(event: Event, pair: Pair) -> OfferEvent | None:
    """An event of an offer of the pair, by what it gives and is paid."""
    gives, paid = asset_of(event.gets), asset_of(event.pays)
    if (gives, paid) == (None, pair.asset):
        side, xrp, rlusd, rest_xrp, rest_rlusd = (
            Side.SELL,
            event.gets,
            event.pays,
            event.rest_gets,
            event.rest_pays,
        )
    elif (gives, paid) == (pair.asset, None):
        side, xrp, rlusd, rest_xrp, rest_rlusd = Side.BUY, event.pays, event.gets, event.rest_pays, event.rest_gets
    else:
        return None
    moved, value = int(size(xrp)), size(rlusd)
    if moved <= 0 or value < 0:
        moved, value = 0, _NONE  # no trade: what moved all the same is told as a transfer
    return OfferEvent(
        event.event,
        event.tx_hash,
        event.ledger_index,
        event.sequence,
        side,
        moved,
        value,
        int(size(rest_xrp)),
        size(rest_rlusd),
        event.cause,
    )


def _sent(tx: Transaction, account: str) -> OwnTransaction | None:
    if tx.sender != account:
        return None
    ticket = tx.fields.get("TicketSequence")
    sequence = whole(tx.fields.get("Sequence") if ticket is None else ticket, f"{_WHAT}, Sequence")
    # Who signs for another account pays the fee for it.
    delegated = tx.fields.get("Delegate", account) != account
    fee = 0 if delegated else drops(f"{_WHAT}, Fee", tx.fields.get("Fee"))
    return OwnTransaction(tx.tx_hash, tx.ledger_index, sequence, fee, tx.result)


def _transfer(tx: Transaction, account: str, pair: Pair, own: Sequence[OfferEvent], fee: int) -> Transfer:
    """What the account's balances changed by, without its trades and its fee."""
    change = (drops_change(tx, account) or 0) + fee
    value = issued_change(tx, account, pair.currency, pair.issuer)
    for event in own:
        if event.side is Side.BUY:
            change, value = change - event.drops, more(value, event.rlusd)
        else:
            change, value = change + event.drops, less(value, event.rlusd)
    return Transfer(tx.tx_hash, tx.ledger_index, change, value or _NONE, bool(own))
