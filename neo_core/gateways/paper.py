"""A gateway to a paper ledger: the same questions and answers as the real one, on a simulated clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from neo_core.errors import ObservationFailed, RecordingEnded
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.markets.base import MarketTick
from neo_core.model import (
    Account,
    Ack,
    AckOutcome,
    Cancel,
    Health,
    Market,
    Observation,
    Place,
    Prepared,
)

__all__ = ["PaperGateway"]

LEDGERS_TO_LIVE = 4


class PaperGateway:
    """Each observation closes one ledger. `pace` is called before it, to let real time pass."""

    def __init__(
        self, ledger: PaperLedger, market: Iterator[MarketTick], pace: Callable[[], None] | None = None
    ) -> None:
        self._ledger = ledger
        self._market = market
        self._pace = pace
        self._well = Health(fee_drops=ledger.opening.fee_drops)

    def observe(self, since: int | None) -> Observation:
        """With `since` None nothing of the past is told: the wallet of this ledger is the beginning."""
        if self._pace is not None:
            self._pace()
        ledger = self._ledger
        if since is not None and since > ledger.index:
            ledger.reach(since)  # it was seen, but nothing happened in it that the file would tell
        tick = next(self._market, None)
        if tick is None:
            raise RecordingEnded("the market has no further ledger to show")
        ledger.close(tick)
        if tick.failure:
            raise ObservationFailed(tick.failure)
        index = ledger.index
        if since is None:
            since = index
        ledger.forget(since)
        events, transactions = ledger.history(since)
        return Observation(
            index,
            ledger.close_time,
            Market(tick.bid, tick.ask, tick.amm_price),
            Account(
                ledger.xrp_drops,
                ledger.rlusd,
                ledger.reserve_drops,
                ledger.opening.reserve_step_drops,
                ledger.offers,
                events,
                transactions,
                max(since + 1, ledger.remembers_from),
            ),
            self._health(tick),
        )

    def now(self) -> float:
        return self._ledger.close_time

    def prepare(self, intents: Sequence[Place | Cancel]) -> tuple[Prepared, ...]:
        ledger = self._ledger
        last_ledger = ledger.index + LEDGERS_TO_LIVE
        return tuple(
            Prepared(intent, sequence, ledger.hash_of(intent, sequence, last_ledger), last_ledger)
            for sequence, intent in enumerate(intents, ledger.next_sequence)
        )

    def send(self, prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        return tuple(self._sent(one, self._ledger.submit(one)) for one in prepared)

    def close(self) -> None:
        self._ledger.shut()

    def _health(self, tick: MarketTick) -> Health:
        if tick.cannot_trade is None and not tick.ledger_age_seconds:
            return self._well
        return Health(tick.ledger_age_seconds, fee_drops=self._well.fee_drops, cannot_trade=tick.cannot_trade)

    @staticmethod
    def _sent(prepared: Prepared, code: str) -> Ack:
        intent = prepared.intent
        cancel = isinstance(intent, Cancel)
        order_id = intent.order_id if isinstance(intent, Cancel) else intent.order.id
        return Ack(order_id, cancel, AckOutcome.REFUSED if code else AckOutcome.SENT, code)
