"""Writing to a screen that may go away: a closed pipe or terminal is no reason for a traceback."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress

import click

__all__ = ["plain", "say", "tell"]

# Windows says EINVAL where others say EPIPE, and a terminal that is gone says EIO.
READER_GONE = (errno.EPIPE, errno.EINVAL, errno.EIO)


def say(text: str) -> bool:
    """A line on stdout. False: nobody reads it any more, and from now on nothing is written."""
    try:
        click.echo(text)
    except OSError as error:
        _to_nowhere()
        if error.errno in READER_GONE:
            return False
        tell(f"the output cannot be written any more: {error.strerror}\n")
    return True


def tell(text: str) -> None:
    """Text on stderr, straight to the system: a signal may come in the middle of any other write."""
    if sys.stderr is None:
        return
    with suppress(OSError, ValueError):
        os.write(sys.stderr.fileno(), text.encode(sys.stderr.encoding or "ascii", errors="replace"))


def plain(text: str) -> str:
    """One line without control characters: what a plugin says must not rearrange somebody's screen."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _to_nowhere() -> None:
    """What is still buffered would fail again when Python ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, sys.stdout.fileno())
        finally:
            os.close(nowhere)
