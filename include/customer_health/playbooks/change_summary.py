"""What made a score move, in the words an alert needs: the customer, or our own model."""

from __future__ import annotations

NEW_MODEL = "A new model scored this account: the change is ours, not the customer's."
NEW_MEANING = "The score's meaning changed since the reading before: the change is ours, not the customer's."


def explanation(cause: str, *, meaning_changed: bool) -> str:
    """Return the sentence that an alert and a task carry; empty when the customer's behaviour explains it.

    Args:
        cause: "model" or "customer". No date moves a score, so no date is a cause.
        meaning_changed: The reading before meant something else by a score.
    """
    if cause != "model":
        return ""
    return NEW_MEANING if meaning_changed else NEW_MODEL
