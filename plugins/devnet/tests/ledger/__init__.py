"""Tests of the ledger: what transactions do to its state."""
