"""Keys of ledger entries: the first half of SHA-512 over the kind of the entry and what names it."""

from functools import lru_cache
from hashlib import sha512
from typing import Final

from xrpl.core.addresscodec import decode_classic_address

XRP: Final = ("XRP", "")
ZERO_ACCOUNT: Final = "rrrrrrrrrrrrrrrrrrrrrhoLvTp"
Asset = tuple[str, str]  # currency, issuer


def _hash(space: bytes, *parts: bytes) -> str:
    return sha512(b"\0" + space + b"".join(parts)).digest()[:32].hex().upper()


@lru_cache(maxsize=16384)
def account_id(address: str) -> bytes:
    """The twenty bytes of an address; XRP has no issuer, which is twenty zeros."""
    return decode_classic_address(address) if address else bytes(20)


@lru_cache(maxsize=4096)
def currency_id(code: str) -> bytes:
    if code == "XRP":
        return bytes(20)
    if len(code) == 3:
        return bytes(12) + code.encode("ascii") + bytes(5)
    return bytes.fromhex(code)


@lru_cache(maxsize=16384)
def account(address: str) -> str:
    """AccountRoot."""
    return _hash(b"a", account_id(address))


@lru_cache(maxsize=16384)
def owner_directory(address: str) -> str:
    return _hash(b"O", account_id(address))


@lru_cache(maxsize=16384)
def page(root: str, number: int) -> str:
    """The page of a directory; page 0 is its root."""
    return root if number == 0 else _hash(b"d", bytes.fromhex(root), number.to_bytes(8, "big"))


def offer(address: str, sequence: int) -> str:
    """The offer made with this sequence, or ticket number."""
    return _hash(b"o", account_id(address), sequence.to_bytes(4, "big"))


def ticket(address: str, number: int) -> str:
    return _hash(b"T", account_id(address), number.to_bytes(4, "big"))


def signer_list(address: str) -> str:
    return _hash(b"S", account_id(address), bytes(4))


@lru_cache(maxsize=16384)
def line(one: str, other: str, currency: str) -> str:
    """The trust line between two accounts."""
    low, high = sorted((account_id(one), account_id(other)))
    return _hash(b"r", low, high, currency_id(currency))


@lru_cache(maxsize=4096)
def book(pays: Asset, gets: Asset) -> str:
    """The first 48 digits that all directories of a book share; an offer's TakerPays comes first."""
    whole = _hash(b"B", currency_id(pays[0]), currency_id(gets[0]), account_id(pays[1]), account_id(gets[1]))
    return whole[:48]


def book_directory(pays: Asset, gets: Asset, quality: int) -> str:
    return f"{book(pays, gets)}{quality:016X}"


@lru_cache(maxsize=1024)
def amm(one: Asset, other: Asset) -> str:
    low, high = sorted((_issue(one), _issue(other)))
    return _hash(b"A", low[1], low[0], high[1], high[0])


def _issue(asset: Asset) -> tuple[bytes, bytes]:
    return currency_id(asset[0]), account_id(asset[1])


FEES: Final = _hash(b"e")
AMENDMENTS: Final = _hash(b"f")
SKIP_LIST: Final = _hash(b"s")
