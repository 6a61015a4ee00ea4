"""A ledger for one wallet, which treats its offers as the real one does.

What is sent takes effect in the next ledger, among the trades of others and in no promised place: a cancel can
come too late. A ledger that did something to the wallet is in the wallet's file before anybody hears of it.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from hashlib import sha256
from math import ceil
from pathlib import Path

from neo_core.gateways.paper_journal import Entry, Journal, Opening, load
from neo_core.gateways.paper_wallet import EXACT, LEDGER_SECONDS, PaperWallet, Resting, rest, retell
from neo_core.markets.base import MarketTick
from neo_core.model import DROPS, Cancel, Offer, OfferEvent, Order, OwnTransaction, Place, Prepared, Side

__all__ = ["LEDGER_SECONDS", "PaperLedger"]

_WIDE = Context(prec=60)
_TRILLIONTH = Decimal("1e-12")  # what a share of an offer is rounded to
_NOTHING = Decimal(0)
_WHATEVER_COMES = 10**18
_NO_BID, _NO_ASK = 0.0, 1e300


class PaperLedger(PaperWallet):
    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._journal: Journal | None = None
        self._salt = f"{opening.account}/{opening.seed}"
        self._pending: list[Prepared] = []
        self._transactions: list[OwnTransaction] = []
        self._events: list[OfferEvent] = []
        self._expirations: dict[int, float] = {}

    @classmethod
    def open(cls, path: Path | None, opening: Opening) -> PaperLedger:
        """The wallet that the file holds; if it holds none yet, a new one. No path: a new one, in memory."""
        if path is None:
            return cls(opening)
        recorded, entries, whole = load(path)
        ledger = cls(recorded or opening)
        retell(ledger, entries, path)
        ledger._journal = Journal(path, whole)
        if recorded is None:
            ledger._record(opening)
        return ledger

    @property
    def next_sequence(self) -> int:
        """The sequence of the next transaction, behind those that wait for a ledger."""
        return self.sequence + len(self._pending)

    def hash_of(self, intent: Place | Cancel, sequence: int, last_ledger: int) -> str:
        if isinstance(intent, Cancel):
            content = f"cancel/{intent.sequence}"
        else:
            order = intent.order
            content = f"{order.side}/{order.drops}/{order.rlusd}/{order.expires_at}"
        return self._hash(f"own/{sequence}/{last_ledger}/{content}")

    def submit(self, prepared: Prepared) -> str:
        """Takes a transaction for the next ledger: an empty code. Any other code: it will be in no ledger."""
        code = self._objection(prepared)
        if not code:
            self._pending.append(prepared)
        return code

    def close(self, tick: MarketTick) -> None:
        """Closes the next ledger, on this market."""
        parent_close = self.close_time
        self.index += 1
        self.close_time = parent_close + LEDGER_SECONDS
        bid = _NO_BID if tick.bid is None else tick.bid
        ask = _NO_ASK if tick.ask is None else tick.ask
        if not self._pending and not self._meets(tick, bid, ask):
            return
        trades = self._trades(tick, bid, ask)
        turn = self._turn(len(trades)) if self._pending else -1
        for number, (side, drops, limit) in enumerate(trades):
            if number == turn:
                self._apply_pending(bid, ask, parent_close)
            self._trade(side, drops, limit, number, parent_close)
        if turn == len(trades):
            self._apply_pending(bid, ask, parent_close)
        if self._events or self._transactions:
            self._commit()

    def shut(self) -> None:
        if self._journal is not None:
            self._journal.close()

    # --- the trades of others --------------------------------------------------------------------------

    def _meets(self, tick: MarketTick, bid: float, ask: float) -> bool:
        if ask <= self.best_buy or bid >= self.best_sell:
            return True
        for taker in tick.takers:
            if (self.best_buy >= bid) if taker.side is Side.SELL else (self.best_sell <= ask):
                return True
        return False

    def _trades(self, tick: MarketTick, bid: float, ask: float) -> list[tuple[Side, int, float]]:
        """Who trades, how much, down to which price. A market that moves through an own offer takes it all."""
        trades = [(taker.side, taker.drops, bid if taker.side is Side.SELL else ask) for taker in tick.takers]
        if ask <= self.best_buy:
            trades.insert(0, (Side.SELL, _WHATEVER_COMES, ask))
        if bid >= self.best_sell:
            trades.insert(0, (Side.BUY, _WHATEVER_COMES, bid))
        return trades

    def _turn(self, trades: int) -> int:
        """Before which of the trades our transactions come: nobody can know it before the ledger closes."""
        if not trades:
            return 0
        digest = sha256(f"{self._salt}/order/{self.index}".encode()).digest()
        return int.from_bytes(digest[:4], "big") % (trades + 1)

    def _trade(self, side: Side, drops: int, limit: float, number: int, parent_close: float) -> None:
        tx_hash = self._hash(f"other/{self.index}/{number}")
        for own in self.best_first(side.opposite):
            if drops <= 0 or not _accepts(side, own.price, limit):
                return
            if _expired(own, parent_close):
                self._remove(own.offer, tx_hash, "expired")
            else:
                drops -= self._fill(own, drops, tx_hash)

    def _fill(self, own: Resting, wanted: int, tx_hash: str) -> int:
        """Fills as much of an own offer as is wanted and funded. Answers the drops that moved."""
        offer = own.offer
        bought = offer.side is Side.BUY
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

    def _objection(self, prepared: Prepared) -> str:
        intent = prepared.intent
        if prepared.sequence < self.next_sequence:
            return "tefPAST_SEQ"
        if prepared.sequence > self.next_sequence:
            return "terPRE_SEQ"
        if prepared.last_ledger <= self.index:
            return "tefMAX_LEDGER"
        if self.xrp_drops < self.opening.fee_drops * (1 + len(self._pending)):
            return "terINSUF_FEE_B"
        if isinstance(intent, Cancel):
            return "" if 0 < intent.sequence < prepared.sequence else "temBAD_SEQUENCE"
        return "" if intent.order.drops > 0 and intent.order.rlusd > 0 else "temBAD_OFFER"

    def _apply_pending(self, bid: float, ask: float, parent_close: float) -> None:
        pending, self._pending = self._pending, []
        for prepared in pending:
            intent = prepared.intent
            result = "tesSUCCESS"
            if isinstance(intent, Place):
                result = self._create(intent.order, prepared, bid, ask, parent_close)
            elif intent.sequence in self._resting:
                self._remove(self._resting[intent.sequence].offer, prepared.tx_hash, "cancelled")
            transaction = OwnTransaction(
                prepared.tx_hash, self.index, prepared.sequence, self.opening.fee_drops, result
            )
            self._transactions.append(transaction)
            self.pay(transaction)

    def _create(self, order: Order, prepared: Prepared, bid: float, ask: float, parent_close: float) -> str:
        side, tx_hash = order.side, prepared.tx_hash
        offer = Offer(prepared.sequence, side, order.drops, order.rlusd)
        own = rest(offer, order.expires_at)
        if (self.rlusd if side is Side.BUY else self.xrp_drops - self.reserve_drops) <= 0:
            return "tecUNFUNDED_OFFER"
        if _expired(own, parent_close):
            return "tecEXPIRED"
        market = ask if side is Side.BUY else bid
        crosses = _accepts(side, market, own.price)
        # The market has more than we want at its best price: own offers behind that price are not reached.
        reach = market if crosses else own.price
        for older in self.best_first(side.opposite):
            if not _accepts(side, older.price, reach):
                break
            cause = "expired" if _expired(older, parent_close) else "self_cross"
            self._remove(older.offer, tx_hash, cause)
        if crosses:
            self._cross(offer, tx_hash, Decimal(repr(market)))
            return "tesSUCCESS"
        if self.xrp_drops < self.reserve_drops + self.opening.reserve_step_drops:
            return "tecINSUF_RESERVE_OFFER"
        if order.expires_at is not None:
            self._expirations[prepared.sequence] = order.expires_at
        self._event("placed", tx_hash, offer, 0, _NOTHING, offer.drops, offer.rlusd)
        return "tesSUCCESS"

    def _cross(self, offer: Offer, tx_hash: str, price: Decimal) -> None:
        """Trades at the market's price until the offer has received what it asks for, or the funds are gone."""
        if offer.side is Side.BUY:
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
        self._event("removed", tx_hash, offer, 0, _NOTHING, offer.drops, offer.rlusd, cause)

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
        self.book(happened, self._expirations)

    def _commit(self) -> None:
        entry = Entry(self.index, tuple(self._transactions), tuple(self._events), self._expirations)
        self._transactions, self._events, self._expirations = [], [], {}
        self._entries.append(entry)
        self.look()
        self._record(entry)

    def _record(self, line: Opening | Entry) -> None:
        if self._journal is not None:
            self._journal.append(line)

    def _hash(self, what: str) -> str:
        return sha256(f"{self._salt}/{what}".encode()).hexdigest().upper()


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
    return price <= limit if side is Side.BUY else price >= limit


def _expired(own: Resting, parent_close: float) -> bool:
    return own.expires_at is not None and own.expires_at <= parent_close
