"""Random transactions against the node, and what must be true of every ledger."""
