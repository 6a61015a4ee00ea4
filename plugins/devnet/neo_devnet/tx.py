"""A signed transaction as it came in: its fields, its hash, and whether the signature is good."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from xrpl.core.binarycodec import decode, encode
from xrpl.core.keypairs import is_valid_message

__all__ = ["NotATransaction", "Tx", "read"]

SHORTEST, LONGEST = 32, 1_048_576
REQUIRED = ("TransactionType", "Account", "Fee", "SigningPubKey")


class NotATransaction(Exception):
    """The text that a node answers in `error_exception`."""


class Tx(msgspec.Struct, frozen=True):
    blob: bytes
    hash: str
    fields: dict[str, Any]
    """As in the blob, with `hash`."""
    account: str
    turn: tuple[bool, int]
    """(uses a ticket, sequence or ticket number): sorts as an account's transactions are applied."""
    fee: int
    last_ledger: int | None

    @property
    def sequence(self) -> int:
        return self.turn[1]

    @property
    def by_ticket(self) -> bool:
        return self.turn[0]


def read(blob: bytes) -> Tx:
    """Raises NotATransaction where the bytes are none, or the signature does not fit them."""
    if not SHORTEST <= len(blob) <= LONGEST:
        raise NotATransaction("Transaction length invalid")
    try:
        fields = decode(blob.hex().upper())
        whole = encode(fields) == blob.hex().upper()
    except Exception as error:
        # The codec answers bytes of chance with whatever its parser stumbles over.
        raise NotATransaction(f"Transaction could not be read: {type(error).__name__}") from error
    if not whole:
        raise NotATransaction("Transaction is not in canonical form")
    if missing := [name for name in REQUIRED if name not in fields]:
        raise NotATransaction(f"Field '{missing[0]}' is required but missing.")
    if not (isinstance(fields["Fee"], str) and fields["Fee"].isdigit()):
        raise NotATransaction("Field 'Fee' is not an amount of XRP.")
    _check_signature(blob, fields)
    ticket = fields.get("TicketSequence")
    sequence = fields.get("Sequence", 0)
    hashed = hashlib.sha512(b"TXN\0" + blob).digest()[:32].hex().upper()
    return Tx(
        blob=blob,
        hash=hashed,
        fields={**fields, "hash": hashed},
        account=fields["Account"],
        turn=(True, ticket) if ticket is not None and sequence == 0 else (False, sequence),
        fee=int(fields["Fee"]),
        last_ledger=fields.get("LastLedgerSequence"),
    )


def _check_signature(blob: bytes, fields: dict[str, Any]) -> None:
    key, signature = fields["SigningPubKey"], fields.get("TxnSignature", "")
    if not key:
        raise NotATransaction("fails local checks: Empty SigningPubKey.")
    # The signature is over the transaction without itself. Its field code stands nowhere before it: what comes
    # earlier in canonical order has a fixed size or another code.
    raw = bytes.fromhex(signature)
    unsigned = blob.replace(b"\x74" + bytes([len(raw) & 255]) + raw, b"", 1)
    if not _good(b"STX\0" + unsigned, raw, key):
        raise NotATransaction("fails local checks: Invalid signature.")


def _good(message: bytes, signature: bytes, key: str) -> bool:
    try:
        return _ed25519(message, signature, key) if key.startswith("ED") else _secp256k1(message, signature, key)
    except Exception:  # noqa: BLE001 (a key or a signature that is none is as bad as one that does not fit)
        return False


def _ed25519(message: bytes, signature: bytes, key: str) -> bool:
    try:
        from nacl.signing import VerifyKey
    except ImportError:
        return is_valid_message(message, signature, key)
    VerifyKey(bytes.fromhex(key[2:])).verify(message, signature)
    return True


def _secp256k1(message: bytes, signature: bytes, key: str) -> bool:
    try:
        from coincurve import PublicKey
    except ImportError:
        return is_valid_message(message, signature, key)
    hashed = hashlib.sha512(message).digest()[:32]
    return PublicKey(bytes.fromhex(key)).verify(signature, hashed, hasher=None)
