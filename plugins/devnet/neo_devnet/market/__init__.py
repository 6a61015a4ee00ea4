"""The other participants of a devnet's market: what they do follows from a seed and the ledger's index."""

from __future__ import annotations

from neo_devnet.market.acts import calm, hostile
from neo_devnet.market.cast import ENGINE, ISSUER, RLUSD, Cast
from neo_devnet.market.keys import Key
from neo_devnet.market.prices import moment
from neo_devnet.market.scene import Scene
from neo_devnet.node import Node

__all__ = ["KINDS", "RLUSD", "Market"]

KINDS = {"calm": calm, "hostile": hostile}


class Market:
    """`transfer_rate` as the issuer sets it: 1_002_000_000 is a fee of 0.2 %, 0 is none."""

    def __init__(self, seed: int, kind: str, *, pool: bool = True, transfer_rate: int = 0) -> None:
        self._act = KINDS[kind]
        self._kind = kind
        self._cast = Cast(seed, pool=pool, transfer_rate=transfer_rate)

    @property
    def engine(self) -> Key:
        """The account that is there for the engine to trade with; nobody else uses it."""
        return self._cast.key(ENGINE)

    @property
    def issuer(self) -> str:
        return self._cast.address(ISSUER)

    def setup(self, node: Node) -> None:
        """Funds everybody, in the first ledgers."""
        self._cast.set_up(node)

    def before_close(self, node: Node) -> None:
        """Sends what the others send into the ledger that is about to close."""
        now = moment(self._cast.seed, node.open.index, hostile=self._kind == "hostile")
        self._act(Scene(self._cast, node, now))
