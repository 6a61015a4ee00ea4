"""Amounts as the ledger writes them: XRP in drops, anything else as a decimal with its currency and issuer.

Nothing is ever rounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

import msgspec

from neo_core.errors import UnreadableTransaction

__all__ = [
    "ACCOUNT",
    "Amount",
    "Asset",
    "Issued",
    "amount_of",
    "as_json",
    "asset_of",
    "decimal_text",
    "in_asset",
    "less",
    "more",
    "nothing",
    "size",
]

ACCOUNT = re.compile(r"r[1-9A-HJ-NP-Za-km-z]{24,34}")

_CURRENCY = re.compile(r"[0-9A-F]{40}|[!-~]{3}", re.IGNORECASE)
_DROPS = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,100}(\.[0-9]{0,120})?(e[+-]?[0-9]{1,3})?", re.IGNORECASE)
# The ledger keeps 16 digits and exponents from -96 to 80. Wider than any sum of such numbers: arithmetic is exact.
_EXACT = Context(prec=500)
_SMALLEST, _LARGEST = -120, 110


class Issued(msgspec.Struct, frozen=True, gc=False):
    currency: str
    issuer: str
    value: Decimal


Amount = int | Issued
"""XRP as whole drops, or so much of an issued currency."""

Asset = tuple[str, str] | None
"""Currency and issuer; None is XRP."""


def amount_of(given: Any, what: str) -> Amount:
    """As written. Below zero it can be in a trust line, and in the offers of one early ledger too."""
    if isinstance(given, str):
        if not _DROPS.fullmatch(given):
            raise UnreadableTransaction(f"{what}: expected whole drops")
        return int(given)
    if not isinstance(given, Mapping):
        raise UnreadableTransaction(f"{what}: expected drops, or currency, issuer and value")
    currency, issuer, value = given.get("currency"), given.get("issuer"), given.get("value")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise UnreadableTransaction(f"{what}: expected a currency of three signs or forty hex digits")
    if not isinstance(issuer, str) or not ACCOUNT.fullmatch(issuer):
        raise UnreadableTransaction(f"{what}: expected the address of an issuer")
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise UnreadableTransaction(f"{what}: expected a decimal number as text")
    number = Decimal(value)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)  # the pattern lets in neither NaN nor infinity
    if exponent < _SMALLEST or number.adjusted() > _LARGEST:
        raise UnreadableTransaction(f"{what}: expected a number that the ledger can hold")
    return Issued(currency, issuer, number)


def asset_of(amount: Amount) -> Asset:
    return None if isinstance(amount, int) else (amount.currency, amount.issuer)


def size(amount: Amount) -> Decimal:
    """The bare number: drops, or the value."""
    return Decimal(amount) if isinstance(amount, int) else amount.value


def in_asset(asset: Asset, number: Decimal) -> Amount:
    return int(number) if asset is None else Issued(*asset, number)


def nothing(amount: Amount) -> Amount:
    """Nothing of the same asset."""
    return in_asset(asset_of(amount), Decimal(0))


def less(number: Decimal, other: Decimal) -> Decimal:
    return _EXACT.subtract(number, other)


def more(number: Decimal, other: Decimal) -> Decimal:
    return _EXACT.add(number, other)


def decimal_text(number: Decimal) -> str:
    """Every digit, and no exponent."""
    return f"{_EXACT.normalize(number):f}" if number else "0"


def as_json(amount: Amount) -> str | dict[str, str]:
    """The way the ledger's servers write it."""
    if isinstance(amount, int):
        return str(amount)
    return {"currency": amount.currency, "issuer": amount.issuer, "value": decimal_text(amount.value)}
