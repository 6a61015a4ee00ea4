"""How full the open ledger and the queue are, and what it costs to get in.

While the open ledger holds no more than its expected size, the base fee is enough. Beyond it, the next one must
pay the median fee times the square of how much fuller than expected it is; who pays less is queued.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from neo_core.gateways.xrpl.connecting.link import Answer, Request

__all__ = ["Load", "entry_fee", "load_of", "load_questions"]


class Load(msgspec.Struct, frozen=True, gc=False):
    """What a server answered to `load_questions`. None: it did not say.

    `sequence` is the account's in the open ledger, `queued` are the sequences, and tickets, of its transactions
    in the queue, `tickets` the ones it owns in the newest validated ledger.
    """

    sequence: int | None = None
    queued: frozenset[int] = frozenset()
    tickets: tuple[int, ...] | None = None
    base_fee: int | None = None
    median_fee: int = 0
    open_fee: int = 0
    open_size: int = 0
    expected_size: int | None = None


def load_questions(account: str, *, tickets: bool) -> list[Request]:
    asked: list[Request] = [
        {"command": "account_info", "account": account, "ledger_index": "current", "queue": True},
        {"command": "fee"},
    ]
    if tickets:
        owned = {"command": "account_objects", "account": account, "type": "ticket", "ledger_index": "validated"}
        asked.append(owned | {"limit": 400})
    return asked


def load_of(answers: Sequence[Answer]) -> Load:
    """The answers to `load_questions`, in order. What is missing, or makes no sense, is not known."""
    given: list[Answer] = [answer if isinstance(answer, Mapping) else {} for answer in answers]
    account, fee, *owned = given if len(given) > 1 else ({}, {})
    root, queue = _within(account, "account_data"), _within(account, "queue_data")
    drops = _within(fee, "drops")
    return Load(
        _whole(root.get("Sequence")),
        frozenset(_numbers(queue.get("transactions"), "seq", "ticket")),
        _tickets(owned[0]) if owned else None,
        max([known for name in ("base_fee", "minimum_fee") if (known := _whole(drops.get(name)))], default=None),
        _whole(drops.get("median_fee")) or 0,
        _whole(drops.get("open_ledger_fee")) or 0,
        _whole(fee.get("current_ledger_size")) or 0,
        _whole(fee.get("expected_ledger_size")),
    )


def entry_fee(load: Load, base_fee: int, sent: int) -> int:
    """In drops, for the next one after `sent` more have entered since the load was told."""
    cost = max(base_fee, load.base_fee or 0)
    if not sent:
        cost = max(cost, load.open_fee)
    size, expected = load.open_size + sent, load.expected_size
    if expected and size > expected:
        cost = max(cost, -(-load.median_fee * size * size // (expected * expected)))
    return cost


def _tickets(answer: Mapping[str, Any]) -> tuple[int, ...] | None:
    shown = answer.get("account_objects")
    return tuple(sorted(_numbers(shown, "TicketSequence"))) if isinstance(shown, list) else None


def _numbers(given: Any, *names: str) -> list[int]:
    entries = [entry for entry in given if isinstance(entry, Mapping)] if isinstance(given, list) else []
    numbers = [_whole(entry.get(name)) for entry in entries for name in names]
    return [number for number in numbers if number is not None]


def _within(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    given = answer.get(name)
    return given if isinstance(given, Mapping) else {}


def _whole(given: Any) -> int | None:
    """Servers write numbers as numbers in one place and as text in another."""
    if isinstance(given, str) and given.isascii() and given.isdecimal() and len(given) < 20:
        return int(given)
    return given if isinstance(given, int) and not isinstance(given, bool) and given >= 0 else None
