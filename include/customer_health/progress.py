"""How long work says how far it is: one callback, filled in by the caller that shows it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called now and then by long work.

    Args:
        done: Units finished so far.
        total: Units in all; 0 while unknown.
        message: What is being done, in a few words, without customer names.
    """

    def __call__(self, done: int, total: int, message: str) -> None: ...


def silent(done: int, total: int, message: str) -> None:
    """Watch nothing: the default."""
