"""A recording: what was asked of a real server, in order, and what it answered.

Those beside this file are used, or with NEO_RECORDINGS=FOLDER the originals that lie there.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

__all__ = [
    "FIRST_LEDGER",
    "NAMES",
    "RESOLUTION",
    "RIPPLE_EPOCH",
    "Recording",
    "asks",
    "load",
    "told_validated",
]

FOLDER = Path(os.environ.get("NEO_RECORDINGS") or Path(__file__).parent / "recordings")
FILES = {file.name.partition(".")[0]: file for file in sorted(FOLDER.glob("[0-9]*.json*"))}
NAMES = list(FILES)

RIPPLE_EPOCH = 946_684_800
GENESIS_ACCOUNT = "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"
LATE = ("20_live_network",)
"""Recordings whose first transactions missed the ledger that was open."""

FIRST_LEDGER, RESOLUTION = 2, 10


class Recording:
    def __init__(self, name: str, log: list[dict[str, Any]]) -> None:
        self.name, self.log = name, log

    @cached_property
    def starts_after(self) -> int:
        """The newest validated ledger when the recorder came to the server."""
        told = [at for at in map(told_validated, self.log) if at is not None]
        if self.name in LATE:
            return told[0] + 1
        return told[0] if told else FIRST_LEDGER

    @cached_property
    def genesis_sequence(self) -> int:
        """The one of the account that holds all XRP at first: scenarios before this one have used some."""
        for entry in self.log:
            tx = _result(entry).get("tx_json", {})
            if tx.get("Account") == GENESIS_ACCOUNT:
                return int(tx["Sequence"])
        return 1

    @cached_property
    def close_times(self) -> dict[int, int]:
        """By ledger, in the ledger's seconds, as far as they are told anywhere."""
        return dict(_close_times(self.log))

    @cached_property
    def hashes(self) -> dict[int, str]:
        """Of ledgers, as far as they are told anywhere."""
        return dict(_hashes(self.log))

    @property
    def first_close(self) -> int:
        """When ledger 2 closed, if the recorded server closed a ledger a second from then on."""
        if not self.close_times:
            return 0
        ledger = min(at for at in self.close_times if at >= FIRST_LEDGER)
        return (self.close_times[ledger] - (ledger - FIRST_LEDGER)) // RESOLUTION * RESOLUTION


def load(name: str) -> Recording:
    file = FILES[name]
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return Recording(name, [entry for entry in json.loads(text)["log"] if entry["transport"] != "note"])


def told_validated(entry: dict[str, Any]) -> int | None:
    """The newest validated ledger that must have been there for this answer."""
    result = _result(entry)
    info = result.get("info") or result.get("state") or {}
    told = [result.get("validated_ledger_index"), info.get("validated_ledger", {}).get("seq")]
    if isinstance(current := result.get("ledger_current_index"), int):
        told.append(current - 2 if asks(entry) == "ledger_accept" else current - 1)
    if result.get("validated") is True or asks(entry) == "ledger_closed":
        told.append(result.get("ledger_index"))
    found = [int(each) for each in told if each is not None]
    return max(found) if found else None


def asks(entry: dict[str, Any]) -> str:
    """The method, or the command."""
    request = entry.get("request")
    return str(request.get("method") or request.get("command") or "") if isinstance(request, dict) else ""


def _result(entry: dict[str, Any]) -> dict[str, Any]:
    response = entry.get("response")
    if not isinstance(response, dict):
        return {}
    result = response.get("result", response)
    return result if isinstance(result, dict) else {}


def _close_times(value: Any) -> Iterator[tuple[int, int]]:
    if isinstance(value, list):
        for each in value:
            yield from _close_times(each)
    elif isinstance(value, dict):
        index = value.get("ledger_index", value.get("seq"))
        if isinstance(index, int | str) and str(index).isdigit():
            for key in ("ledger_time", "close_time"):
                if isinstance(value.get(key), int):
                    yield int(index), value[key]
            if "close_time_iso" in value:
                closed = datetime.fromisoformat(value["close_time_iso"]).astimezone(UTC)
                yield int(index), int(closed.timestamp()) - RIPPLE_EPOCH
        for each in value.values():
            yield from _close_times(each)


def _hashes(value: Any) -> Iterator[tuple[int, str]]:
    if isinstance(value, list):
        for each in value:
            yield from _hashes(each)
    elif isinstance(value, dict):
        index = value.get("ledger_index", value.get("seq"))
        if isinstance(index, int):
            for key, of in (("ledger_hash", index), ("hash", index), ("parent_hash", index - 1)):
                if key in value and ("seq" in value or key != "hash"):
                    yield of, value[key]
        for each in value.values():
            yield from _hashes(each)
