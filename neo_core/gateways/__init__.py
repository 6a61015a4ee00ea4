"""The ledgers that NEO can trade on."""
