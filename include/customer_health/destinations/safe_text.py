"""Make text from outside harmless."""

from __future__ import annotations

import re
import unicodedata

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


def slug(text: str, most: int = 40) -> str:
    """Return a file-name part: lower-case letters, digits and hyphens only."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:most].strip("-") or "x"
