"""What is asked about one validated ledger."""

from __future__ import annotations

from typing import Any

import msgspec

from neo_core.gateways.xrpl.connecting.link import Request
from neo_core.gateways.xrpl.reading.amounts import Asset

__all__ = [
    "FEE",
    "SERVER",
    "Pair",
    "account_info",
    "account_lines",
    "account_offers",
    "account_tx",
    "amm_info",
    "asks",
    "bids",
    "header",
]

MOST_ROWS = 400  # of a page; servers that allow less give less

FEE: Request = {"command": "fee"}
SERVER: Request = {"command": "server_info"}
_XRP = {"currency": "XRP"}


class Pair(msgspec.Struct, frozen=True, gc=False):
    """What is traded against XRP: a currency as the ledger writes it, and who issues it."""

    currency: str
    issuer: str

    @property
    def asset(self) -> Asset:
        return (self.currency, self.issuer)

    def named(self) -> dict[str, str]:
        return {"currency": self.currency, "issuer": self.issuer}


def header(ledger_index: int) -> Request:
    return {"command": "ledger", "ledger_index": ledger_index}


def account_info(account: str, ledger_index: int) -> Request:
    return {"command": "account_info", "account": account, "ledger_index": ledger_index}


def account_lines(account: str, peer: str, ledger_index: int) -> dict[str, Any]:
    about: dict[str, Any] = {"command": "account_lines", "account": account, "peer": peer}
    return {**about, "ledger_index": ledger_index, "limit": MOST_ROWS}


def account_offers(account: str, ledger_index: int) -> dict[str, Any]:
    return {"command": "account_offers", "account": account, "ledger_index": ledger_index, "limit": MOST_ROWS}


def asks(pair: Pair, ledger_index: int, limit: int) -> Request:
    """Offers that give XRP."""
    return _book(_XRP, pair.named(), ledger_index, limit)


def bids(pair: Pair, ledger_index: int, limit: int) -> Request:
    """Offers that give what the pair is paid in."""
    return _book(pair.named(), _XRP, ledger_index, limit)


def _book(gets: dict[str, str], pays: dict[str, str], ledger_index: int, limit: int) -> Request:
    about = {"command": "book_offers", "taker_gets": gets, "taker_pays": pays}
    return {**about, "ledger_index": ledger_index, "limit": limit}


def amm_info(pair: Pair, ledger_index: int) -> Request:
    return {"command": "amm_info", "asset": _XRP, "asset2": pair.named(), "ledger_index": ledger_index}


def account_tx(account: str, first: int, last: int) -> dict[str, Any]:
    """Oldest first: what a page that is the last for now has told is told up to there."""
    about: dict[str, Any] = {"command": "account_tx", "account": account, "forward": True, "limit": MOST_ROWS}
    return {**about, "ledger_index_min": first, "ledger_index_max": last}
