"""One validated ledger, asked for and read."""
