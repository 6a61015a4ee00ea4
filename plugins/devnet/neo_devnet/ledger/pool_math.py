"""What an automated market maker exchanges: constant product, fee on what comes in, rounded in its own favour."""

from typing import Final

from . import amounts, numbers
from .amounts import Amount
from .numbers import DOWN, ONE, TOWARDS_ZERO, UP, Number
from .quality import Amounts, quality, rate_number

_NEARLY_ALL: Final = Number(9_999_000_000_000_000, -16)
_CLOSE: Final = Number(1_000_000_000_000_000, -22)
"""A relative distance of 1e-7."""


def fee_of(trading_fee: int) -> Number:
    """A trading fee in units of 1/100000 as a fraction."""
    return numbers.divide(numbers.of(trading_fee), numbers.of(100_000))


def fee_factor(trading_fee: int) -> Number:
    return numbers.subtract(ONE, fee_of(trading_fee))


def swap_in(pool: Amounts, inward: Amount, trading_fee: int) -> Amount:
    """What the pool gives for this much."""
    held_in, held_out = pool.inward.number, pool.outward.number
    product = numbers.multiply(held_in, held_out, UP)
    fee = numbers.divide(numbers.of(trading_fee), numbers.of(100_000), UP)
    paid = numbers.multiply(inward.number, numbers.subtract(ONE, fee, DOWN), DOWN)
    held = numbers.add(held_in, paid, DOWN)
    if held.mantissa <= 0:
        return amounts.zero(pool.outward.native)
    given = numbers.subtract(held_out, numbers.divide(product, held, UP), DOWN)
    if given.mantissa < 0:
        return amounts.zero(pool.outward.native)
    return amounts.of_number(given, native=pool.outward.native, mode=DOWN)


def swap_out(pool: Amounts, outward: Amount, trading_fee: int) -> Amount | None:
    """What the pool wants for this much; None where it does not hold so much."""
    held_in, held_out = pool.inward.number, pool.outward.number
    product = numbers.multiply(held_in, held_out, UP)
    left = numbers.subtract(held_out, outward.number, DOWN)
    if left.mantissa <= 0:
        return None
    wanted = numbers.subtract(numbers.divide(product, left, UP), held_in, UP)
    fee = numbers.divide(numbers.of(trading_fee), numbers.of(100_000), UP)
    paid = numbers.divide(wanted, numbers.subtract(ONE, fee, DOWN), UP)
    if paid.mantissa < 0:
        return amounts.zero(pool.inward.native)
    return amounts.of_number(paid, native=pool.inward.native, mode=UP)


def is_close(one: int, other: int) -> bool:
    """Two qualities within 1e-7 of each other."""
    worse, better = rate_number(max(one, other)), rate_number(min(one, other))
    apart = numbers.divide(numbers.subtract(worse, better), worse)
    return one == other or numbers.less(apart, _CLOSE)


def up_to_quality(pool: Amounts, target: int, trading_fee: int) -> Amounts | None:
    """The exchange that brings the pool's price, or its own, to this quality; None where there is none."""
    rate = rate_number(target)
    size_from = _from_outward if pool.outward.native else _from_inward
    sized = size_from(pool, rate, trading_fee)
    if sized is None:
        return None
    size, on_outward = sized
    offer = _offer(pool, size, trading_fee, on_outward=on_outward)
    if offer is not None and quality(*offer) > target:
        exact = offer.outward if on_outward else offer.inward
        smaller = numbers.multiply(exact.number, _NEARLY_ALL, TOWARDS_ZERO)
        offer = _offer(pool, smaller, trading_fee, on_outward=on_outward)
    if offer is None or offer.inward.mantissa <= 0 or offer.outward.mantissa <= 0 or quality(*offer) > target:
        return None
    return offer


def _offer(pool: Amounts, size: Number, trading_fee: int, *, on_outward: bool) -> Amounts | None:
    if on_outward:
        outward = amounts.of_number(size, native=pool.outward.native, mode=DOWN)
        inward = swap_out(pool, outward, trading_fee)
        return None if inward is None else Amounts(inward, outward)
    inward = amounts.of_number(size, native=pool.inward.native, mode=DOWN)
    return Amounts(inward, swap_in(pool, inward, trading_fee))


def _from_outward(pool: Amounts, rate: Number, trading_fee: int) -> tuple[Number, bool] | None:
    held_in, held_out, factor = pool.inward.number, pool.outward.number, fee_factor(trading_fee)
    fee_part = numbers.subtract(ONE, numbers.divide(ONE, factor))
    b = numbers.subtract(
        numbers.divide(numbers.multiply(held_in, fee_part), rate), numbers.multiply(numbers.of(2), held_out)
    )
    c = numbers.subtract(
        numbers.multiply(held_out, held_out), numbers.divide(numbers.multiply(held_in, held_out), rate)
    )
    size = numbers.smaller_root(ONE, b, c)
    most = numbers.subtract(held_out, numbers.divide(held_in, numbers.multiply(rate, factor)))
    return _smallest(size, most, on_outward=True)


def _from_inward(pool: Amounts, rate: Number, trading_fee: int) -> tuple[Number, bool] | None:
    held_in, held_out, factor = pool.inward.number, pool.outward.number, fee_factor(trading_fee)
    b = numbers.multiply(held_in, numbers.add(ONE, factor))
    c = numbers.subtract(
        numbers.multiply(held_in, held_in), numbers.multiply(numbers.multiply(held_in, held_out), rate)
    )
    size = numbers.smaller_root(factor, b, c)
    most = numbers.subtract(numbers.multiply(held_out, rate), numbers.divide(held_in, factor))
    return _smallest(size, most, on_outward=False)


def _smallest(size: Number | None, most: Number, *, on_outward: bool) -> tuple[Number, bool] | None:
    if size is None or size.mantissa <= 0 or most.mantissa <= 0:
        return None
    return (most if numbers.less(most, size) else size), on_outward


def out_at_average(pool: Amounts, worst: int, trading_fee: int) -> Amount | None:
    """How much the pool gives until the average price of it all is this quality."""
    factor, held_in, held_out = fee_factor(trading_fee), pool.inward.number, pool.outward.number
    slope = numbers.divide(Number(-factor.mantissa, factor.exponent), held_in)
    start = numbers.divide(numbers.multiply(held_out, factor), held_in)
    wanted = numbers.divide(ONE, rate_number(worst), UP)
    out = numbers.divide(numbers.subtract(wanted, start, UP), slope, UP)
    return None if out.mantissa <= 0 else amounts.of_number(out, native=pool.outward.native)


def lp_tokens(one: Amount, other: Amount) -> Amount:
    """Tokens of a new pool: the square root of the product."""
    return amounts.of_number(numbers.root2(numbers.multiply(one.number, other.number)), native=False)


def within(one: Amount, other: Amount, distance: Number) -> bool:
    """Two positive amounts within a relative distance of each other."""
    if one == other:
        return True
    most, least = max(one, other).number, min(one, other).number
    return numbers.less(numbers.divide(numbers.subtract(most, least), most), distance)
