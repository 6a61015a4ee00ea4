"""The gateway to the XRP Ledger: one observation for each validated ledger, and what is sent between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.connecting.link import Answer, Closed, Link
from neo_core.gateways.xrpl.observing.observation import Known, Shown, Trader, observing
from neo_core.gateways.xrpl.sending.submission import Seen, Submission, load_of
from neo_core.model import Ack, Cancel, Observation, Offer, Place, Prepared

__all__ = ["XrplGateway"]


class XrplGateway:
    """What the link raises while it waits (a lost lease, a second signal) goes through."""

    def __init__(
        self,
        link: Link,
        submission: Submission,
        trader: Trader,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._submission = submission
        self._trader = trader
        self._monotonic = monotonic
        self._known = Known()
        self._last: int | None = None
        self._close: tuple[float, float] | None = None
        self._offers: tuple[Offer, ...] = ()
        self.shown: Shown | None = None
        """What the last observation showed, more of it than the engine asks for."""

    def observe(self, since: int | None) -> Observation:
        closed, shown = self._look(since)
        self._known, self.shown = shown.known, shown
        observation = self._finished(shown.observation, closed)
        self._close = observation.close_time, closed.received_at
        account = observation.account
        self._submission.learn(
            Seen(
                ledger_index=observation.ledger_index,
                close_time=observation.close_time,
                sequence=shown.sequence,
                base_fee=closed.fee_base,
                spare_drops=account.xrp_drops - account.reserve_drops,
                reserve_step_drops=account.reserve_step_drops,
                transactions=account.transactions,
                load=load_of(shown.extra),
            )
        )
        self._submission.resend(self._link)
        return observation

    def now(self) -> float:
        """By the ledger's time, as far as one was seen: this machine's clock may be off."""
        if self._close is None:
            return self._link.now()
        close_time, received_at = self._close
        return close_time + self._monotonic() - received_at

    def prepare(self, intents: Sequence[Place | Cancel]) -> tuple[Prepared, ...]:
        return self._submission.prepare(intents)

    def send(self, prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        return self._submission.send(self._link, prepared)

    def close(self) -> None:
        self._link.close()

    def _look(self, since: int | None) -> tuple[Closed, Shown]:
        """Starts over, once, if the link goes on to another node on the way: what two nodes say is never mixed."""
        last = self._last
        for _ in range(2):
            closed = self._link.next_ledger(since if last is None else last)
            # Even if it cannot be read: the same ledger asked again at once would fail again at once.
            self._last = closed.ledger_index
            shown = self._ask(closed, since)
            if shown is not None:
                return closed, shown
        raise ObservationFailed(
            "the node was changed twice during one observation: look at the nodes and the network"
        )

    def _ask(self, closed: Closed, since: int | None) -> Shown | None:
        """None: another node answered than the one that announced the ledger."""
        link = self._link
        node = link.node
        asking = observing(self._trader, closed, since, node, self._known, self._submission.questions())
        answers: Sequence[Answer] | None = None
        while True:
            try:
                requests = next(asking) if answers is None else asking.send(answers)
            except StopIteration as done:
                shown: Shown = done.value
                return shown
            except ObservationFailed as error:
                link.distrust(error)
                raise
            answers = link.ask(requests)
            if link.node != node:
                return None

    def _finished(self, observation: Observation, closed: Closed) -> Observation:
        """With what the clock says of the ledger's age; offers that stayed the same are told by the same tuple."""
        account, health = observation.account, observation.health
        if account.offers == self._offers:
            account = replace(account, offers=self._offers)
        self._offers = account.offers
        age = max(health.ledger_age_seconds, self._monotonic() - closed.received_at)
        return replace(observation, account=account, health=replace(health, ledger_age_seconds=age))
