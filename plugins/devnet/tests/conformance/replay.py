"""Asks a fresh node what a recorded server was asked, and compares the answers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from .comparing import Field, fields
from .excused import ENTRIES, excuse_for
from .recording import FIRST_LEDGER, RESOLUTION, Recording, asks, told_validated
from .server import Server

__all__ = ["Difference", "Score", "replay"]


class Difference(msgspec.Struct, frozen=True):
    recording: str
    n: int
    asked: str
    field: Field

    def __str__(self) -> str:
        return (
            f"{self.recording} n={self.n} {self.asked} {self.field.path}: "
            f"expected {self.field.expected!r}, got {self.field.got!r}"
        )


class Score(msgspec.Struct):
    recording: str
    compared: int = 0
    differences: list[Difference] = msgspec.field(default_factory=list)

    def __str__(self) -> str:
        agreed = self.compared - len(self.differences)
        return f"{self.recording}: {agreed} of {self.compared} fields agree"


def replay(recording: Recording) -> Score:
    score = Score(recording.name)
    for n, asked, expected, got in _answers(recording):
        if (recording.name, n) in ENTRIES:
            continue
        for field in fields(expected, got, partial(excuse_for, recording.name, asked)):
            score.compared += 1
            if not field.agrees:
                score.differences.append(Difference(recording.name, n, asked, field))
    return score


def _answers(recording: Recording) -> Iterator[tuple[int, str, Any, Any]]:
    """(entry, what was asked, what the server answered, what the node answers)."""
    with Server(recording) as server:
        yield from _answers_of(server, recording)


def _answers_of(server: Server, recording: Recording) -> Iterator[tuple[int, str, Any, Any]]:
    _close_until(server, recording, recording.starts_after)
    messages = []
    for entry in recording.log:
        if "message" in entry:
            messages.append(entry)  # the recorder noted them whenever they came in, between other answers
            continue
        _close_until(server, recording, told_validated(entry) or 0)
        _tell_time(server, recording)
        got, status = server.ask(entry)
        yield entry["n"], asks(entry), entry["response"], got
        yield entry["n"], "http_status", entry.get("http_status", 200), status
    _close_until(server, recording, max([each["message"].get("ledger_index", 0) for each in messages], default=0))
    pushed = server.pushed()
    for at in range(max(len(messages), len(pushed))):
        n = messages[at]["n"] if at < len(messages) else recording.log[-1]["n"]
        sides = [side[at] if at < len(side) else {} for side in ([each["message"] for each in messages], pushed)]
        yield n, "message", *sides


def _close_until(server: Server, recording: Recording, index: int) -> None:
    """The recorder closed some ledgers, and others closed by themselves, without an entry of its own."""
    while server.validated_index < index:
        _tell_time(server, recording)
        server.close_ledger()


def _tell_time(server: Server, recording: Recording) -> None:
    """So that the open ledger, should it close now, closes when the recorded one did.

    A standalone server that closes more than one ledger in the time it rounds to gives each a second more than the
    one before, and the node does that by itself.
    """
    told = recording.close_times.get(server.validated_index + 1)
    if told is not None and told % RESOLUTION == 0 and server.validated_index >= FIRST_LEDGER:
        server.time = told
