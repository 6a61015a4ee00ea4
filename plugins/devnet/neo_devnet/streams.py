"""Who on a port asked to be told what, and the messages that go to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from xrpl.core.addresscodec import is_valid_classic_address

from neo_devnet.canonical import half
from neo_devnet.faults import Faults
from neo_devnet.history import Ledger, touched_by
from neo_devnet.messages import Book, accounts_in, books_touched, proposal, validated
from neo_devnet.node import Node
from neo_devnet.openledger import Entered
from neo_devnet.rpc import refused
from neo_devnet.rpc.books import asset_of, offers_in
from neo_devnet.rpc.call import Call, RpcError, fail
from neo_devnet.rpc.server import HOST, PUBLIC_KEY, load_factors
from neo_devnet.tx import Tx

__all__ = ["STREAMS", "Send", "Streams", "Subscriber"]

STREAMS = frozenset({"ledger", "transactions", "transactions_proposed", "server"})
QUIET_STREAMS = frozenset(
    {"book_changes", "consensus", "manifests", "peer_status", "validations", "rt_transactions"}
)
"""Known to a server, and silent here."""
BOOK_LIMIT = 60
Send = Callable[[dict[str, Any]], None]


class Subscriber(msgspec.Struct, eq=False):
    """One connection: where its messages go, and what it asked for, each with the API version it asked in."""

    send: Send
    streams: dict[str, int] = {}
    accounts: dict[str, int] = {}
    proposed: dict[str, int] = {}
    books: dict[Book, int] = {}


class Streams:
    """The subscribers of one port. It is a Listener of its node."""

    def __init__(self, node: Node, faults: Faults | None = None) -> None:
        self._node = node
        self._faults = faults or Faults()
        self._subscribers: list[Subscriber] = []
        self._told_load: dict[str, int] | None = None
        node.listeners.append(self)

    def join(self, send: Send) -> Subscriber:
        subscriber = Subscriber(send)
        self._subscribers.append(subscriber)
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)

    def close(self) -> None:
        self._subscribers.clear()
        self._node.listeners.remove(self)

    # -- asking ---

    def subscribe(self, subscriber: Subscriber, params: dict[str, Any], version: int) -> dict[str, Any]:
        try:
            result = self._subscribed(subscriber, params, version)
        except RpcError as error:
            return refused(error, "subscribe", params)
        return {**result, "status": "success"}

    def _subscribed(self, subscriber: Subscriber, params: dict[str, Any], version: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        streams, books = _names(params, "streams"), self._books(params)
        accounts, proposed = _accounts(params, "accounts"), _accounts(params, "accounts_proposed")
        for name in streams:
            if name not in STREAMS | QUIET_STREAMS:
                raise fail("malformedStream")
            subscriber.streams[name] = version
            if name == "ledger":
                result |= self._present_ledger()
            elif name == "server":
                result |= self._present_server()
        subscriber.accounts |= dict.fromkeys(accounts, version)
        subscriber.proposed |= dict.fromkeys(proposed, version)
        for book, asked in books:
            pays, gets = book
            subscriber.books[book] = version
            both = bool(asked.get("both", False))
            if both:
                subscriber.books[gets, pays] = version
            if asked.get("snapshot", False):
                self._snapshot(result, book, both=both)
        return result

    def unsubscribe(self, subscriber: Subscriber, params: dict[str, Any]) -> dict[str, Any]:
        try:
            for name in _names(params, "streams"):
                if name not in STREAMS | QUIET_STREAMS:
                    raise fail("malformedStream")
                subscriber.streams.pop(name, None)
            for account in _accounts(params, "accounts"):
                subscriber.accounts.pop(account, None)
            for account in _accounts(params, "accounts_proposed"):
                subscriber.proposed.pop(account, None)
            for (pays, gets), asked in self._books(params):
                subscriber.books.pop((pays, gets), None)
                if asked.get("both", False):
                    subscriber.books.pop((gets, pays), None)
        except RpcError as error:
            return refused(error, "unsubscribe", params)
        return {"status": "success"}

    def _books(self, params: dict[str, Any]) -> list[tuple[Book, dict[str, Any]]]:
        asked = params.get("books", [])
        if not isinstance(asked, list):
            raise fail("invalidParams")
        books: list[tuple[Book, dict[str, Any]]] = []
        for one in asked:
            if not isinstance(one, dict):
                raise fail("invalidParams")
            sides = []
            for name in ("taker_pays", "taker_gets"):
                side = one.get(name)
                if not isinstance(side, dict) or "currency" not in side:
                    raise fail("invalidParams")
                sides.append(asset_of(side, name))
            if sides[0] == sides[1]:
                raise fail("badMarket")
            books.append(((sides[0], sides[1]), one))
        return books

    def _snapshot(self, result: dict[str, Any], book: Book, *, both: bool) -> None:
        ground = self._call().ground()
        rules = self._call().rules(ground)
        first = offers_in(ground.state, book[0], book[1], rules, limit=BOOK_LIMIT)
        if not both:
            result.setdefault("offers", []).extend(first)
            return
        result.setdefault("bids", []).extend(first)
        result.setdefault("asks", []).extend(offers_in(ground.state, book[1], book[0], rules, limit=BOOK_LIMIT))

    def _call(self) -> Call:
        return Call(self._node, {}, 2, True, self._faults)

    def _present_ledger(self) -> dict[str, Any]:
        return {} if self._faults.alone else self._ledger_figures(self._call().newest)

    def _ledger_figures(self, ledger: Ledger) -> dict[str, Any]:
        fees = self._node.fees
        return {
            "fee_base": fees.base,
            "ledger_hash": self._faults.hash_of(ledger.hash),
            "ledger_index": ledger.index,
            "ledger_time": ledger.close_time,
            "reserve_base": fees.reserve_base,
            "reserve_inc": fees.reserve_inc,
            "validated_ledgers": self._faults.complete(self._node.validated.index),
        }

    def _present_server(self) -> dict[str, Any]:
        factors = load_factors(self._call())
        return {
            "hostid": HOST,
            "load_base": factors["load_base"],
            "load_factor": factors["load_factor"],
            "pubkey_node": PUBLIC_KEY,
            "random": half(str(id(self)).encode()).hex().upper(),
            "server_status": "full",
            "stand_alone": True,
        }

    # -- telling ---

    def proposed(self, tx: Tx, result: str) -> None:
        mentioned = accounts_in(tx)
        for subscriber in tuple(self._subscribers):
            version = subscriber.streams.get("transactions_proposed")
            versions = [] if version is None else [version]
            versions += [subscriber.proposed[account] for account in mentioned if account in subscriber.proposed][
                :1
            ]
            for version in versions:
                subscriber.send(proposal(self._node, tx, result, version))

    def closed(self, ledger: Ledger) -> None:
        self._tell_load()
        told = self._node.history.get(ledger.index - self._faults.lag)
        stale = self._faults.stale_at is not None and ledger.index > self._faults.stale_at
        if told is None or stale or self._faults.alone:
            return
        for subscriber in tuple(self._subscribers):
            if "ledger" in subscriber.streams:
                figures = self._ledger_figures(told)
                subscriber.send({**figures, "txn_count": len(told.entered), "type": "ledgerClosed"})
        for one in told.entered:
            self._tell_transaction(one, told)

    def _tell_load(self) -> None:
        factors = load_factors(self._call())
        listening = [one for one in self._subscribers if "server" in one.streams]
        if not listening or factors == self._told_load:
            return
        self._told_load = factors
        message = {"base_fee": self._node.fees.base, **factors, "server_status": "full", "type": "serverStatus"}
        for subscriber in listening:
            subscriber.send(message)

    def _tell_transaction(self, one: Entered, ledger: Ledger) -> None:
        touched, books = touched_by(one.meta), books_touched(one)
        messages: dict[int, dict[str, Any]] = {}
        for subscriber in tuple(self._subscribers):
            for version in _reasons(subscriber, touched, books):
                if version not in messages:
                    messages[version] = validated(self._node, self._faults, one, ledger, version)
                subscriber.send(messages[version])


def _reasons(subscriber: Subscriber, touched: set[str], books: set[Book]) -> list[int]:
    """The version of each message that this subscriber gets of one transaction: one for every stream, one for its
    books and one for its accounts.
    """
    streams, accounts = subscriber.streams, {**subscriber.proposed, **subscriber.accounts}
    versions = [streams[name] for name in ("transactions", "transactions_proposed") if name in streams]
    versions += [version for book, version in subscriber.books.items() if book in books][:1]
    versions += [version for account, version in accounts.items() if account in touched][:1]
    return versions


def _names(params: dict[str, Any], name: str) -> list[str]:
    asked = params.get(name, [])
    if not isinstance(asked, list):
        raise fail("invalidParams")
    if not all(isinstance(one, str) for one in asked):
        raise fail("malformedStream")
    return asked


def _accounts(params: dict[str, Any], name: str) -> list[str]:
    asked = params.get(name, [])
    if not isinstance(asked, list):
        raise fail("invalidParams")
    known = all(isinstance(one, str) and is_valid_classic_address(one) for one in asked)
    if not known or (name in params and not asked):
        raise fail("actMalformed")
    return asked
