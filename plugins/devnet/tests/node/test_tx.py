"""Reading a signed transaction, with the fast libraries and without them."""

from __future__ import annotations

import sys

import pytest
from neo_devnet.market.keys import Key, genesis, key_of
from neo_devnet.tx import NotATransaction, read
from xrpl.core.binarycodec import encode

KEYS = [pytest.param(key_of(7, "maker"), id="ed25519"), pytest.param(genesis(), id="secp256k1")]
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of the group of secp256k1."""


@pytest.fixture(params=["fast", "slow"])
def libraries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "slow":
        for name in ("coincurve", "nacl", "nacl.signing"):
            monkeypatch.setitem(sys.modules, name, None)


def fields_of(key: Key, **more: object) -> dict[str, object]:
    return {"TransactionType": "AccountSet", "Account": key.address, "Fee": "10", "Sequence": 7, **more}


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize("key", KEYS)
def test_a_good_signature_is_taken_and_a_bad_one_is_not(key: Key) -> None:
    blob = key.sign(fields_of(key, LastLedgerSequence=9))
    tx = read(blob)
    assert (tx.account, tx.turn, tx.fee, tx.last_ledger) == (key.address, (False, 7), 10, 9)
    for place in (10, 40, 80, len(blob) - 30):
        broken = bytearray(blob)
        broken[place] ^= 1
        with pytest.raises(NotATransaction):
            read(bytes(broken))


def test_a_ticket_takes_the_place_of_the_sequence() -> None:
    key = key_of(7, "maker")
    assert read(key.sign(fields_of(key, Sequence=0, TicketSequence=3))).turn == (True, 3)
    both = read(key.sign(fields_of(key, TicketSequence=3)))
    assert both.turn == (False, 7)


def test_a_signature_of_high_s_is_refused() -> None:
    """The same transaction would have two hashes otherwise."""
    key = genesis()
    tx = read(key.sign(fields_of(key)))
    raw = bytes.fromhex(tx.fields["TxnSignature"])
    length = raw[3]
    r, s = raw[4 : 4 + length], int.from_bytes(raw[6 + length :], "big")
    high = (ORDER - s).to_bytes(33, "big")
    body = b"\x02" + bytes([length]) + r + b"\x02" + bytes([len(high)]) + high
    twisted = {**tx.fields, "TxnSignature": (b"\x30" + bytes([len(body)]) + body).hex().upper()}
    del twisted["hash"]
    with pytest.raises(NotATransaction, match="Invalid signature"):
        read(bytes.fromhex(encode(twisted)))


def test_what_is_missing_is_named() -> None:
    key = key_of(7, "maker")
    unsigned = bytes.fromhex(encode({**fields_of(key), "SigningPubKey": key.public_key}))
    with pytest.raises(NotATransaction, match="Invalid signature"):
        read(unsigned)
    with pytest.raises(NotATransaction, match="Empty SigningPubKey"):
        read(bytes.fromhex(encode({**fields_of(key), "SigningPubKey": ""})))
    fields = fields_of(key)
    del fields["Fee"]
    with pytest.raises(NotATransaction, match="'Fee' is required"):
        read(key.sign(fields) + b"")


def test_other_bytes_for_the_same_fields_are_refused() -> None:
    """Two blobs with the same meaning would be two hashes of one transaction."""
    key = key_of(7, "maker")
    blob = key.sign(fields_of(key, Flags=0))
    kind, flags, rest = blob[:3], blob[3:8], blob[8:]
    with pytest.raises(NotATransaction, match="canonical form"):
        read(flags + kind + rest)


@pytest.mark.parametrize("size", [0, 31, 1_048_577])
def test_too_short_and_too_long(size: int) -> None:
    with pytest.raises(NotATransaction, match="Transaction length invalid"):
        read(bytes(size))
