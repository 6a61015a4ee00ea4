"""Decimal arithmetic of the ledger: sixteen digits, and the roundings that rippled's `Number` knows."""

from typing import Final, NamedTuple

NEAREST: Final = 0  # ties to the even digit
TOWARDS_ZERO: Final = 1
DOWN: Final = 2
UP: Final = 3

SMALLEST: Final = 10**15
LARGEST: Final = 10**16 - 1


class Number(NamedTuple):
    """mantissa * 10 ** exponent; normal form: sixteen digits, or (0, 0)."""

    mantissa: int
    exponent: int


ZERO: Final = Number(0, 0)
ONE: Final = Number(SMALLEST, -15)


def rounded_quotient(value: int, divisor: int, mode: int) -> int:
    """value / divisor as a whole number, rounded by `mode`."""
    whole, rest = divmod(abs(value), divisor)
    if rest:
        negative = value < 0
        if mode == NEAREST:
            twice = 2 * rest
            whole += twice > divisor or (twice == divisor and whole & 1)
        elif mode == UP:
            whole += not negative
        elif mode == DOWN:
            whole += negative
    return -whole if value < 0 else whole


def number(mantissa: int, exponent: int, mode: int = NEAREST) -> Number:
    """The normal form of mantissa * 10 ** exponent."""
    size = abs(mantissa)
    if SMALLEST <= size <= LARGEST:
        return Number(mantissa, exponent)
    if size == 0:
        return ZERO
    shift = len(str(size)) - 16
    if shift < 0:
        return Number(mantissa * 10**-shift, exponent + shift)
    mantissa = rounded_quotient(mantissa, 10**shift, mode)
    if abs(mantissa) > LARGEST:
        mantissa //= 10
        shift += 1
    return Number(mantissa, exponent + shift)


def add(a: Number, b: Number, mode: int = NEAREST) -> Number:
    if a.mantissa == 0:
        return b
    if b.mantissa == 0:
        return a
    if a.exponent < b.exponent:
        a, b = b, a
    gap = a.exponent - b.exponent
    if gap > 40:
        return a
    return number(a.mantissa * 10**gap + b.mantissa, b.exponent, mode)


def subtract(a: Number, b: Number, mode: int = NEAREST) -> Number:
    return add(a, Number(-b.mantissa, b.exponent), mode)


def multiply(a: Number, b: Number, mode: int = NEAREST) -> Number:
    return number(a.mantissa * b.mantissa, a.exponent + b.exponent, mode)


def divide(a: Number, b: Number, mode: int = NEAREST) -> Number:
    """The quotient is cut after 17 or 18 digits before it is rounded, as rippled does."""
    size = abs(a.mantissa) * 10**17 // abs(b.mantissa)
    return number(-size if (a.mantissa < 0) != (b.mantissa < 0) else size, a.exponent - b.exponent - 17, mode)


def whole(a: Number, mode: int = NEAREST) -> int:
    """The number as drops."""
    if a.exponent >= 0:
        return int(a.mantissa * 10**a.exponent)
    return rounded_quotient(a.mantissa, 10**-a.exponent, mode)


def less(a: Number, b: Number) -> bool:
    return subtract(a, b).mantissa < 0


def of(value: int) -> Number:
    return number(value, 0)


def root2(value: Number) -> Number:
    """The square root by the iteration that rippled makes, so that the last digit is the same."""
    if value.mantissa == 0 or value == ONE:
        return value
    shift = value.exponent + 16
    shift += shift % 2
    value = Number(value.mantissa, value.exponent - shift)
    guess = divide(add(multiply(add(multiply(of(-60), value), of(144)), value), of(18)), of(105))
    last = before = ZERO
    while True:
        before, last = last, guess
        guess = divide(add(guess, divide(value, guess)), of(2))
        if guess in (last, before):
            return Number(guess.mantissa, guess.exponent + shift // 2)


def smaller_root(a: Number, b: Number, c: Number) -> Number | None:
    """The smaller solution of a*x*x + b*x + c = 0, in the form that keeps its digits."""
    inner = subtract(multiply(b, b), multiply(multiply(of(4), a), c))
    if inner.mantissa < 0:
        return None
    middle = Number(-b.mantissa, b.exponent)
    root = root2(inner)
    divisor = subtract(middle, root) if b.mantissa > 0 else add(middle, root)
    return divide(multiply(of(2), c), divisor)
