"""The file of a paper wallet: an opening line, then one JSON line for each ledger that did something to it.

A line counts once its newline is there, so a process may be killed at any moment: what it leaves behind is either
a whole line or a torn end, and the next write cuts a torn end off. One process at a time writes it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from io import FileIO
from pathlib import Path

import msgspec

from neo_core.errors import StoreError
from neo_core.model import OfferEvent, OwnTransaction

__all__ = ["FIRST_CLOSE", "FIRST_LEDGER", "Entry", "Journal", "Opening", "load", "not_a_line"]

FIRST_LEDGER = 90_000_000
FIRST_CLOSE = 1_767_225_600.0  # 2026-01-01T00:00:00Z


class Opening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a paper wallet starts with. The first ledger that closes is the one after `ledger_index`.

    `account` and `seed` go into every hash: two wallets in one database must not share both, or their fills
    could not be told apart.
    """

    xrp_drops: int
    rlusd: Decimal
    account: str = "paper"
    seed: int = 1
    fee_drops: int = 10
    reserve_base_drops: int = 1_000_000
    reserve_step_drops: int = 200_000
    sequence: int = 1
    ledger_index: int = FIRST_LEDGER
    close_time: float = FIRST_CLOSE


class Entry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """One ledger: our transactions in it, what happened to our offers, when the new ones expire, and what somebody
    withdrew.
    """

    ledger_index: int
    transactions: tuple[OwnTransaction, ...] = ()
    events: tuple[OfferEvent, ...] = ()
    expirations: Mapping[int, float] = {}
    withdrawn_drops: int = 0


class Journal:
    """The open file, of which `whole` bytes are lines and the rest up to `size` is a torn end.

    Each line is one write, done before anybody hears of the ledger.
    """

    def __init__(self, path: Path, whole: int, size: int) -> None:
        self._path = path
        self._whole = whole
        self._size = size
        self._unwritten = b""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = FileIO(path, "ab")
        except OSError as error:
            raise self._unwritable(error.strerror) from error

    def append(self, line: Opening | Entry) -> None:
        """Writes the line, behind those that an earlier failure left unwritten: no ledger may be missing."""
        self._unwritten += msgspec.json.encode(line) + b"\n"
        wanted = len(self._unwritten)
        try:
            self._is_ours()
            if self._size > self._whole:
                self._size = self._file.truncate(self._whole)
            written = self._file.write(self._unwritten)
        except OSError as error:
            raise self._unwritable(error.strerror) from error
        self._size += written
        if written != wanted:
            raise self._unwritable(f"{written} of {wanted} bytes were taken")
        self._whole = self._size
        self._unwritten = b""

    def close(self) -> None:
        self._file.close()

    def _is_ours(self) -> None:
        size = self._file.seek(0, os.SEEK_END)
        if size != self._size:
            raise StoreError(
                f"the paper ledger {self._path} has {size} bytes where this process left {self._size}: another "
                "process has written it; stop that one, and start this engine again"
            )

    def _unwritable(self, why: str | None) -> StoreError:
        return StoreError(
            f"the paper ledger {self._path} cannot be written ({why}): "
            "check the path, its permissions and the space on its disk"
        )


def load(path: Path) -> tuple[Opening | None, list[Entry], int, int]:
    """The opening line, the entries, how many bytes of the file are whole lines, and how many it has."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None, [], 0, 0
    except OSError as error:
        raise StoreError(
            f"the paper ledger {path} cannot be read ({error.strerror}): check the path and its permissions"
        ) from error
    whole = text.rfind(b"\n") + 1
    opening: Opening | None = None
    entries: list[Entry] = []
    for number, line in enumerate(text[:whole].split(b"\n")[:-1], 1):
        try:
            if opening is None:
                opening = _OPENING.decode(line)
            else:
                entries.append(_ENTRY.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise not_a_line(path, number, str(error)) from error
    return opening, entries, whole, len(text)


def not_a_line(path: Path, number: int, why: str) -> StoreError:
    return StoreError(
        f"{path}, line {number}: expected the next line of a paper ledger, got something else ({why}): "
        "restore the file, or move it away to start with a new wallet"
    )


_OPENING = msgspec.json.Decoder(Opening)
_ENTRY = msgspec.json.Decoder(Entry)
