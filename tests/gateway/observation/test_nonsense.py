"""Whatever a node answers, there is an observation or one sentence, and nothing else."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo_core.errors import ObservationFailed
from neo_core.model import DROPS, Observation
from tests.gateway.making import (
    ISSUER,
    MAKER,
    TAKER,
    create,
    deleted,
    meta,
    modified,
    placed,
    rlusd,
    root,
    trust_line,
    was,
)
from tests.gateway.observation.serving import (
    Node,
    ask_in_book,
    bid_in_book,
    closed_at,
    entry,
    gateway_to,
    own_offer,
)

NUMBERS = ["0", "-1", "1e80", "-9999999999999999e80", "1e999999999", "NaN", "Infinity", "0x10", "١", "9" * 30]
NAMES = ["error", "actNotFound", "lgrIdxMalformed", "2-100", "empty", "full", MAKER, ISSUER, "marker", "validated"]
WORDS = st.sampled_from(["", "\ud800", *NUMBERS, *NAMES])
ODD = st.sampled_from([math.nan, math.inf, -0.0, -1, 2**32, 2**64, 10**400, True, False, 100, 99, 101])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ODD | WORDS | st.text(max_size=8)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=12
)


def busy() -> Node:
    """Something of everything that can be told."""
    node = Node()
    node.page = 2
    node.pool = {"amount": "10000000000", "amount2": rlusd("5000"), "asset2_frozen": False}
    node.offers = [own_offer(seq, "5", rlusd("1"), expiration=848_600_000) for seq in (9, 10, 11)]
    node.asks = [ask_in_book(100, "0.00005", account=MAKER, Expiration=848_600_000)] * 21
    part: dict[str, Any] = {"taker_gets_funded": rlusd("0.48"), "taker_pays_funded": "1000000"}
    node.bids = [bid_in_book(100_000_000, "48", **part), *node.bids]
    node.roots[MAKER]["RegularKey"] = TAKER
    nodes = [
        modified(MAKER, 9, "60", rlusd("30.3"), was("100", rlusd("50.5"))),
        deleted(MAKER, 8, "60", rlusd("30.3"), Expiration=closed_at(96)),
        root(MAKER, 960, 1000),
        trust_line(MAKER, ISSUER, "30.2", "10"),
    ]
    node.transactions = [
        entry(97, 0, create(TAKER, rlusd("9"), "9"), meta(*nodes)),
        entry(98, 0, create(MAKER, "5", rlusd("3"), OfferSequence=9), meta(placed(MAKER, 50, "5", rlusd("3")))),
        entry(99, 0, create(MAKER, rlusd("3"), "5", TicketSequence=9), meta(root(MAKER, 1, 2))),
    ]
    return node


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], change: Any, remove: bool) -> Any:
    if not path:
        return change
    value = deepcopy(value)
    inside = value
    for key in path[:-1]:
        inside = inside[key]
    if remove:
        del inside[path[-1]]
    else:
        inside[path[-1]] = change
    return value


def observed(node: Node) -> Observation | None:
    try:
        return gateway_to(node, min_book_drops=DROPS * 10).observe(95)
    except ObservationFailed as refused:
        sentence = str(refused)
        assert sentence.startswith("wss://one.example")
        assert "\n" not in sentence
        assert len(sentence) < 1000
        sentence.encode()
        return None


def test_without_nonsense_there_is_an_observation() -> None:
    node = busy()
    assert observed(node) is not None
    assert node.trips == 3


@pytest.mark.rule("TICK-2")
@given(data=st.data())
def test_one_place_of_one_answer_changed_to_anything_gives_an_observation_or_a_sentence(
    data: st.DataObject,
) -> None:
    node = busy()
    target = data.draw(st.integers(0, 18))
    count = iter(range(1000))

    def mangle(request: Any, answer: Any) -> Any:
        if next(count) != target:
            return answer
        path = data.draw(st.sampled_from(places(answer)))
        return put(answer, path, data.draw(ANYTHING), data.draw(st.booleans()))

    node.mangle = mangle
    seen = observed(node)
    if seen is not None:
        numbers = [seen.market.bid, seen.market.ask, seen.market.amm_price, seen.health.load]
        assert all(number is None or math.isfinite(number) for number in numbers)
        assert seen.account.rlusd.is_finite()
        assert seen.ledger_index == 100
        assert all(event.ledger_index >= seen.account.covers_from for event in seen.account.events)


@pytest.mark.rule("TICK-2")
@given(answers=st.lists(ANYTHING, min_size=20, max_size=20))
def test_answers_of_anything_at_all_give_a_sentence(answers: list[Any]) -> None:
    node = Node()
    told = iter(answers * 10)
    node.mangle = lambda request, answer: next(told)
    assert observed(node) is None
