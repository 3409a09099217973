"""Make text from outside harmless, and numbers readable."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Bidirectional marks can turn a name around the words next to it; zero-width ones hide letters in it.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


def clean(text: object, most: int = 200) -> str:
    """Return one line of visible text of at most `most` characters.

    Control, bidirectional and zero-width characters go, runs of white space become one blank.
    """
    line = _INVISIBLE.sub("", str(text if text is not None else ""))
    line = "".join(" " if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in line)
    line = " ".join(line.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def money(amount: float | None, currency: str | None = "USD") -> str:
    """Return an amount at a glance: $240k, €1.2M, CHF 1.1k."""
    if amount is None:
        return "unknown"
    code = "".join(char for char in clean(currency or "USD", 9) if char.isalpha())[:3] or "USD"
    sign = ("-" if amount < 0 else "") + SYMBOLS.get(code, f"{code} ")
    size, letter = next(
        ((size, letter) for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")) if abs(amount) >= size),
        (1.0, ""),
    )
    number, digits = abs(amount) / size, {"k": 1, "M": 2, "B": 2}.get(letter, 0)
    shown = f"{number:.{digits if number < 99.5 else 0}f}"
    if "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return f"{sign}{shown}{letter}"


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share as per cent."""
    return "unknown" if share is None else f"{share:.{digits}%}"


def day(text: str | None) -> str:
    """Return an ISO date as people write it: 14 Jan 2027."""
    if not text:
        return "none known"
    moment = date.fromisoformat(text[:10])
    return f"{moment.day} {moment:%b %Y}"


def moment(text: str, zone: str | None = None) -> str:
    """Return an ISO instant as people write it: Mon 23 Nov 18:00 UTC, or 19:00 (Europe/Berlin)."""
    when = datetime.fromisoformat(text)
    try:
        there = ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        there = ZoneInfo("UTC")
    when = when.astimezone(there)
    return f"{when:%a} {when.day} {when:%b %H:%M} " + ("UTC" if there.key == "UTC" else f"({there.key})")


def slug(text: str, most: int = 40) -> str:
    """Return a file-name part: lower-case letters, digits and hyphens only."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:most].strip("-") or "x"
