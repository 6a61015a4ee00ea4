"""The devnet beside a recorded server: the same requests, the same answers."""
