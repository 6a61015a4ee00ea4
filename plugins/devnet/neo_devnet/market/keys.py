"""The accounts of the devnet: each has its key from a seed, and signs what it sends."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from xrpl.constants import CryptoAlgorithm
from xrpl.core.addresscodec import encode_seed
from xrpl.core.binarycodec import encode, encode_for_signing
from xrpl.core.keypairs import derive_classic_address, derive_keypair, sign

__all__ = ["Key", "genesis", "key_of"]

GENESIS_SEED = "snoPBrXtMeMyMHUVTgbuqAfg1SUTb"
"""The seed of the account that holds all XRP when a network begins; known to everybody."""


class Key:
    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.public_key, self._private_key = derive_keypair(seed)
        self.address = derive_classic_address(self.public_key)

    def sign(self, fields: dict[str, Any]) -> bytes:
        """The signed transaction as it is sent."""
        whole = {**fields, "SigningPubKey": self.public_key}
        message = bytes.fromhex(encode_for_signing(whole))
        return bytes.fromhex(encode({**whole, "TxnSignature": self._signature(message)}))

    def _signature(self, message: bytes) -> str:
        try:
            fast = _ed25519 if self.public_key.startswith("ED") else _secp256k1
            return fast(message, self._private_key)
        except ImportError:
            return sign(message, self._private_key)


def _ed25519(message: bytes, private_key: str) -> str:
    from nacl.signing import SigningKey

    return SigningKey(bytes.fromhex(private_key[2:])).sign(message).signature.hex().upper()


def _secp256k1(message: bytes, private_key: str) -> str:
    from coincurve import PrivateKey

    hashed = hashlib.sha512(message).digest()[:32]
    return PrivateKey(bytes.fromhex(private_key[-64:])).sign(hashed, hasher=None).hex().upper()


@lru_cache(maxsize=1024)
def key_of(seed: int, role: str) -> Key:
    entropy = hashlib.sha512(f"neo devnet {seed} {role}".encode()).digest()[:16]
    return Key(encode_seed(entropy, CryptoAlgorithm.ED25519))


@lru_cache(maxsize=1)
def genesis() -> Key:
    return Key(GENESIS_SEED)
