"""What a server's answer to a submitted blob proves: every result by its name.

No answer but a validated ledger is final, except that some say for sure that a blob will never be in one. Fewer
do than it seems: a server that answers `kept` tries the blob again in each of its next ledgers, whatever it said
of it now. One that was answered telCAN_NOT_QUEUE_FULL was validated two ledgers later (recording 17).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

import msgspec

from neo_core.model import AckOutcome

__all__ = ["RESULTS", "Heard", "Proof", "Standing", "hear"]

SENT, REFUSED, UNKNOWN = AckOutcome.SENT, AckOutcome.REFUSED, AckOutcome.UNKNOWN


class Standing(Enum):
    """Where a blob was last known to be."""

    ENTERED = auto()
    """In the open ledger of the server that is asked."""
    QUEUED = auto()
    """It waits for a ledger that its fee is enough for: in the queue, or kept to be tried again."""
    HELD = auto()
    """It waits for a sequence before it."""
    UNHEARD = auto()
    """It may have left, and nothing more is known."""


class Proof(Enum):
    """What a result says about the blob that it is the answer to."""

    ENTERED = auto()
    QUEUED = auto()
    HELD = auto()
    NEVER = auto()
    """It can be in no ledger, here or anywhere: it is malformed, or too late."""
    UNLESS_KEPT = auto()
    """Not now. Never, if the server neither kept nor passed it on and nothing was sent before."""


def _named(proof: Proof, names: str) -> dict[str, Proof]:
    return dict.fromkeys(names.split(), proof)


RESULTS: Mapping[str, Proof] = {
    # In the open ledger. tec takes the fee and the sequence as well; either may yet turn into the other.
    **_named(Proof.ENTERED, "tesSUCCESS tefALREADY"),
    **_named(Proof.QUEUED, "terQUEUED"),
    # Held by the server, and applied by itself once what is missing comes: no refusal.
    **_named(Proof.HELD, "terPRE_SEQ terPRE_TICKET"),
    # Its ledgers are over.
    **_named(Proof.NEVER, "tefMAX_LEDGER"),
    # Malformed: told from the transaction alone, so no ledger will ever say otherwise.
    **_named(
        Proof.NEVER,
        """temARRAY_EMPTY temARRAY_TOO_LARGE temBAD_AMM_TOKENS temBAD_AMOUNT temBAD_CIPHERTEXT temBAD_CURRENCY
        temBAD_EXPIRATION temBAD_FEE temBAD_ISSUER temBAD_LIMIT temBAD_MPT temBAD_NFTOKEN_TRANSFER_FEE temBAD_OFFER
        temBAD_PATH temBAD_PATH_LOOP temBAD_QUORUM temBAD_REGKEY temBAD_SEND_XRP_LIMIT temBAD_SEND_XRP_MAX
        temBAD_SEND_XRP_NO_DIRECT temBAD_SEND_XRP_PARTIAL temBAD_SEND_XRP_PATHS temBAD_SIGNATURE temBAD_SIGNER
        temBAD_SRC_ACCOUNT temBAD_TICK_SIZE temBAD_TRANSFER_FEE temBAD_TRANSFER_RATE temBAD_WEIGHT
        temCANNOT_PREAUTH_SELF temDISABLED temDST_IS_SRC temDST_NEEDED temEMPTY_DID temINVALID
        temINVALID_ACCOUNT_ID temINVALID_COUNT temINVALID_FLAG temINVALID_INNER_BATCH temMALFORMED temREDUNDANT
        temRIPPLE_EMPTY temSEQ_AND_TICKET temUNCERTAIN temUNKNOWN temXCHAIN_BAD_PROOF
        temXCHAIN_BRIDGE_BAD_ISSUES temXCHAIN_BRIDGE_BAD_MIN_ACCOUNT_CREATE_AMOUNT
        temXCHAIN_BRIDGE_BAD_REWARD_AMOUNT temXCHAIN_BRIDGE_NONDOOR_OWNER temXCHAIN_EQUAL_DOOR_ACCOUNTS""",
    ),
    # Not for this network.
    **_named(Proof.NEVER, "telNETWORK_ID_MAKES_TX_NON_CANONICAL telREQUIRES_NETWORK_ID telWRONG_NETWORK"),
    # The one malformed that is told from the ledger: what it cancels or replaces is not placed yet.
    **_named(Proof.UNLESS_KEPT, "temBAD_SEQUENCE"),
    # The fee is too low for now, or the queue has no place.
    **_named(
        Proof.UNLESS_KEPT,
        """telCAN_NOT_QUEUE telCAN_NOT_QUEUE_BALANCE telCAN_NOT_QUEUE_BLOCKED telCAN_NOT_QUEUE_BLOCKS
        telCAN_NOT_QUEUE_FEE telCAN_NOT_QUEUE_FULL telINSUF_FEE_P""",
    ),
    # Something is in the way that may go away while the blob is alive. A sequence that has passed has passed in an
    # open ledger only, and it may have been this very blob that used it.
    **_named(
        Proof.UNLESS_KEPT,
        """tefPAST_SEQ tefNO_TICKET tefWRONG_PRIOR tefBAD_AUTH tefBAD_ADD_AUTH tefBAD_AUTH_MASTER tefBAD_LEDGER
        tefBAD_PATH_COUNT tefBAD_QUORUM tefBAD_SIGNATURE tefCREATED tefEXCEPTION tefFAILURE tefINTERNAL
        tefINVALID_LEDGER_FIX_TYPE tefINVARIANT_FAILED tefMASTER_DISABLED tefNFTOKEN_IS_NOT_TRANSFERABLE
        tefNOT_MULTI_SIGNING tefNO_AUTH_REQUIRED tefNO_DST_PARTIAL tefTOO_BIG
        telBAD_DOMAIN telBAD_PATH_COUNT telBAD_PUBLIC_KEY telENV_RPC_FAILED telFAILED_PROCESSING telLOCAL_ERROR
        telNO_DST_PARTIAL
        terADDRESS_COLLISION terFUNDS_SPENT terINSUF_FEE_B terLAST terLOCKED terNO_ACCOUNT terNO_AMM terNO_AUTH
        terNO_DELEGATE_PERMISSION terNO_LINE terNO_PERMISSION terNO_RIPPLE terOWNERS terRETRY""",
    ),
    # A server's errors, in place of a result: what does not parse, or carries no good signature, goes nowhere.
    # With any other (notSynced, tooBusy, …) the blob was not looked at by the one that answers.
    **_named(Proof.NEVER, "invalidTransaction invalidParams"),
}

_STANDING = {Proof.ENTERED: Standing.ENTERED, Proof.QUEUED: Standing.QUEUED, Proof.HELD: Standing.HELD}
_WAITS_FOR_A_BETTER_FEE = ("telCAN_NOT_QUEUE", "telINSUF_FEE_P")


class Heard(msgspec.Struct, frozen=True, gc=False):
    outcome: AckOutcome
    code: str
    standing: Standing


def hear(answer: Any, tx_hash: str, *, sent_before: bool) -> Heard:
    """`sent_before`: this blob, or another in its place, may be on its way. Then no answer proves that it is
    not."""
    if not isinstance(answer, Mapping):
        return Heard(UNKNOWN, "", Standing.UNHEARD)
    code = answer.get("engine_result", answer.get("error"))
    shown = answer.get("tx_json")
    other = isinstance(shown, Mapping) and shown.get("hash", tx_hash) != tx_hash
    if not isinstance(code, str) or other:
        return Heard(UNKNOWN, "", Standing.UNHEARD)
    proof = Proof.ENTERED if code.startswith("tec") else RESULTS.get(code)
    standing = _STANDING.get(proof) if proof is not None else None
    if standing is not None:
        return Heard(SENT, code, standing)
    if code == "tefPAST_SEQ" and sent_before:
        return Heard(SENT, code, Standing.ENTERED)  # its place is taken in the open ledger: most likely by itself
    dropped = proof is Proof.NEVER or (proof is Proof.UNLESS_KEPT and _dropped(answer))
    if dropped and not sent_before:
        return Heard(REFUSED, code, Standing.UNHEARD)
    waits = code.startswith(_WAITS_FOR_A_BETTER_FEE)
    return Heard(UNKNOWN, code, Standing.QUEUED if waits else Standing.UNHEARD)


def _dropped(answer: Mapping[str, Any]) -> bool:
    """The server says of each way that a blob can go on that this one has not."""
    return all(answer.get(way) is False for way in ("applied", "broadcast", "kept", "queued"))
