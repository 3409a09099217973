"""Times of day with the words that people put around them: 10:00 Uhr, um 10.30, 10h30, 10時30分, 2:00 p.m."""

from __future__ import annotations

import re
from functools import lru_cache

from customer_health.warehouse.contracts import literal

_DAY = "^(.*[0-9日]),?\\s+"
_AT = "(?:um|at|as|às|à|a las|a la|a les|alle ore|alle|ore|om|klo|kl\\.?)\\s+"
_WORD = "\\s*(?:uhr|uur|h|hs|hrs?|horas?|heures?|ore|o.?clock)\\.?$"
_HOUR, _MINUTE = "([0-9]{1,2})", "([0-9]{2})"
_WHOLE = f"{_HOUR}[:.]{_MINUTE}"
_STEPS = (
    (f"{_DAY}(?:{_AT})?{_WHOLE}[:.]{_MINUTE}{_WORD}", "\\1 \\2:\\3:\\4"),
    (f"{_DAY}{_AT}{_WHOLE}[:.]{_MINUTE}$", "\\1 \\2:\\3:\\4"),
    (f"{_DAY}(?:{_AT})?{_WHOLE}{_WORD}", "\\1 \\2:\\3"),
    (f"{_DAY}{_AT}{_WHOLE}$", "\\1 \\2:\\3"),
    (f"{_DAY}(?:{_AT})?{_HOUR}\\s*(?:h|uhr|uur|ore)\\s*{_MINUTE}(?:\\s*(?:min|mn|m)\\.?)?$", "\\1 \\2:\\3"),
    (f"{_DAY}(?:{_AT})?{_HOUR}{_WORD}", "\\1 \\2:00"),
    (f"^(.*日)\\s*{_HOUR}[時点]([0-9]{{1,2}})分$", "\\1 \\2:\\3"),
    (f"^(.*日)\\s*{_HOUR}[時点]$", "\\1 \\2:00"),
    ("^(.*[0-9])\\s*([ap])\\.\\s?m\\.?$", "\\1 \\2m"),
    # An offset behind a blank, or with its zone in brackets; a zone in brackets alone.
    ("^(.*:[0-9.]+)\\s+([+-][0-9]{2}(:?[0-9]{2})?)(\\s*[\\[(][A-Za-z_/ ]+[\\])])?$", "\\1\\2"),
    ("^(.*:[0-9.]+(z|[+-][0-9]{2}(:?[0-9]{2})?))\\s*[\\[(][A-Za-z_/ ]+[\\])]$", "\\1"),
    ("^(.*:[0-9.]+)\\s*[\\[(]([A-Za-z]{3,5}|[A-Za-z]+/[A-Za-z_]+)[\\])]$", "\\1 \\2"),
)
"""What is written -> how a format or ISO has it, tried in this order; both engines read them alike."""
_SIGNS = (
    "(uhr|uur|[0-9] ?h|[時点]|o.?clock|hora|heure|[0-9] ore|[ap][.] ?m|hrs?[.]?$"
    "|[0-9] [+-][0-9]|[\\])]$|\\s(um|at|as|às|à|a|alle|ore|om|kl|klo)[. ])"
)


@lru_cache(maxsize=256)
def speaks(format_: str | tuple[str, ...] | None) -> bool:
    """Whether a format has words, commas or a zone of its own: then cells are read as they were written."""
    formats = (format_,) if isinstance(format_, str) else format_ or ()
    own = [re.sub("%-?[A-Za-z]", "", one) for one in formats if "%" in one]
    zoned = any("%z" in one.lower() for one in formats)
    return zoned or any(re.search("[^\\W\\d_年月日]|,", words) for words in own)


@lru_cache(maxsize=65_536)
def without_words(text: str) -> str:
    """Return a time without the words around its hours, if it has any."""
    if not re.search(_SIGNS, text, flags=re.IGNORECASE):
        return text
    for pattern, plain in _STEPS:
        if re.search(pattern, text, flags=re.IGNORECASE):
            return re.sub(pattern, plain, text, flags=re.IGNORECASE)
    return text


def clock(text: str) -> str:
    """Return SQL of a time (SQL of a text) without the words around its hours; see `without_words`."""
    cases = " ".join(
        f"WHEN regexp_matches({text}, {literal(pattern)}, 'i') "
        f"THEN regexp_replace({text}, {literal(pattern)}, {literal(plain)}, 'i')"
        for pattern, plain in _STEPS
    )
    return f"CASE WHEN NOT regexp_matches({text}, {literal(_SIGNS)}, 'i') THEN {text} {cases} ELSE {text} END"
