"""A small network of a few accounts that do whatever is drawn."""

from __future__ import annotations

from typing import Any

from neo_devnet.ledger import tickets
from neo_devnet.market.keys import Key, genesis, key_of
from neo_devnet.node import Node

__all__ = ["CURRENCY", "START", "World", "node_at"]

CURRENCY = "USD"
START = 1_000_000_000
"""Unix seconds when the first ledger closes."""

DROPS = 1_000_000
DEFAULT_RIPPLE = 8


def node_at(start: float = START, step: float = 4.0) -> Node:
    """A node with a clock of its own."""
    return Node(clock=lambda: start, ledger_seconds=step, monotonic=lambda: 0.0)


class World:
    def __init__(self, traders: int, *, transfer_rate: int = 0, tick_size: int = 0, pool: bool = False) -> None:
        self.node = node_at()
        self.issuer = key_of(0, "issuer")
        self.traders = [key_of(0, f"trader {number}") for number in range(traders)]
        self._begin(transfer_rate, tick_size)
        if pool:
            self._open_pool()

    def send(self, key: Key, **fields: Any) -> str:
        """With a ticket, if the account has one."""
        root = self.node.open.account(key.address)
        sequence: dict[str, int] = {"Sequence": root["Sequence"] if root else 0}
        if waiting := tickets(self.node.open.state, key.address):
            sequence = {"Sequence": 0, "TicketSequence": waiting[0]}
        whole = {"Account": key.address, "Fee": "10", **sequence, **fields}
        result: str = self.node.submit(key.sign(whole))["engine_result"]
        return result

    def _open_pool(self) -> None:
        """A small one, of the issuer's own money."""
        fee = str(self.node.fees.reserve_inc)
        sides = {"Amount": str(100 * DROPS), "Amount2": self.token("50"), "TradingFee": 300}
        assert self.send(self.issuer, TransactionType="AMMCreate", Fee=fee, **sides) == "tesSUCCESS"
        self.node.accept()

    def token(self, value: str) -> dict[str, str]:
        return {"currency": CURRENCY, "issuer": self.issuer.address, "value": value}

    def _begin(self, transfer_rate: int, tick_size: int) -> None:
        for key, xrp in ((self.issuer, 1000), *((key, 30) for key in self.traders)):
            self.send(genesis(), TransactionType="Payment", Destination=key.address, Amount=str(xrp * DROPS))
        self.node.accept()
        more = {"TransferRate": transfer_rate} if transfer_rate else {}
        more |= {"TickSize": tick_size} if tick_size else {}
        self.send(self.issuer, TransactionType="AccountSet", SetFlag=DEFAULT_RIPPLE, **more)
        self.node.accept()
        for key in self.traders:
            self.send(key, TransactionType="TrustSet", LimitAmount=self.token("1000000"))
        self.node.accept()
        for key in self.traders:
            self.send(self.issuer, TransactionType="Payment", Destination=key.address, Amount=self.token("50"))
        self.node.accept()
