"""Validated transactions, read into what they did to offers."""
