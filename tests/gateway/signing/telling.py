"""What a report of an error can show."""

from __future__ import annotations

import traceback

__all__ = ["told_of"]


def told_of(error: BaseException) -> str:
    """All of it, with the variables of every frame but the test's own, and of errors that are hidden behind it."""
    told: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        below = seen.__traceback__ and (seen.__traceback__.tb_next if seen is error else seen.__traceback__)
        told += traceback.TracebackException(type(seen), seen, below, capture_locals=True).format(chain=False)
        seen = seen.__cause__ or seen.__context__
    return "".join(told)
