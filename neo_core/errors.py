"""Everything NEO raises on purpose.

NeoError                     one clear sentence, and an exit code
  UsageError          2      the command line asks for what cannot be
  ConfigError         2      the configuration is refused; carries every fault found
  PluginRefused       2      a plugin may not be loaded
  StoreError          4      the database cannot be opened, read or written
    LeaseLost         4      another process trades as this engine now
  ObservationFailed   -      a gateway could not see the ledger; an input, never an ending
  RecordingEnded      -      a gateway has nothing more to show; an input too
  UnreadableTransaction  2   what was given is no validated transaction with its metadata
  IllegalMove         1      an order was asked to make a move that the table of moves does not have
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

__all__ = [
    "ConfigError",
    "IllegalMove",
    "LeaseLost",
    "NeoError",
    "ObservationFailed",
    "PluginRefused",
    "RecordingEnded",
    "StoreError",
    "UnreadableTransaction",
    "UsageError",
]


class NeoError(Exception):
    exit_code: ClassVar[int] = 1


class UsageError(NeoError):
    exit_code = 2


class ConfigError(NeoError):
    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class PluginRefused(NeoError):
    exit_code = 2


class StoreError(NeoError):
    exit_code = 4


class LeaseLost(StoreError):
    pass


class ObservationFailed(NeoError):
    pass


class RecordingEnded(NeoError):
    pass


class UnreadableTransaction(NeoError):
    exit_code = 2


class IllegalMove(NeoError):
    pass
