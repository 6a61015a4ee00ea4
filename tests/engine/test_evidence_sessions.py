"""Whole sessions with the evidence of the ledger: every order's end is on record and can be read. (section 8)"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from neo_core.store import Store

from .houses import Desk

EVIDENCE = "plugins: {ledger_evidence: {max_wait_ledgers: 20}}"


@pytest.mark.rule("REC-X5", "REC-12")
@pytest.mark.parametrize(("scenario", "ends"), [("calm", "CANCELLED"), ("cancel_storm", "FILLED")])
def test_every_order_of_a_session_ends_on_record_and_its_life_tells_how(
    tmp_path: Path, scenario: str, ends: str
) -> None:
    desk = Desk(tmp_path, EVIDENCE)
    ending, _ = desk.play(scenario=scenario, seed=3, ticks=120)
    with closing(Store.open(desk.url)) as store:
        orders = store.orders("neo", limit=1000)
        lives = {row["id"]: store.order("neo", row["id"]) for row in orders}
    assert len(lives) > 10
    tokens = set()
    for order in lives.values():
        (told,) = [step for step in order["life"] if "as the ledger proves" in step["what"] and step["token"]]
        tokens.add(told["token"])
        assert told["layer"] == "ledger_evidence 50"
        assert told["evidence"]["hash"]
        assert told["evidence"]["order_id"] == order["id"]
        got = {name: told["evidence"][name] for name in ("got_xrp", "gave_xrp") if name in told["evidence"]}
        assert [int(float(xrp) * 10**6 + 0.5) for xrp in got.values()] == [order["filled_drops"]]
        json.dumps(told)
    assert tokens >= {"REPLACED", ends}
    assert ending.halt.reason.exit_code == 0


@pytest.mark.rule("QUO-X3")
def test_the_life_of_a_replaced_order_names_the_one_that_took_its_place(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.play(scenario="calm", seed=3, ticks=60)
    with closing(Store.open(desk.url)) as store:
        lives = [store.order("neo", row["id"])["life"] for row in store.orders("neo", limit=1000)]
    said = [step["what"] for life in lives for step in life if step["what"].startswith("replaced by order ")]
    assert len(said) == len(set(said)) > 2
