"""The XRP Ledger."""
