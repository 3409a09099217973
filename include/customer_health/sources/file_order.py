"""Which file is newer, by their names: a rule that can be written down.

Numbers are compared as numbers and the rest as text, so that tickets_10 comes after tickets_9 and
2026-11-02 after 2026-10-30. Dates that begin with the day, or spell the month, are in no such order: the
feed then says how they are written (`order: "%d-%m-%Y"`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from customer_health.errors import ConfigurationError

NUMBERS = "numbers"
_DIGITS = 24  # of a padded number: nanoseconds since 1970 have 19
_UNORDERED = re.compile(
    r"(?<!\d)\d{1,2}[-_.]\d{1,2}[-_.]\d{4}(?!\d)"
    r"|(?<![a-z])(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-_. ]?\d",
    re.IGNORECASE,
)
_SIGNS = {"%Y": r"\d{4}", "%y": r"\d{2}", "%b": r"[A-Za-z]{3}", "%B": r"[A-Za-z]+"}


def place_of(name: str, order: str = NUMBERS) -> str:
    """Return a text by which names sort as their files follow each other.

    Args:
        name: Path of a file.
        order: "numbers", or the strptime format of a date in the name.

    Raises:
        ConfigurationError: The name holds no date of that format.
    """
    by_number = re.sub(r"\d+", lambda found: found.group().zfill(_DIGITS), name)
    if order == NUMBERS:
        return by_number
    pattern = re.sub(
        r"%-?[A-Za-z]",
        lambda sign: _SIGNS.get(sign.group(), r"\d{1,2}"),
        re.escape(order).replace(r"\%", "%"),
    )
    for found in re.finditer(f"(?={pattern})", name):
        written = re.match(pattern, name[found.start() :])
        assert written is not None
        try:
            moment = datetime.strptime(written.group(), order)  # noqa: DTZ007 only its order counts
        except ValueError:
            continue
        return f"{moment.isoformat()} {by_number}"
    raise ConfigurationError(
        f"{name} holds no date such as {order}, by which `order:` sorts the files.",
        hint="Correct `order:`, or narrow `files:` to names that hold such a date.",
    )


def check_order(names: Sequence[str], order: str, place: str) -> None:
    """Refuse names of which nobody can tell the order, where the order decides.

    Raises:
        ConfigurationError: They spell dates by day or by the month's name, and nothing says how.
    """
    odd = [name for name in names if _UNORDERED.search(name)]
    if order == NUMBERS and len(names) > 1 and odd:
        raise ConfigurationError(
            f"{place}: which file is the newest? Names such as {odd[0]} do not sort by their date.",
            hint='Say how the date is written: `order: "%d-%m-%Y"` (or %m-%d-%Y, %b_%Y) beside `files:`.',
        )
