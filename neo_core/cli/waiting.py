"""A running engine is asked to do something, and waited for until a tick has done it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from neo_core.store import Store

__all__ = ["carried_out", "looks", "not_carried_out", "who"]

POLL_SECONDS = 0.1


def looks(store: Store, engine: str, deadline: float) -> Iterator[None]:
    """Once for each look that makes sense: until the deadline, and once more after the engine has ended."""
    while True:
        gone = store.holder(engine) is None
        yield
        if gone or time.monotonic() >= deadline:
            return
        time.sleep(POLL_SECONDS)


def carried_out(store: Store, engine: str, number: int, deadline: float) -> Mapping[str, Any] | None:
    """The command, once a tick has done it. None: none did, and nobody is left to do it or time is up."""
    for _ in looks(store, engine, deadline):
        command = store.command(number)
        if command["done_at"] is not None:
            return command
    return None


def not_carried_out(store: Store, engine: str) -> str:
    holder = store.holder(engine)
    if holder is None:
        return f"engine {engine!r} has ended meanwhile, before any tick did it; ask once more"
    return (
        f"{who(holder)}, runs it and has not done it yet; its next tick will, and `neo status` shows whether a "
        "command is waiting"
    )


def who(holder: Mapping[str, Any]) -> str:
    session = "no session yet" if holder["session"] is None else f"session {holder['session']}"
    return f"process {holder['pid']} on {holder['host']}, {session}"
