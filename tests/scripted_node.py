"""A node of the ledger that says what a test has it say: JSON-RPC on loopback."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from xrpl.core.keypairs import derive_classic_address, derive_keypair

Json = dict[str, Any]

RIPPLE_EPOCH = 946_684_800
SEED, OTHER_SEED = "sEdTM1uX8pu2do5XvTnutH6HsouMaM2", "sEdSJHS4oiAdz7w2X2ni1gFiqtbJHqE"
ISSUER = "rQhWct2fv4Vc4KRjRgMrxa8xPN9Zx9iLKV"
RLUSD = "524C555344000000000000000000000000000000"
LEDGER = 5000
DISABLE_MASTER, GLOBAL_FREEZE, DEFAULT_RIPPLE = 0x00100000, 0x00400000, 0x00800000


def hash_of(ledger_index: int) -> str:
    return f"{ledger_index:064X}"


def _pinned(ledger_index: int) -> Json:
    return {"ledger_index": ledger_index, "ledger_hash": hash_of(ledger_index), "validated": True}


def address_of(seed: str) -> str:
    return derive_classic_address(derive_keypair(seed)[0])


ACCOUNT, STRANGER = address_of(SEED), address_of(OTHER_SEED)


class ScriptedNode:
    """`info`, `account`, `line` and the rest are set before it is asked; `asked` are the commands that came.

    Its ledger stays as it is, or, when it `moves`, is a newer one whenever it is asked for the newest.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.moves = False
        self.ledger = LEDGER
        self.close_time = int(time.time()) - 3
        self.info: Json = {
            "build_version": "2.6.0",
            "complete_ledgers": f"1-{LEDGER}",
            "network_id": 1,
            "server_state": "full",
            "validated_ledger": {
                "age": 3,
                "base_fee_xrp": 0.00001,
                "hash": hash_of(LEDGER),
                "reserve_base_xrp": 1,
                "reserve_inc_xrp": 0.2,
                "seq": LEDGER,
            },
        }
        self.account: Json | None = {"Balance": "1000000000", "Flags": 0, "OwnerCount": 1, "Sequence": 10}
        self.line: Json | None = {
            "account": ISSUER,
            "balance": "2000",
            "currency": RLUSD,
            "limit": "1000000",
            "limit_peer": "0",
        }
        self.issuer: Json = {"Balance": "1000000000", "Flags": DEFAULT_RIPPLE, "Sequence": 5, "TickSize": 7}
        self.offers: list[Json] = []
        self.history: list[Json] = []
        self.history_from = 1
        self.transactions: dict[str, Json] = {}

    def answer(self, command: str, asked: Json) -> Json:
        self.asked.append(command)
        says = getattr(self, f"_{command}", None)
        return {"error": "unknownCmd", "status": "error"} if says is None else says(asked)

    def _server_info(self, _: Json) -> Json:
        return {"info": self.info}

    def _ledger(self, asked: Json) -> Json:
        index = asked["ledger_index"]
        if index == "validated":
            self.ledger += self.moves
            index = self.ledger
        close = self.close_time - RIPPLE_EPOCH + index - LEDGER
        header = {
            "close_time": close,
            "parent_close_time": close - 1,
            "parent_hash": hash_of(index - 1),
            "closed": True,
        }
        header |= {"ledger_index": index, "ledger_hash": hash_of(index)}
        return {**_pinned(index), "ledger": header}

    def _index(self, asked: Json) -> int:
        """What is asked of the open ledger is answered as if it had just been closed."""
        index = asked["ledger_index"]
        return index if isinstance(index, int) else self.ledger

    def _account_info(self, asked: Json) -> Json:
        found = self.issuer if asked["account"] == ISSUER else self.account
        if found is None:
            return {**_pinned(self._index(asked)), "error": "actNotFound", "status": "error"}
        return {**_pinned(self._index(asked)), "account_data": {"Account": asked["account"], **found}}

    def _account_lines(self, asked: Json) -> Json:
        return {**_pinned(self._index(asked)), "lines": [] if self.line is None else [self.line]}

    def _account_offers(self, asked: Json) -> Json:
        return {**_pinned(self._index(asked)), "offers": self.offers}

    def _book_offers(self, asked: Json) -> Json:
        return {**_pinned(self._index(asked)), "offers": []}

    def _amm_info(self, _: Json) -> Json:
        return {"error": "actNotFound", "status": "error"}

    def _fee(self, _: Json) -> Json:
        drops = {"base_fee": "10", "median_fee": "5000", "minimum_fee": "10", "open_ledger_fee": "10"}
        levels = dict.fromkeys(("median_level", "minimum_level", "open_ledger_level", "reference_level"), "256")
        return {"drops": drops, "levels": levels, "current_ledger_size": "1", "expected_ledger_size": "32"}

    def _account_tx(self, asked: Json) -> Json:
        low, high = max(asked["ledger_index_min"], self.history_from), asked["ledger_index_max"]
        told = [one for one in self.history if low <= one["ledger_index"] <= high]
        covered = {"ledger_index_min": low, "ledger_index_max": high, "validated": True}
        return {"account": asked["account"], "transactions": told, **covered}

    def _tx(self, asked: Json) -> Json:
        return self.transactions.get(asked["transaction"], {"error": "txnNotFound"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    node: ScriptedNode

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever is killed, or has heard enough, breaks the connection off."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        result = self.server.node.answer(asked["method"], asked["params"][0])
        body = json.dumps({"result": {"status": "success", **result}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """A test's output is its own."""


@contextmanager
def serving(node: ScriptedNode | None = None) -> Iterator[ScriptedNode]:
    node = node or ScriptedNode()
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.node = node
        node.url = f"http://127.0.0.1:{server.server_address[1]}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield node
        finally:
            server.shutdown()
            thread.join()
