"""Closed ledgers, and where each transaction is."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from xrpl.core.binarycodec import encode

from neo_devnet.canonical import half, set_root
from neo_devnet.ledger import State
from neo_devnet.ledger.terms import RIPPLE_EPOCH
from neo_devnet.openledger import Entered
from neo_devnet.tx import Tx

__all__ = ["RESOLUTION", "RIPPLE_EPOCH", "History", "Ledger", "meta_blob", "seal", "touched_by"]

RESOLUTION = 10
"""Seconds to which a close time is rounded."""

_ACCOUNT_FIELDS = (
    "Account",
    "Owner",
    "Destination",
    "Issuer",
    "RegularKey",
    "Authorize",
    "Unauthorize",
    "NFTokenMinter",
    "Holder",
)
_AMOUNT_FIELDS = ("LowLimit", "HighLimit", "TakerPays", "TakerGets")


class Ledger(msgspec.Struct):
    index: int
    hash: str
    parent_hash: str
    tx_root: str
    state_root: str
    close_time: int
    parent_close_time: int
    total_coins: int
    entered: tuple[Entered, ...]
    """In the order of their application."""
    state: State | None
    """None once it lies too far back."""
    closed_at: float
    """Real seconds of no epoch."""

    @property
    def unix_close_time(self) -> int:
        return self.close_time + RIPPLE_EPOCH


def seal(
    *,
    parent: Ledger | None,
    entered: Sequence[Entered],
    state: State,
    close_time: int,
    closed_at: float,
    total_coins: int,
) -> Ledger:
    """The hash of the state is none of rippled's: it tells ledgers apart, and is the same for the same history."""
    tx_root = set_root([(bytes.fromhex(one.tx.hash), _leaf(one)) for one in entered])
    before = bytes.fromhex(parent.state_root) if parent else bytes(32)
    state_root = half(b"neo-devnet" + before + tx_root)
    index = parent.index + 1 if parent else 1
    parent_hash = parent.hash if parent else bytes(32).hex()
    parent_close_time = parent.close_time if parent else 0
    header = struct.pack(">IQ", index, total_coins) + bytes.fromhex(parent_hash) + tx_root + state_root
    header += struct.pack(">IIBB", parent_close_time, close_time, RESOLUTION, 0)
    return Ledger(
        index=index,
        hash=half(b"LWR\0" + header).hex().upper(),
        parent_hash=parent_hash,
        tx_root=tx_root.hex().upper(),
        state_root=state_root.hex().upper(),
        close_time=close_time,
        parent_close_time=parent_close_time,
        total_coins=total_coins,
        entered=tuple(entered),
        state=state,
        closed_at=closed_at,
    )


def meta_blob(meta: dict[str, Any]) -> str:
    return encode({name: value for name, value in meta.items() if name != "delivered_amount"})


def _leaf(one: Entered) -> bytes:
    meta = bytes.fromhex(meta_blob(one.meta))
    return half(b"SND\0" + _length(one.tx.blob) + one.tx.blob + _length(meta) + meta + bytes.fromhex(one.tx.hash))


def _length(data: bytes) -> bytes:
    size = len(data)
    if size <= 192:
        return bytes([size])
    if size <= 12_480:
        size -= 193
        return bytes([193 + (size >> 8), size & 255])
    size -= 12_481
    return bytes([241 + (size >> 16), (size >> 8) & 255, size & 255])


def touched_by(meta: dict[str, Any]) -> set[str]:
    """The accounts whose history a transaction belongs to."""
    found: set[str] = set()
    for node in meta["AffectedNodes"]:
        ((kind, inner),) = node.items()
        fields = inner.get("NewFields" if kind == "CreatedNode" else "FinalFields")
        if fields is None:
            continue
        found.update(fields[name] for name in _ACCOUNT_FIELDS if name in fields)
        for name in _AMOUNT_FIELDS:
            amount = fields.get(name)
            if isinstance(amount, dict):
                found.add(amount["issuer"])
    return found


class History:
    def __init__(self, keep_states: int) -> None:
        self._keep = keep_states
        self._ledgers: dict[int, Ledger] = {}
        self._by_hash: dict[str, int] = {}
        self._entered: dict[str, Entered] = {}
        self._of: dict[str, list[Entered]] = {}
        self.seen: dict[str, Tx] = {}
        """Every transaction that ever came in, whatever became of it."""

    def add(self, ledger: Ledger) -> None:
        self._ledgers[ledger.index] = ledger
        self._by_hash[ledger.hash] = ledger.index
        for one in ledger.entered:
            self._entered[one.tx.hash] = one
            for account in touched_by(one.meta):
                self._of.setdefault(account, []).append(one)
        old = self._ledgers.get(ledger.index - self._keep)
        if old is not None:
            old.state = None

    def get(self, index: int) -> Ledger | None:
        return self._ledgers.get(index)

    def by_hash(self, ledger_hash: str) -> Ledger | None:
        index = self._by_hash.get(ledger_hash)
        return None if index is None else self._ledgers[index]

    def find(self, tx_hash: str) -> Entered | None:
        return self._entered.get(tx_hash)

    def of(self, account: str) -> Sequence[Entered]:
        """What touched the account, oldest first."""
        return self._of.get(account, ())

    def between(self, low: int, high: int) -> Iterator[Ledger]:
        return (self._ledgers[index] for index in range(low, high + 1) if index in self._ledgers)
