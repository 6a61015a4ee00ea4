"""Clean evaluations in a row: how long a guard has found its regime clean."""

from __future__ import annotations

__all__ = ["Streak"]


class Streak:
    """Counts clean evaluations on consecutive ticks.

    A tick on which recovery was not asked for (a failed observation, an integrity cause that joined the episode)
    has not been found clean, so the count starts again after it.
    """

    __slots__ = ("_last_tick", "length")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.length = 0
        self._last_tick: int | None = None

    def count(self, tick: int, clean: bool) -> int:
        if self._last_tick is None or tick != self._last_tick + 1:
            self.length = 0
        self.length = self.length + 1 if clean else 0
        self._last_tick = tick
        return self.length
