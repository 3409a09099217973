"""Errors, grouped by what to do next: try the same call again, or change something first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CustomerHealthError(Exception):
    """Base of every error that this project raises on purpose.

    Args:
        message: What happened, naming the file, table, row and column where they are known.
        hint: What the reader can do about it; shown on its own line.

    Attributes:
        store: "warehouse", "ledger" (store_faults.py) or the storage (storage.py) where that itself is in
            trouble. The message then names a path or an address, which a page must not show.
    """

    store: str = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  -> {self.hint}" if self.hint else self.message


class FatalError(CustomerHealthError):
    """Trying again cannot help: code, configuration or data must change first."""


class RetriableError(CustomerHealthError):
    """The same call may work later: a time-out, a rate limit, a lock."""


class ConfigurationError(FatalError):
    """A setting, mapping, playbook or declaration is wrong; it was refused before anything ran."""


class DataContractError(FatalError):
    """A table as a whole breaks its contract, so no number derived from it can be trusted."""


class WarehouseBusyError(RetriableError):
    """Another process holds the warehouse; DuckDB serves one at a time."""


def suggest(word: str, known: Iterable[str]) -> str:
    """Return "Did you mean ...?" for a misspelt name, or the list of what exists.

    Args:
        word: The name that was not found.
        known: Every name that would have been accepted.
    """
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    if close:
        return f"Did you mean one of: {', '.join(close)}?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"Known: {shown}" if names else "Nothing is defined yet."
