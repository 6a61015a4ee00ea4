"""A ledger for one wallet, which treats its offers as the real one does.

What is sent takes effect in the next ledger, among the trades of others and in no promised place: a cancel can
come too late. A ledger that did something to the wallet is in the wallet's file before anybody hears of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from hashlib import sha256
from math import ceil
from pathlib import Path

from neo_core.gateways.paper_journal import Entry, Journal, Opening, load
from neo_core.gateways.paper_wallet import EXACT, LEDGER_SECONDS, PaperWallet, Resting, price_of, retell
from neo_core.markets.base import MarketTick, Taker
from neo_core.model import DROPS, Cancel, Offer, OfferEvent, OwnTransaction, Place, Prepared, Side

__all__ = ["LEDGER_SECONDS", "PaperLedger"]

_WIDE = Context(prec=60)
_TRILLIONTH = Decimal("1e-12")  # what a share of an offer is rounded to
_NOTHING = Decimal(0)
_WHATEVER_COMES = 10**18
_NO_BID, _NO_ASK = 0.0, 1e300
_BUY, _SELL = Side.BUY, Side.SELL


class PaperLedger(PaperWallet):
    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._journal: Journal | None = None
        self._salt = f"{opening.account}/{opening.seed}"
        self._name = sha256(self._salt.encode()).hexdigest()[:40].upper()
        self._pending: list[Prepared] = []
        self._transactions: list[OwnTransaction] = []
        self._events: list[OfferEvent] = []
        self._expirations: dict[int, float] = {}
        self._withdrawn_drops = 0

    @classmethod
    def open(cls, path: Path | None, opening: Opening) -> PaperLedger:
        """The wallet that the file holds; if it holds none yet, a new one. No path: a new one, in memory."""
        if path is None:
            return cls(opening)
        recorded, entries, whole, size = load(path)
        ledger = cls(recorded or opening)
        retell(ledger, entries, path)
        ledger._journal = Journal(path, whole, size)
        if recorded is None:
            ledger._journal.append(opening)
        return ledger

    @property
    def next_sequence(self) -> int:
        """The sequence of the next transaction, behind those that wait for a ledger."""
        return self.sequence + len(self._pending)

    def prepare(self, intents: Sequence[Place | Cancel], last_ledger: int) -> tuple[Prepared, ...]:
        """Gives sequences and hashes. A hash is made of what nothing else has: an account uses a sequence once."""
        prepared, ending = [], f"{last_ledger:012X}{self._name}"
        for sequence, intent in enumerate(intents, self.next_sequence):
            kind = "A" if isinstance(intent, Place) else "C"
            prepared.append(Prepared(intent, sequence, f"{kind}{sequence:011X}{ending}", last_ledger))
        return tuple(prepared)

    def submit(self, prepared: Prepared) -> str:
        """Takes a transaction for the next ledger: an empty code. Any other code: it will be in no ledger."""
        intent, sequence, waiting = prepared.intent, prepared.sequence, len(self._pending)
        expected = self.sequence + waiting
        if sequence != expected:
            return "tefPAST_SEQ" if sequence < expected else "terPRE_SEQ"
        if prepared.last_ledger <= self.index:
            return "tefMAX_LEDGER"
        if self.xrp_drops < self.opening.fee_drops * (1 + waiting):
            return "terINSUF_FEE_B"
        if isinstance(intent, Place):
            if intent.drops <= 0 or intent.rlusd <= _NOTHING:
                return "temBAD_OFFER"
            if not 0 <= intent.replaces < sequence:
                return "temBAD_SEQUENCE"
        elif not 0 < intent.sequence < sequence:
            return "temBAD_SEQUENCE"
        self._pending.append(prepared)
        return ""

    def close(self, tick: MarketTick) -> None:
        """Closes the next ledger, on this market."""
        parent_close = self.close_time
        self.index += 1
        self.close_time = parent_close + LEDGER_SECONDS
        bid, ask = tick.bid, tick.ask
        if bid is None:
            bid = _NO_BID
        if ask is None:
            ask = _NO_ASK
        if tick.withdrawal_drops:
            self._withdraw(tick.withdrawal_drops)
        if tick.takers or ask <= self.best_buy or bid >= self.best_sell:
            self._trades(tick.takers, bid, ask, parent_close)
        elif self._pending:
            self._apply_pending(bid, ask, parent_close)
        elif not self._withdrawn_drops:
            return
        if self._events or self._transactions or self._withdrawn_drops:
            self._commit()

    def shut(self) -> None:
        if self._journal is not None:
            self._journal.close()

    def _withdraw(self, drops: int) -> None:
        """Somebody else who has the key takes XRP, as far as the reserve allows. Nothing tells us of it."""
        self._withdrawn_drops = max(0, min(drops, self.xrp_drops - self.reserve_drops))
        self.xrp_drops -= self._withdrawn_drops

    # --- the trades of others --------------------------------------------------------------------------

    def _trades(self, takers: Sequence[Taker], bid: float, ask: float, parent_close: float) -> None:
        """Trades in order, and ours somewhere between. A market that moves through an own offer takes it all."""
        trades = [(taker.side, taker.drops) for taker in takers]
        if ask <= self.best_buy:
            trades.insert(0, (_SELL, _WHATEVER_COMES))
        if bid >= self.best_sell:
            trades.insert(0, (_BUY, _WHATEVER_COMES))
        turn = self._turn(len(trades)) if self._pending else -1
        for number, (side, drops) in enumerate(trades):
            if number == turn:
                self._apply_pending(bid, ask, parent_close)
            if (self.best_buy >= bid) if side is _SELL else (self.best_sell <= ask):
                self._trade(side, drops, bid if side is _SELL else ask, number, parent_close)
        if turn == len(trades):
            self._apply_pending(bid, ask, parent_close)

    def _turn(self, trades: int) -> int:
        """Before which of the trades our transactions come: nobody can know it before the ledger closes."""
        digest = sha256(f"{self._salt}/order/{self.index}".encode()).digest()
        return int.from_bytes(digest[:4], "big") % (trades + 1)

    def _trade(self, side: Side, drops: int, limit: float, number: int, parent_close: float) -> None:
        tx_hash = f"F{self.index:011X}{number:012X}{self._name}"
        for own in self.best_first(_BUY if side is _SELL else _SELL):
            if drops <= 0 or not _accepts(side, own.price, limit):
                return
            if _expired(own.expires_at, parent_close):
                self._remove(own.offer, tx_hash, "expired")
            else:
                drops -= self._fill(own, drops, tx_hash)

    def _fill(self, own: Resting, wanted: int, tx_hash: str) -> int:
        """Fills as much of an own offer as is wanted and funded. Answers the drops that moved."""
        offer = own.offer
        bought = offer.side is _BUY
        funds = self.rlusd if bought else self.xrp_drops - self.reserve_drops
        if funds <= 0:
            self._remove(offer, tx_hash, "unfunded_or_dust")
            return 0
        drops = min(wanted, offer.drops)
        if bought:
            rlusd = _share(own, drops, ROUND_FLOOR)
            if rlusd > funds:
                rlusd = self.rlusd
                drops = min(drops, ceil(_WIDE.divide(_WIDE.multiply(rlusd, own.drops), own.rlusd)))
        else:
            drops = min(drops, self.xrp_drops - self.reserve_drops)
            rlusd = _share(own, drops, ROUND_CEILING)
        rest_drops, rest_rlusd = offer.drops - drops, EXACT.subtract(offer.rlusd, rlusd)
        if not rest_drops or not rest_rlusd:
            self._event("filled", tx_hash, offer, drops, rlusd)
        elif (rlusd if bought else drops) == funds:
            self._event("removed", tx_hash, offer, drops, rlusd, rest_drops, rest_rlusd, "funds_used_up")
        else:
            self._event("partial_fill", tx_hash, offer, drops, rlusd, rest_drops, rest_rlusd)
        return drops

    # --- our own transactions --------------------------------------------------------------------------

    def _apply_pending(self, bid: float, ask: float, parent_close: float) -> None:
        fee_drops = self.opening.fee_drops
        for prepared in self._pending:
            intent, tx_hash, result = prepared.intent, prepared.tx_hash, "tesSUCCESS"
            if isinstance(intent, Place):
                result = self._create(intent, prepared.sequence, tx_hash, bid, ask, parent_close)
            else:
                own = self._resting.get(intent.sequence)
                if own is not None:
                    self._remove(own.offer, tx_hash, "cancelled")
            transaction = OwnTransaction(tx_hash, self.index, prepared.sequence, fee_drops, result)
            self._transactions.append(transaction)
            self.pay(transaction)
        self._pending.clear()

    def _create(self, new: Place, sequence: int, tx_hash: str, bid: float, ask: float, parent_close: float) -> str:
        side, price = new.side, price_of(new.drops, new.rlusd)
        if side is _BUY:
            funded, market, crosses = self.rlusd > _NOTHING, ask, price >= ask
        else:
            funded, market, crosses = self.xrp_drops > self.reserve_drops, bid, price <= bid
        if not funded:
            return "tecUNFUNDED_OFFER"
        drops, rlusd, expires_at = new.drops, new.rlusd, new.expires_at
        if _expired(expires_at, parent_close):
            return "tecEXPIRED"
        # The market has more than we want at its best price: own offers behind that price are not reached.
        reach = market if crosses else price
        if (self.best_sell <= reach) if side is _BUY else (self.best_buy >= reach):
            self._make_way(side, reach, tx_hash, parent_close)
        replaced = self._resting.get(new.replaces)
        if not crosses:
            needed = self.reserve_drops if replaced is not None else self.reserve_drops + self.reserve_step_drops
            if self.xrp_drops < needed:
                return "tecINSUF_RESERVE_OFFER"  # and the offer that it was to replace stays
        if replaced is not None:
            self._remove(replaced.offer, tx_hash, "replaced")
        offer = Offer(sequence, side, drops, rlusd, expires_at)
        if crosses:
            self._cross(offer, tx_hash, Decimal(repr(market)))
            return "tesSUCCESS"
        if expires_at is not None:
            self._expirations[sequence] = expires_at
        self._events.append(OfferEvent("placed", tx_hash, self.index, sequence, side, 0, _NOTHING, drops, rlusd))
        self.rest(Resting(offer, price, drops, rlusd, expires_at))
        return "tesSUCCESS"

    def _make_way(self, side: Side, reach: float, tx_hash: str, parent_close: float) -> None:
        """A new offer removes the own offers that it would take."""
        for older in self.best_first(_SELL if side is _BUY else _BUY):
            if not _accepts(side, older.price, reach):
                return
            cause = "expired" if _expired(older.expires_at, parent_close) else "self_cross"
            self._remove(older.offer, tx_hash, cause)

    def _cross(self, offer: Offer, tx_hash: str, price: Decimal) -> None:
        """Trades at the market's price until the offer has received what it asks for, or the funds are gone."""
        if offer.side is _BUY:
            drops = offer.drops
            rlusd = min(offer.rlusd, _worth(drops, price, ROUND_CEILING))
            funded = rlusd <= self.rlusd
            if not funded:
                rlusd, drops = self.rlusd, int(_bought(self.rlusd, price))
        else:
            spendable = self.xrp_drops - self.reserve_drops
            rlusd = offer.rlusd
            drops = min(offer.drops, ceil(_bought(rlusd, price)))
            funded = drops <= spendable
            if not funded:
                drops, rlusd = spendable, _worth(spendable, price, ROUND_FLOOR)
        if funded:
            self._event("filled", tx_hash, offer, drops, rlusd)
            return
        rest_drops, rest_rlusd = offer.drops - drops, EXACT.subtract(offer.rlusd, rlusd)
        self._event("removed", tx_hash, offer, drops, rlusd, rest_drops, rest_rlusd, "funds_used_up")

    # --- on record -------------------------------------------------------------------------------------

    def _remove(self, offer: Offer, tx_hash: str, cause: str) -> None:
        sequence = offer.sequence
        self._events.append(
            OfferEvent(
                "removed", tx_hash, self.index, sequence, offer.side, 0, _NOTHING, offer.drops, offer.rlusd, cause
            )
        )
        self.gone(sequence)

    def _event(
        self,
        event: str,
        tx_hash: str,
        offer: Offer,
        drops: int,
        rlusd: Decimal,
        rest_drops: int = 0,
        rest_rlusd: Decimal = _NOTHING,
        cause: str = "",
    ) -> None:
        happened = OfferEvent(
            event, tx_hash, self.index, offer.sequence, offer.side, drops, rlusd, rest_drops, rest_rlusd, cause
        )
        self._events.append(happened)
        self.book(happened)

    def _commit(self) -> None:
        entry = Entry(
            self.index, tuple(self._transactions), tuple(self._events), self._expirations, self._withdrawn_drops
        )
        self._transactions, self._events, self._expirations, self._withdrawn_drops = [], [], {}, 0
        self.entries.append(entry)
        self.look()
        if self._journal is not None:
            self._journal.append(entry)


def _share(own: Resting, drops: int, rounding: str) -> Decimal:
    """The RLUSD that move with these drops. The last drops of an offer take with them what is left."""
    if drops == own.offer.drops:
        return own.offer.rlusd
    share = _WIDE.divide(_WIDE.multiply(own.rlusd, drops), own.drops)
    return min(own.offer.rlusd, share.quantize(_TRILLIONTH, rounding, _WIDE))


def _worth(drops: int, price: Decimal, rounding: str) -> Decimal:
    return _WIDE.divide(_WIDE.multiply(price, drops), DROPS).quantize(_TRILLIONTH, rounding, _WIDE)


def _bought(rlusd: Decimal, price: Decimal) -> Decimal:
    """The drops that so much buys."""
    return _WIDE.divide(_WIDE.multiply(rlusd, DROPS), price)


def _accepts(side: Side, price: float, limit: float) -> bool:
    return price <= limit if side is _BUY else price >= limit


def _expired(expires_at: float | None, parent_close: float) -> bool:
    return expires_at is not None and expires_at <= parent_close
