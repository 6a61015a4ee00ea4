"""The numbers that a guard judged by, with their limits, by name."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ["Fact", "Facts", "Measures", "facts_of"]

Fact = str | int | float | bool | None
Facts = Mapping[str, Fact]


class Measures(msgspec.Struct, frozen=True, gc=False):
    """The base of a guard's own record of plain values. A dict of them serves as well, and takes twice as long to
    make, check and log on every tick.
    """


def facts_of(measures: Facts | Measures) -> Facts:
    return msgspec.structs.asdict(measures) if isinstance(measures, Measures) else measures
