"""The order in which a close applies transactions: accounts by chance, as the set of transactions decides it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache

from xrpl.core.addresscodec import decode_classic_address

from neo_devnet.tx import Tx

__all__ = ["ZERO", "account_id", "canonical", "half", "set_root"]

ZERO = bytes(32)


def half(data: bytes) -> bytes:
    return hashlib.sha512(data).digest()[:32]


@cache
def account_id(address: str) -> bytes:
    return decode_classic_address(address)


def set_root(leaves: Sequence[tuple[bytes, bytes]], depth: int = 0) -> bytes:
    """The root hash of a SHAMap: `leaves` are (key, hash of the leaf)."""
    if not leaves:
        return ZERO
    if len(leaves) == 1 and depth:
        return leaves[0][1]
    branches: list[list[tuple[bytes, bytes]]] = [[] for _ in range(16)]
    for leaf in leaves:
        byte = leaf[0][depth // 2]
        branches[byte & 15 if depth % 2 else byte >> 4].append(leaf)
    return half(b"MIN\0" + b"".join(set_root(branch, depth + 1) for branch in branches))


def canonical(txs: Iterable[Tx], salt: bytes | None = None) -> list[Tx]:
    """Accounts in the order of their ids xor the salt, which is the root of the set itself unless another is
    given; within an account sequences ascend, and tickets follow.
    """
    every = list(txs)
    if salt is None:
        ids = [bytes.fromhex(tx.hash) for tx in every]
        salt = set_root([(one, one) for one in ids])
    mask = int.from_bytes(salt, "big")

    def key(tx: Tx) -> tuple[int, tuple[bool, int], str]:
        return int.from_bytes(account_id(tx.account) + bytes(12), "big") ^ mask, tx.turn, tx.hash

    return sorted(every, key=key)
