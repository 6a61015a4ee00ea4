"""A live session: nodes, a key and an account of the XRP Ledger. What needs its library is imported when used."""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neo_core.config import LiveConfig, Settings
from neo_core.errors import LeaseLost, ObservationFailed, StoreError
from neo_core.gateways.base import Gateway
from neo_core.markets import Scenario
from neo_core.model import DROPS, Observation
from neo_core.operators import Operator
from neo_core.store import Opened, Store

Tell = Callable[[str, str], None]
"""The kind of what happened, and a sentence about it."""

if TYPE_CHECKING:
    from neo_core.gateways.xrpl.connecting.link import Link
    from neo_core.gateways.xrpl.keys.signing import Signer
    from neo_core.gateways.xrpl.observing.observation import Trader

__all__ = ["Live", "Tell", "link_to", "signer_for", "trader_of"]

NUMBERS = re.compile(r"[0-9]+")


def signer_for(live: LiveConfig) -> Signer:
    """The key that signs, made of its seed."""
    from neo_core.gateways.xrpl.keys.secrets import seed_from
    from neo_core.gateways.xrpl.keys.signing import signer_of

    name, where = live.seed_source
    return signer_of(seed_from(**{name: where}))


def trader_of(live: LiveConfig, account: str, signer: str, min_book_xrp: float = 0.0) -> Trader:
    from neo_core.gateways.xrpl.observing.observation import Trader
    from neo_core.gateways.xrpl.observing.questions import Pair

    assert live.issued_by is not None  # else the configuration was refused
    return Trader(account, signer, Pair(live.currency_code, live.issued_by), round(min_book_xrp * DROPS))


def link_to(
    live: LiveConfig,
    nodes: Sequence[str] | None = None,
    *,
    network_id: int | None = None,
    idle: Callable[[], None] = lambda: None,
    alive: Callable[[], None] = lambda: None,
    brief: bool = False,
) -> Link:
    """To the nodes of the configuration, or to these. With a `network_id`, others are refused.

    `brief`: a person waits for the answer, so that no node gets more time than one request has.
    """
    from neo_core.gateways.xrpl.connecting.link import Limits
    from neo_core.gateways.xrpl.connecting.nodes import Nodes

    limits = Limits(
        ledger_timeout_seconds=min(
            live.ledger_timeout_seconds, live.request_timeout_seconds if brief else math.inf
        ),
        request_timeout_seconds=live.request_timeout_seconds,
        poll_seconds=live.poll_seconds,
    )
    urls = live.nodes if nodes is None else nodes
    return Nodes(urls, network_id=network_id, jitter=random.random, idle=idle, alive=alive, limits=limits)


class Live:
    """What a live session trades on. The key is read before the session begins: none begins without."""

    scenario: Scenario | None = None
    played: Mapping[str, Any] = {}

    def __init__(self, settings: Settings, store: Store, *, alone: bool) -> None:
        self._settings = settings
        self._store = store
        self._alone = alone
        self._signer = signer_for(settings.live)
        self.account = settings.live.account or self._signer.address

    def gateway(self, opened: Opened, operator: Operator, tell: Tell) -> Gateway:
        from neo_core.gateways.xrpl.gateway import XrplGateway
        from neo_core.gateways.xrpl.sending.submission import Submission, Terms

        live, account = self._settings.live, self.account
        trader = trader_of(live, account, self._signer.address, self._settings.quoting.min_book_xrp)
        terms = Terms(
            currency=trader.pair.currency,
            issuer=trader.pair.issuer,
            network_id=live.network_id,
            last_ledger_offset=live.last_ledger_offset,
            max_fee_drops=live.max_fee_drops,
            max_cancel_fee_drops=live.max_cancel_fee_drops,
            tickets_for_cancel=live.tickets_for_cancel,
            order_ttl_seconds=self._settings.quoting.order_ttl_seconds,
        )
        closing = self._settings.shutdown.max_seconds
        idle = Idle(operator, self._store, opened.state.session, closing, alone=self._alone)
        link = link_to(live, network_id=live.network_id, idle=idle, alive=idle.while_sending)
        gateway = XrplGateway(link, Submission(account, self._signer, terms), trader)
        return Watched(gateway, link, tell, idle)

    def shut(self) -> None:
        """Nothing is connected before the gateway is asked for the first ledger."""


class NotWaitedFor(ObservationFailed):
    """Somebody wants the session to end, and that needs no new ledger."""


class Watched:
    """A gateway whose failures are told, each once, and so is the end of them and every change of the node."""

    def __init__(self, gateway: Gateway, link: Link, tell: Tell, idle: Idle) -> None:
        self._gateway = gateway
        self._idle = idle
        self._link = link
        self._tell = tell
        self._node = link.node
        self._failed = ""
        self.now = gateway.now
        self.prepare = gateway.prepare
        self.send = gateway.send
        self.close = gateway.close

    def observe(self, since: int | None) -> Observation:
        try:
            observation = self._gateway.observe(since)
        except NotWaitedFor:
            raise
        except ObservationFailed as error:
            kind = NUMBERS.sub("", str(error))  # the same again, but for another ledger, is nothing new
            if kind != self._failed:
                self._failed = kind
                self._tell("observation_failed", f"the ledger is not seen: {error}")
            raise
        self._idle.ledger_came()
        if self._failed:
            self._failed = ""
            self._tell("observation_recovered", f"the ledger is seen again, from {self._link.node}")
        elif self._link.node != self._node:
            self._tell("node_changed", f"{self._link.node} is asked from now on, instead of {self._node}")
        self._node = self._link.node
        return observation


class Idle:
    """What goes on while a ledger is waited for: signs of life, and whoever wants the session to end is heard.

    That ends the wait: cancels need no new ledger. Then ledgers are waited for until `shutdown.max_seconds` have
    passed. But the first ledger is waited for in any case, since without it nobody knows what there is to cancel;
    `alone` is a session that has nothing else to do.
    """

    def __init__(
        self, operator: Operator, store: Store, session: int, closing_seconds: float, *, alone: bool
    ) -> None:
        self._operator = operator
        self._store = store
        self._session = session
        self._closing_seconds = closing_seconds
        self._alone = alone
        self._closed_at: float | None = None

    def ledger_came(self) -> None:
        if self._closed_at is not None:
            self._closed_at = time.monotonic() + self._closing_seconds

    def __call__(self) -> None:
        asked = self._heard()
        if self._operator.insists:
            raise NotWaitedFor("a second signal came while waiting for the next ledger")
        if self._closed_at is not None:
            if time.monotonic() >= self._closed_at:
                raise NotWaitedFor("no ledger came while the session was closing")
            return
        if asked is not None:
            self._closed_at = time.monotonic() + self._closing_seconds
            raise NotWaitedFor(f"the next ledger is not waited for: {asked}")

    def while_sending(self) -> None:
        """Answers to what has left are waited for, until somebody insists."""
        try:
            self._store.beat()
        except LeaseLost:
            raise
        except StoreError:
            pass  # the session will find out itself
        if self._operator.insists:
            raise NotWaitedFor("a second signal came while answers were waited for")

    def _heard(self) -> str | None:
        """Who wants the session to end. What the database cannot tell now, the session will find out itself."""
        try:
            self._store.beat()
            asked = None if self._alone else self._operator.ending()
            return None if asked is None or self._store.first_tick_at(self._session) is None else asked
        except LeaseLost:
            raise
        except StoreError:
            return None
