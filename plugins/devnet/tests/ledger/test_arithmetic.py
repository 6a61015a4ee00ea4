"""Amounts: sixteen digits, and how they are written, rounded and compared."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neo_devnet.ledger import Amount, amounts, keys, quality
from neo_devnet.ledger.numbers import Number, multiply, root2

FIXED = settings(derandomize=True, database=None)
CONTEXT = Context(prec=16, rounding=ROUND_HALF_EVEN)
tokens = st.builds(
    lambda mantissa, exponent, sign: Amount(sign * mantissa, exponent, False),
    st.integers(10**15, 10**16 - 1),
    st.integers(-40, 20),
    st.sampled_from([1, -1]),
)


def exact(amount: Amount) -> Decimal:
    return Decimal(amount.mantissa).scaleb(amount.exponent)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("52", "52"),
        ("0", "0"),
        ("-0.5", "-0.5"),
        ("1000000000", "1000000000"),
        ("10000000000", "10000000000"),
        ("100000000000", "1000000000000000e-4"),
        ("0.0000000001", "0.0000000001"),
        ("0.00000000001", "1000000000000000e-26"),
        ("3e-12", "3000000000000000e-27"),
        ("1e15", "1000000000000000"),
        ("-7071067.811865475", "-7071067.811865475"),
    ],
)
def test_a_token_is_written_as_rippled_writes_it(text: str, written: str) -> None:
    assert amounts.token_text(amounts.parse(text)) == written


@FIXED
@given(tokens)
def test_what_is_written_is_read_again(amount: Amount) -> None:
    assert amounts.parse(amounts.token_text(amount)) == amount


@FIXED
@given(tokens, tokens)
def test_sums_are_rounded_to_the_nearest_of_sixteen_digits(one: Amount, other: Amount) -> None:
    assert exact(one + other) == CONTEXT.add(exact(one), exact(other))
    assert exact(one - other) == CONTEXT.subtract(exact(one), exact(other))


@FIXED
@given(tokens, tokens)
def test_products_are_rounded_to_the_nearest_of_sixteen_digits(one: Amount, other: Amount) -> None:
    product = amounts.multiply(one, other, False)
    assert exact(product) == CONTEXT.multiply(exact(one), exact(other))


@FIXED
@given(tokens, tokens)
def test_amounts_compare_as_their_numbers_do(one: Amount, other: Amount) -> None:
    assert (one < other) == (exact(one) < exact(other))
    assert (one <= other) == (exact(one) <= exact(other))
    assert (one > other) == (exact(one) > exact(other))
    assert (one > amounts.ZERO_TOKEN) == (exact(one) > 0)


positive = tokens.map(lambda amount: Amount(abs(amount.mantissa), amount.exponent, False))


@FIXED
@given(positive, positive)
def test_rounding_up_is_never_too_little_and_down_never_too_much(one: Amount, other: Amount) -> None:
    product = exact(one) * exact(other) if len(str(one.mantissa)) < 17 else Decimal(0)
    up = amounts.multiply_rounded(one, other, False, up=True, strict=True)
    down = amounts.multiply_rounded(one, other, False, up=False, strict=True)
    assert exact(down) <= product * (1 + Decimal("1e-27"))
    assert exact(up) >= exact(down)
    assert exact(up) - exact(down) <= abs(product) * Decimal("1.1e-15")


@FIXED
@given(st.integers(1, 10**14), positive)
def test_drops_are_whole(drops: int, rate: Amount) -> None:
    made = amounts.multiply_rounded(amounts.token(drops, 0), amounts.token(rate.mantissa, -18), True, up=True)
    assert made.native
    assert made.mantissa >= 1


@FIXED
@given(positive, st.integers(1_000_000_000, 2_000_000_000))
def test_a_transfer_rate_up_and_down_again_gives_the_amount_but_for_the_last_digit(
    amount: Amount, rate: int
) -> None:
    there = amounts.ratio(amount, rate, amounts.PARITY, up=True)
    back = amounts.ratio(there, amounts.PARITY, rate, up=True)
    assert there >= amount
    assert abs(exact(back) - exact(amount)) <= exact(amount) * Decimal("4e-15")
    assert amounts.ratio(amount, rate, amounts.PARITY, up=False) <= there


@FIXED
@given(st.integers(10**15, 10**16 - 1), st.integers(-30, 10))
def test_a_square_root_squared_is_the_number_but_for_the_last_digits(mantissa: int, exponent: int) -> None:
    value = Number(mantissa, exponent)
    root = root2(value)
    squared = multiply(root, root)
    first = Decimal(value.mantissa).scaleb(value.exponent)
    second = Decimal(squared.mantissa).scaleb(squared.exponent)
    assert abs(first - second) <= first * Decimal("1e-14")


def test_a_quality_tells_its_rate() -> None:
    value = quality.quality(amounts.drops(100_000_000), amounts.parse("48"))
    assert value == 0x5B0766C7D7483556
    assert amounts.token_text(quality.rate_of(value)) == "2083333.333333334"


def test_the_keys_are_those_of_the_recorded_server() -> None:
    maker, issuer = "rNDzBkBJGd6b8MR9wJXrWtZL9kgQVWYztA", "r9sexpegjV8f2LJnhX7tXUfQrBVmgffQX8"
    code = "524C555344000000000000000000000000000000"
    assert keys.account(maker) == "309AA4E2C321C45C2A421F3781272EF3467FEC48F07AE61B415E9AB9F7D42B4D"
    assert keys.offer(maker, 9) == "5CD8E856303187BB8265CF8955A2D6161649774F29CE8E08D744FDFB77EB958B"
    assert keys.owner_directory(maker) == "8B88D5EE973E94D0C71BB952C0BF0E51916F8422F2636326D0C0CF8AB421D93F"
    directory = keys.book_directory((code, issuer), keys.XRP, 0x4E12795F58D50000)
    assert directory == "0A4A9DA3A2D8B558C66B684CD0990749C959F448F16B84D84E12795F58D50000"
