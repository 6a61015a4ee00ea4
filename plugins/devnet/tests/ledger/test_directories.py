"""Directories in pages of thirty-two, and states that know their books."""

from random import Random

import pytest
from neo_devnet.ledger import State, directories, keys, owned

from .bench import MAKER, TAKER, XRP, Bench, token


def test_many_offers_stand_on_linked_pages_and_all_are_listed() -> None:
    bench = Bench()
    made = [bench.ask(MAKER, 10 * XRP, 5) for _ in range(80)]
    assert bench.sequences(MAKER) == set(made)
    assert [sequence for _, sequence in bench.asks()] == made
    root = bench.state.get(keys.owner_directory(MAKER))
    assert root is not None
    assert (root["IndexNext"], root["IndexPrevious"]) == ("1", "2")
    assert root["Indexes"] == sorted(root["Indexes"])
    assert len(root["Indexes"]) == directories.PAGE_SIZE
    last = bench.entry(MAKER, made[-1])
    assert last is not None
    assert (last["OwnerNode"], last["BookNode"]) == ("2", "2")


@pytest.mark.parametrize("seed", range(3))
def test_pages_go_when_they_are_empty_in_whatever_order(seed: int) -> None:
    bench = Bench()
    made = [bench.ask(MAKER, 10 * XRP, 5) for _ in range(70)]
    before = set(bench.state.keys())
    Random(seed).shuffle(made)
    for sequence in made:
        bench.ok(MAKER, "OfferCancel", OfferSequence=sequence)
    assert bench.sequences(MAKER) == set()
    assert bench.asks() == []
    assert bench.root(MAKER)["OwnerCount"] == 1
    kinds = [entry["LedgerEntryType"] for _, entry in owned(bench.state, MAKER)]
    assert kinds == ["RippleState"]
    assert len(before) - len(set(bench.state.keys())) >= 70
    left = [entry for _, entry in bench.state.items() if "ExchangeRate" in entry]
    assert left == []


def test_a_book_of_three_pages_is_walked_through() -> None:
    bench = Bench()
    for _ in range(70):
        bench.ask(MAKER, XRP, "0.5")
    assert bench.offer(TAKER, str(69 * XRP), token("34.5")).result == "tesSUCCESS"
    assert len(bench.asks()) == 1
    assert bench.root(MAKER)["OwnerCount"] == 2


def test_a_state_of_entries_knows_its_books() -> None:
    bench = Bench()
    for value in (6, 5, 7):
        bench.ask(MAKER, 10 * XRP, value)
    again = State.of(dict(bench.state.items()))
    assert again.books() == bench.state.books()
    (book,) = again.books()
    assert again.directories(book) == tuple(sorted(again.directories(book)))
    assert len(again.directories(book)) == 3
    assert list(again.items()) == list(bench.state.items())
