"""Structured logs: one JSON line an event, in a file. What a person reads on the screen is made by `cli`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import IO, Any, TextIO, cast

import msgspec
import structlog

from neo_core.errors import UsageError

__all__ = ["LogFile", "open_log"]

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_encode = msgspec.json.Encoder().encode


def open_log(path: Path | None, level: str) -> tuple[structlog.typing.FilteringBoundLogger, LogFile | None]:
    """A logger that appends to the file; with no file, one that keeps nothing."""
    if path is None:
        return _logger(structlog.ReturnLogger(), logging.CRITICAL), None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(
            f"log.file: {path} cannot be written ({error.strerror}); name another file, or null for none"
        ) from error
    sturdy = LogFile(file)
    return _logger(structlog.WriteLogger(cast("TextIO", sturdy)), LEVELS[level]), sturdy


class LogFile:
    """A log file that fills the disk must not be what ends a session: it is told once, then lines are lost."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._failed = False

    def write(self, text: str) -> int:
        return self._try(lambda: self._file.write(text))

    def flush(self) -> None:
        self._try(self._file.flush)

    def close(self) -> None:
        self._try(self._file.close)

    def _try(self, act: Callable[[], object]) -> int:
        try:
            act()
        except (OSError, ValueError) as error:
            if not self._failed:
                self._failed = True
                sys.stderr.write(f"the log file can no longer be written: {error}\n")
        return 0


def _logger(raw: Any, level: int) -> structlog.typing.FilteringBoundLogger:
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        raw,
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    return logger


def _line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """One line. JSON has no NaN, and a number that is none must not turn into nothing: it is written as text."""
    return _encode({key: _plain(value) for key, value in event.items()}).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)
