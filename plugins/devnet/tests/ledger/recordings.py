"""Replays what a real server validated, ledger by ledger, and compares the metadata that it told."""

import gzip
import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs
from neo_devnet.canonical import canonical
from neo_devnet.ledger import MASTER, Applied, Rules, State, account_key, apply, genesis
from neo_devnet.tx import NotATransaction, Tx
from neo_devnet.tx import read as read_tx

RECORDED = Path(__file__).parents[1] / "conformance" / "recordings"


ENTERS = ("tes", "tec", "terPRE_SEQ", "terQUEUED")
"""Answers to a submit after which the transaction may get into a ledger."""


class Told(NamedTuple):
    """What the recording says about a validated transaction."""

    hash: str
    ledger_index: int
    meta: dict[str, Any]


class Recording(NamedTuple):
    name: str
    log: list[dict[str, Any]]
    told: dict[str, Told]
    close_times: dict[int, int]
    hashes: dict[int, str]

    def index_of(self, tx: Tx, unless_told: int) -> int:
        """The ledger that the transaction got into."""
        told = self.told.get(tx.hash)
        return unless_told if told is None else told.ledger_index


def names() -> list[str]:
    return sorted(path.name.removesuffix(".json.gz") for path in RECORDED.glob("*.json.gz"))


def load(name: str) -> Recording:
    log = json.loads(gzip.decompress((RECORDED / f"{name}.json.gz").read_bytes()))["log"]
    told: dict[str, Told] = {}
    times: dict[int, int] = {}
    hashes: dict[int, str] = {}
    for found in _objects(log):
        _note_time(found, times)
        if isinstance(found.get("ledger_index"), int) and isinstance(found.get("ledger_hash"), str):
            hashes[found["ledger_index"]] = found["ledger_hash"]
        meta = found.get("meta") or found.get("metaData")
        if isinstance(meta, dict) and "AffectedNodes" in meta:
            inner = found.get("tx_json") or found.get("tx") or found.get("transaction") or found
            index = found.get("ledger_index") or inner.get("ledger_index")
            tx_hash = found.get("hash") or inner.get("hash")
            if isinstance(tx_hash, str) and isinstance(index, int):
                told[tx_hash] = Told(tx_hash, index, meta)
    return Recording(name, log, told, times, hashes)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def _note_time(found: dict[str, Any], times: dict[int, int]) -> None:
    index = found.get("ledger_index")
    for field in ("close_time", "date", "ledger_time"):
        if isinstance(index, int) and isinstance(found.get(field), int):
            times.setdefault(index, found[field])
            if "parent_close_time" in found:
                times.setdefault(index - 1, found["parent_close_time"])


class Step(NamedTuple):
    ledger_index: int
    tx: Tx
    done: Applied


def replay(recording: Recording) -> Iterator[Step]:
    """Every transaction that got into a ledger, with what this ledger makes of it."""
    state = _beginning(recording)
    waiting: dict[str, Tx] = {}
    close_time = 0
    for index, submitted in _closes(recording):
        waiting.update((tx.hash, tx) for tx in submitted)
        members = [
            tx
            for tx in waiting.values()
            if tx.hash not in recording.told or recording.told[tx.hash].ledger_index == index
        ]
        parent = recording.close_times.get(index - 1, recording.close_times.get(index, close_time + 1) - 1)
        rules = Rules(
            ledger_index=index, parent_close_time=parent, parent_hash=recording.hashes.get(index - 1, "0" * 64)
        )
        steps, state = close(state, members, rules)
        for step in steps:
            waiting.pop(step.tx.hash)
            yield step
        close_time = recording.close_times.get(index, parent + 1)


def _closes(recording: Recording) -> Iterator[tuple[int, list[Tx]]]:
    """(index of a ledger that closed, what was submitted since the one before). Where the close itself is not in
    the recording, the ledgers in which transactions were validated stand for it.
    """
    since: list[Tx] = []
    for entry in recording.log:
        request = entry.get("request")
        if not isinstance(request, dict):
            continue
        method = request.get("method") or request.get("command")
        if method == "submit":
            tx = _submitted((request.get("params") or [request])[0])
            result = entry["response"].get("result", {}).get("engine_result", "tem")
            if tx is not None and result.startswith(ENTERS):
                since.append(tx)
        elif method == "ledger_accept" and "ledger_current_index" in entry["response"].get("result", {}):
            yield entry["response"]["result"]["ledger_current_index"] - 1, since
            since = []
    yield from _closes_by_result(recording, since)


def _closes_by_result(recording: Recording, txs: list[Tx]) -> Iterator[tuple[int, list[Tx]]]:
    by_index: dict[int, list[Tx]] = {}
    for tx in txs:
        if tx.hash in recording.told:
            by_index.setdefault(recording.told[tx.hash].ledger_index, []).append(tx)
    untold = [tx for tx in txs if tx.hash not in recording.told]
    setup = [list(run) for _, run in groupby(untold, lambda tx: tx.fields["TransactionType"] == "Payment")]
    if by_index and len(setup) > 1:
        by_index.update(zip(range(min(by_index) - len(setup), min(by_index)), setup, strict=True))
    yield from sorted(by_index.items())


def close(state: State, members: list[Tx], rules: Rules) -> tuple[list[Step], State]:
    """The passes of a close."""
    order = canonical(members)
    steps: list[Step] = []
    retry = True
    for number in range(3):
        again = []
        for tx in order:
            now = structs.replace(rules, transaction_index=len(steps), retry=retry)
            done, after = apply(state, tx.fields, now)
            final = done.result in ("tesSUCCESS", "tecKILLED", "tecEXPIRED") and not done.claimed_early
            if done.applied and (final or not retry):
                state = after
                steps.append(Step(rules.ledger_index, tx, done))
            elif not done.result.startswith(("tef", "tem", "tel")):
                again.append(tx)
        changes = len(order) - len(again)
        order = again
        if not order or (not changes and not retry):
            break
        if not changes or number >= 1:
            retry = False
    return steps, state


def _beginning(recording: Recording) -> State:
    """The ledger before the recording: the master account had sent from it before."""
    state = genesis()
    for entry in recording.log:
        request = entry.get("request")
        if not isinstance(request, dict) or request.get("method") != "submit":
            continue
        tx = _submitted(request.get("params", [None])[0])
        if tx is not None and tx.account == MASTER:
            key = account_key(MASTER)
            return state.with_changes({key: {**(state.get(key) or {}), "Sequence": tx.fields["Sequence"]}})
    return state


def _submitted(params: Any) -> Tx | None:
    blob = params.get("tx_blob") if isinstance(params, dict) else None
    try:
        return read_tx(bytes.fromhex(blob)) if isinstance(blob, str) else None
    except (NotATransaction, ValueError):
        return None


def fields(meta: dict[str, Any]) -> dict[str, Any]:
    """Metadata as flat paths, each node under its key."""
    flat = {name: value for name, value in meta.items() if name != "AffectedNodes"}
    for position, node in enumerate(meta["AffectedNodes"]):
        ((kind, body),) = node.items()
        key = body["LedgerIndex"]
        flat[f"{key} at"] = position
        flat[f"{key} is"] = (kind, body["LedgerEntryType"])
        for part in ("FinalFields", "PreviousFields", "NewFields"):
            if part in body:
                flat[f"{key} {part}"] = True
            for field, value in body.get(part, {}).items():
                flat[f"{key} {part}.{field}"] = value
        for field in ("PreviousTxnID", "PreviousTxnLgrSeq"):
            if field in body:
                flat[f"{key} {field}"] = body[field]
    return flat


def differences(told: dict[str, Any], made: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """(path, told, made) of every field that differs."""
    left, right = fields(told), fields(made)
    none = "(nothing)"
    return [
        (path, left.get(path, none), right.get(path, none))
        for path in sorted({*left, *right})
        if left.get(path, none) != right.get(path, none)
    ]
