"""Somebody else on the devnet, and the engine's own key in another hand."""

from __future__ import annotations

from typing import Any

from neo_devnet.market.cast import RLUSD, Cast
from neo_devnet.market.keys import Key

from .house import Net

__all__ = ["AT_ONCE", "Hand", "engine_hand", "taker"]

AT_ONCE = 0x0002_0000


class Hand:
    def __init__(self, net: Net, key: Key) -> None:
        self._net, self._key = net, key

    def send(self, **fields: Any) -> str:
        """The engine result. Takes effect in the ledger that closes next."""
        account = self._key.address
        root = self._net.rpc("account_info", account=account, ledger_index="current", queue=True)
        current = root["ledger_current_index"]
        blob = self._key.sign(
            {
                "Account": account,
                "Sequence": root["account_data"]["Sequence"],
                "Fee": "10",
                "LastLedgerSequence": current + 4,
                **fields,
            }
        )
        result: str = self._net.rpc("submit", tx_blob=blob.hex().upper())["engine_result"]
        return result

    def offer(self, *, buys: bool, xrp: float, price: float, flags: int = 0) -> str:
        drops = str(round(xrp * 1_000_000))
        rlusd = {"currency": RLUSD, "issuer": self._net.issuer, "value": f"{xrp * price:.6f}"}
        gets, pays = (rlusd, drops) if buys else (drops, rlusd)
        return self.send(TransactionType="OfferCreate", TakerGets=gets, TakerPays=pays, Flags=flags)

    def sweep(self) -> None:
        """Takes all that there is on both sides, a long way down the book."""
        assert self.offer(buys=True, xrp=5_000, price=2.2, flags=AT_ONCE) in ("tesSUCCESS", "tecKILLED")
        assert self.offer(buys=False, xrp=5_000, price=1.8, flags=AT_ONCE) in ("tesSUCCESS", "tecKILLED")


def taker(net: Net, seed: int) -> Hand:
    return Hand(net, Cast(seed, pool=False, transfer_rate=0).key("taker 1"))


def engine_hand(net: Net, seed: int) -> Hand:
    return Hand(net, Cast(seed, pool=False, transfer_rate=0).key("engine"))
