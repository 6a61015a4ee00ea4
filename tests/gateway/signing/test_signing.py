"""Signing: byte for byte what xrpl-py signs, with the native libraries and without them."""

from __future__ import annotations

import pickle
import sys
import time
from decimal import Decimal
from hashlib import sha512
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xrpl import CryptoAlgorithm
from xrpl.core import addresscodec, binarycodec, keypairs
from xrpl.models.transactions.transaction import Transaction
from xrpl.transaction import sign
from xrpl.wallet import Wallet

from neo_core.errors import NeoError, UsageError
from neo_core.gateways.xrpl.keys.secrets import Secret
from neo_core.gateways.xrpl.keys.signing import Signer, signer_of
from tests.gateway.signing.telling import told_of

Json = dict[str, Any]
KINDS = [CryptoAlgorithm.ED25519, CryptoAlgorithm.SECP256K1]
NATIVE = {CryptoAlgorithm.ED25519: "nacl.signing", CryptoAlgorithm.SECP256K1: "coincurve"}
PACKAGES = {CryptoAlgorithm.ED25519: "PyNaCl", CryptoAlgorithm.SECP256K1: "coincurve"}

MOST = 2**32 - 1
NUMBERS = st.integers(1, MOST)
SEEDS = st.binary(min_size=16, max_size=16)
ADDRESSES = st.binary(min_size=20, max_size=20).map(addresscodec.encode_classic_address)
CURRENCIES = st.sampled_from(["USD", "524C555344000000000000000000000000000000"])


def decimals(digits: int, exponent: int) -> str:
    return f"{Decimal(digits).scaleb(exponent):f}"


VALUES = st.builds(decimals, st.integers(1, 10**15), st.integers(-20, 10))
XRP = st.integers(1, 10**17).map(str)
ISSUED = st.fixed_dictionaries({"currency": CURRENCIES, "issuer": ADDRESSES, "value": VALUES})
SIDES = st.tuples(XRP, ISSUED) | st.tuples(ISSUED, XRP)


def transactions(kind: str, fields: dict[str, st.SearchStrategy[Any]], optional: Any) -> st.SearchStrategy[Json]:
    common = {
        "TransactionType": st.just(kind),
        "Account": ADDRESSES,
        "Fee": st.integers(0, 10**9).map(str),
        "Flags": st.just(0),
        "LastLedgerSequence": NUMBERS,
    }
    placed = st.fixed_dictionaries({"Sequence": NUMBERS}) | st.fixed_dictionaries(
        {"Sequence": st.just(0), "TicketSequence": NUMBERS}
    )
    rest = st.fixed_dictionaries({**common, **fields}, optional={"NetworkID": st.integers(1025, MOST), **optional})
    return st.builds(lambda one, other: {**one, **other}, rest, placed)


CREATES = st.builds(
    lambda tx, sides, flags: {**tx, "TakerGets": sides[0], "TakerPays": sides[1], "Flags": flags},
    transactions("OfferCreate", {}, {"Expiration": NUMBERS, "OfferSequence": NUMBERS}),
    SIDES,
    st.sampled_from([0, 0x10000, 0x20000, 0x40000, 0x80000, 0x90000]),
)
CANCELS = transactions("OfferCancel", {"OfferSequence": NUMBERS}, {})
TICKETS = transactions("TicketCreate", {"TicketCount": st.integers(1, 250)}, {})
TRANSACTIONS = CREATES | CANCELS | TICKETS

CANCEL: Json = {
    "TransactionType": "OfferCancel",
    "Account": "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",
    "Fee": "10",
    "Flags": 0,
    "Sequence": 7,
    "OfferSequence": 5,
    "LastLedgerSequence": 100,
}


def seed_of(entropy: bytes, kind: CryptoAlgorithm) -> str:
    return addresscodec.encode_seed(entropy, kind)


def fallback(kind: CryptoAlgorithm, seed: str) -> Signer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, NATIVE[kind], None)
        return signer_of(Secret(seed))


def assert_as_xrpl_py(signer: Signer, seed: str, tx_json: Json) -> None:
    before = msgspec.json.encode(tx_json)
    signed = signer.sign(tx_json)
    theirs = sign(Transaction.from_xrpl(tx_json), Wallet.from_seed(seed))
    assert signed.blob.hex().upper() == theirs.blob()
    assert signed.tx_hash == theirs.get_hash()
    assert msgspec.json.encode(tx_json) == before


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(tx_json=TRANSACTIONS, entropy=SEEDS)
def test_a_native_signature_is_xrpl_pys_own(kind: CryptoAlgorithm, tx_json: Json, entropy: bytes) -> None:
    seed = seed_of(entropy, kind)
    signer = signer_of(Secret(seed))
    assert signer.warning == ""
    assert_as_xrpl_py(signer, seed, tx_json)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10)
@given(tx_json=TRANSACTIONS, entropy=SEEDS)
def test_without_the_native_library_xrpl_py_signs_the_same(
    kind: CryptoAlgorithm, tx_json: Json, entropy: bytes
) -> None:
    seed = seed_of(entropy, kind)
    assert_as_xrpl_py(fallback(kind, seed), seed, tx_json)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(entropy=SEEDS)
def test_the_address_and_the_key_are_those_of_the_seed(kind: CryptoAlgorithm, entropy: bytes) -> None:
    wallet = Wallet.from_seed(seed_of(entropy, kind))
    signer = signer_of(Secret(seed_of(entropy, kind)))
    assert (signer.address, signer.public_key) == (wallet.address, wallet.public_key)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30)
@given(tx_json=TRANSACTIONS, entropy=SEEDS)
def test_the_blob_is_the_transaction_with_a_signature_that_holds(
    kind: CryptoAlgorithm, tx_json: Json, entropy: bytes
) -> None:
    signer = signer_of(Secret(seed_of(entropy, kind)))
    signed = signer.sign(tx_json)
    decoded = binarycodec.decode(signed.blob.hex())
    signature = decoded.pop("TxnSignature")
    assert decoded.pop("SigningPubKey") == signer.public_key
    assert binarycodec.encode(decoded) == binarycodec.encode(tx_json)
    message = binarycodec.encode_for_signing({**tx_json, "SigningPubKey": signer.public_key})
    assert keypairs.is_valid_message(bytes.fromhex(message), bytes.fromhex(signature), signer.public_key)
    assert signed.tx_hash == sha512(b"TXN\0" + signed.blob).hexdigest()[:64].upper()
    if kind is CryptoAlgorithm.SECP256K1:  # low s: no second signature of the same says the same
        length = int(signature[6:8], 16)
        half = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
        assert int(signature[8 + 2 * length + 4 :], 16) <= half


def test_the_same_transaction_is_signed_the_same_each_time() -> None:
    for kind in KINDS:
        signer = signer_of(Secret(seed_of(b"\5" * 16, kind)))
        assert signer.sign(CANCEL) == signer.sign(CANCEL)
        other = signer_of(Secret(seed_of(b"\6" * 16, kind)))
        assert signer.sign(CANCEL) != other.sign(CANCEL)


def test_what_was_signed_before_is_signed_anew() -> None:
    signer = signer_of(Secret(seed_of(b"\5" * 16, KINDS[0])))
    other = {**CANCEL, "SigningPubKey": "ED" + "0" * 64, "TxnSignature": "00"}
    assert signer.sign(other) == signer.sign(CANCEL)


@pytest.mark.parametrize("kind", KINDS)
def test_a_slow_signer_says_so_and_what_to_install(kind: CryptoAlgorithm) -> None:
    warning = fallback(kind, seed_of(b"\5" * 16, kind)).warning
    assert warning.startswith(f"{PACKAGES[kind]} is not installed")
    assert "neo-core[fast]" in warning
    assert "\n" not in warning


@pytest.mark.parametrize(
    "wrong",
    [
        {"TakerGets": "1.5"},
        {"TakerGets": {"currency": "USD", "issuer": "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", "value": "1" * 17}},
        {"Sequence": -1},
        {"Account": "r"},
        {"NoSuchField": 1},
        {"TransactionType": "NoSuch"},
    ],
)
def test_what_the_ledgers_format_has_no_place_for_is_refused(wrong: Json) -> None:
    signer = signer_of(Secret(seed_of(b"\5" * 16, KINDS[0])))
    with pytest.raises(NeoError, match="no place for"):
        signer.sign({**CANCEL, **wrong})


@pytest.mark.parametrize(
    ("seed", "got"),
    [
        ("", "something else"),
        ("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", "something else"),
        ("abandon " * 11 + "about", "words"),
        ("DEDCE9CE67B451D852FD4E846FCDE31C", "hex digits"),
        ("0x" + "ab" * 32, "hex digits"),
        ("s" * 200, "something else"),
        ("snoPBrXtMeMyMHUVTgbuqAfg1SUTb snoPBrXtMeMyMHUVTgbuqAfg1SUTb", "something else"),
        ("sé" + "a" * 27, "something else"),
    ],
)
def test_what_is_no_seed_is_refused_and_not_shown(seed: str, got: str) -> None:
    with pytest.raises(UsageError, match=f"expected a seed that begins with s .*got {got}") as refused:
        signer_of(Secret(seed))
    assert not seed or seed not in str(refused.value)


@pytest.mark.parametrize("seed", ["snoPBrXtMeMyMHUVTgbuqAfg1SUTb", "sEdTM1uX8pu2do5XvTnutH6HsouMaM2"])
def test_a_seed_that_is_not_whole_is_refused(seed: str) -> None:
    signer_of(Secret(seed))
    for broken in (seed[:-1], seed[:10] + ("a" if seed[10] != "a" else "b") + seed[11:], seed + "a"):
        with pytest.raises(UsageError, match="not whole") as refused:
            signer_of(Secret(broken))
        assert broken[1:] not in str(refused.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("native", [True, False])
def test_a_signer_shows_its_address_and_nothing_of_its_key(kind: CryptoAlgorithm, native: bool) -> None:
    seed = seed_of(b"\5" * 16, kind)
    key = Wallet.from_seed(seed).private_key[2:]
    raw = repr(bytes.fromhex(key))[2:-1]
    signer = signer_of(Secret(seed)) if native else fallback(kind, seed)
    assert signer.address in repr(signer)
    for act in (pickle.dumps, msgspec.json.encode, msgspec.msgpack.encode):
        with pytest.raises(TypeError):
            act(signer)  # type: ignore[operator]
    shown = [repr(signer), str(signer), f"{signer}", str(dir(signer))]
    try:
        signer.sign({**CANCEL, "Sequence": None, "OfferSequence": "x"})
    except NeoError as error:
        shown.append(told_of(error))
    assert len(shown) == 5
    for text in shown:
        assert seed not in text
        assert key.lower() not in text.lower()
        assert raw not in text


@pytest.mark.parametrize("kind", KINDS)
def test_it_takes_a_quarter_of_the_time_at_most(kind: CryptoAlgorithm) -> None:
    """In the issue's words: at least 4 times less. Measured as 12 to 20 times; the best of five, against noise."""
    seed = seed_of(b"\5" * 16, kind)
    signer, wallet = signer_of(Secret(seed)), Wallet.from_seed(seed)

    def best(act: Any, times: int) -> float:
        found = []
        for _ in range(5):
            started = time.process_time()
            for _ in range(times):
                act()
            found.append((time.process_time() - started) / times)
        return min(found)

    theirs = best(lambda: sign(Transaction.from_xrpl(CANCEL), wallet), 4)
    ours = best(lambda: signer.sign(CANCEL), 40)
    assert theirs / ours >= 4
