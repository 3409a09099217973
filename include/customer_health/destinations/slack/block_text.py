"""Pieces of Block Kit. Every word from outside goes through `plain` or `quoted`: no account name can mention
a channel, hide a link or turn the line around.
"""

from __future__ import annotations

from typing import Any

from customer_health.destinations.safe_text import clean
from customer_health.destinations.slack.slack_limits import HEADER_MOST, SECTION_MOST

Json = dict[str, Any]
SIGN = {"Critical": "🔴", "At Risk": "🟠", "Attention": "🟡", "Healthy": "🟢"}
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Formatting characters in a name would swallow the rest of the line.
_LOOKALIKES = str.maketrans({"*": "∗", "`": "ˋ", "~": "∼"})


def plain(text: str, most: int = HEADER_MOST) -> Json:
    """Return a plain_text object; the limit holds for what is sent, entities included."""
    line = clean(text, most)
    while len(escaped := line.translate(_ENTITIES)) > most:
        line = line[:-2].rstrip() + "…"
    return {"type": "plain_text", "text": escaped, "emoji": False}


def mrkdwn(text: str) -> Json:
    """Return a mrkdwn object. `text` is ours; what it quotes has been through `quoted`."""
    return {"type": "mrkdwn", "text": text[:SECTION_MOST], "verbatim": True}


def quoted(text: object, most: int = 150) -> str:
    """Return text from outside, harmless inside mrkdwn."""
    return clean(text, most).translate(_LOOKALIKES).translate(_ENTITIES)


def section(text: str) -> Json:
    """Return a section of one text."""
    return {"type": "section", "text": mrkdwn(text)}


def context(text: str) -> Json:
    """Return a line in small print."""
    return {"type": "context", "elements": [mrkdwn(text)]}


def change(now: int | None, before: int | None) -> str:
    """Return a score with what it was: 61 → 27 (▼34)."""
    if before is None or now is None:
        return str(now)
    arrow = "▼" if now < before else "▲" if now > before else "►"
    return f"{before} → {now} ({arrow}{abs(now - before)})"
