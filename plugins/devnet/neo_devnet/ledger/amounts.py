"""Amounts as the ledger reckons with them: whole drops, or a token's sixteen digits."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from . import numbers
from .numbers import DOWN, LARGEST, NEAREST, SMALLEST, TOWARDS_ZERO, UP, Number

PARITY: Final = 1_000_000_000  # a transfer rate of one
MIN_EXPONENT: Final = -96
MAX_EXPONENT: Final = 80


class Amount(msgspec.Struct, frozen=True, gc=False):
    """mantissa * 10 ** exponent of a token (normal form), or drops with exponent 0."""

    mantissa: int
    exponent: int
    native: bool

    def __add__(self, other: "Amount") -> "Amount":
        if self.native:
            return Amount(self.mantissa + other.mantissa, 0, True)
        return of_number(
            numbers.add(Number(self.mantissa, self.exponent), Number(other.mantissa, other.exponent)), native=False
        )

    def __neg__(self) -> "Amount":
        return Amount(-self.mantissa, self.exponent, self.native)

    def __sub__(self, other: "Amount") -> "Amount":
        return self + -other

    def __lt__(self, other: "Amount") -> bool:
        mine, theirs = self.mantissa, other.mantissa
        if mine <= 0 or theirs <= 0 or self.exponent == other.exponent:
            if mine < 0 and theirs < 0 and self.exponent != other.exponent:
                return self.exponent > other.exponent
            return mine < theirs
        return self.exponent < other.exponent

    def __gt__(self, other: "Amount") -> bool:
        return other < self

    def __le__(self, other: "Amount") -> bool:
        return not other < self

    def __ge__(self, other: "Amount") -> bool:
        return not self < other

    @property
    def number(self) -> Number:
        if self.native:
            return numbers.number(self.mantissa, 0)
        return Number(self.mantissa, self.exponent) if self.mantissa else numbers.ZERO


ZERO_TOKEN: Final = Amount(0, -100, False)
ZERO_DROPS: Final = Amount(0, 0, True)
SMALLEST_TOKEN: Final = Amount(SMALLEST, MIN_EXPONENT, False)
ONE_DROP: Final = Amount(1, 0, True)


def zero(native: bool) -> Amount:
    return ZERO_DROPS if native else ZERO_TOKEN


def drops(value: int) -> Amount:
    return Amount(value, 0, True)


def token(mantissa: int, exponent: int, mode: int = NEAREST) -> Amount:
    """A token amount in normal form; too small for the ledger is zero."""
    mantissa, exponent = numbers.number(mantissa, exponent, mode)
    if mantissa == 0 or exponent < MIN_EXPONENT:
        return ZERO_TOKEN
    if exponent > MAX_EXPONENT:
        raise OverflowError("a token amount above what the ledger can hold")
    return Amount(mantissa, exponent, False)


def of_number(value: Number, *, native: bool, mode: int = NEAREST) -> Amount:
    if native:
        return Amount(numbers.whole(value, mode), 0, True)
    return token(value.mantissa, value.exponent, mode)


def of_parts(mantissa: int, exponent: int, native: bool, mode: int = NEAREST) -> Amount:
    """An amount of the asset from a mantissa of any size."""
    if not native:
        return token(mantissa, exponent, mode)
    if exponent >= 0:
        return Amount(mantissa * 10**exponent, 0, True)
    return Amount(numbers.rounded_quotient(mantissa, 10**-exponent, mode), 0, True)


@lru_cache(maxsize=65536)
def parse(text: str) -> Amount:
    """A token's value as text."""
    digits, _, power = text.lower().partition("e")
    whole, _, fraction = digits.partition(".")
    return token(int(whole + fraction), (int(power) if power else 0) - len(fraction))


@lru_cache(maxsize=65536)
def token_text(amount: Amount) -> str:
    """A token's value as rippled writes it."""
    if amount.mantissa == 0:
        return "0"
    exponent = amount.exponent
    if exponent != 0 and not -25 <= exponent <= -5:
        return f"{amount.mantissa}e{exponent}"
    sign = "-" if amount.mantissa < 0 else ""
    digits = str(abs(amount.mantissa))
    if exponent == 0:
        return sign + digits
    digits = digits.rjust(1 - exponent, "0")
    fraction = digits[exponent:].rstrip("0")
    return sign + digits[:exponent] + ("." + fraction if fraction else "")


def read(value: Any) -> Amount:
    """An amount of a transaction or an entry."""
    if isinstance(value, str):
        return Amount(int(value), 0, True)
    return parse(value["value"])


def write(amount: Amount, like: Any) -> Any:
    """The amount in the form, and the asset, of another one."""
    if amount.native:
        return str(amount.mantissa)
    return {"currency": like["currency"], "issuer": like["issuer"], "value": token_text(amount)}


def asset(value: Any) -> tuple[str, str]:
    """Currency and issuer of an amount or an asset; XRP has no issuer."""
    if isinstance(value, str):
        return ("XRP", "")
    return _asset(value)


def _asset(value: Mapping[str, Any]) -> tuple[str, str]:
    return (value["currency"], value.get("issuer", ""))


def _scaled(amount: Amount) -> tuple[int, int]:
    mantissa, exponent = abs(amount.mantissa), amount.exponent
    if amount.native:
        short = 16 - len(str(mantissa))
        if short > 0:
            return mantissa * 10**short, exponent - short
    return mantissa, exponent


def multiply(a: Amount, b: Amount, native: bool) -> Amount:
    """To the nearest of sixteen digits, then to the nearest drop."""
    if a.native and b.native and native:
        return Amount(a.mantissa * b.mantissa, 0, True)
    return of_number(numbers.multiply(a.number, b.number), native=native)


def divide(a: Amount, b: Amount, native: bool) -> Amount:
    """Seventeen or eighteen digits plus 5 in the last of them, then to the nearest of sixteen."""
    if a.mantissa == 0:
        return zero(native)
    top, top_exponent = _scaled(a)
    bottom, bottom_exponent = _scaled(b)
    size = top * 10**17 // bottom + 5
    negative = (a.mantissa < 0) != (b.mantissa < 0)
    return of_parts(-size if negative else size, top_exponent - bottom_exponent - 17, native)


def _raised(native: bool, value: int, exponent: int, *, strict: bool) -> tuple[int, int]:
    """What rippled adds before it cuts the digits that do not fit, when it rounds up."""
    if native:
        if exponent >= 0:
            return value, exponent
        cuts = -1 - exponent
        kept, lost = divmod(value, 10**cuts)
        if strict:
            kept += 10 if lost else 9
        else:
            kept += 9 if cuts >= 2 else 10
        return kept // 10, 0
    if value <= LARGEST:
        return value, exponent
    while value > 10 * LARGEST:
        value //= 10
        exponent += 1
    return (value + 9) // 10, exponent + 1


def multiply_rounded(a: Amount, b: Amount, native: bool, *, up: bool, strict: bool = False) -> Amount:
    """The product of two positive amounts; the strict form looks at every digit it cuts."""
    if a.mantissa == 0 or b.mantissa == 0:
        return zero(native)
    if a.native and b.native and native:
        return Amount(a.mantissa * b.mantissa, 0, True)
    left, left_exponent = _scaled(a)
    right, right_exponent = _scaled(b)
    value = (left * right + (10**14 - 1 if up else 0)) // 10**14
    exponent = left_exponent + right_exponent + 14
    if up:
        value, exponent = _raised(native, value, exponent, strict=strict)
    return _at_least_something(of_parts(value, exponent, native, TOWARDS_ZERO if strict else NEAREST), up)


def divide_rounded(a: Amount, b: Amount, native: bool, *, up: bool, strict: bool = False) -> Amount:
    """The quotient of two positive amounts."""
    if a.mantissa == 0:
        return zero(native)
    top, top_exponent = _scaled(a)
    bottom, bottom_exponent = _scaled(b)
    value = (top * 10**17 + (bottom - 1 if up else 0)) // bottom
    exponent = top_exponent - bottom_exponent - 17
    if up:
        value, exponent = _raised(native, value, exponent, strict=False)
    mode = (UP if up else DOWN) if strict else NEAREST
    return _at_least_something(of_parts(value, exponent, native, mode), up)


def _at_least_something(amount: Amount, up: bool) -> Amount:
    if up and amount.mantissa == 0:
        return ONE_DROP if amount.native else SMALLEST_TOKEN
    return amount


def ratio(amount: Amount, numerator: int, denominator: int, *, up: bool) -> Amount:
    """amount * numerator / denominator: transfer rates."""
    if numerator == denominator:
        return amount
    product = abs(amount.mantissa) * numerator
    negative = amount.mantissa < 0
    away = up != negative
    if amount.native:
        size = -(-product // denominator) if away else product // denominator
        return Amount(-size if negative else size, 0, True)
    low, rest = divmod(product, denominator)
    exponent = amount.exponent
    if rest:
        room = 18 - _ceil_log10(low)
        if room > 0:
            exponent -= room
            low, rest = divmod(product * 10**room, denominator)
    shrink = _ceil_log10(low) - 18
    inexact = rest != 0
    if shrink > 0:
        exponent += shrink
        low, cut = divmod(low, 10**shrink)
        inexact = inexact or cut != 0
    result = token(-low if negative else low, exponent)
    if not inexact or not away:
        return result
    if result.mantissa == 0:
        return -SMALLEST_TOKEN if negative else SMALLEST_TOKEN
    return token(result.mantissa + (-1 if negative else 1), result.exponent)


def _ceil_log10(value: int) -> int:
    """The first power of ten that is at least the value."""
    return len(str(value - 1)) if value > 1 else 0


def transfer(amount: Amount, rate: int) -> Amount:
    """amount * rate, rounded up: what leaves a sender for this amount to arrive."""
    if rate == PARITY:
        return amount
    return multiply_rounded(amount, token(rate, -9), amount.native, up=True)


def without_transfer(amount: Amount, rate: int) -> Amount:
    """amount / rate, rounded up."""
    if rate == PARITY:
        return amount
    return divide_rounded(amount, token(rate, -9), amount.native, up=True)


def text(amount: Amount) -> str:
    """Drops, or a token's value."""
    return str(amount.mantissa) if amount.native else token_text(amount)
