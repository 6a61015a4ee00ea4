"""From an intent to a transaction in JSON, everything but its sequence, fee and last ledger.

Every quote is passive: it takes no offer of its own price, only better ones (which the gate before it has excluded
as far as the book was known). Nothing on this ledger keeps an offer from taking a better one, or a pool.

Asks are tfSell, bids are not. The issuer's tick size rounds the price of an offer and then recomputes one amount:
without tfSell what is given, with it what is asked for. So in both the drops stay what was decided, and the RLUSD
move. An ask without it would also stop once it has received its RLUSD, short of the XRP that was meant to be sold.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from neo_core.gateways.xrpl.connecting.link import RIPPLE_EPOCH
from neo_core.model import Cancel, Place, Side

__all__ = ["burning", "cancelling", "completed", "placing", "ticketing", "unfit"]

FULLY_CANONICAL, PASSIVE, SELL = 0x8000_0000, 0x0001_0000, 0x0008_0000
MOST_DROPS = 10**17
MOST_DIGITS = 16
EXPONENTS = range(-96, 81)
NAMES_ITSELF_ABOVE = 1024
"""A network with a higher id wants it in each transaction; others refuse it there."""

Json = dict[str, Any]


def unfit(place: Place) -> str:
    """Why the ledger could not hold exactly what was decided; else empty."""
    if not 0 < place.drops <= MOST_DROPS:
        return "local_drops"
    rlusd = place.rlusd
    if not rlusd.is_finite() or rlusd <= 0:
        return "local_rlusd"
    _, digits, exponent = _shortest(rlusd)
    if len(digits) > MOST_DIGITS or not isinstance(exponent, int):
        return "local_rlusd"
    return "" if exponent + len(digits) - MOST_DIGITS in EXPONENTS else "local_rlusd"


def placing(place: Place, currency: str, issuer: str, expires_at: float) -> Json:
    drops = str(place.drops)
    rlusd = {"currency": currency, "issuer": issuer, "value": _text(place.rlusd)}
    selling = place.side is Side.SELL
    made: Json = {
        "TransactionType": "OfferCreate",
        "Flags": FULLY_CANONICAL | PASSIVE | (SELL if selling else 0),
        "TakerGets": drops if selling else rlusd,
        "TakerPays": rlusd if selling else drops,
        "Expiration": int(expires_at) - RIPPLE_EPOCH,  # no later than what the engine counts with
    }
    if place.replaces:
        made["OfferSequence"] = place.replaces
    return made


def cancelling(cancel: Cancel) -> Json:
    return {"TransactionType": "OfferCancel", "Flags": FULLY_CANONICAL, "OfferSequence": cancel.sequence}


def burning() -> Json:
    """Does nothing but use its sequence up."""
    return {"TransactionType": "AccountSet", "Flags": FULLY_CANONICAL}


def ticketing(count: int) -> Json:
    return {"TransactionType": "TicketCreate", "Flags": FULLY_CANONICAL, "TicketCount": count}


def completed(made: Json, account: str, number: int, ticket: bool, fee: int, last: int, network_id: int) -> Json:
    made["Account"] = account
    made["Fee"] = str(fee)
    made["Sequence"] = 0 if ticket else number
    made["LastLedgerSequence"] = last
    if ticket:
        made["TicketSequence"] = number
    if network_id > NAMES_ITSELF_ABOVE:
        made["NetworkID"] = network_id
    return made


def _shortest(amount: Decimal) -> tuple[int, tuple[int, ...], Any]:
    sign, digits, exponent = amount.as_tuple()
    while len(digits) > 1 and digits[-1] == 0 and isinstance(exponent, int):
        digits, exponent = digits[:-1], exponent + 1
    return sign, digits, exponent


def _text(amount: Decimal) -> str:
    return format(Decimal(_shortest(amount)), "f")
