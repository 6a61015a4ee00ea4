"""A ledger's state, and what a transaction does to it, as rippled 2.2.3 does it.

    state = genesis()
    done, state = apply(state, tx, Rules(ledger_index=3, parent_close_time=848540020))
    done.result, done.meta

`tx` is the transaction in JSON with its `hash`; its signature has been checked. A state is never changed: apply
returns another one, and the old one stays good. Entries are JSON as rippled shows them, without `index`; do not
change them.

Assets are (currency, issuer); XRP is keys.XRP. In a book, `pays` is the asset of the offers' TakerPays.

Not done: payments through more than one book or with paths of their own, offers of token against token bridged
through XRP, escrows, checks, channels, NFTs, signer lists, and deposits into a pool after it was made.
"""

from . import accounts, amounts, books, directories, keys, lines, quality
from .amounts import Amount
from .beginning import MASTER, genesis
from .books import (
    BookOffer,
    account_lines,
    account_offers,
    best_first,
    funded_book,
    owned,
    owner_funds,
    pool,
    pool_holds,
    tickets,
)
from .keys import account as account_key
from .state import Entry, State
from .terms import Applied, Rules
from .transactor import apply, base_fee, missing_field

__all__ = [
    "MASTER",
    "Amount",
    "Applied",
    "BookOffer",
    "Entry",
    "Rules",
    "State",
    "account_key",
    "account_lines",
    "account_offers",
    "accounts",
    "amounts",
    "apply",
    "base_fee",
    "best_first",
    "books",
    "directories",
    "funded_book",
    "genesis",
    "keys",
    "lines",
    "missing_field",
    "owned",
    "owner_funds",
    "pool",
    "pool_holds",
    "quality",
    "tickets",
]
