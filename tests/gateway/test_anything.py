"""Whatever is handed in, nothing is raised but the reader's own error, and no event is nonsense."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from neo_core.errors import UnreadableTransaction
from neo_core.gateways.xrpl.reading.lines import explain_line
from neo_core.gateways.xrpl.reading.metadata import as_facts, explain
from tests.gateway.making import (
    ISSUER,
    LEDGER,
    MAKER,
    TAKER,
    Json,
    create,
    deleted,
    line,
    meta,
    modified,
    payment,
    placed,
    rlusd,
    root,
    transaction,
    trust_line,
    was,
)

SEEDS: list[tuple[Json, Json]] = [
    (
        create(TAKER, rlusd("52"), "100000000", OfferSequence=49),
        meta(
            placed(TAKER, 50, rlusd("10"), "20000000"),
            modified(MAKER, 9, "1", rlusd("2"), was("2", rlusd("4"))),
            deleted(MAKER, 10, "0", rlusd("0"), was("2", rlusd("4"))),
            deleted(MAKER, 11, "7", rlusd("3"), Expiration=800_000_000),
            deleted(TAKER, 49, rlusd("3"), "6"),
            root(TAKER, 1_000_000, 999_000),
            trust_line(ISSUER, TAKER, "-10", "-20"),
            trust_line(TAKER, ISSUER, "10", None),
        ),
    ),
    (payment(), meta(deleted(MAKER, 10, "5", rlusd("0.5"), was("2e3")))),
    (transaction("OfferCancel", MAKER, OfferSequence=3), meta(deleted(MAKER, 3, "5", rlusd("0.5")))),
]
NUMBERS = ["0", "-1", "1e80", "-9999999999999999e80", "1e999999999", "NaN", "Infinity", "0x10", "١"]
NAMES = ["Offer", "AccountRoot", "RippleState", "CreatedNode", "DeletedNode", "tecKILLED", "OfferCreate", MAKER]
WORDS = st.sampled_from(["", "\ud800", *NUMBERS, *NAMES])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=8)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=12
)
TIMES = st.none() | st.integers(0, 2**32)
ACCOUNTS = st.sampled_from([None, MAKER, TAKER])


def places(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [path, *(found for key, value in inner for found in places(value, (*path, key)))]


def put(whole: Any, path: tuple[Any, ...], given: Any, *, drop: bool) -> Any:
    if not path:
        return given
    whole = deepcopy(whole)
    part = whole
    for key in path[:-1]:
        part = part[key]
    if drop:
        del part[path[-1]]
    else:
        part[path[-1]] = given
    return whole


@st.composite
def mutated(draw: st.DrawFn) -> tuple[Any, Any]:
    """A good one in which a few places hold something else, or nothing, or what stands in another place."""
    whole: Any = [*deepcopy(draw(st.sampled_from(SEEDS)))]
    for _ in range(draw(st.integers(1, 4))):
        every = places(whole)
        path = draw(st.sampled_from(every[1:] or every))
        other = whole
        for key in draw(st.sampled_from(every)):
            other = other[key]
        given = draw(st.one_of(ANYTHING, st.just(deepcopy(other))))
        whole = put(whole, path, given, drop=draw(st.booleans()))
        if not isinstance(whole, list) or len(whole) != 2:
            return whole, None
    return whole[0], whole[1]


def refused(error: UnreadableTransaction) -> bool:
    """In one clear sentence."""
    return bool(str(error)) and str(error).isprintable()


def assert_told_or_refused(tx: Any, metadata: Any, index: Any, time: Any, account: str | None) -> None:
    try:
        events = explain(tx, metadata, index, time, account)
    except UnreadableTransaction as error:
        assert refused(error)  # noqa: PT017 (it need not be refused)
        return
    for event in events:
        assert event.event in ("placed", "partial_fill", "filled", "removed")
        assert bool(event.cause) == (event.event == "removed")
        assert account in (None, event.owner)
        assert json.dumps(as_facts(event), allow_nan=False)


@given(ANYTHING, ANYTHING, ANYTHING, TIMES, ACCOUNTS)
def test_any_json_is_told_or_refused(tx: Any, metadata: Any, index: Any, time: Any, account: str | None) -> None:
    assert_told_or_refused(tx, metadata, index, time, account)


@given(st.sampled_from(SEEDS), ANYTHING, TIMES, ACCOUNTS)
def test_any_json_as_metadata_is_told_or_refused(
    seed: tuple[Json, Json], metadata: Any, time: Any, account: str | None
) -> None:
    assert_told_or_refused(seed[0], metadata, LEDGER, time, account)


@given(mutated(), TIMES, ACCOUNTS)
def test_a_transaction_with_wrong_places_is_told_or_refused(
    pair: tuple[Any, Any], time: Any, account: str | None
) -> None:
    assert_told_or_refused(*pair, LEDGER, time, account)


@given(st.binary(max_size=60) | st.sampled_from([line(*seed).encode() for seed in SEEDS]), st.integers(0, 400))
def test_any_bytes_are_told_or_refused(data: bytes, cut: int) -> None:
    for part in (data, data[cut:], data[:cut]):
        try:
            explain_line(part)
        except UnreadableTransaction as error:
            assert refused(error)  # noqa: PT017
