"""Nodes and accounts for the tests, and what they send."""

from __future__ import annotations

from typing import Any

from neo_devnet.feemetrics import QueueSettings
from neo_devnet.market.keys import Key, genesis, key_of
from neo_devnet.node import Node

START = 1_795_224_820.0
"""Unix seconds: a whole ten."""
RLUSD = "524C555344000000000000000000000000000000"
XRP = {"currency": "XRP"}
SMALL = QueueSettings(minimum_txn_in_ledger=5, target_txn_in_ledger=5)


class Clock:
    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class World:
    """A node with an issuer and two holders of its token, whose ledger is closed by hand."""

    def __init__(self, queue: QueueSettings | None = None, **more: Any) -> None:
        self.clock = Clock()
        self.node = Node(clock=self.clock, monotonic=self.clock, queue=queue, **more)
        self.bank = genesis()
        self.issuer, self.maker, self.taker = (key_of(7, role) for role in ("issuer", "maker", "taker"))

    def founded(self) -> World:
        for key in (self.issuer, self.maker, self.taker):
            self.send(self.bank, TransactionType="Payment", Destination=key.address, Amount="1000000000")
        self.node.accept()
        self.send(self.issuer, TransactionType="AccountSet", SetFlag=8)
        self.node.accept()
        for key in (self.maker, self.taker):
            self.send(key, TransactionType="TrustSet", Flags=0x20000, LimitAmount=self.token("1000000000"))
        self.node.accept()
        for key in (self.maker, self.taker):
            self.send(self.issuer, TransactionType="Payment", Destination=key.address, Amount=self.token("10000"))
        self.node.accept()
        return self

    def token(self, value: str) -> dict[str, str]:
        return {"currency": RLUSD, "issuer": self.issuer.address, "value": value}

    @property
    def asset(self) -> dict[str, str]:
        return {"currency": RLUSD, "issuer": self.issuer.address}

    def sequence(self, key: Key) -> int:
        root = self.node.open.account(key.address)
        return self.node.queue.next_sequence(key.address, root["Sequence"] if root else 0)

    def blob(self, key: Key, **fields: Any) -> bytes:
        usual = {"Account": key.address, "Fee": "10", "Flags": 0, "Sequence": self.sequence(key)}
        return key.sign({**usual, **fields})

    def send(self, key: Key, *, fail_hard: bool = False, **fields: Any) -> dict[str, Any]:
        return self.node.submit(self.blob(key, **fields), fail_hard=fail_hard)

    def ask(self, key: Key, **fields: Any) -> dict[str, Any]:
        """Offers ten XRP for five tokens."""
        usual = {"TransactionType": "OfferCreate", "TakerGets": "10000000", "TakerPays": self.token("5")}
        return self.send(key, **{**usual, **fields})

    def bid(self, key: Key, **fields: Any) -> dict[str, Any]:
        """Offers five tokens for ten XRP."""
        usual = {"TransactionType": "OfferCreate", "TakerGets": self.token("5"), "TakerPays": "10000000"}
        return self.send(key, **{**usual, **fields})

    def noop(self, key: Key, **fields: Any) -> dict[str, Any]:
        return self.send(key, TransactionType="AccountSet", **fields)

    def rpc(self, method: str, version: int = 2, /, **params: Any) -> dict[str, Any]:
        return self.node.rpc(method, params, version)


def founded(queue: QueueSettings | None = None, **more: Any) -> World:
    return World(queue, **more).founded()
