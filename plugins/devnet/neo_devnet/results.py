"""Engine results: their codes, and what a node says about each."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

__all__ = ["KEEP_ON_RETRY", "applied", "code_of", "message_of"]

KEEP_ON_RETRY = frozenset({"tecOVERSIZE", "tecKILLED", "tecINCOMPLETE", "tecEXPIRED"})
"""A close tries every other tec again at its end, and lets it claim its fee only then."""

_MESSAGES = {
    "tesSUCCESS": "The transaction was applied. Only final in a validated ledger.",
    "tecCLAIM": "Fee claimed. Sequence used. No action.",
    "tecDIR_FULL": "Can not add entry to full directory.",
    "tecDST_TAG_NEEDED": "A destination tag is required.",
    "tecDUPLICATE": "Ledger object already exists.",
    "tecEXPIRED": "Expiration time is passed.",
    "tecFAILED_PROCESSING": "Failed to correctly process transaction.",
    "tecFROZEN": "Asset is frozen.",
    "tecINSUFFICIENT_RESERVE": "Insufficient reserve to complete requested operation.",
    "tecINSUF_RESERVE_LINE": "Insufficient reserve to add trust line.",
    "tecINSUF_RESERVE_OFFER": "Insufficient reserve to create offer.",
    "tecINTERNAL": "An internal error has occurred during processing.",
    "tecKILLED": "No funds transferred and no offer created.",
    "tecNEED_MASTER_KEY": "The operation requires the use of the Master Key.",
    "tecNO_ALTERNATIVE_KEY": "The operation would remove the ability to sign transactions with the account.",
    "tecNO_AUTH": "Not authorized to hold asset.",
    "tecNO_DST": "Destination does not exist. Send XRP to create it.",
    "tecNO_DST_INSUF_XRP": "Destination does not exist. Too little XRP sent to create it.",
    "tecNO_ENTRY": "No matching entry found.",
    "tecNO_ISSUER": "Issuer account does not exist.",
    "tecNO_LINE": "No such line.",
    "tecNO_LINE_INSUF_RESERVE": "No such line. Too little reserve to create it.",
    "tecNO_LINE_REDUNDANT": "Can't set non-existent line to default.",
    "tecNO_PERMISSION": "No permission to perform requested operation.",
    "tecNO_TARGET": "Target account does not exist.",
    "tecOVERSIZE": "Object exceeded serialization limits.",
    "tecOWNERS": "Non-zero owner count.",
    "tecPATH_DRY": "Path could not send partial amount.",
    "tecPATH_PARTIAL": "Path could not send full amount.",
    "tecUNFUNDED": "Not enough XRP to satisfy the reserve requirement.",
    "tecUNFUNDED_AMM": "Insufficient balance to fund AMM.",
    "tecUNFUNDED_OFFER": "Insufficient balance to fund created offer.",
    "tecUNFUNDED_PAYMENT": "Insufficient XRP balance to send.",
    "tecAMM_BALANCE": "AMM has invalid balance.",
    "tecAMM_FAILED": "AMM transaction failed.",
    "tecAMM_INVALID_TOKENS": "AMM invalid LP tokens.",
    "tefALREADY": "The exact transaction was already in this ledger.",
    "tefBAD_AUTH": "Transaction's public key is not authorized.",
    "tefBAD_QUORUM": "Signatures provided do not meet the quorum.",
    "tefBAD_SIGNATURE": "A signature is provided for a non-signer.",
    "tefEXCEPTION": "Unexpected program state.",
    "tefFAILURE": "Failed to apply.",
    "tefINTERNAL": "Internal error.",
    "tefMASTER_DISABLED": "Master key is disabled.",
    "tefMAX_LEDGER": "Ledger sequence too high.",
    "tefNOT_MULTI_SIGNING": "Account has no appropriate list of multi-signers.",
    "tefNO_TICKET": "Ticket is not in ledger.",
    "tefPAST_SEQ": "This sequence number has already passed.",
    "tefWRONG_PRIOR": "This previous transaction does not match.",
    "telCAN_NOT_QUEUE": "Can not queue at this time.",
    "telCAN_NOT_QUEUE_BALANCE": "Can not queue at this time: insufficient balance to pay all queued fees.",
    "telCAN_NOT_QUEUE_BLOCKED": "Can not queue at this time: blocking transaction in queue.",
    "telCAN_NOT_QUEUE_BLOCKS": "Can not queue at this time: would block later queued transaction(s).",
    "telCAN_NOT_QUEUE_FEE": "Can not queue at this time: fee insufficient to replace queued transaction.",
    "telCAN_NOT_QUEUE_FULL": "Can not queue at this time: queue is full.",
    "telINSUF_FEE_P": "Fee insufficient.",
    "telLOCAL_ERROR": "Local failure.",
    "telNETWORK_ID_MAKES_TX_NON_CANONICAL": (
        "Transactions submitted to this node/network must NOT include a NetworkID field."
    ),
    "telREQUIRES_NETWORK_ID": (
        "Transactions submitted to this node/network must include a correct NetworkID field."
    ),
    "telWRONG_NETWORK": "Transaction specifies a Network ID that differs from that of the local node.",
    "temBAD_AMM_TOKENS": "Malformed: Invalid LPTokens.",
    "temBAD_AMOUNT": "Malformed: Bad amount.",
    "temBAD_CURRENCY": "Malformed: Bad currency.",
    "temBAD_EXPIRATION": "Malformed: Bad expiration.",
    "temBAD_FEE": "Invalid fee, negative or not XRP.",
    "temBAD_ISSUER": "Malformed: Bad issuer.",
    "temBAD_LIMIT": "Limits must be non-negative.",
    "temBAD_OFFER": "Malformed: Bad offer.",
    "temBAD_PATH": "Malformed: Bad path.",
    "temBAD_PATH_LOOP": "Malformed: Loop in path.",
    "temBAD_REGKEY": "Malformed: Regular key cannot be same as master key.",
    "temBAD_SEND_XRP_LIMIT": "Malformed: Limit quality is not allowed for XRP to XRP.",
    "temBAD_SEND_XRP_MAX": "Malformed: Send max is not allowed for XRP to XRP.",
    "temBAD_SEND_XRP_NO_DIRECT": "Malformed: No Ripple direct is not allowed for XRP to XRP.",
    "temBAD_SEND_XRP_PARTIAL": "Malformed: Partial payment is not allowed for XRP to XRP.",
    "temBAD_SEND_XRP_PATHS": "Malformed: Paths are not allowed for XRP to XRP.",
    "temBAD_SEQUENCE": "Malformed: Sequence is not in the past.",
    "temBAD_SIGNATURE": "Malformed: Bad signature.",
    "temBAD_SRC_ACCOUNT": "Malformed: Bad source account.",
    "temBAD_TICK_SIZE": "Malformed: Tick size out of range.",
    "temBAD_TRANSFER_RATE": "Malformed: Transfer rate must be >= 1.0 and <= 2.0",
    "temDISABLED": "The transaction requires logic that is currently disabled.",
    "temDST_IS_SRC": "Destination may not be source.",
    "temDST_NEEDED": "Destination not specified.",
    "temINVALID": "The transaction is ill-formed.",
    "temINVALID_COUNT": "Malformed: Count field outside valid range.",
    "temINVALID_FLAG": "The transaction has an invalid flag.",
    "temMALFORMED": "Malformed transaction.",
    "temREDUNDANT": "The transaction is redundant.",
    "temRIPPLE_EMPTY": "PathSet with no paths.",
    "temSEQ_AND_TICKET": "Transaction contains a TicketSequence and a non-zero Sequence.",
    "temUNKNOWN": "The transaction requires logic that is not implemented yet.",
    "terFUNDS_SPENT": "Can't set password, password set funds already spent.",
    "terINSUF_FEE_B": "Account balance can't pay fee.",
    "terNO_ACCOUNT": "The source account does not exist.",
    "terNO_AMM": "AMM doesn't exist for the asset pair.",
    "terNO_AUTH": "Not authorized to hold IOUs.",
    "terNO_LINE": "No such line.",
    "terNO_RIPPLE": "Path does not permit rippling.",
    "terOWNERS": "Non-zero owner count.",
    "terPRE_SEQ": "Missing/inapplicable prior transaction.",
    "terPRE_TICKET": "Ticket is not yet in ledger.",
    "terQUEUED": "Held until escalated fee drops.",
    "terRETRY": "Retry transaction.",
}


@cache
def _codes() -> dict[str, int]:
    table = files("xrpl.core.binarycodec.definitions").joinpath("definitions.json")
    codes: dict[str, int] = json.loads(table.read_text(encoding="utf-8"))["TRANSACTION_RESULTS"]
    return codes


def code_of(result: str) -> int:
    return _codes()[result]


def message_of(result: str) -> str:
    return _MESSAGES.get(result, result)


def applied(result: str) -> bool:
    """Whether a transaction with this result is in a ledger, its fee taken and its sequence used."""
    return result.startswith(("tes", "tec"))
