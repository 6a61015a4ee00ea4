"""Judgement: free functions of values. No I/O, no clock, no store."""
