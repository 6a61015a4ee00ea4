"""Every answer is of the one ledger that was announced, or there is no observation."""

from __future__ import annotations

from typing import Any

import pytest

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.observing.observation import MOST_TRIPS
from tests.gateway.making import ISSUER, MAKER, rlusd
from tests.gateway.observation.serving import NODE, Node, ScriptedLink, gateway_to, hash_of, observe, own_offer

pytestmark = pytest.mark.rule("TICK-2")

PINNED = ["ledger", "account_info", "account_lines", "account_offers", "book_offers"]
ALL = [*PINNED, "amm_info", "server_info", "fee", "account_tx"]


def answering(command: str, change: Any) -> Node:
    node = Node()
    node.pool = {"amount": "10000000000", "amount2": rlusd("5000")}

    def mangle(request: Any, answer: Any) -> Any:
        return change(answer) if request["command"] == command else answer

    node.mangle = mangle
    return node


@pytest.mark.parametrize("command", [*PINNED, "amm_info"])
@pytest.mark.parametrize(
    "other",
    [
        {"ledger_index": 99},
        {"ledger_index": "100"},
        {"ledger_index": None},
        {"ledger_hash": hash_of(100, "C")},
        {"ledger_hash": None},
        {"validated": False},
        {"validated": "true"},
    ],
)
def test_an_answer_about_another_ledger_is_never_mixed_in(command: str, other: dict[str, Any]) -> None:
    node = answering(command, lambda answer: {**answer, **other})
    with pytest.raises(ObservationFailed, match=f"{command}.*: expected validated ledger 100 with hash"):
        observe(node)


@pytest.mark.parametrize("command", PINNED)
def test_an_answer_of_the_open_ledger_is_never_mixed_in(command: str) -> None:
    def current(answer: dict[str, Any]) -> dict[str, Any]:
        left = {name: given for name, given in answer.items() if name not in ("ledger_index", "ledger_hash")}
        return {**left, "ledger_current_index": 101, "validated": False}

    with pytest.raises(ObservationFailed, match="got ledger 101 with hash None, validated False"):
        observe(answering(command, current))


@pytest.mark.parametrize("command", ALL)
def test_an_error_where_none_may_be_is_refused_by_its_name(command: str) -> None:
    node = answering(command, lambda _: {"error": "tooBusy", "error_message": "The server is too busy."})
    with pytest.raises(ObservationFailed) as refused:
        observe(node, since=98)
    sentence = str(refused.value)
    assert sentence.startswith(f"{NODE} about ledger 100: {command}")
    assert "got the error 'tooBusy' 'The server is too busy.'" in sentence


@pytest.mark.parametrize("command", ALL)
@pytest.mark.parametrize("answer", [None, [], "Server is overloaded", 5, {}, {"error": None}, {"error": []}])
def test_what_is_no_answer_is_refused(command: str, answer: Any) -> None:
    with pytest.raises(ObservationFailed, match=NODE):
        observe(answering(command, lambda _: answer), since=98)


@pytest.mark.parametrize("command", ["account_info", "account_lines", "account_offers", "amm_info"])
@pytest.mark.parametrize("about", [{"ledger_index": 99}, {"ledger_hash": hash_of(99)}, {"validated": False}])
def test_that_something_does_not_exist_is_believed_of_this_ledger_alone(
    command: str, about: dict[str, Any]
) -> None:
    node = answering(command, lambda _: {"error": "actNotFound", **about})
    with pytest.raises(
        ObservationFailed, match=f"{command}.*: expected ledger 100, got an error about another ledger"
    ):
        observe(node)


def test_a_sentence_holds_no_more_of_what_came_than_fits_in_it() -> None:
    node = answering("fee", lambda _: {"error": "x" * 100_000, "error_message": "y\n" * 100_000})
    with pytest.raises(ObservationFailed) as refused:
        observe(node)
    assert len(str(refused.value)) < 500
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["account_offers", "account_lines"])
def test_pages_that_go_round_in_a_circle_are_refused(name: str) -> None:
    node = answering(name, lambda answer: {**answer, "marker": "0"})
    with pytest.raises(ObservationFailed, match=f"{name}: expected the next page, got the marker '0' twice"):
        observe(node)


def test_pages_without_end_are_refused_before_they_cost_more_round_trips() -> None:
    pages = iter(range(1000))
    node = answering("account_offers", lambda answer: {**answer, "marker": next(pages)})
    with pytest.raises(ObservationFailed, match="account_offers: expected the last page after 8 round trips"):
        observe(node)
    assert node.trips == MOST_TRIPS == 8


def test_offers_that_are_gone_on_the_second_page_are_refused() -> None:
    node = Node()
    node.page = 1
    node.offers = [own_offer(9, "1", rlusd("1")), own_offer(10, "1", rlusd("1"))]
    node.mangle = lambda request, answer: {"error": "actNotFound"} if "marker" in request else answer
    with pytest.raises(ObservationFailed, match="expected the next page, got that there is no such account"):
        observe(node)


def test_too_few_answers_are_refused() -> None:
    node = Node()
    link = ScriptedLink(node)
    link.ask = lambda requests: node.ask(requests)[:-1]  # type: ignore[method-assign]
    with pytest.raises(ObservationFailed, match=r"expected \d+ answers, got \d+"):
        gateway_to(link=link).observe(None)


def test_a_ledger_that_is_not_closed_is_refused() -> None:
    node = answering("ledger", lambda answer: {**answer, "ledger": {**answer["ledger"], "closed": False}})
    with pytest.raises(ObservationFailed, match="ledger: expected a closed ledger"):
        observe(node)


@pytest.mark.parametrize("ledgers", [1, 5])
def test_a_ledger_that_does_not_follow_the_one_seen_last_is_refused(ledgers: int) -> None:
    node = Node()
    gateway = gateway_to(node)
    gateway.observe(None)
    node.advance(ledgers)
    node.fork = "C"
    with pytest.raises(
        ObservationFailed, match=r"expected ledger 100 with hash .* the nodes do not follow one ledger"
    ):
        gateway.observe(100)
    node.advance()
    node.fork = "A"
    assert gateway.observe(100).ledger_index == node.index


def test_whether_an_older_ledger_is_the_same_is_not_known_where_the_node_has_it_no_more() -> None:
    node = Node()
    gateway = gateway_to(node)
    gateway.observe(None)
    node.advance(5)
    node.mangle = lambda request, answer: (
        {"error": "lgrNotFound"} if request["command"] == "ledger" and request["ledger_index"] == 100 else answer
    )
    assert gateway.observe(100).ledger_index == 105


def test_every_request_that_can_be_is_pinned_to_the_announced_ledger() -> None:
    node = Node()
    observe(node, since=98)
    floating = {"fee", "server_info"}
    for asked in node.requests:
        if asked["command"] == "account_tx":
            assert (asked["ledger_index_min"], asked["ledger_index_max"]) == (99, 100)
        elif (
            asked["command"] not in floating and asked["ledger_index"] != "current"
        ):  # what the sender wants to know
            assert asked["ledger_index"] == 100
    assert {asked.get("account") for asked in node.requests if asked["command"] == "account_info"} == {
        MAKER,
        ISSUER,
    }
