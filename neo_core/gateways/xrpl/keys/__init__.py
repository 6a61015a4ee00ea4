"""The seed, and what it signs."""
