"""To the nodes of the ledger: which one, by what way, and for how long."""
