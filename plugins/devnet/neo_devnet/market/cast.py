"""Who takes part in the market, and how each comes to its money."""

from __future__ import annotations

from typing import Any

from neo_devnet.ledger import keys
from neo_devnet.market.keys import Key, genesis, key_of
from neo_devnet.node import Node

__all__ = ["DROPS", "RLUSD", "Cast", "drops_of"]

DROPS = 1_000_000
RLUSD = "524C555344000000000000000000000000000000"

ENGINE, ISSUER, POOL, BANK = "engine", "issuer", "pool", "bank"
MAKERS = ("maker 1", "maker 2", "maker 3")
TAKERS = ("taker 1", "taker 2", "taker 3")
ODD = ("spender", "sleeper", "twister", "duster")
"""Those who leave offers behind that a careful maker would not."""

XRP_EACH, RLUSD_EACH = 50_000, 100_000
XRP_POOL, RLUSD_POOL = 100_000, 200_000
XRP_ENGINE, RLUSD_ENGINE = 10_000, 20_000
MOST = "1000000000"
TICK_SIZE = 7
POOL_FEE = 500  # 0.5 %

DEFAULT_RIPPLE = 8
NO_RIPPLE = 0x00020000


class Cast:
    def __init__(self, seed: int, *, pool: bool, transfer_rate: int) -> None:
        self.seed = seed
        self.pool = pool
        self.transfer_rate = transfer_rate
        self.owners = (ENGINE, *MAKERS, *TAKERS, *ODD, *((POOL,) if pool else ()))

    def key(self, role: str) -> Key:
        return genesis() if role == BANK else key_of(self.seed, role)

    def address(self, role: str) -> str:
        return self.key(role).address

    def rlusd(self, value: float | str) -> dict[str, str]:
        text = value if isinstance(value, str) else f"{value:.6f}"
        return {"currency": RLUSD, "issuer": self.address(ISSUER), "value": text}

    def send(self, node: Node, role: str, **fields: Any) -> str:
        """Signs and submits with the next sequence; the engine result."""
        key = self.key(role)
        root = node.open.account(key.address)
        sequence = node.queue.next_sequence(key.address, root["Sequence"] if root else 0)
        tx = {"Account": key.address, "Sequence": sequence, "Fee": "10", "LastLedgerSequence": node.open.index + 4}
        result: str = node.submit(key.sign({**tx, **fields}))["engine_result"]
        return result

    # -- funds ---

    def xrp_of(self, node: Node, role: str) -> int:
        """Drops."""
        root = node.open.account(self.address(role))
        return int(root["Balance"]) if root else 0

    def rlusd_of(self, node: Node, role: str) -> str:
        """As the ledger writes it; never negative for those who hold it."""
        line = node.open.state.get(keys.line(self.address(role), self.address(ISSUER), RLUSD))
        if line is None:
            return "0"
        value: str = line["Balance"]["value"]
        return value if line["LowLimit"]["issuer"] == self.address(role) else value.removeprefix("-")

    def pay_xrp(self, node: Node, role: str, to: str, drops: int) -> str:
        return self.send(node, role, TransactionType="Payment", Destination=self.address(to), Amount=str(drops))

    def pay_rlusd(self, node: Node, role: str, to: str, value: float | str) -> str:
        return self.send(
            node, role, TransactionType="Payment", Destination=self.address(to), Amount=self.rlusd(value)
        )

    # -- beginning ---

    def set_up(self, node: Node) -> None:
        """Funds everybody, in as many ledgers as it takes."""
        for role in (ISSUER, *self.owners):
            self.pay_xrp(node, BANK, role, self._xrp(role) * DROPS)
        node.accept()
        # Before the first trust line: lines that are older carry NoRipple, and then no offer in the token crosses.
        fields = {"TransferRate": self.transfer_rate} if self.transfer_rate else {}
        self.send(node, ISSUER, TransactionType="AccountSet", SetFlag=DEFAULT_RIPPLE, TickSize=TICK_SIZE, **fields)
        node.accept()
        for role in self.owners:
            self.send(node, role, TransactionType="TrustSet", Flags=NO_RIPPLE, LimitAmount=self.rlusd(MOST))
        node.accept()
        for role in self.owners:
            self.pay_rlusd(node, ISSUER, role, self._rlusd(role))
        node.accept()
        if self.pool:
            self.open_pool(node, RLUSD_POOL / XRP_POOL)
            node.accept()

    def _xrp(self, role: str) -> int:
        return {ENGINE: XRP_ENGINE, POOL: 2 * XRP_POOL}.get(role, XRP_EACH)

    def _rlusd(self, role: str) -> int:
        return {ENGINE: RLUSD_ENGINE, POOL: 2 * RLUSD_POOL}.get(role, RLUSD_EACH)

    # -- the pool ---

    def has_pool(self, node: Node) -> bool:
        return keys.amm(keys.XRP, (RLUSD, self.address(ISSUER))) in node.open.state

    def open_pool(self, node: Node, price: float) -> str:
        return self.send(
            node,
            POOL,
            TransactionType="AMMCreate",
            Fee=str(node.fees.reserve_inc),
            Amount=str(XRP_POOL * DROPS),
            Amount2=self.rlusd(XRP_POOL * price),
            TradingFee=POOL_FEE,
        )

    def close_pool(self, node: Node) -> str:
        return self.send(
            node,
            POOL,
            TransactionType="AMMWithdraw",
            Flags=0x00020000,  # all of it
            Asset={"currency": "XRP"},
            Asset2={"currency": RLUSD, "issuer": self.address(ISSUER)},
        )


def drops_of(xrp: float) -> str:
    return str(round(xrp * DROPS))
