"""From the answers about one validated ledger to an observation of it. Nothing here talks to a server.

`observing` is a generator: it yields all requests of one round trip at once, is sent their answers, and returns
what they show. Every answer has to be of the one ledger that was announced; what is not ends the observation.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import msgspec

from neo_core.errors import ObservationFailed, UnreadableTransaction
from neo_core.gateways.xrpl.connecting.link import RIPPLE_EPOCH, Answer, Closed, Request
from neo_core.gateways.xrpl.observing import questions as ask
from neo_core.gateways.xrpl.observing.answers import Pin, drops, error_of, fields, number, shown
from neo_core.gateways.xrpl.observing.book import BookSide, pool_price
from neo_core.gateways.xrpl.observing.history import Pages, first_of_run
from neo_core.gateways.xrpl.observing.parts import Header, Once, Part, Raw, Rows, older_header
from neo_core.gateways.xrpl.observing.standing import Root, cannot_trade, root_of
from neo_core.gateways.xrpl.observing.told import Told, tell
from neo_core.gateways.xrpl.observing.wallet import balance_of, line_of, own_offers
from neo_core.model import Account, Health, Market, Observation, Side

__all__ = ["MOST_TRIPS", "Asking", "Known", "Shown", "Trader", "observing"]

MOST_TRIPS = 8
MOST_HEADERS = 100  # of older ledgers, in one round trip
REMEMBERED = 64  # close times of ledgers

_SYNCED = ("full", "proposing", "validating")
_MISSING = ("actNotFound",)


class Trader(msgspec.Struct, frozen=True):
    """Who trades what. `signer` is the address of the key, which may be a regular key of the account.

    The prices of the market are those at which `min_book_drops` can be traded; 0: the very best ones.
    """

    account: str
    signer: str
    pair: ask.Pair
    min_book_drops: int = 0


class Known(msgspec.Struct, frozen=True):
    """What earlier observations leave for the next one.

    `pin` is the last ledger seen, `closes` when ledgers closed. `unfinished` is a history that is too long for one
    observation: what happened after ledger `since`, as far as `node` has told it.
    """

    pin: Pin | None = None
    closes: Mapping[int, int] = {}
    unfinished: Told | None = None
    since: int | None = None
    node: str = ""


class Shown(msgspec.Struct, frozen=True):
    """One observation, and what else the answers say.

    `sequence` is the account's next one in that ledger, `issuer` the issuer's account, `others` counts own offers
    of other pairs, `extra` are the answers to the requests that were given along.
    """

    observation: Observation
    sequence: int
    issuer: Root | None
    others: int
    extra: tuple[Answer, ...]
    known: Known


Asking = Generator[list[Request], Sequence[Answer], Shown]


def observing(
    trader: Trader, closed: Closed, since: int | None, node: str, known: Known, extra: Sequence[Request] = ()
) -> Asking:
    """With `since` None nothing of the past is asked."""
    try:
        return (yield from _Observing(trader, closed, since, node, known, extra).run())
    except (ObservationFailed, UnreadableTransaction) as error:
        raise ObservationFailed(f"{node} about ledger {closed.ledger_index}: {error}") from None


class _Observing:
    def __init__(
        self,
        trader: Trader,
        closed: Closed,
        since: int | None,
        node: str,
        known: Known,
        extra: Sequence[Request],
    ) -> None:
        index, account, pair = closed.ledger_index, trader.account, trader.pair
        self._trader, self._closed, self._since, self._node, self._known = trader, closed, since, node, known
        self._pin = pin = Pin(index, closed.ledger_hash.upper())
        self._trips = 0
        self._header = header = Header(pin)
        self._server = Once("server_info", ask.SERVER)
        self._fee = Once("fee", ask.FEE)
        self._root = Once("account_info", ask.account_info(account, index), pin, _MISSING)
        self._issuer = Once("account_info of the issuer", ask.account_info(pair.issuer, index), pin, _MISSING)
        self._lines = Rows("account_lines", ask.account_lines(account, pair.issuer, index), "lines", pin)
        self._offers = Rows("account_offers", ask.account_offers(account, index), "offers", pin)
        self._bids = BookSide(Side.BUY, account, pair, pin, header, trader.min_book_drops)
        self._asks = BookSide(Side.SELL, account, pair, pin, header, trader.min_book_drops)
        self._pool = Raw("amm_info", ask.amm_info(pair, index))
        self._pages, self._before = self._history()
        self._extra = [Raw(str(request.get("command")), request) for request in extra]
        self._last_seen: Raw | None = None
        if known.pin is not None and known.pin.ledger_index < index - 1:
            self._last_seen = Raw("ledger", ask.header(known.pin.ledger_index))

    def _history(self) -> tuple[Pages | None, Told | None]:
        """Where to go on: behind what an unfinished history has told, if it is the same one."""
        since, known, index = self._since, self._known, self._closed.ledger_index
        if since is None or since >= index:
            return None, None
        before = known.unfinished
        if before is not None and (known.since, known.node) == (since, self._node) and before.last < index:
            return Pages(self._trader.account, before.last + 1, index, self._oldest), before
        return Pages(self._trader.account, since + 1, index, self._oldest), None

    def run(self) -> Asking:
        """All goes in the first round trip that can; the others are for what has more than one page."""
        parts: list[Part] = [self._header, self._server, self._fee, self._root, self._issuer, self._lines]
        parts += [self._offers, self._bids, self._asks, self._pool, *self._extra]
        parts += [part for part in (self._pages, self._last_seen) if part is not None]
        while waiting := [part for part in parts if part.request is not None and self._may_ask(part)]:
            if self._trips == MOST_TRIPS:
                raise ObservationFailed(
                    f"{waiting[0].what}: expected the last page after {MOST_TRIPS} round trips"
                )
            answers = yield from self._ask([part.request for part in waiting if part.request is not None])
            for part, answer in zip(waiting, answers, strict=True):
                part.take(answer)
        self._check_chain()
        closes = self._closes()
        told = yield from self._tell(closes)
        unfinished = None
        if told is None or told.last < self._pin.ledger_index:
            unfinished, told = told or self._before, None
        return self._shown(told, Known(self._pin, closes, unfinished, self._since, self._node))

    def _may_ask(self, part: Part) -> bool:
        """A history may stay unfinished; one round trip is kept for when its ledgers closed."""
        return part is not self._pages or self._trips < MOST_TRIPS - 1

    def _ask(self, requests: list[Request]) -> Generator[list[Request], Sequence[Answer], list[Answer]]:
        """What two of them ask alike is asked once."""
        distinct: list[Request] = []
        for request in requests:
            if request not in distinct:
                distinct.append(request)
        self._trips += 1
        answers = yield distinct
        if len(answers) != len(distinct):
            raise ObservationFailed(f"expected {len(distinct)} answers, got {len(answers)}")
        return [answers[distinct.index(request)] for request in requests]

    def _check_chain(self) -> None:
        """The ledger seen last has to be among those before this one."""
        seen = self._known.pin
        if seen is None:
            return
        if self._last_seen is None:
            found = self._header.parent_hash
        elif error_of(self._last_seen.told) == "lgrNotFound":
            return
        else:
            found, _, _ = older_header(seen.ledger_index, self._last_seen.told)
        if found != seen.ledger_hash:
            raise ObservationFailed(
                f"expected ledger {seen.ledger_index} with hash {seen.ledger_hash} before it, got {shown(found)}: "
                f"the nodes do not follow one ledger"
            )

    def _closes(self) -> dict[int, int]:
        index, header = self._pin.ledger_index, self._header
        closes = {**self._known.closes, index - 1: header.parent_close_time, index: header.close_time}
        return dict(sorted(closes.items())[-REMEMBERED:])

    def _info(self) -> Mapping[str, Any]:
        return fields("server_info, info", (self._server.told or {}).get("info"))

    def _oldest(self) -> int | None:
        """The first ledger that the server holds without a gap from there on."""
        return first_of_run(self._info().get("complete_ledgers"), self._pin.ledger_index)

    def _tell(self, closes: dict[int, int]) -> Generator[list[Request], Sequence[Answer], Told | None]:
        """What happened, as far as it was told without a gap before it. None: nothing of it is sure."""
        pages, oldest = self._pages, self._oldest()
        if pages is None or pages.untold or oldest is None:
            return None
        entries, last = pages.in_order()
        account, pair = self._trader.account, self._trader.pair
        while True:
            told, unclear = tell(entries, pages.first, last, account, pair, closes)
            if not unclear or self._trips == MOST_TRIPS:
                break
            unclear = unclear[:MOST_HEADERS]
            answers = yield from self._ask([ask.header(index) for index in unclear])
            if any(error_of(answer) == "lgrNotFound" for answer in answers):
                break
            for index, answer in zip(unclear, answers, strict=True):
                _, close_time, parent_close_time = older_header(index, answer)
                closes |= {index - 1: parent_close_time, index: close_time}
        if self._before is not None and told.first == self._before.last + 1:
            told = self._before.and_then(told)
        return told.since(oldest)

    def _shown(self, told: Told | None, known: Known) -> Shown:
        index, closed, trader = self._pin.ledger_index, self._closed, self._trader
        if told is None:
            told = Told(index + 1, index)
        root = None if self._root.told is None else root_of("account_info", self._root.told)
        issuer = None if self._issuer.told is None else root_of(self._issuer.what, self._issuer.told)
        line = line_of(self._lines.rows, trader.pair)
        offers, others = own_offers(self._offers.rows, trader.pair)
        account = Account(
            0 if root is None else root.balance,
            balance_of(line, trader.pair),
            closed.reserve_base + closed.reserve_inc * (0 if root is None else root.owner_count),
            closed.reserve_inc,
            offers,
            told.events,
            told.transactions,
            told.first,
            transfers=told.transfers,
        )
        info = self._info()
        stops = cannot_trade(trader.account, trader.signer, trader.pair, root, issuer, line, info)
        close_time = float(self._header.close_time + RIPPLE_EPOCH)
        pool = pool_price(self._pool.told, trader.pair, self._pin, trader.min_book_drops)
        market = Market(self._bids.price, self._asks.price, pool)
        return Shown(
            Observation(index, close_time, market, account, self._health(info, stops)),
            0 if root is None else root.sequence,
            issuer,
            others,
            tuple([one.told for one in self._extra]),
            known,
        )

    def _health(self, info: Mapping[str, Any], stops: str | None) -> Health:
        state = info.get("server_state", "full")
        if state not in _SYNCED:
            raise ObservationFailed(f"server_info: expected a server in step with its network, got {shown(state)}")
        newest = fields("server_info, validated_ledger", info.get("validated_ledger"))
        costs = fields("fee, drops", (self._fee.told or {}).get("drops"))
        return Health(
            number("server_info, age", newest.get("age")),
            drops("fee, open_ledger_fee", costs.get("open_ledger_fee")),
            number("server_info, load_factor", info.get("load_factor", 1)),
            stops,
        )
