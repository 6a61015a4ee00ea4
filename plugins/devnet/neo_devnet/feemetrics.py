"""What a transaction must pay to get into the open ledger at once: the fee grows with what is in it already."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

__all__ = ["BASE_LEVEL", "FeeMetrics", "QueueSettings", "drops_at", "level_of"]

BASE_LEVEL = 256


class QueueSettings(msgspec.Struct, frozen=True):
    """As in a server's [transaction_queue]; the defaults are those of a server that stands alone."""

    minimum_txn_in_ledger: int = 1000
    target_txn_in_ledger: int = 1000
    maximum_txn_in_ledger: int | None = None
    ledgers_in_queue: int = 20
    queue_size_min: int = 2000
    retry_percent: int = 25
    minimum_multiplier: int = BASE_LEVEL * 500
    per_account: int = 10
    last_ledger_buffer: int = 2
    increase_percent: int = 20
    decrease_percent: int = 50


def level_of(fee: int, base_fee: int) -> int:
    return fee * BASE_LEVEL // base_fee


def drops_at(level: int, base_fee: int) -> int:
    return level * base_fee // BASE_LEVEL


class FeeMetrics:
    def __init__(self, settings: QueueSettings) -> None:
        self._settings = settings
        self._recent: deque[int] = deque(maxlen=settings.ledgers_in_queue)
        self._target = max(settings.target_txn_in_ledger, settings.minimum_txn_in_ledger)
        self.expected = settings.minimum_txn_in_ledger
        self.multiplier = settings.minimum_multiplier

    def closed(self, levels: Sequence[int], *, slow: bool) -> None:
        """`levels` of what the closed ledger holds; a slow close makes ledgers smaller at once."""
        size = len(levels)
        if slow:
            self._shrink(size)
        elif size > self.expected or size > self._target:
            self._grow(size)
        middle = sorted(levels)
        median = (middle[size // 2] + middle[(size - 1) // 2] + 1) // 2 if size else 0
        self.multiplier = max(median, self._settings.minimum_multiplier)

    def _shrink(self, size: int) -> None:
        keep = 100 - self._settings.decrease_percent
        least = self._settings.minimum_txn_in_ledger
        most = max(self.expected * keep // 100, least)
        self.expected = min(max(size * keep // 100, least), most)
        self._recent.clear()

    def _grow(self, size: int) -> None:
        self._recent.append(size * (100 + self._settings.increase_percent) // 100)
        largest = max(self._recent)
        grown = largest if largest >= self.expected else (self.expected * 9 + largest) // 10
        limit = self._settings.maximum_txn_in_ledger
        self.expected = grown if limit is None else min(grown, limit)

    def required(self, count: int) -> int:
        """The level that gets into an open ledger which holds `count`."""
        if count > self.expected:
            return self.multiplier * count * count // (self.expected * self.expected)
        return BASE_LEVEL

    def required_for_series(self, count: int, size: int) -> int:
        """What `size` transactions must pay together to go in one behind the other."""
        squares = _squares(count + size - 1) - _squares(count - 1)
        return self.multiplier * squares // (self.expected * self.expected)


def _squares(n: int) -> int:
    return n * (n + 1) * (2 * n + 1) // 6 if n > 0 else 0
