"""A ledger's server that answers what a test has written down, in the shapes of a real one, and who asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.connecting.link import RIPPLE_EPOCH, Closed
from neo_core.gateways.xrpl.gateway import XrplGateway
from neo_core.gateways.xrpl.observing.observation import Trader
from neo_core.gateways.xrpl.observing.questions import Pair
from neo_core.gateways.xrpl.sending.load import load_questions
from neo_core.model import Account, Ack, Observation, Prepared, Transfer
from tests.gateway.making import ISSUER, MAKER, OTHER, RLUSD, Json, rlusd

PAIR = Pair(RLUSD, ISSUER)
NODE = "wss://one.example:51233/"
CLOSE = 848_540_000  # of ledger 0; each later one closes four seconds after the one before
NO_SUCH = "rfVZ9eCFbxZ1jZEVTkGj1SRcmtASUhrgb4"
XRP = {"currency": "XRP"}

DEFAULT_RIPPLE, GLOBAL_FREEZE, REQUIRE_AUTH, DISABLE_MASTER = 0x80_0000, 0x40_0000, 0x04_0000, 0x10_0000


def hash_of(ledger_index: int, fork: str = "A") -> str:
    return f"{ledger_index:X}".rjust(64, fork)


def closed_at(ledger_index: int) -> int:
    return CLOSE + 4 * ledger_index


def root(account: str, balance: str = "1000000000", **fields: Any) -> Json:
    return {"Account": account, "Balance": balance, "Flags": 0, "OwnerCount": 2, "Sequence": 5, **fields}


def trust_line(balance: str = "500", **fields: Any) -> Json:
    limits = {"limit": "1000000000", "limit_peer": "0", "no_ripple": True, "no_ripple_peer": False}
    return {"account": ISSUER, "balance": balance, "currency": RLUSD, **limits, **fields}


def own_offer(seq: int, gets: Any, pays: Any, **fields: Any) -> Json:
    return {"flags": 0, "quality": "1", "seq": seq, "taker_gets": gets, "taker_pays": pays, **fields}


def ask_in_book(drops: int, value: str, account: str = OTHER, **fields: Any) -> Json:
    return _in_book(str(drops), rlusd(value), str(float(value) / drops), account, fields)


def bid_in_book(drops: int, value: str, account: str = OTHER, **fields: Any) -> Json:
    return _in_book(rlusd(value), str(drops), str(drops / float(value)), account, fields)


def _in_book(gets: Any, pays: Any, quality: str, account: str, fields: Json) -> Json:
    return {"Account": account, "Sequence": 9, "TakerGets": gets, "TakerPays": pays, "quality": quality, **fields}


def entry(ledger_index: int, position: int, tx: Json, meta: Json, **fields: Any) -> Json:
    """One transaction of account_tx. Its hash is its own unless one is given."""
    tx_hash = fields.pop("hash", f"{ledger_index:08X}{position:08X}".rjust(64, "B"))
    bare = {name: given for name, given in tx.items() if name != "hash"}
    return {
        "hash": tx_hash,
        "ledger_hash": hash_of(ledger_index),
        "ledger_index": ledger_index,
        "meta": {**meta, "TransactionIndex": position},
        "tx_json": {**bare, "date": closed_at(ledger_index), "ledger_index": ledger_index},
        "validated": True,
        **fields,
    }


class Node:
    """What it holds is changed by the test. `mangle` sees every answer before it leaves."""

    def __init__(self, ledger_index: int = 100) -> None:
        self.index = ledger_index
        self.fork = "A"
        self.complete = f"2-{ledger_index}"
        self.roots = {MAKER: root(MAKER), ISSUER: root(ISSUER, Flags=DEFAULT_RIPPLE, TickSize=7)}
        self.lines = [trust_line()]
        self.offers: list[Json] = []
        self.asks = [ask_in_book(100_000_000, "52")]
        self.bids = [bid_in_book(100_000_000, "48")]
        self.pool: Json | None = None
        self.transactions: list[Json] = []
        self.info: Json = {"server_state": "full", "load_factor": 1}
        self.age = 1
        self.open_fee = "10"
        self.page = 400
        self.requests: list[Json] = []
        self.trips = 0
        self.mangle: Callable[[Json, Any], Any] = lambda _, answer: answer

    def closed(self, received_at: float = 0.0) -> Closed:
        index = self.index
        close_time = float(closed_at(index) + RIPPLE_EPOCH)
        return Closed(index, hash_of(index, self.fork), close_time, 10, 1_000_000, 200_000, received_at)

    def advance(self, ledgers: int = 1) -> None:
        self.index += ledgers
        self.complete = f"2-{self.index}"

    def ask(self, requests: Sequence[Any]) -> list[Any]:
        self.trips += 1
        self.requests += requests
        return [self.mangle(request, deepcopy(self._answer(request))) for request in requests]

    def _answer(self, request: Json) -> Json:
        answer: Json = getattr(self, f"_{request['command']}")(request)
        return answer

    def _pinned(self, **told: Any) -> Json:
        ledger = {"ledger_hash": hash_of(self.index, self.fork), "ledger_index": self.index}
        return {**ledger, "status": "success", "validated": True, **told}

    def _error(self, error: str, **told: Any) -> Json:
        return {"error": error, "error_message": "Something is wrong.", "status": "error", **told}

    def _ledger(self, request: Json) -> Json:
        index: int = request["ledger_index"]
        if index > self.index:
            return self._error("lgrNotFound")
        ledger_hash, parent = hash_of(index, self.fork), hash_of(index - 1, self.fork)
        header: Json = {"closed": True, "close_time": closed_at(index), "parent_close_time": closed_at(index - 1)}
        header |= {"ledger_hash": ledger_hash, "ledger_index": index, "parent_hash": parent}
        return {**self._pinned(ledger=header), "ledger_hash": ledger_hash, "ledger_index": index}

    def _server_info(self, _: Json) -> Json:
        newest: Json = {"age": self.age, "seq": self.index, "hash": hash_of(self.index, self.fork)}
        return {"info": {"complete_ledgers": self.complete, "validated_ledger": newest, **self.info}}

    def _fee(self, _: Json) -> Json:
        drops = {"base_fee": "10", "median_fee": "5000", "minimum_fee": "10", "open_ledger_fee": self.open_fee}
        return {"current_ledger_size": "0", "drops": drops, "status": "success"}

    def _account_info(self, request: Json) -> Json:
        data = self.roots.get(request["account"])
        if data is None:
            return {**self._pinned(), **self._error("actNotFound")}
        return self._pinned(account_data=data)

    def _account_lines(self, request: Json) -> Json:
        return self._rows(request, "lines", self.lines)

    def _account_offers(self, request: Json) -> Json:
        return self._rows(request, "offers", self.offers)

    def _rows(self, request: Json, name: str, rows: list[Json]) -> Json:
        if request["account"] not in self.roots:
            return self._error("actNotFound")
        start = int(request.get("marker", "0"))
        more = {"marker": str(start + self.page)} if len(rows) > start + self.page else {}
        return self._pinned(**{name: rows[start : start + self.page]}, **more)

    def _book_offers(self, request: Json) -> Json:
        side = self.asks if request["taker_gets"] == XRP else self.bids
        return self._pinned(offers=side[: request["limit"]])

    def _amm_info(self, _: Json) -> Json:
        return self._error("actNotFound") if self.pool is None else self._pinned(amm=self.pool)

    def _account_tx(self, request: Json) -> Json:
        first, last = request["ledger_index_min"], request["ledger_index_max"]
        runs = [run for run in self.complete.split(",") if run not in ("", "empty")]
        oldest = min([int(run.split("-")[0]) for run in runs], default=1)
        if last > self.index or first < oldest:
            return self._error("lgrIdxMalformed")
        inside = [one for one in self.transactions if first <= one["ledger_index"] <= last]
        start = request.get("marker", {}).get("seq", 0)
        more = {"marker": {"ledger": 0, "seq": start + self.page}} if len(inside) > start + self.page else {}
        rows = {"transactions": inside[start : start + self.page], "validated": True}
        return {"ledger_index_min": first, "ledger_index_max": last, **rows, **more}


class ScriptedLink:
    """Each call of `next_ledger` goes on to the next of the nodes, until the last one."""

    def __init__(self, *nodes: Node, names: Sequence[str] = (NODE,)) -> None:
        self._nodes = list(nodes)
        self._names = list(names)
        self.serving = self._nodes[0]
        self.node = names[0]
        self.asked_after: list[int | None] = []
        self.closed = False
        self.distrusted: list[str] = []
        self.received_at = 0.0
        self.waiting: Callable[[], None] = lambda: None

    def next_ledger(self, after: int | None) -> Closed:
        self.waiting()
        self.asked_after.append(after)
        self.serving = self._nodes.pop(0) if len(self._nodes) > 1 else self._nodes[0]
        self.node = self._names.pop(0) if len(self._names) > 1 else self._names[0]
        if after is not None and self.serving.index <= after:
            self.serving.advance()
        return self.serving.closed(self.received_at)

    def ask(self, requests: Sequence[Any]) -> list[Any]:
        return self.serving.ask(requests)

    def submit(self, blobs: Sequence[bytes], *, fail_hard: bool = False) -> list[Any]:
        raise AssertionError("nothing is sent while a ledger is observed")

    def distrust(self, error: ObservationFailed) -> None:
        self.distrusted.append(str(error))

    def now(self) -> float:
        return 1_795_000_000.0

    def close(self) -> None:
        self.closed = True


class Sender:
    """In the place of what sends: remembers what it was told."""

    def __init__(self, *questions: Json) -> None:
        self.asks = [dict(question) for question in questions or load_questions(MAKER, tickets=False)]
        self.calls: list[str] = []
        self.learnt: list[Any] = []

    def questions(self) -> list[Json]:
        return self.asks

    def learn(self, seen: Any) -> None:
        self.calls.append("learn")
        self.learnt.append(seen)

    def resend(self, link: Any) -> None:
        self.calls.append("resend")

    def prepare(self, intents: Iterable[Any]) -> tuple[Prepared, ...]:
        return tuple([Prepared(intent, 5, "AB", 104) for intent in intents])

    def send(self, link: Any, prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        self.calls.append("send")
        return ()


def gateway_to(*nodes: Node, signer: str = MAKER, sender: Any = None, **changes: Any) -> XrplGateway:
    link = changes.pop("link", None) or ScriptedLink(*nodes)
    changes.setdefault("monotonic", lambda: 0.0)
    sending: Any = sender or Sender()
    trader = Trader(MAKER, signer, PAIR, changes.pop("min_book_drops", 0))
    return XrplGateway(link, sending, trader, **changes)


def observe(node: Node, since: int | None = None, **changes: Any) -> Observation:
    return gateway_to(node, **changes).observe(since)


def told(node: Node, since: int | None) -> tuple[Account, tuple[Transfer, ...]]:
    account = gateway_to(node).observe(since).account
    return account, account.transfers
