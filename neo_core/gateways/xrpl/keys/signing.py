"""Signing a transaction with the key that a seed gives: the bytes that xrpl-py makes, in a twelfth of its time.

Its codec writes the transaction once, the signature is put in its place afterwards, and a native library makes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha512
from typing import Any, NoReturn, Protocol

import msgspec

from neo_core.errors import NeoError, UsageError
from neo_core.gateways.xrpl.keys.secrets import Secret

__all__ = ["Signed", "Signer", "signer_of"]

_WORDS = re.compile(r"\s*[A-Za-z]+(\s+[A-Za-z]+)+\s*")
_HEX = re.compile(r"(0x)?[0-9A-Fa-f]{32,128}")
_SEED = re.compile(r"s[1-9A-HJ-NP-Za-km-z]{20,40}")

_SIGNED_PREFIX_SIZE = 4
_HASH_PREFIX = b"TXN\0"
_PUBLIC_KEY_FIELD, _SIGNATURE_FIELD = b"\x73\x21", b"\x74"

_Signature = Callable[[bytes], bytes]


class Signed(msgspec.Struct, frozen=True, gc=False):
    blob: bytes
    tx_hash: str


class Signer(Protocol):
    @property
    def address(self) -> str:
        """Of the key. As a regular key it signs for another account."""
        ...

    @property
    def public_key(self) -> str: ...

    @property
    def warning(self) -> str:
        """Why this one is slow, and what to do; empty for a fast one."""
        ...

    def sign(self, tx_json: Mapping[str, Any]) -> Signed:
        """Adds SigningPubKey and TxnSignature to what it is given, which is left as it is."""
        ...


def signer_of(seed: Secret) -> Signer:
    """sEd… is a seed for ed25519, any other s… one for secp256k1."""
    _check(seed)
    from xrpl.core.keypairs import derive_classic_address, derive_keypair

    private_key = None
    with suppress(Exception):  # whatever it is, its frames hold the seed
        public_key, private_key = _kept(*derive_keypair(seed.reveal()))
    if private_key is None:
        raise UsageError("the seed is not whole: its checksum does not fit; copy all of it again")
    native = _ed25519(private_key) if public_key.startswith("ED") else _secp256k1(private_key)
    warning = "" if native is not None else _slow(public_key)
    return _Key(derive_classic_address(public_key), public_key, warning, native or _python(private_key))


class _Key:
    __slots__ = ("_mark", "_signature", "address", "public_key", "warning")

    def __init__(self, address: str, public_key: str, warning: str, signature: _Signature) -> None:
        self.address = address
        self.public_key = public_key
        self.warning = warning
        self._signature = signature
        self._mark = _PUBLIC_KEY_FIELD + bytes.fromhex(public_key)

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer is neither copied nor written anywhere")

    def sign(self, tx_json: Mapping[str, Any]) -> Signed:
        unsigned = _written({**tx_json, "SigningPubKey": self.public_key})
        signature = self._signature(unsigned)
        # In the order of the ledger's fields the signature comes right after the key.
        place = unsigned.index(self._mark) + len(self._mark)
        blob = b"".join(
            (
                unsigned[_SIGNED_PREFIX_SIZE:place],
                _SIGNATURE_FIELD,
                len(signature).to_bytes(1, "big"),
                signature,
                unsigned[place:],
            )
        )
        return Signed(blob, _half(_HASH_PREFIX + blob).hex().upper())


def _written(tx_json: dict[str, Any]) -> bytes:
    from xrpl.core.binarycodec import encode_for_signing

    try:
        return bytes.fromhex(encode_for_signing(tx_json))
    except Exception as error:  # the codec has no one error for what it cannot write
        raise NeoError(
            f"a transaction ({tx_json.get('TransactionType')}) that the ledger's format has no place for: {error}"
        ) from error


def _half(data: bytes) -> bytes:
    return sha512(data).digest()[:32]


def _check(seed: Secret) -> None:
    what = None
    if _WORDS.fullmatch(seed.reveal()):
        what = "words"
    elif _HEX.fullmatch(seed.reveal()):
        what = "hex digits"
    elif not _SEED.fullmatch(seed.reveal()):
        what = "something else"
    if what is not None:
        raise UsageError(f"expected a seed that begins with s (for ed25519 with sEd), got {what}; use such a seed")


def _kept(public_key: str, private_key: str) -> tuple[str, Secret]:
    return public_key, Secret(private_key)


def _ed25519(private_key: Secret) -> _Signature | None:
    try:
        from nacl.signing import SigningKey
    except ImportError:
        return None
    key = SigningKey(bytes.fromhex(private_key.reveal()[2:]))
    return lambda message: key.sign(message).signature


def _secp256k1(private_key: Secret) -> _Signature | None:
    try:
        from coincurve import PrivateKey
    except ImportError:
        return None
    key = PrivateKey(bytes.fromhex(private_key.reveal())[-32:])
    return lambda message: key.sign(_half(message), hasher=None)


def _python(private_key: Secret) -> _Signature:
    from xrpl.core import keypairs

    def signature(message: bytes) -> bytes:
        made = None
        with suppress(Exception):  # whatever it is, its frames hold the key
            made = bytes.fromhex(keypairs.sign(message, private_key.reveal()))
        if made is None:
            raise NeoError("xrpl-py could not sign a transaction; install neo-core[fast]")
        return made

    return signature


def _slow(public_key: str) -> str:
    package = "PyNaCl" if public_key.startswith("ED") else "coincurve"
    return (
        f"{package} is not installed: each signature takes about 4 ms instead of 0.3; "
        "install it with pip install 'neo-core[fast]'"
    )
