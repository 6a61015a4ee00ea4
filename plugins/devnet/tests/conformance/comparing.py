"""Two answers, field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from .excused import Excuse

__all__ = ["MISSING", "Field", "fields"]

MISSING = "(missing)"
Path = tuple[str, ...]


class Field(msgspec.Struct, frozen=True):
    """One value that was answered, or should have been."""

    path: str
    expected: Any
    got: Any

    @property
    def agrees(self) -> bool:
        # 1 and True, and 1 and 1.0, are equal here and not in JSON.
        return type(self.expected) is type(self.got) and bool(self.expected == self.got)


def fields(expected: Any, got: Any, excused: Callable[[str], Excuse | None], path: Path = ()) -> Iterator[Field]:
    """Every value of either, down to the last one. Of what is excused only that it is there."""
    excuse = excused(path[-1]) if path else None
    if excuse is not None:
        if MISSING in (expected, got) and not excuse.may_be_missing:
            yield Field(".".join(path), expected, got)
        return
    if isinstance(expected, dict) and isinstance(got, dict) and (expected or got):
        for key in sorted(expected.keys() | got.keys()):
            yield from fields(expected.get(key, MISSING), got.get(key, MISSING), excused, (*path, key))
    elif isinstance(expected, list) and isinstance(got, list) and (expected or got):
        for at in range(max(len(expected), len(got))):
            left, right = (side[at] if at < len(side) else MISSING for side in (expected, got))
            yield from fields(left, right, excused, (*path, str(at)))
    elif isinstance(expected, dict | list) and expected:
        # The other is no such thing, or not there: each value that it should have counts.
        inner = (
            expected.items()
            if isinstance(expected, dict)
            else ((str(at), each) for at, each in enumerate(expected))
        )
        for key, each in inner:
            yield from fields(each, MISSING, excused, (*path, key))
    else:
        yield Field(".".join(path), expected, got)
