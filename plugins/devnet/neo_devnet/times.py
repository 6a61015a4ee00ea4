"""Ledger time as nodes write it."""

from __future__ import annotations

from datetime import UTC, datetime

from neo_devnet.history import RIPPLE_EPOCH

__all__ = ["human", "iso", "server_time", "slot_time"]


def _moment(ripple_seconds: float) -> datetime:
    return datetime.fromtimestamp(ripple_seconds + RIPPLE_EPOCH, UTC)


def iso(ripple_seconds: int) -> str:
    return _moment(ripple_seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def human(ripple_seconds: int) -> str:
    return _moment(ripple_seconds).strftime("%Y-%b-%d %H:%M:%S.000000000 UTC")


def slot_time(ripple_seconds: int) -> str:
    return _moment(ripple_seconds).strftime("%Y-%m-%dT%H:%M:%S.000000000+0000")


def server_time(unix_seconds: float) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%b-%d %H:%M:%S.%f UTC")
