"""Quality of an offer: the rate in over out, kept as ((exponent + 100) << 56) | mantissa; lower is better."""

from functools import lru_cache
from typing import Final, NamedTuple

from . import amounts
from .amounts import Amount
from .numbers import Number

MAX_TICK_SIZE: Final = 16
_MANTISSA: Final = (1 << 56) - 1


class Amounts(NamedTuple):
    """What the taker of an offer puts in, and gets out."""

    inward: Amount
    outward: Amount


def quality(inward: Amount, outward: Amount) -> int:
    """in / out as a quality; 0 where it cannot be told."""
    if outward.mantissa == 0:
        return 0
    try:
        rate = amounts.divide(inward, outward, False)
    except OverflowError:
        return 0
    if rate.mantissa == 0:
        return 0
    return (rate.exponent + 100) << 56 | rate.mantissa


def rate_of(value: int) -> Amount:
    """The rate of a quality."""
    if value == 0:
        return amounts.ZERO_TOKEN
    return Amount(value & _MANTISSA, (value >> 56) - 100, False)


def rate_number(value: int) -> Number:
    return Number(value & _MANTISSA, (value >> 56) - 100)


@lru_cache(maxsize=4096)
def of_directory(key: str) -> int:
    """The quality in the last eight bytes of a book directory's key."""
    return int(key[48:], 16)


def limit_in(value: int, offer: Amounts, limit: Amount) -> Amounts:
    """The offer, cut to this much in."""
    if not limit < offer.inward:
        return offer
    outward = amounts.divide_rounded(limit, rate_of(value), offer.outward.native, up=True)
    return Amounts(limit, min(outward, offer.outward))


def limit_out(value: int, offer: Amounts, limit: Amount, *, up: bool) -> Amounts:
    """The offer, cut to this much out, rounded as fixReducedOffersV1 says."""
    if not limit < offer.outward:
        return offer
    inward = amounts.multiply_rounded(limit, rate_of(value), offer.inward.native, up=up, strict=True)
    return Amounts(min(inward, offer.inward), limit)


def ticked(value: int, digits: int) -> int:
    """The quality rounded up to so many digits: in the placer's favour."""
    step: int = 10 ** (16 - digits)
    exponent, mantissa = value >> 56, value & _MANTISSA
    mantissa += step - 1
    mantissa -= mantissa % step
    return exponent << 56 | mantissa
