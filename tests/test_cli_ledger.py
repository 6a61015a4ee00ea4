"""`neo ledger explain`, as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.gateway.making import (
    HASH,
    LEDGER,
    MAKER,
    OTHER,
    TAKER,
    create,
    deleted,
    line,
    meta,
    modified,
    payment,
    placed,
    rlusd,
    was,
)

Neo = Callable[..., Result]

ASK = ("100000000", rlusd("52"))
TIME = 800_000_000
PLACED = line(create(MAKER, *ASK, sequence=15), meta(placed(MAKER, 15, *ASK)))
FILLED = line(payment(), meta(modified(MAKER, 15, "60000000", rlusd("31.2"), was(*ASK))))
EXPIRED_META = meta(deleted(MAKER, 15, "60000000", rlusd("31.2"), Expiration=TIME))


def explain(neo: Neo, *lines: str, words: tuple[str, ...] = ()) -> Result:
    Path("given.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return neo("ledger", "explain", "given.jsonl", *words)


def events(result: Result) -> list[Any]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_event_is_a_line_of_json(neo: Neo) -> None:
    first, second = events(explain(neo, PLACED, "", FILLED, words=("--json",)))
    assert first == {
        "hash": HASH,
        "ledger_index": LEDGER,
        "owner": MAKER,
        "sequence": 15,
        "event": "placed",
        "cause": None,
        "gets": "0",
        "pays": rlusd("0"),
        "rest": {"gets": ASK[0], "pays": ASK[1]},
    }
    assert (second["event"], second["gets"], second["pays"]) == ("partial_fill", "40000000", rlusd("20.8"))


def test_a_person_reads_a_line_for_each_event_below_its_transaction(neo: Neo) -> None:
    last = line(payment(), EXPIRED_META, parent_close_time=TIME)
    assert explain(neo, PLACED, FILLED, last).output.splitlines() == [
        f"{HASH}, ledger {LEDGER}",
        f"  {MAKER} 15: placed: left 100 XRP for 52 RLUSD",
        f"{HASH}, ledger {LEDGER}",
        f"  {MAKER} 15: partial fill: gave 40 XRP for 20.8 RLUSD, left 60 XRP for 31.2 RLUSD",
        f"{HASH}, ledger {LEDGER}",
        f"  {MAKER} 15: removed (expired): left 60 XRP for 31.2 RLUSD",
    ]


def test_only_the_offers_of_one_account_are_told(neo: Neo) -> None:
    other = line(payment(), meta(deleted(OTHER, 3, *ASK)))
    assert [event["owner"] for event in events(explain(neo, other, FILLED, words=("--json",)))] == [OTHER, MAKER]
    only = ("--json", "--account", OTHER)
    assert [event["owner"] for event in events(explain(neo, other, FILLED, words=only))] == [OTHER]
    assert explain(neo, other, FILLED, words=("--account", TAKER)).output == (
        f"no offer of {TAKER} was placed, filled or removed by 2 transactions\n"
    )
    assert explain(neo, FILLED, words=("--json", "--account", TAKER)).output == ""


def test_a_hyphen_reads_the_standard_input(neo: Neo) -> None:
    assert [event["event"] for event in events(neo("ledger", "explain", "-", "--json", typed=PLACED))] == [
        "placed"
    ]


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"parent_close_time": TIME, "close_time": TIME + 10}, "expired"),
        ({"parent_close_time": TIME - 1, "close_time": TIME + 3}, "unfunded_or_dust"),
        ({"parent_close_time": None, "close_time": TIME + 3}, "expired"),
        ({"close_time": TIME - 1}, "unfunded_or_dust"),
        ({"date": TIME}, "expired"),
        ({}, "unfunded_or_dust"),
    ],
)
def test_expiry_is_judged_by_the_best_close_time_that_is_given(
    neo: Neo, fields: dict[str, Any], cause: str
) -> None:
    [event] = events(explain(neo, line(payment(), EXPIRED_META, **fields), words=("--json",)))
    assert event["cause"] == cause


def test_both_versions_of_the_servers_interface_are_read(neo: Neo) -> None:
    tx = {**payment(), "ledger_index": LEDGER, "date": TIME, "inLedger": LEDGER}
    first = json.dumps({"tx": tx, "meta": EXPIRED_META, "validated": True})
    [one] = events(explain(neo, first, words=("--json",)))
    [two] = events(explain(neo, line(payment(), EXPIRED_META, date=TIME), words=("--json",)))
    assert one == two
    oldest = {name: given for name, given in tx.items() if name != "ledger_index"}
    assert events(explain(neo, json.dumps({"tx": oldest, "meta": EXPIRED_META}), words=("--json",))) == [one]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "given is empty: expected one validated transaction a line, in JSON"),
        (b" \n\r\n", "given is empty: expected one validated transaction a line, in JSON"),
        (b"just words\n", "given, line 1: expected a transaction as one line of JSON, got something else"),
        (b"[1, 2]\n", "given, line 1: expected a JSON object with tx or tx_json, meta and ledger_index"),
        (b"{}\n", "given, line 1: expected a transaction as tx or tx_json"),
        (b"[" * 100_000, "given, line 1: expected a transaction as one line of JSON, got something else"),
        (b"9" * 10_000, "given, line 1: expected a transaction as one line of JSON, got something else"),
        (b"\xff\xfe{\x00", "given, line 1: expected JSON in UTF-8, got the byte 0xff"),
        (bytes(range(256)), "given, line 1: expected a transaction as one line of JSON, got something else"),
        (
            line(payment(), EXPIRED_META, close_time="soon").encode(),
            "given, line 1: close_time: expected a number of seconds",
        ),
        (
            line(payment(), EXPIRED_META, validated=False).encode(),
            "given, line 1: the transaction is not validated yet: what it did may still change",
        ),
        (
            f"{PLACED}\n\n{line(payment(), {})}\n{PLACED}".encode(),
            "given, line 3: expected tesSUCCESS or a tec code as the metadata's TransactionResult",
        ),
    ],
)
def test_a_bad_line_is_one_sentence_with_its_number_and_exit_code_2(neo: Neo, data: bytes, sentence: str) -> None:
    Path("given").write_bytes(data)
    result = neo("ledger", "explain", "given", "--json")
    assert result.exit_code == 2
    assert result.stderr == f"Error: {sentence}\n"
    assert len(result.stdout.splitlines()) == data.startswith(b'{"tx_json": {"TransactionType": "OfferCreate"')


def test_a_mark_that_editors_put_before_text_is_no_fault(neo: Neo) -> None:
    Path("given").write_bytes(b"\xef\xbb\xbf" + PLACED.encode())
    assert len(events(neo("ledger", "explain", "given", "--json"))) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nowhere",), "nowhere cannot be read: "),
        (("-", "--account", "me"), "--account: expected the address of an account, which begins with r, got 'me'"),
        ((), "expected exactly one of FILE (or - for the standard input) and --tx HASH"),
    ],
)
def test_what_cannot_be_explained_is_refused(neo: Neo, words: tuple[str, ...], sentence: str) -> None:
    result = neo("ledger", "explain", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
