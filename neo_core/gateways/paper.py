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
_SENT, _REFUSED = AckOutcome.SENT, AckOutcome.REFUSED


class PaperGateway:
    """Each observation closes one ledger. `pace` is called before it, to let real time pass.

    With `proves_fills` False nobody is told what happened to an offer, only which offers there are: the ledger and
    its file stay the same.
    """

    def __init__(
        self,
        ledger: PaperLedger,
        market: Iterator[MarketTick],
        pace: Callable[[], None] | None = None,
        *,
        proves_fills: bool = True,
    ) -> None:
        self._ledger = ledger
        self._market = market
        self._pace = pace
        self._proves_fills = proves_fills
        self._well = Health(fee_drops=ledger.opening.fee_drops)
        self._quiet: Account | None = None

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
        account = self._quiet
        if account is None or ledger.entries:
            account = self._account(ledger.index if since is None else since)
        return Observation(
            ledger.index,
            ledger.close_time,
            Market(tick.bid, tick.ask, tick.amm_price),
            account,
            self._well if tick.cannot_trade is None and not tick.ledger_age_seconds else self._unwell(tick),
        )

    def now(self) -> float:
        return self._ledger.close_time

    def prepare(self, intents: Sequence[Place | Cancel]) -> tuple[Prepared, ...]:
        return self._ledger.prepare(intents, self._ledger.index + LEDGERS_TO_LIVE)

    def send(self, prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        acks = []
        for one in prepared:
            intent, code = one.intent, self._ledger.submit(one)
            acks.append(Ack(intent.order_id, not isinstance(intent, Place), _REFUSED if code else _SENT, code))
        return tuple(acks)

    def close(self) -> None:
        self._ledger.shut()

    def _account(self, since: int) -> Account:
        """The wallet, and what happened to it. While nothing does, the same one is shown again: it covers more."""
        ledger = self._ledger
        events, transactions = ledger.history(since)
        if not self._proves_fills:
            events = ()
        account = Account(
            ledger.xrp_drops,
            ledger.rlusd,
            ledger.reserve_drops,
            ledger.reserve_step_drops,
            ledger.offers,
            events,
            transactions,
            since + 1 if since >= ledger.remembers_from else ledger.remembers_from,
            self._proves_fills,
        )
        self._quiet = None if events or transactions else account
        return account

    def _unwell(self, tick: MarketTick) -> Health:
        return Health(tick.ledger_age_seconds, fee_drops=self._well.fee_drops, cannot_trade=tick.cannot_trade)
